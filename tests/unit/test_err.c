/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"

static void reads_outer_to_inner(void **state)
{
	(void)state;
	struct err err = ERR_INIT;

	int r = err_set(&err, -ERANGE, "%u is not allowed, at least 2", 1U);
	r = err_wrap(&err, r, "%s", "replicas");
	r = err_wrap(&err, r, "%s:%d", "rota.yaml", 14);
	assert_int_equal(r, -ERANGE);
	assert_int_equal(err.code, -ERANGE);
	assert_string_equal(err.msg, "rota.yaml:14: replicas: 1 is not allowed, at least 2");
}

static void cuts_the_context_and_never_the_cause(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	char context[2 * ERR_TEXT_BYTES];
	memset(context, 'x', sizeof(context) - 1);
	context[sizeof(context) - 1] = '\0';

	(void)err_set(&err, -EINVAL, "the cause");
	(void)err_wrap(&err, -EINVAL, "%s", context);
	assert_int_equal(strlen(err.msg), ERR_TEXT_BYTES - 1);
	assert_string_equal(err.msg + ERR_TEXT_BYTES - 1 - strlen("xx: the cause"),
			    "xx: the cause");
}

static void adds_the_words_of_the_system(void **state)
{
	(void)state;
	struct err err = ERR_INIT;

	assert_int_equal(err_errno(&err, -ENOENT, "/etc/none"), -ENOENT);
	assert_string_equal(err.msg, "/etc/none: No such file or directory");
}

static void code_alone_is_enough(void **state)
{
	(void)state;
	assert_int_equal(err_set(NULL, -EIO, "x"), -EIO);
	assert_int_equal(err_wrap(NULL, -EIO, "x"), -EIO);
	assert_int_equal(err_errno(NULL, -EIO, "x"), -EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_outer_to_inner),
		cmocka_unit_test(cuts_the_context_and_never_the_cause),
		cmocka_unit_test(adds_the_words_of_the_system),
		cmocka_unit_test(code_alone_is_enough),
	};
	return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
