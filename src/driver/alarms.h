/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting for what the driver reports by itself: Xid errors. Only the driver process may: any call
 * can hang or crash. What goes wrong here is a complaint and no more, since snapshots tell the
 * state of GPUs anyhow.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "core/device.h"
#include "driver/nvml_abi.h"

struct nvml;

enum {
	/* One wait. A request waits as long at worst, so it is short beside a person's patience
	 * and the deadline of an answer; a fifth of a second keeps an idle process idle. */
	ALARMS_WAIT_MS = 200,
	/* Read within one second; after that the driver is left alone until the second is over. A
	 * GPU that fails without pause must not keep process and agent busy. */
	ALARMS_PER_S_MAX = 50,
};

/* Zero is a valid one that waits for nothing. */
struct alarms {
	struct nvml_event_set *set;     /* owned; NULL: there is nothing to wait for */
	uint64_t digest;                /* of the GPUs that were registered; 0: none were */
	uint64_t second_ns;             /* when the second that is counted in began */
	unsigned count;                 /* events read in it */
	bool is_unwatched[DEVICES_MAX]; /* of each of them, parts not counted */
	struct err refusal; /* why some GPU could not be registered; code 0: all could */
	struct err failure; /* why the last wait failed; code 0: it did not */
};

/* An event and the uuid that it borrows. xid 0: none, but the driver refused to wait, as it does
 * when a GPU is lost, so the GPUs should be looked at now. */
struct alarm {
	struct device_event event;
	char uuid[NVML_DEVICE_UUID_V2_BUFFER_SIZE];
};

/**
 * Have events of every GPU of @snapshot reported, unless that is so already, and mark there those
 * of which the driver reports no Xids.
 *
 * @digest  links_digest(@snapshot).
 */
void alarms_register(struct alarms *alarms, const struct nvml *nvml, uint64_t digest,
		     struct snapshot *snapshot);

/** Whether alarms_wait() has something to wait for. */
static inline bool alarms_are_awaited(const struct alarms *alarms)
{
	return alarms->set != NULL;
}

/** How long alarms_wait() must not be called; 0 as a rule. */
unsigned alarms_pause_ms(const struct alarms *alarms, uint64_t now_ns);

/**
 * Wait for one event, at most ALARMS_WAIT_MS. When waiting is not possible the set is given up
 * until alarms_register() makes another.
 *
 * Returns whether @ret was written: an Xid, or the first of a run of refusals. Other events are
 * read and dropped.
 */
bool alarms_wait(struct alarms *alarms, const struct nvml *nvml, uint64_t now_ns,
		 struct alarm *ret);

/** What does not work, in a sentence; "" when all does. */
const char *alarms_complaint(const struct alarms *alarms);

/** Give the set back and forget what was registered; before @nvml is closed. */
void alarms_done(struct alarms *alarms, const struct nvml *nvml);
