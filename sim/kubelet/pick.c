/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kubelet's choice of devices. With policy none nothing is aligned to a NUMA node, so the plugin's
 * preference is asked over everything that is free and nothing is required beforehand.
 */
#include "sim/kubelet/pick.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

enum {
	MESSAGE_IDS_BYTES = 120
};

int pick_free(const struct listing *listing, const struct holdings *holdings, const char *resource,
	      size_t need, uint64_t *seed, struct ids *ret, struct err *err)
{
	cleanup_ids struct ids found = { 0 };
	for (size_t i = 0; i < listing->count; i++) {
		const struct listing_device *device = &listing->devices[i];
		if (!device->is_healthy || holdings_has(holdings, resource, device->id))
			continue;
		int r = ids_add(&found, device->id, strlen(device->id));
		if (r < 0)
			return err_errno(err, r, "devices of %s", resource);
	}
	if (found.count < need)
		return err_set(
			err, -EAGAIN,
			"requested number of devices unavailable for %s. Requested: %zu, Available: %zu",
			resource, need, found.count);

	ids_shuffle(&found, seed);
	*ret = found;
	found = (struct ids){ 0 };
	return 0;
}

static int take(struct ids *chosen, const struct ids *from, const struct ids *only, size_t need)
{
	for (size_t i = 0; i < from->count && chosen->count < need; i++) {
		const char *id = from->items[i];
		if ((only && !ids_has(only, id)) || ids_has(chosen, id))
			continue;
		int r = ids_add(chosen, id, strlen(id));
		if (r < 0)
			return r;
	}
	return 0;
}

int pick_devices(const struct ids *free_ids, const struct ids *preferred, size_t need,
		 struct ids *ret, struct err *err)
{
	cleanup_ids struct ids chosen = { 0 };
	int r = take(&chosen, preferred, free_ids, need);
	if (r == 0)
		r = take(&chosen, free_ids, NULL, need);
	if (r < 0)
		return err_errno(err, r, "choice of devices");

	*ret = chosen;
	chosen = (struct ids){ 0 };
	return 0;
}

int pick_check_held(const struct listing *listing, const struct holding *holding, struct err *err)
{
	if (!listing)
		return err_set(err, -EAGAIN, "cannot allocate unregistered device %s",
			       holding->resource);
	if (listing->healthy == 0)
		return err_set(err, -EAGAIN,
			       "no healthy devices present; cannot allocate unhealthy devices %s",
			       holding->resource);

	cleanup_ids struct ids sick = { 0 };
	for (size_t i = 0; i < holding->ids.count; i++) {
		const char *id = holding->ids.items[i];
		const struct listing_device *device = listing_find(listing, id);
		if (device && device->is_healthy)
			continue;
		if (ids_add(&sick, id, strlen(id)) < 0)
			return err_errno(err, -ENOMEM, "devices of %s", holding->resource);
	}
	if (sick.count == 0)
		return 0;

	cleanup_free char *text = ids_text(&sick, MESSAGE_IDS_BYTES);
	return err_set(
		err, -EAGAIN,
		"previously allocated devices are no longer healthy; cannot allocate unhealthy devices %s: %s",
		holding->resource, text ? text : "");
}
