/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command-line options from constant tables, with the syntax of Go's flag package: one or two
 * dashes, `--x=v` or `--x v`, a switch is turned off by `=false`, `--` ends the options.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum {
	OPTION_ALIASES_MAX = 2, /* other names of one option */
	OPTION_GIVEN_MAX = 64,  /* options on one command line */
	OPTION_NAMES_MAX = 160, /* names and aliases in all tables of one command */
	OPTION_HELP_COLUMNS = 80,
};

enum option_kind {
	OPTION_SWITCH, /* bool */
	OPTION_TEXT,   /* const char *: borrowed from the command line */
	OPTION_NUMBER, /* uint64_t in min..max */
	OPTION_CHOICE, /* unsigned: position in choices */
	OPTION_GIVEN,  /* struct option_given: the bare text, for an interpreter of its own */
};

/* One row of a table. All texts are constants. env and default_text are only shown: whoever owns
 * the values applies them. */
struct option {
	const char *name; /* without dashes; a row without a name is only shown, if it has an env */
	const char *aliases[OPTION_ALIASES_MAX];
	const char *value_name; /* in help; NULL: a switch */
	const char *help;
	const char *env;
	const char *default_text;
	const char *const *choices; /* ends with NULL; OPTION_CHOICE only */
	enum option_kind kind;
	size_t offset; /* of the value in the struct of values */
	uint64_t min;  /* OPTION_NUMBER only */
	uint64_t max;
};

/* What OPTION_GIVEN options of one table were given, in order; both borrowed. A switch without a
 * value reads "true". */
struct option_given {
	struct {
		const struct option *option;
		const char *text;
	} items[OPTION_GIVEN_MAX];
	size_t count;
};

/* Rows may be members of larger rows: stride is the distance from one to the next in bytes. */
struct option_table {
	const struct option *first;
	size_t count;
	size_t stride;
};

#define OPTION_TABLE(array) ((struct option_table){ (array), ARRAY_LEN(array), sizeof((array)[0]) })

/* A table and the struct that its values go to. */
struct option_set {
	struct option_table table;
	void *values; /* borrowed */
};

enum option_order {
	OPTION_ORDER_GO,  /* the first argument that is no option ends the options */
	OPTION_ORDER_ANY, /* options may stand behind arguments */
};

/* The words of a command line. */
struct option_words {
	char **items; /* borrowed */
	size_t count;
};

/**
 * Read a command line.
 *
 * @sets   searched in order; values that are not given stay as they are.
 * @words  without the program's and the command's name. With OPTION_ORDER_ANY its words are moved.
 * @ret    the arguments that are no options; points into @words.
 *
 * Returns 0, -EINVAL (unknown option, missing or bad value, two forms of one option; @err says
 * which and what is allowed), -ERANGE, -E2BIG (more than OPTION_GIVEN_MAX options).
 */
int option_parse(const struct option_set *sets, size_t sets_count, enum option_order order,
		 struct option_words words, struct option_words *ret, struct err *err);

/** Append what there is in a table, wrapped at OPTION_HELP_COLUMNS. Errors stay in @out. */
void option_help(const struct option_table *table, struct buf *out);

/** Append a paragraph whose lines begin at @indent and end before OPTION_HELP_COLUMNS; the first
 * line is there already. Errors stay in @out. */
void option_wrap(const char *text, unsigned indent, struct buf *out);
