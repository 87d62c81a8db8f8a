/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent believes of its devices: the driver's last snapshot with what core/health makes of
 * it. What changes is logged. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "core/device.h"
#include "core/health.h"
#include "core/settings.h"

/* Zero is the start. */
struct vitals {
	struct health health;
	struct snapshot *told;      /* owned; what the driver said last, NULL before the first */
	struct snapshot *believed;  /* owned; the same, marked with who is ill */
	char fault[ERR_TEXT_BYTES]; /* why the driver does not answer; "" while it does */
	uint64_t asked_ns;          /* when the driver was asked for it */
	uint64_t xids;              /* that the driver reported */
	bool is_stale;              /* memory was out, so the belief is of before */
};

/**
 * The driver answered.
 *
 * @snapshot  taken.
 * @asked_ns  when it was asked (CLOCK_MONOTONIC).
 *
 * Returns whether what is believed differs now, or is_stale.
 */
bool vitals_observe(struct vitals *vitals, const struct settings *settings,
		    struct snapshot *snapshot, uint64_t asked_ns);

/** The driver reported an Xid at @now_ns. Returns as vitals_observe(). */
bool vitals_event(struct vitals *vitals, const struct settings *settings,
		  const struct device_event *event, uint64_t now_ns);

/** Other settings are in force. Returns as vitals_observe(). */
bool vitals_follow(struct vitals *vitals, const struct settings *settings);

/** Take over what the driver said last once more, when vitals->is_stale. */
void vitals_retry(struct vitals *vitals, const struct settings *settings);

/** The driver does not answer: nothing is known to be well until it does. */
void vitals_fault(struct vitals *vitals, const char *text);

void vitals_done(struct vitals *vitals);
