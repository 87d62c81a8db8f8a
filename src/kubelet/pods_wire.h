/* SPDX-License-Identifier: Apache-2.0 */
/* The answer of kubelet's pod-resources API (v1, List) to the ids that pods hold of our resources.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "core/held.h"

enum {
	/* What upstream clients receive; a big node's answer exceeds gRPC's 4 MiB. */
	PODS_ANSWER_BYTES_MAX = 16 << 20,
};

/**
 * Decode a ListPodResourcesResponse. An id that kubelet lists once for each NUMA node may be in
 * @ret as often; other resources than ours are left out.
 *
 * @ret  zeroed by the caller; held_done() is the caller's, also on failure.
 *
 * Returns 0, -EBADMSG (not this message), -E2BIG (too many ids, or over UNPACK_BYTES_MAX), -ENOMEM.
 */
int pods_wire_decode(const uint8_t *bytes, size_t length, struct held *ret, struct err *err);
