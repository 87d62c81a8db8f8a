/* SPDX-License-Identifier: Apache-2.0 */
/* Kubelet's choice of devices for a container, with topology policy none. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "sim/kubelet/holdings.h"
#include "sim/kubelet/ids.h"
#include "sim/kubelet/listing.h"

/**
 * What may be given out: healthy and held by nobody, in random order.
 *
 * Returns 0, -ENOMEM, -EAGAIN when they are fewer than @need; the text is kubelet's.
 */
int pick_free(const struct listing *listing, const struct holdings *holdings, const char *resource,
	      size_t need, uint64_t *seed, struct ids *ret, struct err *err);

/**
 * Choose @need of @free: first what the plugin prefers (ids that are not free are dropped without a
 * word, as kubelet does), then whatever comes next.
 *
 * @preferred  empty when the plugin was not asked.
 *
 * Returns 0 or -ENOMEM.
 */
int pick_devices(const struct ids *free_ids, const struct ids *preferred, size_t need,
		 struct ids *ret, struct err *err);

/**
 * Whether a pod that already holds devices may go on with them after a restart of kubelet.
 *
 * @listing  NULL for a resource that is not registered.
 *
 * Returns 0 or -EAGAIN with kubelet's text.
 */
int pick_check_held(const struct listing *listing, const struct holding *holding, struct err *err);
