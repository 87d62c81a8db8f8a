/* SPDX-License-Identifier: Apache-2.0 */
/* Which ids pods hold: what kubelet lists, and what we handed out since it was asked. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "core/replica.h"
#include "core/settings.h"

enum {
	HELD_IDS_MAX = 131072, /* twice what one list can hold */
	HELD_NAMES_MAX = 128,  /* of resources: those of two plans */
	HELD_LISTED = 0,       /* since_ns of what kubelet listed */
};

struct held_id {
	uint32_t resource; /* in held->names */
	char id[REPLICA_ID_BYTES];
	uint64_t since_ns; /* when we handed it out (CLOCK_MONOTONIC), or HELD_LISTED */
};

/* Zero is "nothing". An id may be in it several times. */
struct held {
	struct held_id *items; /* owned */
	size_t count;
	size_t room;
	struct arena arena;                /* of the names */
	const char *names[HELD_NAMES_MAX]; /* each once; some of no id any more */
	size_t names_count;
};

/**
 * Remember that a pod holds @id of @resource.
 *
 * Returns 0, -EINVAL (longer than a name or an id of ours can be), -E2BIG (HELD_IDS_MAX different
 * ids or HELD_NAMES_MAX names), -ENOMEM.
 */
int held_add(struct held *held, struct id_text resource, struct id_text id, uint64_t since_ns);

/**
 * What kubelet lists takes the place of what was known, but for what we handed out at @keep_ns or
 * later: kubelet may not have listed it yet.
 *
 * @listed  emptied; on failure it may have grown, and @held is as it was.
 *
 * Returns 0, -E2BIG, -ENOMEM.
 */
int held_replace(struct held *held, struct held *listed, uint64_t keep_ns);

/** Whether a pod holds the device with this uuid, whole or a replica of it. */
bool held_has_device(const struct held *held, const char *uuid);

/**
 * All that is held counts as handed out at @now_ns. For a kubelet that is not there or was just
 * started: it lists no pods until it has heard of them itself.
 */
void held_keep(struct held *held, uint64_t now_ns);

void held_done(struct held *held);

#define cleanup_held CLEANUP(held_done)
