/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>

#include "base/cleanup.h"
#include "cdi/cdi_edits.h"
#include "failing.h"

static const struct cdi_room one_of_each = { 1, 1, 1, 1, 1 };

static void takes_as_many_as_there_is_room_for(void **state)
{
	(void)state;
	cleanup_arena struct arena arena = { 0 };
	struct cdi_edits edits;
	const struct cdi_node node = { "/dev/a", NULL };
	const struct cdi_mount mount = { "/h", "/c", NULL };
	const struct cdi_hook_call hook = { "createContainer", "/p", NULL, NULL };

	assert_int_equal(cdi_edits_init(&arena, &one_of_each, &edits), 0);
	for (int i = 0; i < 2; i++) {
		int wanted = i == 0 ? 0 : -E2BIG;
		assert_int_equal(cdi_edits_add_env(&edits, "A=1"), wanted);
		assert_int_equal(cdi_edits_add_node(&edits, &node), wanted);
		assert_int_equal(cdi_edits_add_hook(&edits, &hook), wanted);
		assert_int_equal(cdi_edits_add_mount(&edits, &mount), wanted);
		assert_int_equal(cdi_edits_add_gid(&edits, 5 + (uint32_t)i), wanted);
	}
	assert_string_equal(edits.envs[0], "A=1");
	assert_string_equal(edits.nodes[0].path, "/dev/a");
	assert_string_equal(edits.hooks[0].path, "/p");
	assert_string_equal(edits.mounts[0].host_path, "/h");
	assert_int_equal(edits.gids[0], 5);
	assert_true(cdi_edits_has_mount(&edits, "/c"));
	assert_false(cdi_edits_has_mount(&edits, "/h"));
}

static void a_group_is_there_once_and_root_never(void **state)
{
	(void)state;
	cleanup_arena struct arena arena = { 0 };
	struct cdi_edits edits;

	assert_int_equal(cdi_edits_init(&arena, &one_of_each, &edits), 0);
	assert_int_equal(cdi_edits_add_gid(&edits, 44), 0);
	assert_int_equal(cdi_edits_add_gid(&edits, 44), 0);
	assert_int_equal(cdi_edits_add_gid(&edits, 0), 0);
	assert_int_equal(edits.gids_count, 1);
}

static void are_empty_until_something_is_added(void **state)
{
	(void)state;
	cleanup_arena struct arena arena = { 0 };
	struct cdi_edits edits = { 0 };

	assert_true(cdi_edits_are_empty(&edits));
	assert_int_equal(cdi_edits_init(&arena, &one_of_each, &edits), 0);
	assert_true(cdi_edits_are_empty(&edits));
	assert_int_equal(cdi_edits_add_gid(&edits, 1), 0);
	assert_false(cdi_edits_are_empty(&edits));
}

static void nothing_is_changed_when_memory_is_out(void **state)
{
	(void)state;
	cleanup_arena struct arena arena = { 0 };
	struct cdi_edits edits = { 0 };

	failing_calloc = 1;
	int r = cdi_edits_init(&arena, &one_of_each, &edits);
	failing_calloc = 0;
	assert_int_equal(r, -ENOMEM);
	assert_int_equal(cdi_edits_add_env(&edits, "A=1"), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_as_many_as_there_is_room_for),
		cmocka_unit_test(a_group_is_there_once_and_root_never),
		cmocka_unit_test(are_empty_until_something_is_added),
		cmocka_unit_test(nothing_is_changed_when_memory_is_out),
	};
	return cmocka_run_group_tests_name("cdi_edits", tests, NULL, NULL);
}
