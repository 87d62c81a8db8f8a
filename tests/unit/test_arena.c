/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"

enum {
	LARGE_BYTES = 100 * 1000, /* more than any chunk */
	MANY = 5000
};

static struct arena arena;
static bool is_memory_out;

/* The linker puts these in the place of calloc() for the code under test. */
void *__real_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);

void *__wrap_calloc(size_t count, size_t bytes)
{
	return is_memory_out ? NULL : __real_calloc(count, bytes);
}

static int done(void **state)
{
	(void)state;
	is_memory_out = false;
	arena_done(&arena);
	return 0;
}

static void memory_is_zeroed_and_aligned(void **state)
{
	(void)state;
	for (size_t bytes = 1; bytes < 40; bytes++) {
		unsigned char *memory = arena_alloc(&arena, bytes);
		assert_non_null(memory);
		assert_int_equal((uintptr_t)memory % alignof(max_align_t), 0);
		for (size_t i = 0; i < bytes; i++)
			assert_int_equal(memory[i], 0);
		memset(memory, 0xFF, bytes);
	}
}

static void pieces_do_not_overlap_across_chunks(void **state)
{
	(void)state;
	unsigned **pieces = arena_array(&arena, MANY, sizeof(*pieces));
	assert_non_null(pieces);
	for (unsigned i = 0; i < MANY; i++) {
		pieces[i] = arena_alloc(&arena, sizeof(unsigned) * 3);
		assert_non_null(pieces[i]);
		pieces[i][0] = pieces[i][2] = i;
	}
	for (unsigned i = 0; i < MANY; i++) {
		assert_int_equal(pieces[i][0], i);
		assert_int_equal(pieces[i][2], i);
	}
}

static void holds_what_is_larger_than_a_chunk(void **state)
{
	(void)state;
	char *small = arena_copy(&arena, "small", 5);
	char *large = arena_alloc(&arena, LARGE_BYTES);
	assert_non_null(large);
	memset(large, 'x', LARGE_BYTES);
	assert_string_equal(small, "small");
}

static void an_array_that_overflows_is_refused(void **state)
{
	(void)state;
	assert_null(arena_array(&arena, SIZE_MAX / 2, 4));
	assert_null(arena_array(&arena, 1, SIZE_MAX));
	assert_null(arena_alloc(&arena, SIZE_MAX));
	assert_non_null(arena_array(&arena, 3, 4));
}

static void rows_are_zeroed_and_do_not_overlap(void **state)
{
	(void)state;
	uint64_t **rows = arena_rows(&arena, MANY, 3 * sizeof(uint64_t));
	assert_non_null(rows);
	for (uint64_t i = 0; i < MANY; i++) {
		assert_int_equal(rows[i][0], 0);
		assert_int_equal(rows[i][2], 0);
		rows[i][0] = rows[i][2] = i + 1;
	}
	for (uint64_t i = 0; i < MANY; i++) {
		assert_int_equal(rows[i][0], i + 1);
		assert_int_equal(rows[i][2], i + 1);
	}
	assert_non_null(arena_rows(&arena, 0, 8));
	assert_null(arena_rows(&arena, SIZE_MAX / 2, 4));
}

static void copies_and_prints_are_terminated(void **state)
{
	(void)state;
	assert_string_equal(arena_copy(&arena, "GPU-1::0", 5), "GPU-1");
	assert_string_equal(arena_copy(&arena, NULL, 0), "");
	assert_string_equal(arena_printf(&arena, "%s::%u", "GPU-1", 7U), "GPU-1::7");
	assert_string_equal(arena_printf(&arena, "%s", ""), "");
}

static void memory_that_is_out_is_null_and_harms_nothing(void **state)
{
	(void)state;
	char *before = arena_copy(&arena, "before", 6);
	is_memory_out = true;
	assert_null(arena_alloc(&arena, LARGE_BYTES));
	assert_null(arena_array(&arena, LARGE_BYTES, 1));
	assert_null(arena_rows(&arena, LARGE_BYTES, 1));
	assert_null(arena_printf(&arena, "%*d", LARGE_BYTES, 1));
	is_memory_out = false;
	assert_non_null(arena_alloc(&arena, LARGE_BYTES));
	assert_string_equal(before, "before");
}

static void is_empty_and_usable_after_done(void **state)
{
	(void)state;
	assert_non_null(arena_alloc(&arena, 10));
	arena_done(&arena);
	assert_null(arena.chunks);
	arena_done(&arena);
	assert_non_null(arena_alloc(&arena, 10));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(memory_is_zeroed_and_aligned, done),
		cmocka_unit_test_teardown(pieces_do_not_overlap_across_chunks, done),
		cmocka_unit_test_teardown(holds_what_is_larger_than_a_chunk, done),
		cmocka_unit_test_teardown(an_array_that_overflows_is_refused, done),
		cmocka_unit_test_teardown(rows_are_zeroed_and_do_not_overlap, done),
		cmocka_unit_test_teardown(copies_and_prints_are_terminated, done),
		cmocka_unit_test_teardown(memory_that_is_out_is_null_and_harms_nothing, done),
		cmocka_unit_test_teardown(is_empty_and_usable_after_done, done),
	};
	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
