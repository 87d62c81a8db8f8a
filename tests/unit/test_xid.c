/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "core/xid.h"

enum {
	DOCUMENT_BYTES_MAX = 1 << 20,
	LINE_BYTES = 512,
};

static const struct xid_set default_set = XID_SET_DEFAULT;

static void all_count_by_default_but_those_that_programs_cause(void **state)
{
	(void)state;
	static const uint64_t excused[] = { 13, 31, 43, 45, 68, 109 };
	size_t found = 0;
	for (uint64_t xid = 0; xid < XID_SET_MAX + 100; xid++) {
		bool is_excused = false;
		for (size_t i = 0; i < sizeof(excused) / sizeof(excused[0]); i++)
			is_excused = is_excused || excused[i] == xid;
		assert_int_equal(xid_set_has(&default_set, xid), !is_excused);
		found += is_excused ? 1 : 0;
	}
	assert_int_equal(found, 6);
	assert_true(xid_set_has(&default_set, UINT64_MAX));
}

static void one_more_and_one_less_changes_no_other(void **state)
{
	(void)state;
	static const uint64_t some[] = { 0, 13, 63, 64, 109, XID_SET_MAX - 1 };
	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		struct xid_set set = { 0 };
		struct xid_set full = { 0 };
		xid_set_add(&set, some[i]);
		xid_set_fill(&full);
		xid_set_remove(&full, some[i]);
		for (uint64_t xid = 0; xid <= XID_SET_MAX; xid++) {
			assert_int_equal(xid_set_has(&set, xid), xid == some[i]);
			assert_int_equal(xid_set_has(&full, xid), xid != some[i]);
		}
	}
}

static void a_set_is_empty_when_none_counts(void **state)
{
	(void)state;
	static const uint64_t some[] = { 0, XID_SET_MAX - 1, XID_SET_MAX };
	struct xid_set set = { 0 };
	assert_true(xid_set_is_empty(&set));
	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		xid_set_add(&set, some[i]);
		assert_false(xid_set_is_empty(&set));
		xid_set_remove(&set, some[i]);
		assert_true(xid_set_is_empty(&set));
	}
}

static void those_above_the_largest_go_together(void **state)
{
	(void)state;
	struct xid_set set = { 0 };
	xid_set_add(&set, XID_SET_MAX);
	assert_true(xid_set_has(&set, UINT64_MAX));
	assert_false(xid_set_has(&set, XID_SET_MAX - 1));
	xid_set_remove(&set, 5000);
	assert_false(xid_set_has(&set, XID_SET_MAX));
}

static void rows_are_found_by_their_number_and_no_other(void **state)
{
	(void)state;
	size_t count = 0;
	const struct xid_row *rows = xid_rows(&count);
	size_t found = 0;
	for (uint64_t number = 0; number < XID_SET_MAX; number++) {
		const struct xid_row *row = xid_find(number);
		if (!row)
			continue;
		assert_ptr_equal(row, &rows[found]);
		assert_int_equal(row->number, number);
		assert_string_equal(xid_meaning(number), row->meaning);
		found++;
	}
	assert_int_equal(found, count);
	assert_null(xid_find(UINT64_MAX));
	assert_null(xid_find(UINT64_C(79) + (UINT64_C(1) << 16)));
}

static void an_unknown_number_has_a_meaning_too(void **state)
{
	(void)state;
	assert_null(xid_find(999));
	assert_string_equal(xid_meaning(999), "an error of which Rota knows only the number");
}

static void only_whole_gpus_are_reset(void **state)
{
	(void)state;
	size_t count = 0;
	const struct xid_row *rows = xid_rows(&count);
	for (size_t i = 0; i < count; i++)
		if (rows[i].demand != XID_DEMAND_NOTHING)
			assert_int_equal(rows[i].scope, XID_SCOPE_GPU);
}

static void the_catalogue_says_what_the_gravest_demand(void **state)
{
	(void)state;
	static const struct {
		uint64_t number;
		enum xid_demand demand;
	} wanted[] = {
		{ 31, XID_DEMAND_NOTHING }, { 48, XID_DEMAND_RESET },    { 63, XID_DEMAND_NOTHING },
		{ 64, XID_DEMAND_RESET },   { 74, XID_DEMAND_RESET },    { 79, XID_DEMAND_REBOOT },
		{ 94, XID_DEMAND_NOTHING }, { 95, XID_DEMAND_RESET },    { 119, XID_DEMAND_RESET },
		{ 140, XID_DEMAND_RESET },  { 154, XID_DEMAND_NOTHING },
	};
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		assert_int_equal(xid_find(wanted[i].number)->demand, wanted[i].demand);
}

/* The row of the document, without its line's end. */
static void write_row(const struct xid_row *row, char ret[static LINE_BYTES])
{
	static const char *const demands[XID_DEMANDS_COUNT] = { "nothing", "a reset", "a reboot" };
	static const char *const scopes[XID_SCOPES_COUNT] = { "program", "part", "GPU" };
	bool is_proof_needed = row->demand != XID_DEMAND_NOTHING && !row->has_action;
	(void)snprintf(ret, LINE_BYTES, "| %u | %s | %s | %s%s | %s |", (unsigned)row->number,
		       row->meaning, scopes[row->scope], demands[row->demand],
		       is_proof_needed ? ", seen" : "",
		       xid_set_has(&default_set, row->number) ? "yes" : "no");
}

static void the_document_has_the_table(void **state)
{
	(void)state;
	char *text = NULL;
	struct err err = ERR_INIT;
	int r = file_read(DOCS_FOLDER "/health.md", DOCUMENT_BYTES_MAX, &text, NULL, &err);
	assert_int_equal(r, 0);
	char *line = strstr(text, "\n| Xid |");
	assert_non_null(line);
	line = strchr(strchr(line + 1, '\n') + 1, '\n') + 1; /* behind the rule under the head */
	size_t count = 0;
	const struct xid_row *rows = xid_rows(&count);
	for (size_t i = 0; i < count; i++) {
		char wanted[LINE_BYTES];
		write_row(&rows[i], wanted);
		char *end = strchr(line, '\n');
		assert_non_null(end);
		*end = '\0';
		assert_string_equal(line, wanted);
		line = end + 1;
	}
	assert_true(line[0] != '|');
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_count_by_default_but_those_that_programs_cause),
		cmocka_unit_test(one_more_and_one_less_changes_no_other),
		cmocka_unit_test(a_set_is_empty_when_none_counts),
		cmocka_unit_test(those_above_the_largest_go_together),
		cmocka_unit_test(rows_are_found_by_their_number_and_no_other),
		cmocka_unit_test(an_unknown_number_has_a_meaning_too),
		cmocka_unit_test(only_whole_gpus_are_reset),
		cmocka_unit_test(the_catalogue_says_what_the_gravest_demand),
		cmocka_unit_test(the_document_has_the_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
