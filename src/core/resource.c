/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings and a snapshot in, names and replicas out. Invariant: replicas point into the snapshot
 * that the resource owns, and the replicas of one device are neighbours in the order of their
 * ordinals.
 */
#include "core/resource.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char gpu_name[] = "nvidia.com/gpu";
static const char renamed_gpu_name[] = "nvidia.com/gpu.shared";

/* Replicas of each device under this name, 1 when it is not shared. Of two entries with the same
 * name the larger one counts, since both expand to the same ids. */
static uint32_t replicas_of(const struct time_slicing *sharing, const char *name)
{
	uint32_t replicas = 1;
	for (size_t i = 0; i < sharing->resources_count; i++)
		if (strcmp(sharing->resources[i].name, name) == 0 &&
		    sharing->resources[i].replicas > replicas)
			replicas = sharing->resources[i].replicas;
	return replicas;
}

static int too_many(const struct resource *resource, uint32_t replicas, struct err *err)
{
	return err_set(
		err, -E2BIG,
		"%s: %zu devices of %u replicas are more than the %d that kubelet reads in one "
		"list, lower sharing.timeSlicing.resources[].replicas",
		resource->name, resource->snapshot->devices_count, replicas, REPLICAS_MAX);
}

/* Where to begin to look for a device: UUIDs differ at their end, and the multiplication (Knuth's,
 * with 2^64 over the golden ratio) carries all eight bytes into the upper half. */
static size_t first_slot(const struct resource *resource, struct id_text uuid)
{
	uint64_t tail = 0;
	if (uuid.length >= sizeof(tail))
		memcpy(&tail, uuid.bytes + uuid.length - sizeof(tail), sizeof(tail));
	return (size_t)(tail * UINT64_C(0x9E3779B97F4A7C15) >> 32) & (resource->slots_count - 1);
}

/* The slot that holds this device, or the empty one where it would be. */
static uint32_t *find_slot(const struct resource *resource, struct id_text uuid)
{
	size_t slot = first_slot(resource, uuid);
	for (; resource->slots[slot] != 0; slot = (slot + 1) & (resource->slots_count - 1)) {
		const struct resource_span *span = &resource->spans[resource->slots[slot] - 1];
		if (span->uuid_length == uuid.length &&
		    memcmp(span->device->uuid, uuid.bytes, uuid.length) == 0)
			break;
	}
	return &resource->slots[slot];
}

static void add_span(struct resource *resource, const struct device *device, size_t replicas)
{
	struct id_text uuid = { device->uuid, strlen(device->uuid) };
	resource->spans[resource->spans_count++] = (struct resource_span){ device, uuid.length,
									   resource->replicas_count,
									   replicas };
	*find_slot(resource, uuid) = (uint32_t)resource->spans_count;
}

static int fill(struct resource *resource, uint32_t replicas, struct err *err)
{
	const struct snapshot *snapshot = resource->snapshot;
	size_t devices = snapshot->devices_count;
	if (devices > REPLICAS_MAX / replicas)
		return too_many(resource, replicas, err);
	resource->replicas = arena_array(&resource->arena, devices * replicas,
					 sizeof(*resource->replicas));
	resource->spans = arena_array(&resource->arena, devices, sizeof(*resource->spans));
	resource->slots_count = 2;
	while (resource->slots_count < 2 * devices)
		resource->slots_count *= 2;
	resource->slots = arena_array(&resource->arena, resource->slots_count,
				      sizeof(*resource->slots));
	if (!resource->replicas || !resource->spans || !resource->slots)
		return err_set(err, -ENOMEM, "%s: out of memory", resource->name);

	for (size_t i = 0; i < devices; i++) {
		const struct device *device = &snapshot->devices[i];
		add_span(resource, device, replicas);
		for (uint32_t n = 0; n < replicas; n++)
			resource->replicas[resource->replicas_count++] = (struct replica){
				.device = device,
				.ordinal = resource->is_shared ? (int32_t)n : REPLICA_WHOLE,
			};
	}
	return 0;
}

int resource_new(const struct settings *settings, struct snapshot *snapshot, struct resource **ret,
		 struct err *err)
{
	cleanup_resource struct resource *resource = calloc(1, sizeof(*resource));
	if (!resource) {
		(void)snapshot_free(snapshot);
		return err_set(err, -ENOMEM, "out of memory");
	}
	resource->snapshot = snapshot;
	uint32_t replicas = replicas_of(&settings->time_slicing, gpu_name);
	resource->is_shared = replicas > 1;
	bool is_renamed = resource->is_shared && settings->time_slicing.rename_by_default;
	resource->name = is_renamed ? renamed_gpu_name : gpu_name;
	int r = fill(resource, replicas, err);
	if (r < 0)
		return r;

	*ret = TAKE_PTR(resource);
	return 0;
}

struct resource *resource_free(struct resource *resource)
{
	if (!resource)
		return NULL;
	(void)snapshot_free(resource->snapshot);
	arena_done(&resource->arena);
	free(resource);
	return NULL;
}

int resource_find(const struct resource *resource, struct id_text id)
{
	struct replica_id wanted;
	if (replica_parse(id, &wanted) < 0)
		return -ENOENT;
	uint32_t slot = *find_slot(resource, wanted.uuid);
	if (slot == 0 || resource->is_shared != (wanted.ordinal != REPLICA_WHOLE))
		return -ENOENT;
	const struct resource_span *span = &resource->spans[slot - 1];
	size_t offset = resource->is_shared ? (size_t)wanted.ordinal : 0;
	return offset < span->count ? (int)(span->first + offset) : -ENOENT;
}

size_t resource_healthy_count(const struct resource *resource)
{
	size_t healthy = 0;
	for (size_t i = 0; i < resource->replicas_count; i++)
		healthy += resource->replicas[i].device->is_healthy ? 1 : 0;
	return healthy;
}
