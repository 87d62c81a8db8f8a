/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command of rota as data. main.c parses, prints help and dispatches from these rows alone; to
 * add a command, write command_<name>.c, and a line in commands.h and in the table of commands.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/option.h"

/* Exit codes of every command. */
enum command_exit {
	COMMAND_DONE = 0,
	COMMAND_FAILED = 1, /* said on stderr */
	COMMAND_USAGE = 2,  /* wrong usage */
};

/* A table of options whose values stand at @offset of the command's struct of values. */
struct command_options {
	const struct option_table *table;
	size_t offset;
};

struct command {
	const char *name;     /* one word or two: "config check" */
	const char *synopsis; /* what stands behind the name: "FILE [--lenient]" */
	const char *summary;  /* one line */
	const char *details;  /* more for --help; NULL: nothing */
	const struct command_options *options;
	size_t options_count;
	size_t values_bytes;  /* of the struct that options are read into; 0: none */
	const void *defaults; /* of this struct; NULL: zero */
	size_t arguments_min; /* arguments that are no options */
	size_t arguments_max;
	bool is_hidden;
	/* @values: the struct, filled. Returns an enum command_exit. */
	int (*run)(const void *values, const struct option_words *arguments);
};
