/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bump allocator in chunks. Nothing is freed alone; a request larger than a chunk gets a chunk of
 * its own. Invariant: `used` of a chunk is a multiple of the alignment.
 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CHUNK_BYTES = 4096,
	ALIGNMENT = alignof(max_align_t)
};

struct arena_chunk {
	struct arena_chunk *next;
	size_t size;
	size_t used;
	alignas(max_align_t) char bytes[];
};

static struct arena_chunk *chunk_add(struct arena *arena, size_t bytes)
{
	size_t size = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
	struct arena_chunk *chunk = calloc(1, sizeof(*chunk) + size);
	if (!chunk)
		return NULL;
	chunk->size = size;
	chunk->next = arena->chunks;
	arena->chunks = chunk;
	return chunk;
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
	if (bytes > SIZE_MAX / 2)
		return NULL;
	size_t rounded = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	struct arena_chunk *chunk = arena->chunks;
	if (!chunk || chunk->size - chunk->used < rounded)
		chunk = chunk_add(arena, rounded);
	if (!chunk)
		return NULL;

	void *memory = chunk->bytes + chunk->used;
	chunk->used += rounded;
	return memory;
}

void *arena_array(struct arena *arena, size_t count, size_t bytes)
{
	size_t total = 0;
	if (__builtin_mul_overflow(count, bytes, &total))
		return NULL;
	return arena_alloc(arena, total);
}

void *arena_rows(struct arena *arena, size_t count, size_t bytes)
{
	char *rows = arena_array(arena, count, bytes);
	void **pointers = arena_array(arena, count, sizeof(*pointers));
	if (!rows || !pointers)
		return NULL;
	for (size_t i = 0; i < count; i++)
		pointers[i] = rows + i * bytes;
	return pointers;
}

char *arena_copy(struct arena *arena, const char *text, size_t length)
{
	char *copy = arena_alloc(arena, length + 1);
	if (copy && length > 0)
		memcpy(copy, text, length);
	return copy;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	va_list again;
	va_copy(again, args);
	int length = vsnprintf(NULL, 0, format, args);
	va_end(args);

	char *text = length < 0 ? NULL : arena_alloc(arena, (size_t)length + 1);
	if (text)
		(void)vsnprintf(text, (size_t)length + 1, format, again);
	va_end(again);
	return text;
}

void arena_done(struct arena *arena)
{
	struct arena_chunk *chunk = arena->chunks;
	arena->chunks = NULL;
	while (chunk) {
		struct arena_chunk *next = chunk->next;
		free(chunk);
		chunk = next;
	}
}
