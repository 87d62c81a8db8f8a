/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots as plain data: made, copied, compared. Invariant: every text of a snapshot lives in its
 * arena or is a constant, and none is NULL.
 */
#include "core/device.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

struct snapshot *snapshot_new(size_t devices_count)
{
	cleanup_snapshot struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
	if (!snapshot)
		return NULL;
	snapshot->driver_version = "";
	snapshot->devices = arena_array(&snapshot->arena, devices_count, sizeof(struct device));
	if (!snapshot->devices)
		return NULL;
	for (size_t i = 0; i < devices_count; i++)
		snapshot->devices[i] = (struct device){
			.uuid = "",
			.index = "",
			.model = "",
			.bus_id = "",
			DEVICE_WHOLE,
			.numa_node = NUMA_NONE,
		};
	snapshot->devices_count = devices_count;
	return TAKE_PTR(snapshot);
}

struct snapshot *snapshot_free(struct snapshot *snapshot)
{
	if (!snapshot)
		return NULL;
	if (snapshot->shares > 0) {
		snapshot->shares--;
		return NULL;
	}
	arena_done(&snapshot->arena);
	free(snapshot);
	return NULL;
}

struct snapshot *snapshot_share(struct snapshot *snapshot)
{
	snapshot->shares++;
	return snapshot;
}

static const char *copy_text(struct arena *arena, const char *text)
{
	return arena_copy(arena, text, strlen(text));
}

bool device_copy(struct arena *arena, const struct device *from, struct device *ret)
{
	struct device copy = *from;
	copy.uuid = copy_text(arena, from->uuid);
	copy.index = copy_text(arena, from->index);
	copy.model = copy_text(arena, from->model);
	copy.bus_id = copy_text(arena, from->bus_id);
	copy.profile = copy_text(arena, from->profile);
	copy.reason = copy_text(arena, from->reason);
	if (!copy.uuid || !copy.index || !copy.model || !copy.bus_id || !copy.profile ||
	    !copy.reason)
		return false;
	*ret = copy;
	return true;
}

bool snapshot_set_links(struct snapshot *snapshot, const struct link *links, size_t count)
{
	struct link *copy = arena_array(&snapshot->arena, count, sizeof(*copy));
	if (!copy)
		return false;
	if (count > 0)
		memcpy(copy, links, count * sizeof(*copy));
	snapshot->links = copy;
	snapshot->links_count = count;
	return true;
}

bool snapshot_add_lost(struct snapshot *snapshot, const char *text)
{
	if (snapshot->lost_count == LOST_MAX)
		return true;
	const char *copy = copy_text(&snapshot->arena, text);
	if (!copy)
		return false;
	snapshot->lost[snapshot->lost_count++] = copy;
	return true;
}

struct snapshot *snapshot_copy_with_room(const struct snapshot *snapshot, size_t room)
{
	cleanup_snapshot struct snapshot *copy = snapshot_new(room);
	if (!copy)
		return NULL;
	copy->devices_count = snapshot->devices_count;
	copy->cuda_version = snapshot->cuda_version;
	const char *version = copy_text(&copy->arena, snapshot->driver_version);
	if (!version)
		return NULL;
	copy->driver_version = version;
	for (size_t i = 0; i < snapshot->devices_count; i++)
		if (!device_copy(&copy->arena, &snapshot->devices[i], &copy->devices[i]))
			return NULL;
	for (size_t i = 0; i < snapshot->lost_count; i++)
		if (!snapshot_add_lost(copy, snapshot->lost[i]))
			return NULL;
	if (!snapshot_set_links(copy, snapshot->links, snapshot->links_count))
		return NULL;
	return TAKE_PTR(copy);
}

struct snapshot *snapshot_copy(const struct snapshot *snapshot)
{
	return snapshot_copy_with_room(snapshot, snapshot->devices_count);
}

static bool has_equal_texts(const struct device *a, const struct device *b)
{
	return strcmp(a->uuid, b->uuid) == 0 && strcmp(a->index, b->index) == 0 &&
	       strcmp(a->model, b->model) == 0 && strcmp(a->bus_id, b->bus_id) == 0 &&
	       strcmp(a->profile, b->profile) == 0 && strcmp(a->reason, b->reason) == 0;
}

static bool is_equal_part(const struct device *a, const struct device *b)
{
	return a->parent == b->parent && a->gpu_instance == b->gpu_instance &&
	       a->compute_instance == b->compute_instance &&
	       a->gpu_capability == b->gpu_capability &&
	       a->compute_capability == b->compute_capability;
}

static bool device_is_equal(const struct device *a, const struct device *b)
{
	return has_equal_texts(a, b) && is_equal_part(a, b) && a->minor == b->minor &&
	       a->numa_node == b->numa_node && a->memory_bytes == b->memory_bytes &&
	       a->compute_major == b->compute_major && a->compute_minor == b->compute_minor &&
	       a->recovery == b->recovery && a->ecc_errors == b->ecc_errors &&
	       a->is_mig == b->is_mig && a->is_unwatched == b->is_unwatched &&
	       a->is_healthy == b->is_healthy;
}

static bool has_equal_links(const struct snapshot *a, const struct snapshot *b)
{
	if (a->links_count != b->links_count)
		return false;
	for (size_t i = 0; i < a->links_count; i++)
		if (a->links[i].first != b->links[i].first ||
		    a->links[i].second != b->links[i].second ||
		    a->links[i].level != b->links[i].level ||
		    a->links[i].nvlinks != b->links[i].nvlinks)
			return false;
	return true;
}

static bool has_equal_lost(const struct snapshot *a, const struct snapshot *b)
{
	if (a->lost_count != b->lost_count)
		return false;
	for (size_t i = 0; i < a->lost_count; i++)
		if (strcmp(a->lost[i], b->lost[i]) != 0)
			return false;
	return true;
}

bool snapshot_is_equal(const struct snapshot *a, const struct snapshot *b)
{
	if (!a || !b)
		return a == b;
	if (strcmp(a->driver_version, b->driver_version) != 0 ||
	    a->cuda_version != b->cuda_version || a->devices_count != b->devices_count)
		return false;
	for (size_t i = 0; i < a->devices_count; i++)
		if (!device_is_equal(&a->devices[i], &b->devices[i]))
			return false;
	return has_equal_links(a, b) && has_equal_lost(a, b);
}
