/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NVIDIA's Allocate: checks first, then the names of the devices in the order of the request, each
 * once, so that two replicas of one GPU expose one GPU.
 */
#include "core/allocation.h"

#include <errno.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/cleanup.h"

enum {
	NAMES_BYTES_MAX = 64 << 10
}; /* DEVICES_MAX names of the longest uuid fit */

static int refuse(const struct resource *resource, int code, struct err *err)
{
	return err_wrap(err, code, "invalid allocation request for \"%s\": invalid request",
			resource->name);
}

/* Positions of the ids in the resource. */
static int find_all(const struct resource *resource, const struct id_text *ids, size_t ids_count,
		    size_t *ret, struct err *err)
{
	for (size_t i = 0; i < ids_count; i++) {
		int position = resource_find(resource, ids[i]);
		if (position < 0) {
			int length = ids[i].length < ERR_TEXT_BYTES ? (int)ids[i].length
								    : ERR_TEXT_BYTES;
			(void)err_set(err, -EINVAL, "unknown device: %.*s", length, ids[i].bytes);
			return refuse(resource, -EINVAL, err);
		}
		ret[i] = (size_t)position;
	}
	return 0;
}

static int put_names(const struct resource *resource, enum device_id_strategy strategy,
		     const size_t *positions, size_t count, bool *is_named, struct buf *names)
{
	for (size_t i = 0; i < count; i++) {
		const struct device *device = resource->replicas[positions[i]].device;
		bool *done = &is_named[device - resource->snapshot->devices];
		if (*done)
			continue;
		*done = true;
		const char *name = strategy == DEVICE_ID_INDEX ? device->index : device->uuid;
		(void)buf_printf(names, "%s%s", names->len > 0 ? "," : "", name);
	}
	return buf_append(names, "", 0);
}

int allocation_make(const struct resource *resource, const struct settings *settings,
		    const struct id_text *ids, size_t ids_count, struct edits *ret, struct err *err)
{
	size_t devices_count = resource->snapshot->devices_count;
	size_t *positions = arena_array(&ret->arena, ids_count, sizeof(*positions));
	bool *is_named = arena_array(&ret->arena, devices_count, sizeof(*is_named));
	if (!positions || !is_named)
		return err_set(err, -ENOMEM, "out of memory");
	int r = find_all(resource, ids, ids_count, positions, err);
	if (r < 0)
		return r;
	if (resource->is_shared && ids_count > 1 &&
	    settings->time_slicing.fail_requests_greater_than_one) {
		(void)err_set(err, -EPERM,
			      "maximum request size for shared resources is 1; found %zu",
			      ids_count);
		return refuse(resource, -EPERM, err);
	}

	cleanup_buf struct buf names = BUF_INIT(NAMES_BYTES_MAX);
	r = put_names(resource, settings->device_id_strategy, positions, ids_count, is_named,
		      &names);
	if (r == 0)
		r = edits_add_env(ret, "NVIDIA_VISIBLE_DEVICES", names.data);
	return r < 0 ? err_set(err, r, "out of memory") : 0;
}
