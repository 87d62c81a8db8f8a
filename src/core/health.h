/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which devices are ill, why, and when they are well again, from the driver's Xid errors and its
 * snapshots. Pure: time comes in, nothing goes out but texts. docs/health.md says the same to
 * users.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "core/device.h"
#include "core/settings.h"
#include "core/xid.h"

/*
 * Of one device. An observation is what a snapshot says of it:
 *   bad      it cannot be reached, or the driver wants a recovery action
 *   owing    not bad, but a reset is demanded and was not seen yet
 *   good     neither
 *   older    the driver was asked for it before the last Xid; it changes nothing
 *
 *            | Xid that counts | bad | owing | good
 *   WELL     | ILL             | ILL | -     | WELL
 *   ILL      | ILL             | ILL | ILL   | SETTLING, or WELL when the settle time is 0
 *   SETTLING | ILL             | ILL | -     | WELL when all were good for the settle time
 *
 * A part is well when it and its GPU are; a GPU that is advertised whole when it and its parts are.
 */
enum health_state {
	HEALTH_WELL,
	HEALTH_ILL,
	HEALTH_SETTLING,
};

/* What is known of one device. The second half is of its illness, and zero while it is WELL. */
struct health_record {
	const char *uuid; /* in the arena of struct health */
	int32_t parent;   /* of a part: where its GPU stands in the records */
	uint32_t gpu_instance;
	uint32_t compute_instance;
	bool was_lost; /* could not be reached when it was last observed */
	/* As they were when it was last reached; its return makes recovery UNKNOWN. */
	uint64_t ecc_errors; /* the last that was known; 0 before the first */
	enum device_recovery recovery;

	enum health_state state;
	uint64_t well_ns; /* of SETTLING: since when it has been good */
	bool has_xid;
	uint64_t xid;                /* the first of those that demand most */
	enum xid_demand xid_demand;  /* of that one */
	uint64_t xid_ns;             /* when the last one came */
	enum xid_demand demand;      /* the worst that is still to be met */
	bool needs_proof;            /* that no action is wanted any more does not meet it */
	enum device_recovery action; /* the last that the driver wanted */
};

/* Zero is the start: nothing is known, nothing is ill. A device is known by its uuid from the first
 * snapshot that has it to the first that has it no more, wherever it stands in them. */
struct health {
	struct arena arena;
	struct health_record *records; /* in the arena, in the order of the last snapshot */
	size_t count;                  /* 0..DEVICES_MAX */
};

/* They may change between any two calls: Xids for events that come, the rest for all devices. */
struct health_rules {
	const struct xid_set *xids; /* that count; borrowed */
	uint64_t settle_ns;         /* how long a device must be good before it returns; may be 0 */
	bool are_gpus_whole;        /* in MIG mode too, as migStrategy none has them */
};

/** Those of @settings, which are borrowed. */
struct health_rules health_rules_of(const struct settings *settings);

/**
 * The driver reported an Xid. When it counts, a GPU falls ill and its parts with it; only the parts
 * that @event names fall ill when it names some, the Xid does not concern the whole GPU and GPUs in
 * MIG mode are not advertised whole.
 *
 * @now_ns  when it came.
 *
 * Returns whether a device that is known is ill by it.
 */
bool health_event(struct health *health, const struct health_rules *rules,
		  const struct device_event *event, uint64_t now_ns);

/**
 * What the driver says of all devices. Only its own snapshots belong here: a GPU that cannot be
 * reached in one and can in the next is taken to have been reset.
 *
 * @now_ns  when the driver was asked, so that what it said before an Xid does not excuse it.
 *
 * Returns 0, or -ENOMEM; @health is as it was then.
 */
int health_observe(struct health *health, const struct health_rules *rules,
		   const struct snapshot *snapshot, uint64_t now_ns);

/** Whether it pays to ask the driver more often. */
bool health_is_anyone_ill(const struct health *health);

/**
 * Mark what is ill or settles in @snapshot as not healthy, with a sentence of cause and remedy in
 * its arena; so is, where GPUs in MIG mode are advertised whole, one with a part that is. A device
 * that was never observed stays as it is.
 *
 * @snapshot  a copy of the one that was observed last.
 *
 * Returns 0, or -ENOMEM; @snapshot is then marked in part and only good to be freed.
 */
int health_apply(const struct health *health, const struct health_rules *rules,
		 struct snapshot *snapshot);

/** Forget all; usable afterwards. */
void health_done(struct health *health);

#define cleanup_health CLEANUP(health_done)
