/* SPDX-License-Identifier: Apache-2.0 */
/* Kubelet's side of the device plugin API for one plugin, one call after another, with the time of
 * each answer. What waits here blocks, and gives up when the process under measurement ends. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "bench/subject.h"

struct peer;

/* What came back of a call. */
struct peer_answer {
	uint8_t *message; /* owned by the peer, valid until its next call */
	size_t length;
	uint64_t ns; /* from the call to the answer */
};

/** Serve Registration on DIRECTORY/kubelet.sock. Both are borrowed and outlive the peer. */
int peer_open(const char *directory, struct subject *subject, struct peer **ret, struct err *err);

struct peer *peer_close(struct peer *peer);

/** Wait until the plugin has registered; @ret_ns: the moment of our answer, on CLOCK_MONOTONIC. */
int peer_wait_registered(struct peer *peer, uint64_t *ret_ns, struct err *err);

/** One call and its one answer; any status but OK is -EPROTO with the plugin's own text. */
int peer_call(struct peer *peer, const char *method, const uint8_t *message, size_t length,
	      struct peer_answer *ret, struct err *err);

/** Open ListAndWatch, which stays open, and wait for a list of @count devices. */
int peer_watch(struct peer *peer, size_t count, struct peer_answer *ret, struct err *err);
