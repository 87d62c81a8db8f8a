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

static void fails_cleanly_when_memory_is_out(void **state)
{
	(void)state;
	cleanup_edits struct edits edits = { 0 };

	failing_calloc = 1;
	int r = edits_add_env(&edits, "A", "1");
	failing_calloc = 0;
	assert_int_equal(r, -ENOMEM);
	assert_int_equal(edits.envs_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_a_copy_of_the_value),
		cmocka_unit_test(says_when_there_are_too_many),
		cmocka_unit_test(fails_cleanly_when_memory_is_out),
	};
	return cmocka_run_group_tests_name("edits", tests, NULL, NULL);
}
