/* SPDX-License-Identifier: Apache-2.0 */
/* Go's flag syntax from tables: what is taken, what is refused with which words, how help looks. */
#include "unit.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/option.h"

enum {
	WORDS_MAX = 80
};

struct values {
	bool is_loud;
	const char *root;
	uint64_t count;
	unsigned format;
};

static const char *const formats[] = { "table", "json", NULL };

static const struct option own[] = {
	{ .name = "loud",
	  .help = "say more",
	  .kind = OPTION_SWITCH,
	  .offset = offsetof(struct values, is_loud) },
	{ .name = "driver-root",
	  .aliases = { "nvidia-driver-root" },
	  .value_name = "DIR",
	  .help = "root of the driver",
	  .env = "NVIDIA_DRIVER_ROOT",
	  .default_text = "/",
	  .kind = OPTION_TEXT,
	  .offset = offsetof(struct values, root) },
	{ .name = "count",
	  .value_name = "N",
	  .help = "how many",
	  .kind = OPTION_NUMBER,
	  .offset = offsetof(struct values, count),
	  .min = 2,
	  .max = 9 },
	{ .name = "output",
	  .aliases = { "o" },
	  .value_name = "FORMAT",
	  .help = "table or json, where json is one document for programs and table is for people",
	  .default_text = "",
	  .choices = formats,
	  .kind = OPTION_CHOICE,
	  .offset = offsetof(struct values, format) },
};

/* Rows inside larger rows, as the schema has them; the second has no flag, the last a variable. */
static const struct {
	int other;
	struct option option;
} rows[] = {
	{ 1, { .name = "given", .value_name = "X", .help = "kept", .kind = OPTION_GIVEN } },
	{ 2, { .help = "no flag", .kind = OPTION_GIVEN } },
	{ 3, { .name = "bare", .help = "kept too", .kind = OPTION_GIVEN } },
	{ 4, { .env = "ONLY", .help = "no flag either", .default_text = "" } },
};

static const struct option_table row_table = { &rows[0].option, ARRAY_LEN(rows), sizeof(rows[0]) };

struct line {
	struct values values;
	struct option_given given;
	char text[WORDS_MAX * 8];
	char *words[WORDS_MAX];
	struct option_words rest;
	struct err err;
};

static int parse(struct line *line, enum option_order order, const char *text)
{
	*line = (struct line){ .values = { .root = "/", .count = 5 } };
	(void)strncpy(line->text, text, sizeof(line->text) - 1);
	size_t count = 0;
	char *next = line->text;
	for (char *word = strsep(&next, " "); word && count < WORDS_MAX; word = strsep(&next, " "))
		line->words[count++] = word;
	const struct option_set sets[] = {
		{ OPTION_TABLE(own), &line->values },
		{ row_table, &line->given },
	};
	struct option_words words = { line->words, text[0] != '\0' ? count : 0 };
	return option_parse(sets, ARRAY_LEN(sets), order, words, &line->rest, &line->err);
}

static void one_or_two_dashes_and_two_ways_to_give_a_value(void **state)
{
	(void)state;
	static const char *const lines[] = {
		"--driver-root=/x --loud -o json",
		"-driver-root /x -loud -output=json",
		"--nvidia-driver-root /x --loud=true --output json",
		"-nvidia-driver-root=/x -loud=1 --o=json",
	};
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		struct line line;
		assert_int_equal(parse(&line, OPTION_ORDER_GO, lines[i]), 0);
		assert_string_equal(line.values.root, "/x");
		assert_true(line.values.is_loud);
		assert_int_equal(line.values.format, 1);
		assert_int_equal(line.rest.count, 0);
	}
}

static void what_is_not_given_stays(void **state)
{
	(void)state;
	struct line line;
	assert_int_equal(parse(&line, OPTION_ORDER_GO, ""), 0);
	assert_string_equal(line.values.root, "/");
	assert_int_equal(line.values.count, 5);
	assert_int_equal(line.given.count, 0);
}

static void of_one_form_the_last_value_counts(void **state)
{
	(void)state;
	struct line line;
	assert_int_equal(parse(&line, OPTION_ORDER_GO, "--driver-root a --driver-root b"), 0);
	assert_string_equal(line.values.root, "b");
	assert_int_equal(parse(&line, OPTION_ORDER_GO, "--loud --loud=false"), 0);
	assert_false(line.values.is_loud);
}

static void a_switch_takes_no_next_word(void **state)
{
	(void)state;
	struct line line;
	assert_int_equal(parse(&line, OPTION_ORDER_GO, "--loud false"), 0);
	assert_true(line.values.is_loud);
	assert_int_equal(line.rest.count, 1);
	assert_string_equal(line.rest.items[0], "false");
}

static void the_first_argument_ends_the_options_in_go(void **state)
{
	(void)state;
	struct line line;
	assert_int_equal(parse(&line, OPTION_ORDER_GO, "--loud run --count 3"), 0);
	assert_int_equal(line.values.count, 5);
	assert_int_equal(line.rest.count, 3);
	assert_string_equal(line.rest.items[0], "run");
	assert_string_equal(line.rest.items[2], "3");
}

static void arguments_may_stand_before_options_in_our_own_commands(void **state)
{
	(void)state;
	struct line line;
	assert_int_equal(parse(&line, OPTION_ORDER_ANY, "a --count 3 - --loud -- --count b"), 0);
	assert_int_equal(line.values.count, 3);
	assert_true(line.values.is_loud);
	assert_int_equal(line.rest.count, 4);
	assert_string_equal(line.rest.items[0], "a");
	assert_string_equal(line.rest.items[1], "-");
	assert_string_equal(line.rest.items[2], "--count");
	assert_string_equal(line.rest.items[3], "b");
}

static void two_dashes_alone_end_the_options(void **state)
{
	(void)state;
	struct line line;
	assert_int_equal(parse(&line, OPTION_ORDER_GO, "--loud -- --count 3"), 0);
	assert_int_equal(line.values.count, 5);
	assert_int_equal(line.rest.count, 2);
}

static void keeps_bare_texts_for_another_interpreter_in_order(void **state)
{
	(void)state;
	struct line line;
	assert_int_equal(parse(&line, OPTION_ORDER_GO, "--given a --bare --given= --bare=x"), 0);
	assert_int_equal(line.given.count, 4);
	assert_ptr_equal(line.given.items[0].option, &rows[0].option);
	assert_string_equal(line.given.items[0].text, "a");
	assert_ptr_equal(line.given.items[1].option, &rows[2].option);
	assert_string_equal(line.given.items[1].text, "true");
	assert_string_equal(line.given.items[2].text, "");
	assert_string_equal(line.given.items[3].text, "x");
}

static void refuses_with_cause_and_remedy(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		int code;
		const char *words;
	} cases[] = {
		{ "--cuont 3", -EINVAL, "unknown option --cuont, did you mean --count?" },
		{ "-cuont 3", -EINVAL, "unknown option --cuont, did you mean --count?" },
		{ "--givn x", -EINVAL, "unknown option --givn, did you mean --given?" },
		{ "-x", -EINVAL, "unknown option -x, did you mean -o?" },
		{ "--zebra-crossing", -EINVAL,
		  "unknown option --zebra-crossing, --help lists the options" },
		{ "---loud", -EINVAL, "unknown option ---loud, did you mean --loud?" },
		{ "-=x", -EINVAL, "unknown option --, --help lists the options" },
		{ "--driver-root a --nvidia-driver-root b", -EINVAL,
		  "Cannot use two forms of the same flag: driver-root nvidia-driver-root" },
		{ "--count", -EINVAL, "--count needs a value: N" },
		{ "--count 1", -ERANGE, "--count: 1 is not allowed, allowed: 2 to 9" },
		{ "--count 10", -ERANGE, "--count: 10 is not allowed, allowed: 2 to 9" },
		{ "--count 3x", -EINVAL, "--count: 3x is not allowed, allowed: 2 to 9" },
		{ "--count=", -EINVAL, "--count: an empty text is not allowed, allowed: 2 to 9" },
		{ "-o yaml", -EINVAL, "--output: yaml is not allowed, allowed: table, json" },
		{ "--loud=maybe", -EINVAL, "--loud: maybe is not allowed, allowed: true, false" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct line line;
		assert_int_equal(parse(&line, OPTION_ORDER_GO, cases[i].line), cases[i].code);
		assert_string_equal(line.err.msg, cases[i].words);
	}
}

static void refuses_more_options_than_it_can_keep(void **state)
{
	(void)state;
	char text[WORDS_MAX * 8] = "";
	for (int i = 0; i < OPTION_GIVEN_MAX + 1; i++)
		(void)strncat(text, i == 0 ? "--bare" : " --bare", 8);
	struct line line;
	assert_int_equal(parse(&line, OPTION_ORDER_GO, text), -E2BIG);
	assert_string_equal(line.err.msg, "more than 64 options");
}

static void help_wraps_and_names_environment_and_default(void **state)
{
	(void)state;
	static const char wanted[] =
		"  --loud                      say more\n"
		"  --driver-root, --nvidia-driver-root DIR\n"
		"                              root of the driver [NVIDIA_DRIVER_ROOT] (default:\n"
		"                              /)\n"
		"  --count N                   how many\n"
		"  -o, --output FORMAT         table or json, where json is one document for\n"
		"                              programs and table is for people (default: none)\n";
	cleanup_buf struct buf text = BUF_INIT(4096);
	option_help(&OPTION_TABLE(own), &text);
	assert_int_equal(text.error, 0);
	assert_string_equal(text.data, wanted);
}

static void help_tells_rows_without_a_flag_only_of_variables(void **state)
{
	(void)state;
	cleanup_buf struct buf text = BUF_INIT(4096);
	option_help(&row_table, &text);
	assert_string_equal(text.data,
			    "  --given X                   kept\n"
			    "  --bare                      kept too\n"
			    "  ONLY                        no flag either [environment only] "
			    "(default: none)\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_or_two_dashes_and_two_ways_to_give_a_value),
		cmocka_unit_test(what_is_not_given_stays),
		cmocka_unit_test(of_one_form_the_last_value_counts),
		cmocka_unit_test(a_switch_takes_no_next_word),
		cmocka_unit_test(the_first_argument_ends_the_options_in_go),
		cmocka_unit_test(arguments_may_stand_before_options_in_our_own_commands),
		cmocka_unit_test(two_dashes_alone_end_the_options),
		cmocka_unit_test(keeps_bare_texts_for_another_interpreter_in_order),
		cmocka_unit_test(refuses_with_cause_and_remedy),
		cmocka_unit_test(refuses_more_options_than_it_can_keep),
		cmocka_unit_test(help_wraps_and_names_environment_and_default),
		cmocka_unit_test(help_tells_rows_without_a_flag_only_of_variables),
	};
	return cmocka_run_group_tests_name("option", tests, NULL, NULL);
}
