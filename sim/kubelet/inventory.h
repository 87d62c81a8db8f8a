/* SPDX-License-Identifier: Apache-2.0 */
/* What the node knows of one resource: the devices that its plugin listed last. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

/* How far a resource's plugin is known to the node. */
enum inventory_state {
	INVENTORY_SILENT,  /* connected, nothing listed yet: the node does not show the resource */
	INVENTORY_LISTED,  /* the tables are the last list */
	INVENTORY_LOST,    /* the stream ended: devices count, none is allocatable */
	INVENTORY_STOPPED, /* known from a checkpoint or lost for too long: shown as zero */
};

struct inventory_device {
	const char *id; /* borrowed; in an inventory from its arena */
	bool is_healthy;
	const int64_t *nodes; /* NUMA nodes, borrowed as id; NULL for none */
	size_t nodes_count;
};

/* Zero is a valid, silent inventory. */
struct inventory {
	enum inventory_state state;
	struct arena arena;
	struct inventory_device *devices; /* by id; no id twice with the same health */
	size_t count;
	size_t healthy;
	uint64_t lost_at_ns; /* meaningful in INVENTORY_LOST */
};

/** Take a list as the whole truth. @devices are copied. 0 or -ENOMEM, then nothing has changed. */
int inventory_replace(struct inventory *inventory, const struct inventory_device *devices,
		      size_t count);

/** The plugin's stream ended: every device is unhealthy from now on. */
void inventory_lose(struct inventory *inventory, uint64_t now_ns);

/** Forget devices that were lost @grace_ns ago or earlier; whether it did. */
bool inventory_expire(struct inventory *inventory, uint64_t now_ns, uint64_t grace_ns);

/** Known by name only, as after a restart of kubelet. */
void inventory_stop(struct inventory *inventory);

/** The device with this id, a healthy one before an unhealthy; NULL when there is none. */
const struct inventory_device *inventory_find(const struct inventory *inventory, const char *id);

void inventory_done(struct inventory *inventory);
