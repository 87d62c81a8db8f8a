/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every setting in one constant table: where it stands in the file, which flag and environment
 * variable set it, what it may be, where it goes. apply.c and reader.c interpret it; help, check
 * and reference print it. To add a setting, add a row.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/option.h"

enum schema_type {
	SCHEMA_MAP,       /* keys match without regard to case, as in Go's structs */
	SCHEMA_EXACT_MAP, /* keys match with case; null is an empty map */
	/* Lists of exact maps; rows of the entries have "[]" in their path. */
	SCHEMA_SHARED,   /* struct shared_resource */
	SCHEMA_PATTERNS, /* struct resource_pattern */
	SCHEMA_VERSION,
	SCHEMA_BOOL,
	SCHEMA_TEXT,     /* min..max bytes when max is not 0 */
	SCHEMA_BESIDE,   /* a text as SCHEMA_TEXT: a path beside which the plugins' sockets fit */
	SCHEMA_LISTEN,   /* a text as listen_address_parse() reads it, or an empty one */
	SCHEMA_CHOICE,   /* unsigned, one of choices */
	SCHEMA_CHOICES,  /* unsigned, the sum of several choices; a text or a list of texts */
	SCHEMA_XIDS_OFF, /* struct xid_set: these do not count */
	SCHEMA_XIDS_ON,  /* the same set: these do, whatever the row before has taken out */
	SCHEMA_DURATION, /* uint64_t nanoseconds, min..max */
	SCHEMA_NUMBER,   /* uint32_t, min..max */
	SCHEMA_NAME,     /* a resource name */
	SCHEMA_DEVICES,  /* struct device_choice: which devices an entry shares */
	SCHEMA_CHANNELS, /* IMEX channel ids, none or 0: a bool */
	SCHEMA_LIMIT,    /* unsigned, one of choices; or a size of min..max bytes */
	SCHEMA_ABSENT,   /* a part that this version does not have */
	SCHEMA_TYPES,    /* how many there are */
};

/* A word and its value in enum settings; needs: the part that is missing for it, or NULL. */
struct schema_choice {
	const char *word; /* NULL ends the list */
	unsigned value;
	const char *needs;
};

enum {
	SCHEMA_ENTRIES_MAX = 1024, /* of one list; a node has a handful of resource names */
	SCHEMA_DEVICES_MAX = 1024, /* listed in all entries; 16 GPUs of 8 parts are 128 */
};

/* From when on another value counts, once a changed file is read. Flags and variables only change
 * with the agent's process. */
enum schema_live {
	SCHEMA_LIVE_NONE,     /* groups, and what has no effect here */
	SCHEMA_LIVE_YES,      /* at once */
	SCHEMA_LIVE_NEW_PODS, /* for pods that start afterwards; running ones keep what they have */
	SCHEMA_LIVE_AT_START, /* when the agent starts again */
};

#define SCHEMA_DROPPED SIZE_MAX /* as offset: read and checked, then dropped */

/* option.help documents the row, option.env names its environment variables, parted by ", "; the
 * first that exists wins. Rows without a flag have no option.name. The values of the environment
 * are applied in the order of the rows. */
struct schema_key {
	const char *path; /* NULL: not in the file */
	struct option option;
	enum schema_type type;
	enum schema_live live;
	size_t offset; /* in struct settings, or in an entry of the list */
	const struct schema_choice *choices;
	unsigned always;     /* of SCHEMA_CHOICES: chosen whatever is said */
	const char *invalid; /* words before a value that is refused, NVIDIA's where it has some */
	const char
		*missing;  /* NVIDIA's words when the key is not there; NULL: it may be left out */
	const char *empty; /* NVIDIA's words when a list is empty; NULL: it may be */
	/* The part without which something is refused: true; a duration that is not the default; a
	 * size; the key itself. */
	const char *needs;
	const char *note;    /* why it is dropped where there is no `rota:` block */
	const char *allowed; /* in words; of types that do not say it themselves */
	unsigned rank;       /* which refusal of a flag or variable comes first, the lowest */
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

/** Has it entries, each a map? */
bool schema_is_list(enum schema_type type);

/** The flags among the rows. */
extern const struct option_table schema_options;

/** Only the one that names the agent's socket: for commands that ask the agent. */
extern const struct option_table schema_socket_option;
