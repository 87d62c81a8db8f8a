/* SPDX-License-Identifier: Apache-2.0 */
/* What pods hold, as far as it is known: what kubelet says, and what was handed out since. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "agent/repeat.h"
#include "core/held.h"
#include "kubelet/pods.h"

/* Embedded in its owner, which is found again by container_of and sets on_change; else zero is the
 * start. */
struct occupancy {
	struct held held;
	bool is_known;     /* kubelet has answered, or will not */
	struct pods *pods; /* owned; NULL when kubelet is not to be asked */
	struct pods_listener listener;
	struct repeat repeat;
	bool is_absence_said; /* that it cannot be asked */
	/* Kubelet answered, or it is known now that it will not. */
	void (*on_change)(struct occupancy *occupancy);
};

/**
 * Begin to ask.
 *
 * @socket  of kubelet's pod-resources API; "": it is not to be asked. Borrowed for the call.
 */
void occupancy_start(struct occupancy *occupancy, uv_loop_t *loop, const char *socket);

/** A container was given @ids of @resource. Kubelet is asked soon. */
void occupancy_add(struct occupancy *occupancy, const char *resource, const struct id_text *ids,
		   size_t count);

/** Kubelet comes or goes: what is known to be held stays for a while, whatever it lists. */
void occupancy_keep(struct occupancy *occupancy);

/** Ask kubelet soon. */
void occupancy_ask(struct occupancy *occupancy);

/** Close the handles and forget all. */
void occupancy_stop(struct occupancy *occupancy);
