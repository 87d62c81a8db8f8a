/* SPDX-License-Identifier: Apache-2.0 */
/* See table.h. Trailing blanks are not printed, so that what is pasted into an issue stays clean.
 */
#include "cli/table.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	GAP = 3,
	FIRST_CELLS = 64
};

static void add(struct table *table, const char *cell)
{
	if (!cell)
		table->error = -ENOMEM;
	if (table->count == TABLE_CELLS_MAX)
		table->error = -E2BIG;
	if (table->error)
		return;
	bool is_full = table->count == 0 ||
		       (table->count >= FIRST_CELLS && (table->count & (table->count - 1)) == 0);
	if (is_full) {
		size_t room = table->count ? table->count * 2 : FIRST_CELLS;
		size_t bytes = room * sizeof(*table->cells); /* within TABLE_CELLS_MAX cells */
		const char **cells = realloc(table->cells, bytes);
		if (!cells) {
			table->error = -ENOMEM;
			return;
		}
		table->cells = cells;
	}
	table->cells[table->count++] = cell;
}

void table_begin(struct table *table, const char *const *headings)
{
	for (; headings[table->columns] && table->columns < TABLE_COLUMNS_MAX; table->columns++)
		add(table, headings[table->columns]);
}

void table_cell(struct table *table, const char *format, ...)
{
	char *text = NULL;
	va_list args;
	va_start(args, format);
	int length = vasprintf(&text, format, args);
	va_end(args);
	add(table, length < 0 ? NULL : arena_copy(&table->arena, text, (size_t)length));
	if (length >= 0)
		free(text);
}

int table_print(const struct table *table, struct buf *out)
{
	if (table->error)
		return table->error;
	size_t widths[TABLE_COLUMNS_MAX] = { 0 };
	for (size_t i = 0; i < table->count; i++) {
		size_t width = strlen(table->cells[i]);
		if (width > widths[i % table->columns])
			widths[i % table->columns] = width;
	}
	for (size_t i = 0; i < table->count; i++) {
		bool is_last = (i + 1) % table->columns == 0;
		if (is_last)
			(void)buf_printf(out, "%s\n", table->cells[i]);
		else
			(void)buf_printf(out, "%-*s", (int)widths[i % table->columns] + GAP,
					 table->cells[i]);
	}
	return out->error;
}

void table_done(struct table *table)
{
	free(table->cells);
	table->cells = NULL;
	arena_done(&table->arena);
}
