/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plan, a snapshot and what pods hold in, replicas out. Invariant: replicas point
 * into the snapshot that the resource owns, and the replicas of one device are neighbours in the
 * order of their ordinals. Why held ids come first and what counts: docs/decisions/0006.
 */
#include "core/resource.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An id that pods hold, on a device of the snapshot. */
struct claim {
	size_t device; /* in snapshot->devices and in spans */
	int32_t ordinal;
	bool is_ours; /* held under the resource's own name */
};

/* The claims, each once, by device and ordinal. */
struct claims {
	struct claim *items;
	size_t count;
};

static int too_many(const struct resource *resource, size_t replicas, struct err *err)
{
	return err_set(err, -E2BIG,
		       "%s: %zu replicas of %zu devices are more than the %d that kubelet reads in "
		       "one list, lower sharing.timeSlicing.resources[].replicas",
		       resource->name, replicas, resource->snapshot->devices_count, REPLICAS_MAX);
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

static void add_length(struct resource *resource, size_t length)
{
	for (size_t i = 0; i < resource->lengths_count; i++)
		if (resource->lengths[i] == length)
			return;
	resource->lengths[resource->lengths_count++] = length;
}

static void add_span(struct resource *resource, const struct device *device)
{
	struct id_text uuid = { device->uuid, strlen(device->uuid) };
	resource->spans[resource->spans_count++] = (struct resource_span){
		.device = device, .uuid_length = uuid.length
	};
	*find_slot(resource, uuid) = (uint32_t)resource->spans_count;
	add_length(resource, uuid.length);
}

/* Ours comes before another name's for the same id. */
static int compare_claims(const void *left, const void *right)
{
	const struct claim *a = left;
	const struct claim *b = right;
	if (a->device != b->device)
		return a->device < b->device ? -1 : 1;
	if (a->ordinal != b->ordinal)
		return a->ordinal < b->ordinal ? -1 : 1;
	return (int)b->is_ours - (int)a->is_ours;
}

static void drop_repeated(struct claims *claims)
{
	size_t kept = 0;
	for (size_t i = 0; i < claims->count; i++) {
		const struct claim *claim = &claims->items[i];
		bool is_repeated = kept > 0 && claims->items[kept - 1].device == claim->device &&
				   claims->items[kept - 1].ordinal == claim->ordinal;
		if (!is_repeated)
			claims->items[kept++] = *claim;
	}
	claims->count = kept;
}

static int collect_claims(struct resource *resource, const struct held *held, struct claims *ret)
{
	if (!held || held->count == 0)
		return 0;
	ret->items = arena_array(&resource->arena, held->count, sizeof(*ret->items));
	if (!ret->items)
		return -ENOMEM;
	for (size_t i = 0; i < held->count; i++) {
		const struct held_id *item = &held->items[i];
		struct replica_id id;
		if (replica_parse((struct id_text){ item->id, strlen(item->id) }, &id) < 0)
			continue;
		uint32_t slot = *find_slot(resource, id.uuid);
		if (slot == 0)
			continue;
		ret->items[ret->count++] = (struct claim){
			.device = slot - 1,
			.ordinal = id.ordinal,
			.is_ours = strcmp(held->names[item->resource], resource->name) == 0,
		};
	}
	qsort(ret->items, ret->count, sizeof(*ret->items), compare_claims);
	drop_repeated(ret);
	return 0;
}

static void add_replica(struct resource *resource, struct resource_span *span, int32_t ordinal)
{
	resource->replicas[resource->replicas_count++] = (struct replica){ .device = span->device,
									   .ordinal = ordinal };
	span->count++;
}

/* Claims of one device merged with the lowest ordinals that nobody claims, so that there are
 * @replicas. */
static void fill_span(struct resource *resource, struct resource_span *span,
		      const struct claim *claims, size_t count, size_t replicas)
{
	span->first = resource->replicas_count;
	int32_t next = replicas > 1 ? 0 : REPLICA_WHOLE;
	size_t free = count < replicas ? replicas - count : 0;
	size_t i = 0;
	while (i < count || free > 0) {
		bool is_free = free > 0 && (i == count || next < claims[i].ordinal);
		if (is_free) {
			add_replica(resource, span, next++);
			free--;
			continue;
		}
		if (claims[i].is_ours)
			add_replica(resource, span, claims[i].ordinal);
		if (next <= claims[i].ordinal)
			next = claims[i].ordinal + 1;
		i++;
	}
}

/* How many replicas of device @position the plan has under the number @name. */
static uint32_t replicas_of(const struct plan *plan, int32_t name, size_t position)
{
	const struct plan_device *device = &plan->devices[position];
	return name != PLAN_NOT_ADVERTISED && device->name == name ? device->replicas : 0;
}

/* Mark the GPU of a part, and the parts of a GPU, which stand behind it. */
static void mark_relatives(const struct snapshot *snapshot, size_t position, bool *marks)
{
	if (device_is_part(&snapshot->devices[position])) {
		marks[snapshot->devices[position].parent] = true;
		return;
	}
	for (size_t i = position + 1; i < snapshot->devices_count; i++)
		marks[i] |= snapshot->devices[i].parent == (int32_t)position;
}

/* What a pod could be given beside another that has it already, under another strategy of MIG: a
 * GPU of which a part is held, and the parts of one that is held. One a device; NULL when memory is
 * out. */
static bool *find_kept_back(struct resource *resource, const struct claims *claims)
{
	bool *marks = arena_array(&resource->arena, resource->spans_count, sizeof(*marks));
	for (size_t i = 0; marks && i < claims->count; i++)
		if (i == 0 || claims->items[i].device != claims->items[i - 1].device)
			mark_relatives(resource->snapshot, claims->items[i].device, marks);
	return marks;
}

static void fill_spans(struct resource *resource, const struct plan *plan, int32_t name,
		       const struct claims *claims, const bool *is_kept_back)
{
	size_t first = 0;
	for (size_t i = 0; i < resource->spans_count; i++) {
		size_t count = 0;
		while (first + count < claims->count && claims->items[first + count].device == i)
			count++;
		fill_span(resource, &resource->spans[i], claims->items + first, count,
			  is_kept_back[i] ? 0 : replicas_of(plan, name, i));
		first += count;
	}
}

/* The table in which resource_find() looks up devices. */
static int index_devices(struct resource *resource)
{
	const struct snapshot *snapshot = resource->snapshot;
	size_t devices = snapshot->devices_count;
	resource->spans = arena_array(&resource->arena, devices, sizeof(*resource->spans));
	resource->slots_count = 2;
	while (resource->slots_count < 2 * devices)
		resource->slots_count *= 2;
	resource->slots = arena_array(&resource->arena, resource->slots_count,
				      sizeof(*resource->slots));
	resource->lengths = arena_array(&resource->arena, devices, sizeof(*resource->lengths));
	if (!resource->spans || !resource->slots || !resource->lengths)
		return -ENOMEM;
	for (size_t i = 0; i < devices; i++)
		add_span(resource, &snapshot->devices[i]);
	return 0;
}

static int fill(struct resource *resource, const struct plan *plan, const struct held *held,
		struct err *err)
{
	int32_t name = plan_find(plan, resource->name);
	size_t planned = 0;
	for (size_t i = 0; i < plan->devices_count; i++) {
		planned += replicas_of(plan, name, i);
		resource->is_shared |= replicas_of(plan, name, i) > 1;
	}
	if (planned > REPLICAS_MAX)
		return too_many(resource, planned, err);
	struct claims claims = { 0 };
	int r = index_devices(resource);
	if (r == 0)
		r = collect_claims(resource, held, &claims);
	if (r < 0)
		return err_set(err, r, "%s: out of memory", resource->name);
	resource->replicas = arena_array(&resource->arena, planned + claims.count,
					 sizeof(*resource->replicas));
	const bool *is_kept_back = find_kept_back(resource, &claims);
	if (!resource->replicas || !is_kept_back)
		return err_set(err, -ENOMEM, "%s: out of memory", resource->name);
	fill_spans(resource, plan, name, &claims, is_kept_back);
	size_t all = resource->replicas_count;
	return all > REPLICAS_MAX ? too_many(resource, all, err) : 0;
}

bool resource_name_is_ours(struct id_text name)
{
	size_t prefix = sizeof(RESOURCE_PREFIX) - 1;
	return name.length > prefix && name.length < RESOURCE_NAME_BYTES &&
	       memcmp(name.bytes, RESOURCE_PREFIX, prefix) == 0;
}

int resource_new(const struct plan *plan, const char *name, struct snapshot *snapshot,
		 const struct held *held, struct resource **ret, struct err *err)
{
	cleanup_resource struct resource *resource = calloc(1, sizeof(*resource));
	if (!resource) {
		(void)snapshot_free(snapshot);
		return err_set(err, -ENOMEM, "out of memory");
	}
	resource->snapshot = snapshot;
	resource->name = arena_copy(&resource->arena, name, strlen(name));
	if (!resource->name)
		return err_set(err, -ENOMEM, "%s: out of memory", name);
	int r = fill(resource, plan, held, err);
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

/* The position in a span, whose ordinals ascend. As long as none is missing an ordinal is its own
 * place, which spares kubelet's lists of ten thousand the search. */
static int find_in_span(const struct resource *resource, const struct resource_span *span,
			int32_t ordinal)
{
	const struct replica *replicas = &resource->replicas[span->first];
	size_t place = ordinal > 0 ? (size_t)ordinal : 0;
	if (place < span->count && replicas[place].ordinal == ordinal)
		return (int)(span->first + place);
	size_t low = 0;
	size_t high = span->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (replicas[middle].ordinal < ordinal)
			low = middle + 1;
		else
			high = middle;
	}
	bool is_there = low < span->count && replicas[low].ordinal == ordinal;
	return is_there ? (int)(span->first + low) : -ENOENT;
}

/* Where the uuid ends need not be searched for: it is as long as one that we have. */
static int find(const struct resource *resource, struct id_text id)
{
	for (size_t i = 0; i < resource->lengths_count; i++) {
		size_t length = resource->lengths[i];
		if (length > id.length)
			continue;
		uint32_t slot = *find_slot(resource, (struct id_text){ id.bytes, length });
		int32_t ordinal = REPLICA_WHOLE;
		if (slot != 0 && replica_parse_end(id, length, &ordinal) == 0)
			return find_in_span(resource, &resource->spans[slot - 1], ordinal);
	}
	return -ENOENT;
}

size_t resource_find_known(const struct resource *resource, const struct id_text *ids, size_t count,
			   uint32_t *ret)
{
	size_t found = 0;
	for (size_t i = 0; i < count; i++) {
		int position = find(resource, ids[i]);
		if (position >= 0)
			ret[found++] = (uint32_t)position;
	}
	return found;
}

int resource_find(const struct resource *resource, struct id_text id)
{
	uint32_t position = 0;
	return resource_find_known(resource, &id, 1, &position) == 1 ? (int)position : -ENOENT;
}

size_t resource_healthy_count(const struct resource *resource)
{
	size_t healthy = 0;
	for (size_t i = 0; i < resource->replicas_count; i++)
		healthy += resource->replicas[i].device->is_healthy ? 1 : 0;
	return healthy;
}
