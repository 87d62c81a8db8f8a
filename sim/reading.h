/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a scenario file is read: tables of keys over base/tree, one interpreter for all of them.
 * Every refusal says file, line, column, key and what would be right. All functions return 0,
 * -EINVAL or -ENOMEM and are pure but for the arena.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

struct tree;

/* What is being read. */
struct reading {
	const char *name;    /* of the file, borrowed */
	struct arena *arena; /* of the scenario: all that is read lives there */
	struct err *err;
};

/** Takes the value of @node and fills @ret. */
typedef int reading_fn(struct reading *reading, const struct tree *node, void *ret);

/* One key of a map: `read` fills what lies at `offset` of the object. */
struct reading_field {
	const char *key;
	reading_fn *read;
	size_t offset;
};

/* Words that may stand for a number. */
struct reading_words {
	const char *const *words; /* the position of a word is its number */
	size_t count;
	const char *what; /* "hang, crash or fail", as in "x is not hang, crash or fail" */
};

/** Always -EINVAL. */
__attribute__((format(printf, 3, 4))) int reading_complain(struct reading *reading,
							   const struct tree *node,
							   const char *format, ...);

/** Always -ENOMEM. */
int reading_no_memory(struct reading *reading);

/** Every key is known, stands once and has a value. */
int reading_map(struct reading *reading, const struct tree *map, const struct reading_field *fields,
		size_t count, void *object);

/** @ret: how many entries the list has, at most @max. */
int reading_list(struct reading *reading, const struct tree *list, size_t max, size_t *ret);

/** A list as an array of @bytes each in the arena, every entry read by @read; at most @max. */
int reading_array(struct reading *reading, const struct tree *list, size_t max, size_t bytes,
		  reading_fn *read, void **ret, size_t *ret_count);

/** 0..@max. */
int reading_number(struct reading *reading, const struct tree *node, uint64_t max, uint64_t *ret);

int reading_word(struct reading *reading, const struct tree *node,
		 const struct reading_words *words, int *ret);

/* Of a field, each: */

/** const char *: 1 to SCENARIO_TEXT_MAX bytes. */
int reading_text(struct reading *reading, const struct tree *node, void *ret);

/** int: the position of a GPU in a scenario, whether there is one or not. */
int reading_gpu(struct reading *reading, const struct tree *node, void *ret);

/** uint64_t: nanoseconds of a duration such as 1.5s. */
int reading_duration(struct reading *reading, const struct tree *node, void *ret);

/** Accepts anything and reads nothing: whoever owns the map reads this key after the others. */
int reading_later(struct reading *reading, const struct tree *node, void *ret);
