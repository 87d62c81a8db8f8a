/* SPDX-License-Identifier: Apache-2.0 */
/* The option -o table|json that every listing has, and the one way in which answers are printed. */
#pragma once

#include <jansson.h>

#include "base/buf.h"
#include "base/option.h"

enum output_format {
	OUTPUT_TABLE,
	OUTPUT_JSON,
};

/* Values of output_options; member of a command's struct of values. */
struct output {
	unsigned format; /* enum output_format */
};

extern const struct option_table output_options;

/**
 * Print a document on stdout. What cannot be written is seen at the end of main().
 *
 * @root  taken. NULL: its making failed for want of memory.
 *
 * Returns COMMAND_DONE or, after saying why on stderr, COMMAND_FAILED.
 */
int output_json(json_t *root);

/** The same for a text. @text: NULL or with an error: its making failed for want of memory. */
int output_text(const struct buf *text);
