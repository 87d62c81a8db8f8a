/* SPDX-License-Identifier: Apache-2.0 */
/* YAML or JSON text as a tree that knows where each value stands. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

enum {
	TREE_BYTES_MAX = 1 << 20,    /* a larger text is refused: a ConfigMap cannot be larger */
	TREE_DEPTH_MAX = 32,         /* lists and maps inside one another */
	TREE_NODES_MAX = 100 * 1000, /* bounds memory at some 8 MiB */
};

enum tree_kind {
	TREE_SCALAR,
	TREE_LIST,
	TREE_MAP,
};

/* All pointers are borrowed from the arena that tree_parse() was given. line and col start at 1. */
struct tree {
	enum tree_kind kind;
	unsigned line;
	unsigned col;
	const char *key;   /* of a map's child; NULL otherwise */
	unsigned key_line; /* where the key stands */
	unsigned key_col;
	const char *text; /* of a scalar; "" otherwise. Has no NUL inside and is UTF-8 */
	bool is_plain;    /* a scalar without quotes: may be a number, a boolean or null */
	struct tree *child;
	struct tree *next;
};

/* Where a text stops being YAML; both start at 1. */
struct tree_position {
	unsigned line;
	unsigned col;
};

/**
 * Parse one document.
 *
 * Refused: more than one document, anchors, aliases, tags, keys that are not scalars, NUL, bad
 * UTF-8, and whatever is beyond TREE_*_MAX. A key that stands twice is *not* refused: the tree
 * holds both in order, and the reader decides.
 *
 * @ret       the root, or NULL for an empty text; lives as long as @arena.
 * @position  where it went wrong; set on failure only. @err has no position in its text.
 *
 * Returns 0, -EINVAL, -E2BIG (a bound), -ENOMEM.
 */
int tree_parse(const char *text, size_t length, struct arena *arena, struct tree **ret,
	       struct tree_position *position, struct err *err);

/** The last child of a map with this key (as NVIDIA's reader: the last one wins); NULL when there
 * is none. */
const struct tree *tree_find(const struct tree *map, const char *key);

/** A plain scalar that YAML reads as null: empty, ~, null, Null, NULL. */
bool tree_is_null(const struct tree *node);
