/* SPDX-License-Identifier: Apache-2.0 */
/* A listing as kubectl prints it: a heading, columns as wide as their longest cell, three spaces
 * between. */
#pragma once

#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"

enum {
	TABLE_COLUMNS_MAX = 16,
	TABLE_CELLS_MAX = 65536,
};

struct table {
	struct arena arena;
	size_t columns;
	const char **cells; /* owned; texts are the arena's */
	size_t count;
	int error; /* first failure; table_print() returns it */
};

/** Begin with the headings, at most TABLE_COLUMNS_MAX, ended by NULL. */
void table_begin(struct table *table, const char *const *headings);

/** Add the next cell, row by row. The text is copied. A failure is kept. */
__attribute__((format(printf, 2, 3))) void table_cell(struct table *table, const char *format, ...);

/** Append the whole table. Returns 0, -ENOMEM, -E2BIG (too many cells), -EMSGSIZE (@out is full).
 */
int table_print(const struct table *table, struct buf *out);

void table_done(struct table *table);

#define cleanup_table CLEANUP(table_done)
