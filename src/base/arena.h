/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for things that die together: a parsed config, a snapshot, one RPC. One free, one place to
 * fail. */
#pragma once

#include <stddef.h>

#include "base/cleanup.h"

struct arena_chunk;

/* Zero is a valid, empty arena. */
struct arena {
	struct arena_chunk *chunks; /* owned */
};

/** Zeroed memory aligned for any type, valid until arena_done(). NULL when memory is out. */
void *arena_alloc(struct arena *arena, size_t bytes);

/** Room for @count objects of @bytes each; NULL also when the product overflows. */
void *arena_array(struct arena *arena, size_t count, size_t bytes);

/** Pointers to @count zeroed objects of @bytes each, as protobuf-c wants lists: an array of `type
 * *`. Fails as arena_array(). */
void *arena_rows(struct arena *arena, size_t count, size_t bytes);

/** A terminated copy of @length bytes. NULL when memory is out. */
char *arena_copy(struct arena *arena, const char *text, size_t length);

__attribute__((format(printf, 2, 3))) char *arena_printf(struct arena *arena, const char *format,
							 ...);

/** Frees all; the arena is empty and usable afterwards. */
void arena_done(struct arena *arena);

#define cleanup_arena CLEANUP(arena_done)
