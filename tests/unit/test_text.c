/* SPDX-License-Identifier: Apache-2.0 */
/* Parsers of text.h: what is the value, what is refused, where a guess is made. */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

static void numbers_are_the_whole_text_in_plain_decimal(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int code;
		uint64_t value;
	} rows[] = {
		{ "0", 0, 0 },          { "7", 0, 7 },
		{ "100", 0, 100 },      { "18446744073709551616", -ERANGE, 0 },
		{ "101", -ERANGE, 0 },  { "", -EINVAL, 0 },
		{ "10x", -EINVAL, 0 },  { "010", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 }, { "+1", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },   { " 1", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 },   { "1.0", -EINVAL, 0 },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t value = 0;
		assert_int_equal(text_parse_u64(rows[i].text, 0, 100, &value), rows[i].code);
		assert_int_equal(value, rows[i].value);
	}
	uint64_t value = 0;
	assert_int_equal(text_parse_u64("1", 2, 3, &value), -ERANGE);
	assert_int_equal(text_parse_u64("18446744073709551615", 0, UINT64_MAX, &value), 0);
	assert_true(value == UINT64_MAX);
}

static void sizes_know_powers_of_1024_only(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int code;
		uint64_t value;
	} rows[] = {
		{ "5", 0, 5 },
		{ "1Ki", 0, 1024 },
		{ "1KiB", 0, 1024 },
		{ "15360MiB", 0, 15360ULL << 20 },
		{ "2Gi", 0, 2ULL << 30 },
		{ "1TiB", 0, 1ULL << 40 },
		{ "16777215Ti", 0, 16777215ULL << 40 },
		{ "16777216Ti", -ERANGE, 0 },
		{ "1G", -EINVAL, 0 },
		{ "1.5Gi", -EINVAL, 0 },
		{ "Gi", -EINVAL, 0 },
		{ "1 Gi", -EINVAL, 0 },
		{ "1gi", -EINVAL, 0 },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t value = 0;
		assert_int_equal(text_parse_bytes(rows[i].text, &value), rows[i].code);
		assert_true(value == rows[i].value);
	}
}

static void durations_are_those_of_go(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int code;
		uint64_t ns;
	} rows[] = {
		{ "0", 0, 0 },
		{ "+0", 0, 0 },
		{ "1ns", 0, 1 },
		{ "300ms", 0, 300000000 },
		{ "1h2m3.5s", 0, 3723500000000 },
		{ ".5s", 0, 500000000 },
		{ "1.s", 0, 1000000000 },
		{ "+2us", 0, 2000 },
		{ "2\u00b5s", 0, 2000 },
		{ "2\u03bcs", 0, 2000 },
		{ "1m0s", 0, 60000000000 },
		{ "2562047h47m16.854775807s", 0, INT64_MAX },
		{ "2562047h47m16.854775808s", -ERANGE, 0 },
		{ "99999999999999999999s", -ERANGE, 0 },
		{ "9999999999999999999h", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "60", -EINVAL, 0 },
		{ "s", -EINVAL, 0 },
		{ ".s", -EINVAL, 0 },
		{ "1x", -EINVAL, 0 },
		{ "1s2", -EINVAL, 0 },
		{ "-1s", -EINVAL, 0 },
		{ "1 s", -EINVAL, 0 },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t ns = 0;
		assert_int_equal(text_parse_duration(rows[i].text, &ns), rows[i].code);
		assert_true(ns == rows[i].ns);
	}
}

static void booleans_are_those_of_go(void **state)
{
	(void)state;
	static const char *const yes[] = { "1", "t", "T", "TRUE", "true", "True" };
	static const char *const no[] = { "0", "f", "F", "FALSE", "false", "False" };
	static const char *const neither[] = { "", "yes", "on", "tRUE", "2", "true " };
	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		bool value = false;
		assert_int_equal(text_parse_bool(yes[i], &value), 0);
		assert_true(value);
		assert_int_equal(text_parse_bool(no[i], &value), 0);
		assert_false(value);
		assert_int_equal(text_parse_bool(neither[i], &value), -EINVAL);
	}
}

static void utf8_is_shortest_form_without_nul(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t length;
		bool is_valid;
	} rows[] = {
		{ "", 0, true },
		{ "abc", 3, true },
		{ "12345678\x01\x7f", 10, true },
		{ "1234567\xc3\xa4", 9, true },
		{ "\xc3\xa4", 2, true },
		{ "\xed\x9f\xbf", 3, true },
		{ "\xf4\x8f\xbf\xbf", 4, true },
		{ "a\0b", 3, false },
		{ "1\000345678", 8, false },
		{ "1234567\0", 8, false },
		{ "123\x80\x01\x01\x01\x01", 8, false },
		{ "12345678\0", 9, false },
		{ "12345678\x80", 9, false },
		{ "\x80", 1, false },
		{ "\xc3", 1, false },
		{ "\xc3(", 2, false },
		{ "\xc0\x80", 2, false },
		{ "\xe0\x80\x80", 3, false },
		{ "\xed\xa0\x80", 3, false },
		{ "\xf0\x80\x80\x80", 4, false },
		{ "\xf4\x90\x80\x80", 4, false },
		{ "\xf5\x80\x80\x80", 4, false },
		{ "\xe2\x82", 2, false },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(text_is_utf8((const uint8_t *)rows[i].bytes, rows[i].length),
				 rows[i].is_valid);
}

static void the_closest_word_is_near_or_none(void **state)
{
	(void)state;
	static const char *const words[] = { "replicas", "rename", "name", "devices" };
	static const struct {
		const char *word;
		const char *closest;
	} rows[] = {
		{ "replicass", "replicas" },
		{ "REPLICAS", "replicas" },
		{ "replcias", "replicas" },
		{ "device", "devices" },
		{ "nqme", "name" },
		{ "version", NULL },
		{ "", NULL },
		{ "a-word-that-is-longer-than-any-name-that-we-have-by-far", NULL },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *closest = text_closest(rows[i].word, words, ARRAY_LEN(words));
		if (rows[i].closest)
			assert_string_equal(closest, rows[i].closest);
		else
			assert_null(closest);
	}
}

static void emptiness_is_null_or_no_letter(void **state)
{
	(void)state;
	assert_true(text_is_empty(NULL));
	assert_true(text_is_empty(""));
	assert_false(text_is_empty(" "));
}

static void digest_tells_contents_apart_and_is_never_zero(void **state)
{
	(void)state;
	assert_int_equal(text_digest("a", 1), UINT64_C(0xAF63DC4C8601EC8C)); /* FNV's own vector */
	assert_int_not_equal(text_digest("", 0), 0);
	assert_int_not_equal(text_digest("replicas: 5", 11), text_digest("replicas: 6", 11));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_the_whole_text_in_plain_decimal),
		cmocka_unit_test(sizes_know_powers_of_1024_only),
		cmocka_unit_test(durations_are_those_of_go),
		cmocka_unit_test(booleans_are_those_of_go),
		cmocka_unit_test(utf8_is_shortest_form_without_nul),
		cmocka_unit_test(the_closest_word_is_near_or_none),
		cmocka_unit_test(emptiness_is_null_or_no_letter),
		cmocka_unit_test(digest_tells_contents_apart_and_is_never_zero),
	};
	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
