/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kubelet wants an id that a pod holds to be Unhealthy and not gone, also when the agent started
 * after the GPU was lost and so never saw it. Which ids are of the lost GPU nobody can tell, as the
 * driver does not say its uuid; that one that was taken out is listed with them does no harm.
 */
#include "core/missing.h"

#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/device.h"
#include "core/held.h"
#include "core/replica.h"

static const char reason[] = "the driver cannot reach the GPU of this id; see `dmesg | grep Xid` "
			     "and reset it or reboot the node";

static const char *const prefixes[] = { "GPU-", "MIG-" };

static bool has_nvidia_form(struct id_text uuid)
{
	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
		size_t length = strlen(prefixes[i]);
		if (uuid.length > length && memcmp(uuid.bytes, prefixes[i], length) == 0)
			return true;
	}
	return false;
}

static bool has_device(const struct snapshot *snapshot, struct id_text uuid)
{
	for (size_t i = 0; i < snapshot->devices_count; i++) {
		const char *known = snapshot->devices[i].uuid;
		if (strncmp(known, uuid.bytes, uuid.length) == 0 && known[uuid.length] == '\0')
			return true;
	}
	return false;
}

static bool is_missing(const struct snapshot *snapshot, const struct held_id *item,
		       struct id_text *ret)
{
	struct replica_id id;
	if (replica_parse((struct id_text){ item->id, strlen(item->id) }, &id) < 0 ||
	    !has_nvidia_form(id.uuid) || has_device(snapshot, id.uuid))
		return false;
	*ret = id.uuid;
	return true;
}

static bool add(struct snapshot *snapshot, struct id_text uuid)
{
	const char *copy = arena_copy(&snapshot->arena, uuid.bytes, uuid.length);
	if (!copy)
		return false;
	struct device *device = &snapshot->devices[snapshot->devices_count++];
	device->uuid = copy; /* the rest is as in a new snapshot */
	device->reason = reason;
	return true;
}

struct snapshot *missing_join(const struct snapshot *snapshot, const struct held *held)
{
	if (snapshot->lost_count == 0)
		return snapshot_copy(snapshot);
	cleanup_snapshot struct snapshot *joined = snapshot_copy_with_room(snapshot, DEVICES_MAX);
	if (!joined)
		return NULL;
	for (size_t i = 0; i < held->count && joined->devices_count < DEVICES_MAX; i++) {
		struct id_text uuid;
		if (is_missing(joined, &held->items[i], &uuid) && !add(joined, uuid))
			return NULL;
	}
	return TAKE_PTR(joined);
}
