/* SPDX-License-Identifier: Apache-2.0 */
/* What kubelet and container runtimes are told of the devices: it follows from the settings, what
 * is believed of the devices and what pods hold. */
#pragma once

#include <stdbool.h>
#include <uv.h>

#include "agent/adverts.h"
#include "agent/description.h"
#include "agent/occupancy.h"
#include "agent/repeat.h"
#include "agent/vitals.h"
#include "base/err.h"
#include "core/settings.h"

enum {
	OFFER_RETRY_MS = 1000, /* after memory was out */
};

/* Embedded in its owner, which is found again by container_of and sets on_failure; else zero is the
 * start. */
struct offer {
	const struct settings *settings; /* in force; borrowed, as the next two */
	struct vitals *vitals;
	struct occupancy *occupancy;
	struct adverts adverts;
	uv_timer_t retry; /* runs after memory was out */
	struct repeat repeat;
	struct description description;
	uv_timer_t look;  /* at the description, the next one */
	bool was_offered; /* the node could be advertised as it was asked for, once */
	/* There is nothing to go on with; offer_stop() may be called. */
	void (*on_failure)(struct offer *offer, const struct err *err);
};

/** @settings, @vitals and @occupancy are borrowed until offer_stop(). */
void offer_start(struct offer *offer, uv_loop_t *loop, const struct settings *settings,
		 struct vitals *vitals, struct occupancy *occupancy);

/** Another belief: tell kubelet. What cannot be advertised changes
 * nothing, is logged, and is tried again where that may help. */
void offer_update(struct offer *offer);

/** The driver told something else: tell container runtimes, then kubelet. */
void offer_renew(struct offer *offer);

/** Pods hold other ids: tell whom it concerns. */
void offer_renew_held(struct offer *offer);

/**
 * Go over to other settings, with all that follows from them or with nothing of it.
 *
 * @settings  borrowed in place of those before.
 *
 * Returns 0, or -EINVAL (the node cannot be offered like this), or as description_write() and
 * adverts_update(); then all is as before.
 */
int offer_follow(struct offer *offer, const struct settings *settings, struct err *err);

/** Close the handles and forget all; the struct must outlive the loop. */
void offer_stop(struct offer *offer);
