/* SPDX-License-Identifier: Apache-2.0 */
/* What the node knows of one resource: the devices that its plugin listed last. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

/* How far a resource's plugin is known to the node. */
enum listing_state {
	LISTING_SILENT,  /* connected, nothing listed yet: the node does not show the resource */
	LISTING_CURRENT, /* the tables are the last list */
	LISTING_LOST,    /* the stream ended: devices count, none is allocatable */
	LISTING_STOPPED, /* known from a checkpoint or lost for too long: shown as zero */
};

struct listing_device {
	const char *id; /* borrowed; in a listing from its arena */
	bool is_healthy;
	const int64_t *nodes; /* NUMA nodes, borrowed as id; NULL for none */
	size_t nodes_count;
};

/* Zero is a valid, silent listing. */
struct listing {
	enum listing_state state;
	struct arena arena;
	struct listing_device *devices; /* by id; no id twice with the same health */
	size_t count;
	size_t healthy;
	uint64_t lost_at_ns; /* meaningful in LISTING_LOST */
};

/** Take a list as the whole truth. @devices are copied. 0 or -ENOMEM, then nothing has changed. */
int listing_replace(struct listing *listing, const struct listing_device *devices, size_t count);

/** The plugin's stream ended: every device is unhealthy from now on. */
void listing_lose(struct listing *listing, uint64_t now_ns);

/** Forget devices that were lost @grace_ns ago or earlier; whether it did. */
bool listing_expire(struct listing *listing, uint64_t now_ns, uint64_t grace_ns);

/** Known by name only, as after a restart of kubelet. */
void listing_stop(struct listing *listing);

/** The device with this id, a healthy one before an unhealthy; NULL when there is none. */
const struct listing_device *listing_find(const struct listing *listing, const char *id);

void listing_done(struct listing *listing);
