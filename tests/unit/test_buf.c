/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

enum {
	MAX_BYTES = 1000
};

static struct buf buf;
static bool is_memory_out;

/* The linker puts these in the place of realloc() for the code under test. */
void *__real_realloc(void *memory, size_t bytes);
void *__wrap_realloc(void *memory, size_t bytes);

void *__wrap_realloc(void *memory, size_t bytes)
{
	return is_memory_out ? NULL : __real_realloc(memory, bytes);
}

static int fresh(void **state)
{
	(void)state;
	buf = (struct buf)BUF_INIT(MAX_BYTES);
	return 0;
}

static int done(void **state)
{
	(void)state;
	is_memory_out = false;
	buf_done(&buf);
	return 0;
}

static void grows_and_stays_terminated(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		assert_int_equal(buf_printf(&buf, "%u,", i % 10), 0);
		assert_int_equal(buf.len, 2 * (i + 1));
		assert_int_equal(buf.data[buf.len], '\0');
	}
	assert_memory_equal(buf.data, "0,1,2,3,", 8);
}

static void takes_bytes_texts_and_nothing(void **state)
{
	(void)state;
	assert_int_equal(buf_append(&buf, "a\0b", 3), 0);
	assert_int_equal(buf_text(&buf, "c"), 0);
	assert_int_equal(buf_append(&buf, NULL, 0), 0);
	assert_int_equal(buf.len, 4);
	assert_memory_equal(buf.data, "a\0bc", 5);
}

static void holds_exactly_its_maximum(void **state)
{
	(void)state;
	char bytes[MAX_BYTES + 1];
	memset(bytes, 'x', sizeof(bytes));
	assert_int_equal(buf_append(&buf, bytes, MAX_BYTES), 0);
	assert_int_equal(buf_append(&buf, "", 0), 0);
	assert_int_equal(buf_append(&buf, "y", 1), -EMSGSIZE);
	assert_int_equal(buf.len, MAX_BYTES);
}

static void a_length_that_would_wrap_is_too_large(void **state)
{
	(void)state;
	assert_int_equal(buf_text(&buf, "abc"), 0);
	assert_int_equal(buf_append(&buf, "abc", SIZE_MAX - 1), -EMSGSIZE);
}

static void the_first_failure_stays(void **state)
{
	(void)state;
	assert_int_equal(buf_text(&buf, "kept"), 0);
	assert_int_equal(buf_printf(&buf, "%*d", MAX_BYTES, 1), -EMSGSIZE);
	assert_int_equal(buf_text(&buf, "x"), -EMSGSIZE);
	assert_int_equal(buf_printf(&buf, "x"), -EMSGSIZE);
	assert_int_equal(buf.error, -EMSGSIZE);
	assert_string_equal(buf.data, "kept");
}

static void memory_that_is_out_keeps_what_was_there(void **state)
{
	(void)state;
	assert_int_equal(buf_text(&buf, "kept"), 0);
	is_memory_out = true;
	assert_int_equal(buf_printf(&buf, "%*d", MAX_BYTES / 2, 1), -ENOMEM);
	is_memory_out = false;
	assert_string_equal(buf.data, "kept");
	assert_int_equal(buf_text(&buf, "x"), -ENOMEM);
}

static void consumes_from_the_front(void **state)
{
	(void)state;
	buf_consume(&buf, 3);
	assert_int_equal(buf.len, 0);
	assert_int_equal(buf_text(&buf, "abcdef"), 0);
	buf_consume(&buf, 2);
	assert_string_equal(buf.data, "cdef");
	buf_consume(&buf, 0);
	assert_int_equal(buf.len, 4);
	buf_consume(&buf, 100);
	assert_int_equal(buf.len, 0);
	assert_string_equal(buf.data, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(grows_and_stays_terminated, fresh, done),
		cmocka_unit_test_setup_teardown(takes_bytes_texts_and_nothing, fresh, done),
		cmocka_unit_test_setup_teardown(holds_exactly_its_maximum, fresh, done),
		cmocka_unit_test_setup_teardown(a_length_that_would_wrap_is_too_large, fresh, done),
		cmocka_unit_test_setup_teardown(the_first_failure_stays, fresh, done),
		cmocka_unit_test_setup_teardown(memory_that_is_out_keeps_what_was_there, fresh,
						done),
		cmocka_unit_test_setup_teardown(consumes_from_the_front, fresh, done),
	};
	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
