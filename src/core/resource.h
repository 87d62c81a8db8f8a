/* SPDX-License-Identifier: Apache-2.0 */
/* What is advertised to kubelet under one resource name: devices of a snapshot, whole or as
 * replicas. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "core/device.h"
#include "core/held.h"
#include "core/plan.h"
#include "core/replica.h"
#include "core/settings.h"

/* One id that kubelet may hand out. */
struct replica {
	const struct device *device; /* borrowed from the resource's snapshot */
	int32_t ordinal;             /* REPLICA_WHOLE or 0..n-1 */
};

/* Where the replicas of one device lie. */
struct resource_span {
	const struct device *device;
	size_t uuid_length;
	size_t first;
	size_t count;
};

/* The replicas of one device are neighbours, in the order of their ordinals, a whole one first. */
struct resource {
	struct arena arena;
	struct snapshot *snapshot; /* owned, perhaps with others */
	const char *name;          /* in the arena */
	bool is_shared;            /* the plan has several replicas of a device */
	struct replica *replicas;
	size_t replicas_count;
	struct resource_span *spans; /* one a device, in the order of their replicas */
	size_t spans_count;
	uint32_t *slots;    /* hash table: position in spans plus one, 0 is empty */
	size_t slots_count; /* a power of two, at most half are taken */
	size_t *lengths;    /* of uuids, each once; mostly there is one */
	size_t lengths_count;
};

/** Whether @name can be one of a resource of ours; pods also hold those of other plugins. */
bool resource_name_is_ours(struct id_text name);

/**
 * Work out what to advertise under @name.
 *
 * Of each device first the ids that pods hold under this name; then, if the plan has the device
 * under this name, the lowest free ones until there are as many as it says. An id that is held
 * under another name is not given twice, and counts. Of a GPU of which a part is held, and of the
 * parts of a GPU that is held, whole or a replica of it, there is nothing but what is held. A name
 * that the plan does not have gets what is held.
 *
 * @plan      of @snapshot; borrowed for the call, as @name.
 * @snapshot  taken, also on failure.
 * @held      borrowed for the call; ids of devices that are not there have no effect. NULL: none.
 * @ret       the caller's to resource_free(). With no devices it is an empty list, which is legal.
 *
 * Returns 0, -E2BIG (more than REPLICAS_MAX; @err says what to lower), -ENOMEM.
 */
int resource_new(const struct plan *plan, const char *name, struct snapshot *snapshot,
		 const struct held *held, struct resource **ret, struct err *err);

struct resource *resource_free(struct resource *resource);

/** The positions of those of @count @ids that are in resource->replicas; @ret has room for as many.
 * Returns how many there are. */
size_t resource_find_known(const struct resource *resource, const struct id_text *ids, size_t count,
			   uint32_t *ret);

/** Position of an id in resource->replicas, or -ENOENT. */
int resource_find(const struct resource *resource, struct id_text id);

/** Replicas whose device is healthy. */
size_t resource_healthy_count(const struct resource *resource);

DEFINE_CLEANUP(struct resource *, resource_cleanup, resource_free);
#define cleanup_resource CLEANUP(resource_cleanup)
