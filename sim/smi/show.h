/* SPDX-License-Identifier: Apache-2.0 */
/* The three shapes in which nvidia-smi prints what it read. All print to stdout. */
#pragma once

#include <stdbool.h>

struct cards;

/** The familiar table, as driver 550 prints it. */
void show_table(const struct cards *cards);

/** `-L`: one line a GPU. */
void show_list(const struct cards *cards);

/** The name of the first field of a comma list that is not known; NULL when all are. Points into
 * @fields; the name ends at a comma or at the end. */
const char *show_unknown_field(const char *fields);

/** `--query-gpu`: one line a GPU with the fields of a comma list, all of them known. */
void show_fields(const struct cards *cards, const char *fields, bool has_header, bool has_units);
