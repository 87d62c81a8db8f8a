/* SPDX-License-Identifier: Apache-2.0 */
/* Findings come in any order and are kept sorted, in bounded number, refusals before warnings. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "config/findings.h"

static int set_up(void **state)
{
	*state = calloc(1, sizeof(struct findings));
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	findings_done(*state);
	free(*state);
	return 0;
}

static void add(struct findings *findings, unsigned line, unsigned col,
		enum finding_severity severity)
{
	struct finding_place place = { line, col, "a.b" };
	findings_add(findings, &place, severity, "text %u", line);
}

static void are_sorted_by_position(void **state)
{
	struct findings *findings = *state;
	add(findings, 3, 1, FINDING_WARN);
	add(findings, 1, 9, FINDING_REFUSE);
	add(findings, 1, 2, FINDING_WARN);
	add(findings, 2, 1, FINDING_REFUSE);
	static const unsigned lines[] = { 1, 1, 2, 3 };
	static const unsigned cols[] = { 2, 9, 1, 1 };
	assert_int_equal(findings->count, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(findings->items[i].place.line, lines[i]);
		assert_int_equal(findings->items[i].place.col, cols[i]);
	}
	assert_int_equal(findings->refusals, 2);
	assert_int_equal(findings->warnings, 2);
	assert_int_equal(findings_refusal(findings)->place.col, 9);
}

static void the_first_are_kept_and_the_others_counted(void **state)
{
	struct findings *findings = *state;
	for (unsigned i = 0; i < 2 * FINDINGS_MAX; i++)
		add(findings, 2 * FINDINGS_MAX - i, 1, FINDING_WARN);
	assert_int_equal(findings->count, FINDINGS_MAX);
	assert_int_equal(findings->warnings, 2 * FINDINGS_MAX);
	assert_int_equal(findings->items[0].place.line, 1);
	assert_int_equal(findings->items[FINDINGS_MAX - 1].place.line, FINDINGS_MAX);
	assert_string_equal(findings->items[0].text, "text 1");
	assert_null(findings_refusal(findings));
}

static void a_refusal_displaces_the_last_warning(void **state)
{
	struct findings *findings = *state;
	for (unsigned i = 1; i <= FINDINGS_MAX; i++)
		add(findings, i, 1, FINDING_WARN);
	struct finding_place late = { 5000, 1, "" };
	assert_false(findings_may_keep(findings, &late, FINDING_WARN));
	assert_true(findings_may_keep(findings, &late, FINDING_REFUSE));
	add(findings, 5000, 1, FINDING_REFUSE);
	assert_int_equal(findings->count, FINDINGS_MAX);
	assert_int_equal(findings->items[FINDINGS_MAX - 2].place.line, FINDINGS_MAX - 1);
	assert_int_equal(findings_refusal(findings)->place.line, 5000);
}

static void a_warning_displaces_no_refusal(void **state)
{
	struct findings *findings = *state;
	for (unsigned i = 1; i <= FINDINGS_MAX; i++)
		add(findings, 10 + i, 1, FINDING_REFUSE);
	add(findings, 1, 1, FINDING_WARN);
	assert_int_equal(findings->items[0].place.line, 11);
	add(findings, 2, 1, FINDING_REFUSE);
	assert_int_equal(findings->items[0].place.line, 2);
	assert_int_equal(findings->count, FINDINGS_MAX);
	assert_int_equal(findings->refusals, FINDINGS_MAX + 1);
	assert_int_equal(findings->warnings, 1);
}

static void print_with_and_without_a_file(void **state)
{
	struct findings *findings = *state;
	add(findings, 14, 17, FINDING_REFUSE);
	findings_add(findings, &(struct finding_place){ .path = "--x" }, FINDING_WARN, "bad");
	findings_add(findings, &(struct finding_place){ 20, 1, "" }, FINDING_WARN, "not YAML");
	static const char *const lines[] = { "--x: bad", "f.yaml:14:17: a.b: text 14",
					     "f.yaml:20:1: not YAML" };
	for (size_t i = 0; i < 3; i++) {
		cleanup_buf struct buf line = BUF_INIT(256);
		finding_print(&findings->items[i], "f.yaml", &line);
		assert_string_equal(line.data, lines[i]);
	}
}

static void shown_values_have_no_control_characters_and_a_bound(void **state)
{
	(void)state;
	char shown[FINDING_SHOWN_BYTES];
	assert_string_equal(finding_shown("a\n\x1b[31mb\x7f", shown), "a\\x0a\\x1b[31mb\\x7f");
	char text[300];
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(strlen(finding_shown(text, shown)), FINDING_SHOWN_BYTES - 1);
	assert_string_equal(shown + FINDING_SHOWN_BYTES - 5, "x...");
	/* Two-byte letters from an odd position: the cut is between letters. */
	text[0] = 'y';
	for (size_t i = 1; i + 1 < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa4", 2);
	size_t length = strlen(finding_shown(text, shown));
	assert_string_equal(shown + length - 5, "\xc3\xa4...");
	assert_true(length < FINDING_SHOWN_BYTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(are_sorted_by_position, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_first_are_kept_and_the_others_counted, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_refusal_displaces_the_last_warning, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_warning_displaces_no_refusal, set_up, tear_down),
		cmocka_unit_test_setup_teardown(print_with_and_without_a_file, set_up, tear_down),
		cmocka_unit_test(shown_values_have_no_control_characters_and_a_bound),
	};
	return cmocka_run_group_tests_name("findings", tests, NULL, NULL);
}
