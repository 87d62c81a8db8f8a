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
	LINKS_MAX = 2016,  /* each of 64 GPUs with each other; more GPUs are not linked */
	/* GPUs that a snapshot tells of and does not have; who fixes those sees the next ones. */
	LOST_MAX = 16,
	NUMA_NONE = -1,
	DEVICE_NO_PARENT = -1,
	DEVICE_NO_CAPABILITY = -1,
};

#define DEVICE_NO_INSTANCE UINT32_MAX
#define DEVICE_ECC_UNKNOWN UINT64_MAX

/* What the driver wants done before a GPU can be used again (NVML's
 * nvmlDeviceGpuRecoveryAction_t). */
enum device_recovery {
	DEVICE_RECOVERY_UNKNOWN, /* the driver does not say: too old, or the GPU is lost */
	DEVICE_RECOVERY_NONE,
	DEVICE_RECOVERY_GPU_RESET,
	DEVICE_RECOVERY_NODE_REBOOT,
	DEVICE_RECOVERY_DRAIN_P2P,
	DEVICE_RECOVERY_DRAIN_AND_RESET,
	DEVICE_RECOVERY_OTHER, /* one that is newer than this list */
};

/* One GPU, or a part of one in MIG mode. Texts are borrowed from the snapshot's arena and never
 * NULL. */
struct device {
	const char *uuid;       /* "GPU-...", "MIG-..." */
	const char *index;      /* NVML's index, "0"; of a part "0:1" */
	const char *model;      /* NVML's product name; of a part that of its GPU */
	const char *bus_id;     /* a part has its GPU's, as all that is not marked "of a part" */
	const char *profile;    /* of a part, "1g.5gb"; "" for a GPU */
	const char *reason;     /* why it is not healthy, in a sentence; "" when it is */
	int32_t parent;         /* of a part: where its GPU stands in the snapshot, before it */
	int32_t gpu_capability; /* of a part: of /dev/nvidia-caps/nvidia-cap<n> */
	int32_t compute_capability;
	uint32_t gpu_instance; /* of a part; DEVICE_NO_INSTANCE for a GPU */
	uint32_t compute_instance;
	uint32_t minor;        /* of /dev/nvidia<minor> */
	int32_t numa_node;     /* NUMA_NONE when the node has no opinion */
	uint64_t memory_bytes; /* of a part: its own */
	uint32_t compute_major;
	uint32_t compute_minor;
	enum device_recovery recovery;
	/* That could not be corrected, since the last reset; DEVICE_ECC_UNKNOWN: not told. */
	uint64_t ecc_errors;
	bool is_mig;       /* a GPU in MIG mode; its parts, if any, are devices of their own */
	bool is_unwatched; /* a GPU of which the driver reports no Xids */
	bool is_healthy;
};

/* In an initialiser: what says of a device that it is a whole GPU, and nothing against it. */
#define DEVICE_WHOLE                                                                        \
	.profile = "", .reason = "", .parent = DEVICE_NO_PARENT,                            \
	.gpu_capability = DEVICE_NO_CAPABILITY, .compute_capability = DEVICE_NO_CAPABILITY, \
	.gpu_instance = DEVICE_NO_INSTANCE, .compute_instance = DEVICE_NO_INSTANCE

/* An Xid error that the driver reported. */
struct device_event {
	const char *uuid; /* of the GPU; "" when the driver cannot tell: any of them. Borrowed */
	uint64_t xid;
	uint32_t gpu_instance; /* of the part, or DEVICE_NO_INSTANCE: the whole GPU */
	uint32_t compute_instance;
};

/* How near two GPUs are, from far to near: NVML's nvmlGpuTopologyLevel_t. */
enum link_level {
	LINK_UNKNOWN,
	LINK_CROSS_CPU,
	LINK_SAME_CPU,
	LINK_HOST_BRIDGE,
	LINK_MULTI_SWITCH,
	LINK_SINGLE_SWITCH,
	LINK_SAME_BOARD,
};

/* Two GPUs of a snapshot. */
struct link {
	uint32_t first; /* positions in the snapshot, first < second */
	uint32_t second;
	enum link_level level;
	uint32_t nvlinks; /* direct ones between the two */
};

/* Owned by whoever got it from snapshot_new(), and by those it was shared with. */
struct snapshot {
	struct arena arena;
	unsigned shares;            /* owners besides the first */
	const char *driver_version; /* "535.104.05"; never NULL */
	uint32_t cuda_version;      /* as NVML says it: 12020 is 12.2 */
	struct device *devices;
	size_t devices_count; /* 0..DEVICES_MAX */
	struct link *links;   /* each pair once; a pair that is not here is not known */
	size_t links_count;   /* 0..LINKS_MAX */
	/* Of what the driver counts, cannot describe and never did, so that it is no device here: a
	 * sentence each, with the index and the reason; the first ones. */
	const char *lost[LOST_MAX];
	size_t lost_count;
};

/** Whether it is a part of a GPU in MIG mode. */
static inline bool device_is_part(const struct device *device)
{
	return device->parent != DEVICE_NO_PARENT;
}

/** Whether nothing is known of it but the uuid: see missing_join(). */
static inline bool device_is_missing(const struct device *device)
{
	return device->index[0] == '\0';
}

/** A copy whose texts live in @arena. False when memory is out; @ret is untouched then. */
bool device_copy(struct arena *arena, const struct device *from, struct device *ret);

/** An empty snapshot with room for @devices_count devices. NULL when memory is out. */
struct snapshot *snapshot_new(size_t devices_count);
struct snapshot *snapshot_free(struct snapshot *snapshot);

/** One owner more, who calls snapshot_free() too; from now on nobody may change it. Returns
 * @snapshot. */
struct snapshot *snapshot_share(struct snapshot *snapshot);

/** Take over a copy of @links, at most LINKS_MAX. False when memory is out; nothing changes then.
 */
bool snapshot_set_links(struct snapshot *snapshot, const struct link *links, size_t count);

/** Take over a copy of @text as one of the lost; with LOST_MAX there it is dropped. False when
 * memory is out; nothing changes then. */
bool snapshot_add_lost(struct snapshot *snapshot, const char *text);

/** A copy that shares nothing. NULL when memory is out. */
struct snapshot *snapshot_copy(const struct snapshot *snapshot);

/** The same with room for @room devices in all, at least as many as there are; the caller counts up
 * devices_count. */
struct snapshot *snapshot_copy_with_room(const struct snapshot *snapshot, size_t room);

/** Same versions, same links, same lost ones and same devices in the same order, health included.
 * NULL equals only NULL. */
bool snapshot_is_equal(const struct snapshot *a, const struct snapshot *b);

DEFINE_CLEANUP(struct snapshot *, snapshot_cleanup, snapshot_free);
#define cleanup_snapshot CLEANUP(snapshot_cleanup)
