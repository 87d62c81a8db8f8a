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

/* The replicas of one device are neighbours, in the order of their ordinals. */
struct resource {
	struct arena arena;
	struct snapshot *snapshot; /* owned */
	const char *name;          /* borrowed, outlives the resource */
	bool is_shared;
	struct replica *replicas;
	size_t replicas_count;
	struct resource_span *spans; /* one a device, in the order of their replicas */
	size_t spans_count;
	uint32_t *slots;    /* hash table: position in spans plus one, 0 is empty */
	size_t slots_count; /* a power of two, at most half are taken */
};

/**
 * Work out what to advertise.
 *
 * @snapshot  taken, also on failure.
 * @ret       the caller's to resource_free(). With no devices it is an empty list, which is legal.
 *
 * Returns 0, -E2BIG (more than REPLICAS_MAX; @err says what to lower),
 * -ENOMEM.
 */
int resource_new(const struct settings *settings, struct snapshot *snapshot, struct resource **ret,
		 struct err *err);
struct resource *resource_free(struct resource *resource);

/** Position of an id in resource->replicas, or -ENOENT. */
int resource_find(const struct resource *resource, struct id_text id);

/** Replicas whose device is healthy. */
size_t resource_healthy_count(const struct resource *resource);

DEFINE_CLEANUP(struct resource *, resource_cleanup, resource_free);
#define cleanup_resource CLEANUP(resource_cleanup)
