/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that the stand-in kubelet's device manager knows: resources by name, devices held by
 * pods. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "sim/kubelet/holdings.h"
#include "sim/kubelet/listing.h"
#include "sim/kubelet/messages.h"

enum {
	TABLES_RESOURCES_MAX = 64, /* a node has a handful */
};

struct endpoint;

struct resource_entry {
	char *name; /* owned */
	struct listing listing;
	struct message_options options; /* of the plugin that registered last */
	struct endpoint *endpoint; /* borrowed from the registry; NULL while no plugin serves it */
};

/* Zero is valid and empty. An entry stays at its address until tables_done(). */
struct tables {
	struct resource_entry *resources[TABLES_RESOURCES_MAX]; /* owned */
	size_t count;
	struct holdings holdings;
};

/** NULL when the node never heard of it. */
struct resource_entry *tables_find(const struct tables *tables, const char *name);

/** Find or add. 0, -ENOMEM, -ENOSPC. */
int tables_get(struct tables *tables, const char *name, struct resource_entry **ret,
	       struct err *err);

void tables_done(struct tables *tables);
