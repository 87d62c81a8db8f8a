/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "cli/table.h"

static void columns_are_as_wide_as_their_longest_cell(void **state)
{
	(void)state;
	static const char *const headings[] = { "NAME", "STATUS", "AGE", NULL };
	cleanup_table struct table table = { 0 };
	cleanup_buf struct buf out = BUF_INIT(4096);

	table_begin(&table, headings);
	table_cell(&table, "gpu-pod-%d", 1);
	table_cell(&table, "Running");
	table_cell(&table, "7s");
	assert_int_equal(table_print(&table, &out), 0);
	assert_string_equal(out.data, "NAME        STATUS    AGE\n"
				      "gpu-pod-1   Running   7s\n");
}

static void many_rows_are_all_there(void **state)
{
	(void)state;
	static const char *const headings[] = { "N", NULL };
	cleanup_table struct table table = { 0 };
	cleanup_buf struct buf out = BUF_INIT(1 << 20);

	table_begin(&table, headings);
	for (int i = 0; i < 5000; i++)
		table_cell(&table, "%04d", i);
	assert_int_equal(table_print(&table, &out), 0);
	assert_int_equal(out.len, strlen("N\n") + 5000 * strlen("0000\n"));
	assert_string_equal(out.data + out.len - strlen("4999\n"), "4999\n");
}

static void says_when_there_are_too_many_cells(void **state)
{
	(void)state;
	static const char *const headings[] = { "N", NULL };
	cleanup_table struct table table = { 0 };
	cleanup_buf struct buf out = BUF_INIT(1 << 20);

	table_begin(&table, headings);
	for (int i = 0; i < TABLE_CELLS_MAX; i++)
		table_cell(&table, "x");
	assert_int_equal(table_print(&table, &out), -E2BIG);
	assert_int_equal(out.len, 0);
}

static void says_when_the_text_does_not_fit(void **state)
{
	(void)state;
	static const char *const headings[] = { "HEADING", NULL };
	cleanup_table struct table table = { 0 };
	cleanup_buf struct buf out = BUF_INIT(3);

	table_begin(&table, headings);
	assert_int_equal(table_print(&table, &out), -EMSGSIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_as_wide_as_their_longest_cell),
		cmocka_unit_test(many_rows_are_all_there),
		cmocka_unit_test(says_when_there_are_too_many_cells),
		cmocka_unit_test(says_when_the_text_does_not_fit),
	};
	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
