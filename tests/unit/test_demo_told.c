/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/demo_told.h"

static struct demo_told told;

static int set_up(void **state)
{
	(void)state;
	demo_told_init(&told);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	demo_told_done(&told);
	return 0;
}

static void take(const char *text)
{
	assert_int_equal(demo_told_take(&told, text, strlen(text)), 0);
}

static void add_pods(size_t count)
{
	for (size_t i = 0; i < count; i++)
		(void)snprintf(told.pods[i].name, sizeof(told.pods[i].name), "pod-%zu", i);
	told.pods_count = count;
}

static void the_last_that_the_node_told_counts(void **state)
{
	(void)state;
	assert_int_equal(demo_told_capacity(&told, "nvidia.com/gpu"), 0);
	take("{\"event\": \"node\", \"capacity\": {\"nvidia.com/gpu\": 2}, \"allocatable\": {}}\n");
	take("{\"event\": \"node\", \"capacity\": {\"nvidia.com/gpu\": 8}, "
	     "\"allocatable\": {\"nvidia.com/gpu\": 7}}\n");
	assert_int_equal(demo_told_capacity(&told, "nvidia.com/gpu"), 8);
	assert_int_equal(demo_told_allocatable(&told, "nvidia.com/gpu"), 7);
	assert_int_equal(demo_told_capacity(&told, "nvidia.com/gpu.shared"), 0);
}

static void a_line_may_come_in_pieces_and_with_others(void **state)
{
	(void)state;
	add_pods(1);
	take("{\"event\": \"pod\", \"name\": \"pod-0\", \"pha");
	assert_string_equal(told.pods[0].phase, "");
	take("se\": \"Running\", \"restarts\": 3, \"pid\": 77}\n{\"event\": \"answer\", \"ok\": true}\n{");
	assert_string_equal(told.pods[0].phase, "Running");
	assert_int_equal(told.pods[0].restarts, 3);
	assert_int_equal(told.pods[0].pid, 77);
	assert_true(json_is_true(json_object_get(told.answer, "ok")));
}

static void what_is_no_event_is_passed_over(void **state)
{
	(void)state;
	add_pods(1);
	take("nonsense\n\n[]\n{}\n{\"event\": \"else\"}\n{\"event\": \"pod\"}\n"
	     "{\"event\": \"pod\", \"name\": \"of-others\", \"phase\": \"Running\"}\n"
	     "{\"event\": \"deleted\", \"name\": \"of-others\"}\n");
	assert_int_equal(told.pods_count, 1);
	assert_string_equal(told.pods[0].phase, "");
	assert_null(told.answer);
}

static void a_deleted_pod_leaves_the_others_in_order(void **state)
{
	(void)state;
	add_pods(3);
	take("{\"event\": \"deleted\", \"name\": \"pod-1\"}\n");
	assert_int_equal(told.pods_count, 2);
	assert_string_equal(told.pods[0].name, "pod-0");
	assert_string_equal(told.pods[1].name, "pod-2");
}

static void a_line_without_end_is_refused(void **state)
{
	(void)state;
	static char bytes[1 << 20];
	memset(bytes, 'x', sizeof(bytes));
	int r = 0;
	for (size_t i = 0; r == 0 && i <= DEMO_TOLD_LINE_BYTES_MAX / sizeof(bytes); i++)
		r = demo_told_take(&told, bytes, sizeof(bytes));
	assert_int_equal(r, -EMSGSIZE);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_last_that_the_node_told_counts, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_line_may_come_in_pieces_and_with_others, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(what_is_no_event_is_passed_over, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_deleted_pod_leaves_the_others_in_order, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_line_without_end_is_refused, set_up, tear_down),
	};
	return cmocka_run_group_tests_name("demo_told", tests, NULL, NULL);
}
