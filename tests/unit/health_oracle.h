/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of docs/health.md said once more, without states: whether a device is well is looked up
 * in the whole history of what was reported of it. Slow, and therefore only good to compare with.
 */
#pragma once

#include "unit.h"

#include <stdlib.h>

#include "core/device.h"
#include "core/xid.h"

enum {
	HISTORY_MAX = 64,
};

/* One thing that was reported of one device. */
struct report {
	uint64_t at_ns;
	uint64_t xid; /* that counts; 0: an observation */
	bool is_reachable;
	enum device_recovery recovery;
	uint64_t ecc_errors;
	bool is_well; /* whether the device is, after it */
};

struct history {
	struct report reports[HISTORY_MAX];
	size_t count;
};

static bool is_wanted(enum device_recovery recovery)
{
	return recovery != DEVICE_RECOVERY_UNKNOWN && recovery != DEVICE_RECOVERY_NONE;
}

static bool is_bad(const struct report *report)
{
	return report->xid || !report->is_reachable || is_wanted(report->recovery);
}

/* It was asked for before an Xid that came first. */
static bool is_older(const struct history *history, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (history->reports[i].xid &&
		    history->reports[at].at_ns <= history->reports[i].at_ns)
			return true;
	return false;
}

/* The last observation before @at that counts, or -1. */
static int before(const struct history *history, size_t at, bool must_be_reachable)
{
	for (int i = (int)at - 1; i >= 0; i--) {
		const struct report *report = &history->reports[i];
		if (!report->xid && !is_older(history, (size_t)i) &&
		    (report->is_reachable || !must_be_reachable))
			return i;
	}
	return -1;
}

/* The errors that are known of before @at; 0 when they never were. */
static uint64_t errors_before(const struct history *history, size_t at)
{
	int last = before(history, at, true);
	while (last >= 0 && history->reports[last].ecc_errors == DEVICE_ECC_UNKNOWN)
		last = before(history, (size_t)last, true);
	return last >= 0 ? history->reports[last].ecc_errors : 0;
}

/* The observation @at shows that there was a reset since the one before it. */
static bool shows_reset(const struct history *history, size_t at)
{
	const struct report *report = &history->reports[at];
	int last = before(history, at, false);
	if (last >= 0 && !history->reports[last].is_reachable)
		return true;
	int reached = before(history, at, true);
	if (reached < 0)
		return false;
	const struct report *then = &history->reports[reached];
	return (report->ecc_errors != DEVICE_ECC_UNKNOWN &&
		report->ecc_errors < errors_before(history, at)) ||
	       (is_wanted(then->recovery) && report->recovery == DEVICE_RECOVERY_NONE);
}

/* What is demanded @at is met between it and @end. */
static bool is_met(const struct history *history, size_t at, size_t end)
{
	const struct report *demand = &history->reports[at];
	const struct xid_row *row = demand->xid ? xid_find(demand->xid) : NULL;
	bool is_demand = demand->xid ? row && row->demand != XID_DEMAND_NOTHING
				     : is_wanted(demand->recovery) &&
					       demand->recovery != DEVICE_RECOVERY_DRAIN_P2P;
	if (!is_demand)
		return true;
	bool is_none_enough = !row || row->has_action;
	for (size_t i = at + 1; i <= end; i++) {
		const struct report *report = &history->reports[i];
		if (report->xid || is_older(history, i) || !report->is_reachable)
			continue;
		if (shows_reset(history, i) ||
		    (is_none_enough && report->recovery == DEVICE_RECOVERY_NONE))
			return true;
	}
	return false;
}

/* Good, and all that was demanded from @start on is met by then. */
static bool is_good(const struct history *history, size_t start, size_t at)
{
	if (is_bad(&history->reports[at]))
		return false;
	for (size_t i = start; i < at; i++)
		if ((history->reports[i].xid || !is_older(history, i)) && !is_met(history, i, at))
			return false;
	return true;
}

/* The last report of @history, which is not yet judged. */
static bool oracle_is_well(const struct history *history, uint64_t settle_ns)
{
	size_t at = history->count - 1;
	bool was_well = at == 0 || history->reports[at - 1].is_well;
	if (!history->reports[at].xid && is_older(history, at))
		return was_well;
	if (was_well || is_bad(&history->reports[at]))
		return !is_bad(&history->reports[at]);
	size_t start = at;
	while (start > 0 && !history->reports[start - 1].is_well)
		start--;
	/* The longest run of good observations up to now. */
	uint64_t good_ns = UINT64_MAX;
	for (size_t i = at + 1; i-- > start;) {
		if (!history->reports[i].xid && is_older(history, i))
			continue;
		if (!is_good(history, start, i))
			break;
		good_ns = history->reports[i].at_ns;
	}
	return good_ns != UINT64_MAX && history->reports[at].at_ns - good_ns >= settle_ns;
}
