/* SPDX-License-Identifier: Apache-2.0 */
/* Scalars as go-yaml v2 reads them (YAML 1.1). */
#include "unit.h"

#include <string.h>

#include "base/cleanup.h"
#include "config/value.h"

static struct value read_plain(const char *text)
{
	const struct tree node = { .kind = TREE_SCALAR, .text = text, .is_plain = true };
	return value_read(&node);
}

static void booleans_of_yaml_1_1_are_booleans(void **state)
{
	(void)state;
	static const char *const yes[] = { "true", "True", "TRUE", "y",  "Y", "yes",
					   "Yes",  "YES",  "on",   "On", "ON" };
	static const char *const no[] = { "false", "False", "FALSE", "n",   "N",  "no",
					  "No",    "NO",    "off",   "Off", "OFF" };
	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		struct value value = read_plain(yes[i]);
		assert_int_equal(value.kind, VALUE_BOOL);
		assert_true(value.flag);
		assert_int_equal(value.is_odd, i > 0);
		value = read_plain(no[i]);
		assert_int_equal(value.kind, VALUE_BOOL);
		assert_false(value.flag);
		assert_int_equal(value.is_odd, i > 0);
	}
}

static void numbers_are_those_of_go(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t number;
		enum value_kind kind;
		bool is_odd;
	} rows[] = {
		{ "5", 5, VALUE_INT, false },
		{ "0", 0, VALUE_INT, false },
		{ "-3", -3, VALUE_INT, false },
		{ "9223372036854775807", INT64_MAX, VALUE_INT, false },
		{ "-9223372036854775808", INT64_MIN, VALUE_INT, false },
		{ "+3", 3, VALUE_INT, true },
		{ "0x10", 16, VALUE_INT, true },
		{ "-0X1f", -31, VALUE_INT, true },
		{ "0b101", 5, VALUE_INT, true },
		{ "0o17", 15, VALUE_INT, true },
		{ "010", 8, VALUE_INT, true },
		{ "08", 8, VALUE_INT, true }, /* no octal number, so a float */
		{ "1_000", 1000, VALUE_INT, true },
		{ "2.0", 2, VALUE_INT, true },
		{ "2.", 2, VALUE_INT, true },
		{ "2e1", 20, VALUE_INT, true },
		{ "-1.5e+1", -15, VALUE_INT, true },
		{ "1e30", 0, VALUE_FLOAT, true },
		{ "9223372036854775808", 0, VALUE_FLOAT, true },
		{ "1.5", 0, VALUE_FLOAT, true },
		{ ".5", 0, VALUE_FLOAT, true },
		{ ".inf", 0, VALUE_FLOAT, false },
		{ "-.INF", 0, VALUE_FLOAT, false },
		{ ".NaN", 0, VALUE_FLOAT, false },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct value value = read_plain(rows[i].text);
		assert_int_equal(value.kind, rows[i].kind);
		assert_true(value.number == rows[i].number);
		assert_int_equal(value.is_odd, rows[i].is_odd);
	}
}

static void what_looks_like_a_number_and_is_none_is_a_text(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"10x",   "0x",         "0xg",  "-",   "+",      ".",   "..5",
		"1.2.3", "1e",         "1e+",  "e1",  "5Mi",    "0b2", "12:30",
		"-a",    "2024-01-01", "tRUE", "nil", "envvar", "",    "_1",
	};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct value value = read_plain(texts[i]);
		assert_int_equal(value.kind, texts[i][0] == '\0' ? VALUE_NULL : VALUE_TEXT);
	}
}

static void a_very_long_number_is_a_text(void **state)
{
	(void)state;
	char digits[200];
	memset(digits, '1', sizeof(digits) - 1);
	digits[sizeof(digits) - 1] = '\0';
	assert_int_equal(read_plain(digits).kind, VALUE_TEXT);
}

static void quotes_make_a_text(void **state)
{
	(void)state;
	static const char *const texts[] = { "true", "5", "null", "" };
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		const struct tree node = { .kind = TREE_SCALAR, .text = texts[i] };
		struct value value = value_read(&node);
		assert_int_equal(value.kind, VALUE_TEXT);
		assert_string_equal(value.text, texts[i]);
	}
}

static void lists_maps_and_null_are_themselves(void **state)
{
	(void)state;
	const struct tree list = { .kind = TREE_LIST, .text = "" };
	const struct tree map = { .kind = TREE_MAP, .text = "" };
	assert_int_equal(value_read(&list).kind, VALUE_LIST);
	assert_int_equal(value_read(&map).kind, VALUE_MAP);
	assert_int_equal(read_plain("~").kind, VALUE_NULL);
}

static void every_kind_has_a_name(void **state)
{
	(void)state;
	assert_string_equal(value_kind_name(VALUE_NULL), "nothing");
	assert_string_equal(value_kind_name(VALUE_BOOL), "a boolean");
	assert_string_equal(value_kind_name(VALUE_INT), "a number");
	assert_string_equal(value_kind_name(VALUE_FLOAT), "a number");
	assert_string_equal(value_kind_name(VALUE_TEXT), "a text");
	assert_string_equal(value_kind_name(VALUE_LIST), "a list");
	assert_string_equal(value_kind_name(VALUE_MAP), "a map");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(booleans_of_yaml_1_1_are_booleans),
		cmocka_unit_test(numbers_are_those_of_go),
		cmocka_unit_test(what_looks_like_a_number_and_is_none_is_a_text),
		cmocka_unit_test(a_very_long_number_is_a_text),
		cmocka_unit_test(quotes_make_a_text),
		cmocka_unit_test(lists_maps_and_null_are_themselves),
		cmocka_unit_test(every_kind_has_a_name),
	};
	return cmocka_run_group_tests_name("value", tests, NULL, NULL);
}
