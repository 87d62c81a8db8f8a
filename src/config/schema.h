/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every setting in one constant table: where it stands in the file, which flag and environment
 * variable set it, what it may be, where it goes. apply.c and reader.c interpret it; help, check
 * and (later) reference print it. To add a setting, add a row.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/option.h"

enum schema_type {
	SCHEMA_MAP,       /* keys match without regard to case, as in Go's structs */
	SCHEMA_EXACT_MAP, /* keys match with case; null is an empty map */
	SCHEMA_ENTRIES,   /* a list of exact maps; rows of the entries have "[]" in their path */
	SCHEMA_VERSION,
	SCHEMA_BOOL,
	SCHEMA_TEXT,        /* min..max bytes when max is not 0 */
	SCHEMA_CHOICE,      /* unsigned, one of choices */
	SCHEMA_CHOICES,     /* unsigned, the sum of several choices; a text or a list of texts */
	SCHEMA_DURATION,    /* uint64_t nanoseconds, min..max */
	SCHEMA_NUMBER,      /* uint32_t, min..max */
	SCHEMA_NAME,        /* a resource name */
	SCHEMA_SHARED_NAME, /* the same, of an entry of sharing.timeSlicing.resources */
	SCHEMA_DEVICES,     /* which devices an entry shares */
	SCHEMA_CHANNELS,    /* IMEX channel ids, none or 0: a bool */
	SCHEMA_LIMIT,       /* unsigned, one of choices; or a size of min..max bytes */
	SCHEMA_ABSENT,      /* a part that this version does not have */
};

/* A word and its value in enum settings; needs: the part that is missing for it, or NULL. */
struct schema_choice {
	const char *word; /* NULL ends the list */
	unsigned value;
	const char *needs;
};

enum {
	SCHEMA_ENTRIES_MAX = 1024 /* of one list; a node has a handful of resource names */
};

#define SCHEMA_DROPPED SIZE_MAX /* as offset: read and checked, then dropped */

/* option.help documents the row, option.env names its environment variables, parted by ", "; the
 * first that exists wins. Rows without a flag have no option.name. */
struct schema_key {
	const char *path; /* NULL: not in the file */
	struct option option;
	enum schema_type type;
	size_t offset; /* in struct settings, or in an entry of the list */
	const struct schema_choice *choices;
	const char *invalid; /* NVIDIA's words before a value that it refuses */
	const char
		*missing; /* NVIDIA's words when the key is not there; NULL: it may be left out */
	/* The part without which something is refused: true; a duration that is not the default; a
	 * size; the key itself. Of a row with a note: what is dropped, when the file is strict. */
	const char *needs;
	const char *note;    /* why a value other than the default is dropped */
	const char *allowed; /* in words; of types that do not say it themselves */
	uint64_t min;
	uint64_t max;
};

/** All rows, @ret_count of them. */
const struct schema_key *schema_keys(size_t *ret_count);

/** Position of a row in the table and in settings->sources. */
size_t schema_index(const struct schema_key *key);

/**
 * The row of @key in the map whose rows begin with @map ("" for the whole file).
 *
 * @is_exact  compare with case.
 *
 * Returns NULL when the map has no such key.
 */
const struct schema_key *schema_find(const char *map, const char *key, bool is_exact);

/** The name of @key in the map @map when it is a direct child of it, else NULL. */
const char *schema_child(const struct schema_key *key, const char *map);

/** The flags among the rows. */
extern const struct option_table schema_options;
