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

int edits_add_annotation(struct edits *edits, const char *key, const char *value)
{
	if (edits->annotations_count == EDITS_ANNOTATIONS_MAX)
		return -ENOSPC;
	const char *key_copy = arena_copy(&edits->arena, key, strlen(key));
	const char *value_copy = arena_copy(&edits->arena, value, strlen(value));
	if (!key_copy || !value_copy)
		return -ENOMEM;
	edits->annotations[edits->annotations_count++] = (struct edit_env){ key_copy, value_copy };
	return 0;
}

int edits_reserve(struct edits *edits, const struct edits_room *room)
{
	struct edit_mount *mounts = arena_array(&edits->arena, room->mounts, sizeof(*mounts));
	struct edit_device *devices = arena_array(&edits->arena, room->devices, sizeof(*devices));
	const char **names = arena_array(&edits->arena, room->cdi_devices, sizeof(*names));
	if (!mounts || !devices || !names)
		return -ENOMEM;
	edits->mounts = mounts;
	edits->devices = devices;
	edits->cdi_devices = names;
	edits->room = *room;
	return 0;
}

int edits_add_mount(struct edits *edits, const struct edit_mount *mount)
{
	if (edits->mounts_count == edits->room.mounts)
		return -ENOSPC;
	edits->mounts[edits->mounts_count++] = *mount;
	return 0;
}

int edits_add_device(struct edits *edits, const struct edit_device *device)
{
	if (edits->devices_count == edits->room.devices)
		return -ENOSPC;
	edits->devices[edits->devices_count++] = *device;
	return 0;
}

int edits_add_cdi_device(struct edits *edits, const char *name)
{
	if (edits->cdi_devices_count == edits->room.cdi_devices)
		return -ENOSPC;
	edits->cdi_devices[edits->cdi_devices_count++] = name;
	return 0;
}

void edits_done(struct edits *edits)
{
	arena_done(&edits->arena);
	*edits = (struct edits){ 0 };
}
