/* SPDX-License-Identifier: Apache-2.0 */
/* Which replicas a request should get, of those that kubelet offers. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "core/resource.h"
#include "core/settings.h"

/* Positions in resource->replicas; both lists are sets, borrowed. */
struct placement_request {
	const uint32_t *available;
	size_t available_count;
	const uint32_t *required;
	size_t required_count;
	size_t size; /* how many to choose, those required included */
	enum allocation_policy policy;
};

/**
 * Choose replicas of a resource.
 *
 * Whole GPUs, where the resource is not shared and has no part of a GPU, and no replica of a GPU is
 * on offer, are chosen by how they are linked (core/aligned.h), whatever the policy. The answer is
 * empty, and kubelet chooses, when @request->size is 0, more than what is on offer or less than
 * what is required, or when a required one is not on offer.
 *
 * All else is chosen one by one. What counts is, in this order,
 *
 *  1. how many replicas of its device, a GPU or a part of one, are taken: the fewest
 *     (distributed) or the most (packed). One that is not on offer counts as taken;
 *  2. how many replicas of all parts of its GPU in this resource are taken, in the same sense:
 *     packed fills up one GPU with parts before the next one is begun;
 *  3. how often its device was chosen in this request: the least;
 *  4. its place in the list, so that the choice is always the same.
 *
 * @ret        positions, those required first and in their order; room for max(size,
 * required_count).
 * @ret_count  how many.
 *
 * Returns 0, -ENODEV (too few on offer, where they are chosen one by one; the text is NVIDIA's),
 * -ENOMEM.
 */
int placement_choose(const struct resource *resource, const struct placement_request *request,
		     uint32_t *ret, size_t *ret_count, struct err *err);
