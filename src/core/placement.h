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
 * Choose replicas one by one on the GPU that has the fewest (distributed) or the most (packed)
 * taken; a replica that is not on offer counts as taken. A tie goes to the GPU chosen least often
 * in this request, then to the first in the list, so that the choice is always the same.
 *
 * @ret        positions, those required first and in their order; room for max(size,
 * required_count).
 * @ret_count  how many.
 *
 * Returns 0, -ENODEV (too few on offer; the text is NVIDIA's), -ENOMEM.
 */
int placement_choose(const struct resource *resource, const struct placement_request *request,
		     uint32_t *ret, size_t *ret_count, struct err *err);
