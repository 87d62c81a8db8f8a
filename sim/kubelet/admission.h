/* SPDX-License-Identifier: Apache-2.0 */
/* Kubelet's device manager at the admission of a pod: choose devices, ask the plugin, remember. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/client.h"
#include "sim/kubelet/ids.h"
#include "sim/kubelet/tables.h"

struct admission;

/* Embedded in its owner, which is found again by container_of. */
struct admission {
	struct tables *tables; /* borrowed */
	uint64_t seed;         /* of the random order of free devices */
	/* The one in progress is decided; @error is NULL or kubelet's text. */
	void (*on_done)(struct admission *admission, const char *error);

	/* Of the one in progress; private. */
	bool is_busy;
	bool is_given_up;
	const char *pod; /* borrowed until on_done, as resource */
	const char *resource;
	size_t need;
	struct ids available;
	struct ids chosen;
	struct rpc_reply reply;
	uint8_t *answer; /* owned; NULL while none came */
	size_t answer_length;
};

/**
 * Decide whether @pod gets @need devices of @resource. One at a time, as in kubelet: a plugin that
 * does not answer blocks all others.
 *
 * on_done may come before this returns.
 */
void admission_begin(struct admission *admission, const char *pod, const char *resource,
		     size_t need);

/** Kubelet stops: the call in flight ends without on_done. The connections must be closed next. */
void admission_give_up(struct admission *admission);
