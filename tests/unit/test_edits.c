/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>

#include "core/edits.h"
#include "failing.h"

static void keeps_a_copy_of_the_value(void **state)
{
	(void)state;
	cleanup_edits struct edits edits = { 0 };
	char value[] = "GPU-1";

	assert_int_equal(edits_add_env(&edits, "NVIDIA_VISIBLE_DEVICES", value), 0);
	value[0] = 'X';
	assert_int_equal(edits.envs_count, 1);
	assert_string_equal(edits.envs[0].name, "NVIDIA_VISIBLE_DEVICES");
	assert_string_equal(edits.envs[0].value, "GPU-1");
}

static void says_when_there_are_too_many(void **state)
{
	(void)state;
	cleanup_edits struct edits edits = { 0 };

	for (int i = 0; i < EDITS_ENVS_MAX; i++)
		assert_int_equal(edits_add_env(&edits, "A", "1"), 0);
	assert_int_equal(edits_add_env(&edits, "B", "2"), -ENOSPC);
	assert_int_equal(edits.envs_count, EDITS_ENVS_MAX);
}

static void takes_as_many_as_there_is_room_for(void **state)
{
	(void)state;
	cleanup_edits struct edits edits = { 0 };
	const struct edit_mount mount = { "/in", "/host", true };
	const struct edit_device device = { "/dev/in", "/dev/host", "rw" };

	assert_int_equal(edits_add_mount(&edits, &mount), -ENOSPC);
	assert_int_equal(edits_add_device(&edits, &device), -ENOSPC);
	assert_int_equal(edits_add_cdi_device(&edits, "a/b=c"), -ENOSPC);
	assert_int_equal(edits_reserve(&edits, &(struct edits_room){ 2, 1, 1 }), 0);
	assert_int_equal(edits_add_mount(&edits, &mount), 0);
	assert_int_equal(edits_add_mount(&edits, &mount), 0);
	assert_int_equal(edits_add_mount(&edits, &mount), -ENOSPC);
	assert_int_equal(edits_add_device(&edits, &device), 0);
	assert_int_equal(edits_add_device(&edits, &device), -ENOSPC);
	assert_int_equal(edits_add_cdi_device(&edits, "a/b=c"), 0);
	assert_int_equal(edits_add_cdi_device(&edits, "a/b=d"), -ENOSPC);
	assert_int_equal(edits.mounts_count, 2);
	assert_int_equal(edits.cdi_devices_count, 1);
	assert_string_equal(edits.cdi_devices[0], "a/b=c");
	assert_int_equal(edits.devices_count, 1);
	assert_string_equal(edits.mounts[1].host_path, "/host");
	assert_true(edits.mounts[1].is_read_only);
	assert_string_equal(edits.devices[0].permissions, "rw");
}

static void no_room_when_memory_is_out(void **state)
{
	(void)state;
	cleanup_edits struct edits edits = { 0 };
	const struct edit_mount mount = { "/in", "/host", false };

	failing_calloc = 1;
	int r = edits_reserve(&edits, &(struct edits_room){ 1000, 1000, 1000 });
	failing_calloc = 0;
	assert_int_equal(r, -ENOMEM);
	assert_int_equal(edits_add_mount(&edits, &mount), -ENOSPC);
}

static void keeps_copies_of_an_annotation(void **state)
{
	(void)state;
	cleanup_edits struct edits edits = { 0 };
	char key[] = "k/1";
	char value[] = "v";

	assert_int_equal(edits_add_annotation(&edits, key, value), 0);
	key[0] = value[0] = 'X';
	assert_int_equal(edits.annotations_count, 1);
	assert_string_equal(edits.annotations[0].name, "k/1");
	assert_string_equal(edits.annotations[0].value, "v");
	assert_int_equal(edits_add_annotation(&edits, key, value), -ENOSPC);
	assert_int_equal(edits.annotations_count, EDITS_ANNOTATIONS_MAX);
}

static void fails_cleanly_when_memory_is_out(void **state)
{
	(void)state;
	cleanup_edits struct edits edits = { 0 };

	failing_calloc = 1;
	int r = edits_add_env(&edits, "A", "1");
	failing_calloc = 1;
	int annotation = edits_add_annotation(&edits, "A", "1");
	failing_calloc = 0;
	assert_int_equal(r, -ENOMEM);
	assert_int_equal(annotation, -ENOMEM);
	assert_int_equal(edits.envs_count, 0);
	assert_int_equal(edits.annotations_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_a_copy_of_the_value),
		cmocka_unit_test(says_when_there_are_too_many),
		cmocka_unit_test(takes_as_many_as_there_is_room_for),
		cmocka_unit_test(no_room_when_memory_is_out),
		cmocka_unit_test(keeps_copies_of_an_annotation),
		cmocka_unit_test(fails_cleanly_when_memory_is_out),
	};
	return cmocka_run_group_tests_name("edits", tests, NULL, NULL);
}
