/* SPDX-License-Identifier: Apache-2.0 */
/* What the driver has: devices as plain data, and a snapshot of all of them at one moment. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/cleanup.h"

enum {
	DEVICES_MAX = 512, /* 64 GPUs of 8 parts; what a snapshot may hold */
	NUMA_NONE = -1,
};

/* One GPU. Texts are borrowed from the snapshot's arena and never NULL. */
struct device {
	const char *uuid;  /* "GPU-..." */
	const char *index; /* NVML's index, "0" */
	const char *model; /* NVML's product name */
	const char *bus_id;
	uint32_t minor;    /* of /dev/nvidia<minor> */
	int32_t numa_node; /* NUMA_NONE when the node has no opinion */
	uint64_t memory_bytes;
	uint32_t compute_major;
	uint32_t compute_minor;
	bool is_healthy;
};

/* Owned by whoever got it from snapshot_new(). */
struct snapshot {
	struct arena arena;
	const char *driver_version; /* "535.104.05"; never NULL */
	uint32_t cuda_version;      /* as NVML says it: 12020 is 12.2 */
	struct device *devices;
	size_t devices_count; /* 0..DEVICES_MAX */
};

/** A copy whose texts live in @arena. False when memory is out; @ret is untouched then. */
bool device_copy(struct arena *arena, const struct device *from, struct device *ret);

/** An empty snapshot with room for @devices_count devices. NULL when memory is out. */
struct snapshot *snapshot_new(size_t devices_count);
struct snapshot *snapshot_free(struct snapshot *snapshot);

/** A copy that shares nothing. NULL when memory is out. */
struct snapshot *snapshot_copy(const struct snapshot *snapshot);

/** Same versions and same devices in the same order, health included. NULL equals only NULL. */
bool snapshot_is_equal(const struct snapshot *a, const struct snapshot *b);

DEFINE_CLEANUP(struct snapshot *, snapshot_cleanup, snapshot_free);
#define cleanup_snapshot CLEANUP(snapshot_cleanup)
