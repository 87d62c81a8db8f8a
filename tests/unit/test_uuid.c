/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>

#include "base/uuid.h"

static bool is_fixed; /* every byte is 0xff */
static int failing_code;

/* The linker puts these in the place of getrandom() for the code under test. */
ssize_t __real_getrandom(void *bytes, size_t length, unsigned flags);
ssize_t __wrap_getrandom(void *bytes, size_t length, unsigned flags);

ssize_t __wrap_getrandom(void *bytes, size_t length, unsigned flags)
{
	if (failing_code) {
		errno = failing_code;
		return -1;
	}
	if (!is_fixed)
		return __real_getrandom(bytes, length, flags);
	memset(bytes, 0xff, length);
	return (ssize_t)length;
}

static int reset(void **state)
{
	(void)state;
	is_fixed = false;
	failing_code = 0;
	return 0;
}

static void has_the_form_of_version_four(void **state)
{
	(void)state;
	char text[UUID_TEXT_BYTES];
	is_fixed = true;
	assert_int_equal(uuid_random(text), 0);
	assert_string_equal(text, "ffffffff-ffff-4fff-bfff-ffffffffffff");
}

static void no_two_are_equal(void **state)
{
	(void)state;
	char a[UUID_TEXT_BYTES];
	char b[UUID_TEXT_BYTES];
	assert_int_equal(uuid_random(a), 0);
	assert_int_equal(uuid_random(b), 0);
	assert_string_not_equal(a, b);
	assert_int_equal(strlen(a), 36);
	for (size_t i = 0; i < 36; i++)
		assert_true(a[i] == '-' || isxdigit((unsigned char)a[i]));
}

static void says_why_there_is_none(void **state)
{
	(void)state;
	char text[UUID_TEXT_BYTES] = "old";
	failing_code = EAGAIN;
	assert_int_equal(uuid_random(text), -EAGAIN);
	assert_string_equal(text, "old");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(has_the_form_of_version_four, reset),
		cmocka_unit_test(no_two_are_equal),
		cmocka_unit_test_teardown(says_why_there_is_none, reset),
	};
	return cmocka_run_group_tests_name("uuid", tests, NULL, NULL);
}
