/* SPDX-License-Identifier: Apache-2.0 */
/* Lets the n-th call of calloc() fail; for programs that are linked with wrap_calloc. */
#pragma once

#include <stddef.h>

/* Counted down from here by each call; the one that reaches zero fails. 0: none. */
static unsigned failing_calloc;

/* The linker puts these in the place of calloc() for the code under test. */
void *__real_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);

void *__wrap_calloc(size_t count, size_t bytes)
{
	if (failing_calloc > 0 && --failing_calloc == 0)
		return NULL;
	return __real_calloc(count, bytes);
}
