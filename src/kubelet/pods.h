/* SPDX-License-Identifier: Apache-2.0 */
/* Asks kubelet's pod-resources API what pods hold: at the start, when told to, and now and then.
 * Nothing here blocks or logs. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "core/held.h"

struct pods;

enum {
	PODS_DEADLINE_MS = 5000,
	/* Kubelet answers 100 requests a second, all of its clients' together. Also the pause after
	 * the first question that fails; it doubles up to the next. */
	PODS_PAUSE_MS = 1000,
	PODS_POLL_MS = 10000, /* pods end without telling us */
};

/* Embedded in its owner, which is found again by container_of. */
struct pods_listener {
	/* @held may be emptied by the callee. @asked_ns: when the question was sent. */
	void (*on_held)(struct pods_listener *listener, struct held *held, uint64_t asked_ns);
	/* No answer, or none that can be read; tried again. @is_absent: there is no socket. @text
	 * is borrowed for the call. */
	void (*on_fault)(struct pods_listener *listener, bool is_absent, const char *text);
};

/**
 * Begin to ask; the first answer or fault comes within PODS_DEADLINE_MS.
 *
 * @path  of kubelet's socket; borrowed for the call.
 *
 * Returns 0, -ENAMETOOLONG, -ENOMEM.
 */
int pods_start(uv_loop_t *loop, const char *path, struct pods_listener *listener, struct pods **ret,
	       struct err *err);

/** Ask soon; any number of calls within PODS_PAUSE_MS is one question. NULL is allowed. */
void pods_ask(struct pods *pods);

/** Memory goes when the loop has closed the handles. NULL is allowed. */
void pods_stop(struct pods *pods);
