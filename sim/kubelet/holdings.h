/* SPDX-License-Identifier: Apache-2.0 */
/* Which pod holds which devices, and what its plugin answered to Allocate. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/kubelet/ids.h"

struct holding {
	char *pod; /* owned, as all below */
	char *resource;
	struct ids ids;
	uint8_t *response; /* a container's Allocation as it came over the wire */
	size_t response_length;
};

/* Zero is a valid, empty set. */
struct holdings {
	struct holding *items; /* owned */
	size_t count;
};

/** Record what @pod holds of @resource, in place of what it held of it. Takes over @ids and
 * @response on success only. 0 or -ENOMEM. */
int holdings_put(struct holdings *holdings, const char *pod, const char *resource, struct ids *ids,
		 uint8_t *response, size_t response_length);

/** NULL when @pod holds nothing of @resource. */
const struct holding *holdings_find(const struct holdings *holdings, const char *pod,
				    const char *resource);

/** Whether any pod holds the device. */
bool holdings_has(const struct holdings *holdings, const char *resource, const char *id);

typedef bool holdings_filter_fn(const char *pod, const void *context);

/** Drop what pods hold that @is_kept refuses. */
void holdings_keep(struct holdings *holdings, holdings_filter_fn *is_kept, const void *context);

/** The pod is gone. */
void holdings_drop(struct holdings *holdings, const char *pod);

void holdings_done(struct holdings *holdings);
