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
		resource->name, resource->snapshot->devices_count, replicas, RESOURCE_REPLICAS_MAX);
}

static int compare_spans(const void *a, const void *b)
{
	const struct resource_span *left = a;
	const struct resource_span *right = b;
	return strcmp(left->device->uuid, right->device->uuid);
}

static int fill(struct resource *resource, uint32_t replicas, struct err *err)
{
	const struct snapshot *snapshot = resource->snapshot;
	size_t devices = snapshot->devices_count;
	if (devices > RESOURCE_REPLICAS_MAX / replicas)
		return too_many(resource, replicas, err);
	resource->replicas = arena_array(&resource->arena, devices * replicas,
					 sizeof(*resource->replicas));
	resource->spans = arena_array(&resource->arena, devices, sizeof(*resource->spans));
	if (!resource->replicas || !resource->spans)
		return err_set(err, -ENOMEM, "%s: out of memory", resource->name);

	for (size_t i = 0; i < devices; i++) {
		const struct device *device = &snapshot->devices[i];
		resource->spans[resource->spans_count++] = (struct resource_span){
			device, resource->replicas_count, replicas
		};
		for (uint32_t n = 0; n < replicas; n++)
			resource->replicas[resource->replicas_count++] = (struct replica){
				.device = device,
				.ordinal = resource->is_shared ? (int32_t)n : REPLICA_WHOLE,
			};
	}
	qsort(resource->spans, resource->spans_count, sizeof(*resource->spans), compare_spans);
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

/* The sign of comparing @uuid, which is not terminated, with a device's. */
static int compare_uuid(struct id_text uuid, const char *of_device)
{
	int sign = strncmp(uuid.bytes, of_device, uuid.length);
	if (sign != 0)
		return sign;
	return of_device[uuid.length] == '\0' ? 0 : -1;
}

static const struct resource_span *find_span(const struct resource *resource, struct id_text uuid)
{
	size_t low = 0;
	size_t high = resource->spans_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct resource_span *span = &resource->spans[middle];
		int sign = compare_uuid(uuid, span->device->uuid);
		if (sign == 0)
			return span;
		if (sign < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

int resource_find(const struct resource *resource, struct id_text id)
{
	struct replica_id wanted;
	if (replica_parse(id, &wanted) < 0)
		return -ENOENT;
	const struct resource_span *span = find_span(resource, wanted.uuid);
	if (!span || resource->is_shared != (wanted.ordinal != REPLICA_WHOLE))
		return -ENOENT;
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
