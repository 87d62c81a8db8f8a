/* SPDX-License-Identifier: Apache-2.0 */
/* See tables.h. Entries are never removed while kubelet runs, as a node keeps showing the zero. */
#include "sim/kubelet/tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct resource_entry *tables_find(const struct tables *tables, const char *name)
{
	for (size_t i = 0; i < tables->count; i++)
		if (strcmp(tables->resources[i]->name, name) == 0)
			return tables->resources[i];
	return NULL;
}

int tables_get(struct tables *tables, const char *name, struct resource_entry **ret,
	       struct err *err)
{
	struct resource_entry *entry = tables_find(tables, name);
	if (!entry) {
		if (tables->count == TABLES_RESOURCES_MAX)
			return err_set(err, -ENOSPC, "%s: this node keeps at most %d resources",
				       name, TABLES_RESOURCES_MAX);
		entry = calloc(1, sizeof(*entry));
		if (!entry)
			return err_errno(err, -ENOMEM, "%s", name);
		entry->name = strdup(name);
		if (!entry->name) {
			free(entry);
			return err_errno(err, -ENOMEM, "%s", name);
		}
		tables->resources[tables->count++] = entry;
	}
	*ret = entry;
	return 0;
}

void tables_done(struct tables *tables)
{
	for (size_t i = 0; i < tables->count; i++) {
		listing_done(&tables->resources[i]->listing);
		free(tables->resources[i]->name);
		free(tables->resources[i]);
	}
	holdings_done(&tables->holdings);
	*tables = (struct tables){ 0 };
}
