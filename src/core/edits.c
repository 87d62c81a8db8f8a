/* SPDX-License-Identifier: Apache-2.0 */
/* See edits.h. */
#include "core/edits.h"

#include <errno.h>
#include <string.h>

int edits_add_env(struct edits *edits, const char *name, const char *value)
{
	if (edits->envs_count == EDITS_ENVS_MAX)
		return -ENOSPC;
	const char *copy = arena_copy(&edits->arena, value, strlen(value));
	if (!copy)
		return -ENOMEM;
	edits->envs[edits->envs_count++] = (struct edit_env){ name, copy };
	return 0;
}

int edits_reserve(struct edits *edits, size_t mounts, size_t devices)
{
	struct edit_mount *mounts_room = arena_array(&edits->arena, mounts, sizeof(*mounts_room));
	struct edit_device *devices_room = arena_array(&edits->arena, devices,
						       sizeof(*devices_room));
	if (!mounts_room || !devices_room)
		return -ENOMEM;
	edits->mounts = mounts_room;
	edits->mounts_max = mounts;
	edits->devices = devices_room;
	edits->devices_max = devices;
	return 0;
}

int edits_add_mount(struct edits *edits, const struct edit_mount *mount)
{
	if (edits->mounts_count == edits->mounts_max)
		return -ENOSPC;
	edits->mounts[edits->mounts_count++] = *mount;
	return 0;
}

int edits_add_device(struct edits *edits, const struct edit_device *device)
{
	if (edits->devices_count == edits->devices_max)
		return -ENOSPC;
	edits->devices[edits->devices_count++] = *device;
	return 0;
}

void edits_done(struct edits *edits)
{
	arena_done(&edits->arena);
	*edits = (struct edits){ 0 };
}
