/* SPDX-License-Identifier: Apache-2.0 */
/* A list of device ids that owns its strings. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero is a valid, empty list. */
struct ids {
	char **items; /* owned, each of them too */
	size_t count;
	size_t size;
};

/** Append a copy of @length bytes. 0 or -ENOMEM. */
int ids_add(struct ids *ids, const char *id, size_t length);

bool ids_has(const struct ids *ids, const char *id);

/** A random order, the same for the same *@seed, which moves on. */
void ids_shuffle(struct ids *ids, uint64_t *seed);

/** "a, b, c" of at most @max_bytes, for messages. The caller's to free(); NULL without memory. */
char *ids_text(const struct ids *ids, size_t max_bytes);

void ids_done(struct ids *ids);

#define cleanup_ids CLEANUP(ids_done)
