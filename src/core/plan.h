/* SPDX-License-Identifier: Apache-2.0 */
/* Which devices of a snapshot are advertised under which resource name, and in how many replicas.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "core/device.h"
#include "core/settings.h"

enum {
	PLAN_NAMES_MAX = 32, /* of one node; a GPU model has some twenty MIG profiles */
	PLAN_COMPLAINTS_MAX = 16,
	PLAN_NOT_ADVERTISED = -1,
};

struct plan_device {
	int32_t name;      /* in plan->names, or PLAN_NOT_ADVERTISED */
	uint32_t replicas; /* 1: whole, not shared */
};

/* Texts are borrowed from the arena or from the settings. */
struct plan {
	struct arena arena;
	const char *names[PLAN_NAMES_MAX]; /* each once, each of at least one device */
	size_t names_count;
	struct plan_device *devices; /* as many as the snapshot has, in its order */
	size_t devices_count;
	const char *refusal; /* why nothing is offered; NULL: what follows from the settings is */
	/* The snapshot's lost, then what is odd about node and settings together, then GPUs that
	 * nobody watches, for a person; the first ones. */
	const char *complaints[PLAN_COMPLAINTS_MAX];
	size_t complaints_count;
};

/**
 * Work out what to advertise: MIG strategy, resource patterns, then sharing. A device has one name;
 * of several entries that share it the one with the most replicas counts. With strategy single on a
 * node whose GPUs are not partitioned alike nothing is offered, and ret->refusal says so in
 * NVIDIA's words.
 *
 * @settings  borrowed, must outlive the plan.
 * @ret       zeroed by the caller; plan_done() is the caller's, also on failure.
 *
 * Returns 0, -E2BIG (more than PLAN_NAMES_MAX names), -ENOMEM.
 */
int plan_make(const struct settings *settings, const struct snapshot *snapshot, struct plan *ret,
	      struct err *err);

/** Position of @name in plan->names, or PLAN_NOT_ADVERTISED. */
int32_t plan_find(const struct plan *plan, const char *name);

void plan_done(struct plan *plan);

#define cleanup_plan CLEANUP(plan_done)
