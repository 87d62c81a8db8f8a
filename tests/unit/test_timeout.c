/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "rpc/timeout.h"

static uint64_t parsed(const char *text)
{
	uint64_t ms = 12345;
	assert_int_equal(timeout_parse(text, strlen(text), &ms), 0);
	return ms;
}

static void every_unit_is_known_and_rounds_up(void **state)
{
	(void)state;
	assert_int_equal(parsed("0n"), 0);
	assert_int_equal(parsed("1n"), 1);
	assert_int_equal(parsed("1000001n"), 2);
	assert_int_equal(parsed("1001u"), 2);
	assert_int_equal(parsed("300m"), 300);
	assert_int_equal(parsed("10S"), 10000);
	assert_int_equal(parsed("2M"), 120000);
	assert_int_equal(parsed("99999999H"), 99999999ULL * 3600 * 1000);
}

static void nothing_else_is_taken(void **state)
{
	(void)state;
	static const char *const bad[] = { "",    "1",    "m",    "1s",  "-1m",        "+1m",
					   "1 m", "1.5S", "0x1m", "1mm", "123456789m", " 1m" };
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		uint64_t ms = 7;
		assert_int_equal(timeout_parse(bad[i], strlen(bad[i]), &ms), -EINVAL);
		assert_int_equal(ms, 7);
	}
}

static void formatting_takes_the_finest_unit_that_fits(void **state)
{
	(void)state;
	static const struct {
		uint64_t ms;
		const char *text;
	} cases[] = {
		{ 0, "0m" },
		{ 1, "1m" },
		{ 99999999, "99999999m" },
		{ 100000000, "100000S" },
		{ 100000001, "100001S" },
		{ 99999999000, "99999999S" },
		{ 99999999001, "1666667M" },
		{ UINT64_MAX, "99999999H" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[TIMEOUT_TEXT_BYTES];
		timeout_format(cases[i].ms, text);
		assert_string_equal(text, cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_unit_is_known_and_rounds_up),
		cmocka_unit_test(nothing_else_is_taken),
		cmocka_unit_test(formatting_takes_the_finest_unit_that_fits),
	};
	return cmocka_run_group_tests_name("timeout", tests, NULL, NULL);
}
