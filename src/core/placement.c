/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For kubelet's GetPreferredAllocation: whole GPUs by their links, all else by NVIDIA's greedy
 * allocation. There is one mark a replica and one counter set a device, so that a choice costs
 * picks x devices and not picks x replicas.
 */
#include "core/placement.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/arena.h"
#include "core/aligned.h"

/* What is known of one device while choosing. */
struct load {
	const struct resource_span *span;
	size_t cursor; /* next position to look at; all before it are not candidates */
	size_t taken;
	size_t *gpu_taken; /* of all devices of its GPU */
	size_t picks;      /* made in this request */
};

struct choice {
	const struct resource *resource;
	bool *is_candidate; /* one a replica */
	size_t candidates;
};

static void mark(struct choice *choice, const uint32_t *positions, size_t count, bool value)
{
	for (size_t i = 0; i < count; i++) {
		bool *is_candidate = &choice->is_candidate[positions[i]];
		if (*is_candidate == value)
			continue;
		*is_candidate = value;
		choice->candidates = value ? choice->candidates + 1 : choice->candidates - 1;
	}
}

/* Where the GPU stands in the snapshot that is the device or has it as a part. */
static size_t gpu_of(const struct resource *resource, const struct device *device)
{
	return device_is_part(device) ? (size_t)device->parent
				      : (size_t)(device - resource->snapshot->devices);
}

/* One a span, in the same order; NULL when memory is out. */
static struct load *count_loads(const struct choice *choice, struct arena *arena)
{
	const struct resource *resource = choice->resource;
	struct load *loads = arena_array(arena, resource->spans_count, sizeof(*loads));
	size_t *gpus_taken = arena_array(arena, resource->snapshot->devices_count,
					 sizeof(*gpus_taken));
	if (!loads || !gpus_taken)
		return NULL;
	for (size_t i = 0; i < resource->spans_count; i++) {
		struct load *load = &loads[i];
		load->span = &resource->spans[i];
		load->cursor = load->span->first;
		size_t candidates = 0;
		for (size_t n = 0; n < load->span->count; n++)
			candidates += choice->is_candidate[load->span->first + n] ? 1 : 0;
		load->taken = load->span->count - candidates;
		load->gpu_taken = &gpus_taken[gpu_of(resource, load->span->device)];
		*load->gpu_taken += load->taken;
	}
	return loads;
}

static bool is_better(const struct load *a, const struct load *b, enum allocation_policy policy)
{
	if (a->taken != b->taken)
		return (a->taken < b->taken) == (policy == ALLOCATION_DISTRIBUTED);
	if (*a->gpu_taken != *b->gpu_taken)
		return (*a->gpu_taken < *b->gpu_taken) == (policy == ALLOCATION_DISTRIBUTED);
	return a->picks < b->picks;
}

/* There is at least one candidate. */
static uint32_t pick(const struct choice *choice, struct load *loads, enum allocation_policy policy)
{
	struct load *best = NULL;
	for (size_t i = 0; i < choice->resource->spans_count; i++) {
		struct load *load = &loads[i];
		if (load->taken < load->span->count && (!best || is_better(load, best, policy)))
			best = load;
	}
	assert(best);
	while (!choice->is_candidate[best->cursor])
		best->cursor++;
	best->taken++;
	++*best->gpu_taken;
	best->picks++;
	return (uint32_t)best->cursor++;
}

static int choose_one_by_one(struct choice *choice, const struct placement_request *request,
			     struct arena *arena, uint32_t *ret, size_t *ret_count, struct err *err)
{
	mark(choice, request->required, request->required_count, false);
	size_t needed = request->size > request->required_count
				? request->size - request->required_count
				: 0;
	if (choice->candidates < needed)
		return err_set(err, -ENODEV, "not enough available devices to satisfy allocation");

	struct load *loads = count_loads(choice, arena);
	if (!loads)
		return err_set(err, -ENOMEM, "out of memory");
	if (request->required_count > 0)
		memcpy(ret, request->required, request->required_count * sizeof(*ret));
	for (size_t i = 0; i < needed; i++)
		ret[request->required_count + i] = pick(choice, loads, request->policy);
	*ret_count = request->required_count + needed;
	return 0;
}

/* Whether links decide. A resource that is no longer shared may still have ids of replicas, which
 * pods hold. There are spans of all that the node has: those of no replica are not the resource's.
 */
static bool is_of_whole_gpus(const struct resource *resource,
			     const struct placement_request *request)
{
	if (resource->is_shared)
		return false;
	for (size_t i = 0; i < request->available_count; i++)
		if (resource->replicas[request->available[i]].ordinal != REPLICA_WHOLE)
			return false;
	for (size_t i = 0; i < resource->spans_count; i++)
		if (resource->spans[i].count > 0 && device_is_part(resource->spans[i].device))
			return false;
	return true;
}

/* The required replicas, then the candidates in the order of the list; and their GPUs. */
static void list_gpus(const struct choice *choice, const struct placement_request *request,
		      uint32_t *positions, uint32_t *gpus)
{
	const struct resource *resource = choice->resource;
	size_t count = 0;
	for (; count < request->required_count; count++)
		positions[count] = request->required[count];
	for (uint32_t i = 0; i < resource->replicas_count; i++)
		if (choice->is_candidate[i])
			positions[count++] = i;
	for (size_t i = 0; i < count; i++)
		gpus[i] = (uint32_t)gpu_of(resource, resource->replicas[positions[i]].device);
}

static int choose_linked(struct choice *choice, const struct placement_request *request,
			 struct arena *arena, uint32_t *ret, size_t *ret_count, struct err *err)
{
	size_t offered = choice->candidates;
	mark(choice, request->required, request->required_count, false);
	bool is_on_offer = offered - choice->candidates == request->required_count;
	if (!is_on_offer || request->size == 0 || request->size > offered ||
	    request->size < request->required_count) {
		*ret_count = 0;
		return 0;
	}
	uint32_t *positions = arena_array(arena, offered, sizeof(*positions));
	uint32_t *gpus = arena_array(arena, offered, sizeof(*gpus));
	if (!positions || !gpus)
		return err_set(err, -ENOMEM, "out of memory");

	list_gpus(choice, request, positions, gpus);
	struct aligned_request aligned = {
		.snapshot = choice->resource->snapshot,
		.gpus = gpus,
		.gpus_count = offered,
		.required_count = request->required_count,
		.size = request->size,
	};
	int r = aligned_choose(&aligned, ret, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < request->size; i++)
		ret[i] = positions[ret[i]];
	*ret_count = request->size;
	return 0;
}

int placement_choose(const struct resource *resource, const struct placement_request *request,
		     uint32_t *ret, size_t *ret_count, struct err *err)
{
	cleanup_arena struct arena arena = { 0 };
	struct choice choice = {
		.resource = resource,
		.is_candidate = arena_array(&arena, resource->replicas_count, sizeof(bool)),
	};
	if (!choice.is_candidate)
		return err_set(err, -ENOMEM, "out of memory");
	mark(&choice, request->available, request->available_count, true);
	return is_of_whole_gpus(resource, request)
		       ? choose_linked(&choice, request, &arena, ret, ret_count, err)
		       : choose_one_by_one(&choice, request, &arena, ret, ret_count, err);
}
