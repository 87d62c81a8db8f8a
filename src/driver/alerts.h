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
	ALERTS_WAIT_MS = 200,
	/* Read within one second; after that the driver is left alone until the second is over. A
	 * GPU that fails without pause must not keep process and agent busy. */
	ALERTS_PER_S_MAX = 50,
};

/* Zero is a valid one that waits for nothing. */
struct alerts {
	struct nvml_event_set *set; /* owned; NULL: there is nothing to wait for */
	uint64_t digest;            /* of the GPUs that were registered; 0: none were */
	uint64_t second_ns;         /* when the second that is counted in began */
	unsigned count;             /* events read in it */
	struct err refusal;         /* why some GPU could not be registered; code 0: all could */
	struct err failure;         /* why the last wait failed; code 0: it did not */
};

/* An event and the uuid that it borrows. xid 0: none, but the driver refused to wait, as it does
 * when a GPU is lost, so the GPUs should be looked at now. */
struct alerts_told {
	struct device_event event;
	char uuid[NVML_DEVICE_UUID_V2_BUFFER_SIZE];
};

/**
 * Have events of every GPU of @snapshot reported, unless that is so already.
 *
 * @digest  links_digest(@snapshot).
 */
void alerts_register(struct alerts *alerts, const struct nvml *nvml, uint64_t digest,
		     const struct snapshot *snapshot);

/** Whether alerts_wait() has something to wait for. */
static inline bool alerts_are_awaited(const struct alerts *alerts)
{
	return alerts->set != NULL;
}

/** How long alerts_wait() must not be called; 0 as a rule. */
unsigned alerts_pause_ms(const struct alerts *alerts, uint64_t now_ns);

/**
 * Wait for one event, at most ALERTS_WAIT_MS. When waiting is not possible the set is given up
 * until alerts_register() makes another.
 *
 * Returns whether @ret was written: an Xid, or the first of a run of refusals. Other events are
 * read and dropped.
 */
bool alerts_wait(struct alerts *alerts, const struct nvml *nvml, uint64_t now_ns,
		 struct alerts_told *ret);

/** What does not work, in a sentence; "" when all does. */
const char *alerts_complaint(const struct alerts *alerts);

/** Give the set back and forget what was registered; before @nvml is closed. */
void alerts_done(struct alerts *alerts, const struct nvml *nvml);
