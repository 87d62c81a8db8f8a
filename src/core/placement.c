/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NVIDIA's greedy allocation, for kubelet's GetPreferredAllocation. One mark a replica and one
 * counter set a GPU, so that a choice costs picks x GPUs and not picks x replicas.
 */
#include "core/placement.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/arena.h"

/* What is known of one GPU while choosing. */
struct load {
	const struct resource_span *span;
	size_t cursor; /* next position to look at; all before it are not candidates */
	size_t candidates;
	size_t picks; /* made in this request */
};

struct choice {
	const struct resource *resource;
	bool *is_candidate; /* one a replica */
	struct load *loads; /* one a span, in the same order */
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

static void count_candidates(struct choice *choice)
{
	const struct resource *resource = choice->resource;
	for (size_t i = 0; i < resource->spans_count; i++) {
		struct load *load = &choice->loads[i];
		load->span = &resource->spans[i];
		load->cursor = load->span->first;
		for (size_t n = 0; n < load->span->count; n++)
			load->candidates += choice->is_candidate[load->span->first + n] ? 1 : 0;
	}
}

static size_t taken(const struct load *load)
{
	return load->span->count - load->candidates;
}

static bool is_better(const struct load *a, const struct load *b, enum allocation_policy policy)
{
	if (taken(a) != taken(b))
		return (taken(a) < taken(b)) == (policy == ALLOCATION_DISTRIBUTED);
	return a->picks < b->picks;
}

/* There is at least one candidate. */
static uint32_t pick(struct choice *choice, enum allocation_policy policy)
{
	struct load *best = NULL;
	for (size_t i = 0; i < choice->resource->spans_count; i++) {
		struct load *load = &choice->loads[i];
		if (load->candidates > 0 && (!best || is_better(load, best, policy)))
			best = load;
	}
	assert(best);
	while (!choice->is_candidate[best->cursor])
		best->cursor++;
	best->candidates--;
	best->picks++;
	return (uint32_t)best->cursor++;
}

int placement_choose(const struct resource *resource, const struct placement_request *request,
		     uint32_t *ret, size_t *ret_count, struct err *err)
{
	cleanup_arena struct arena arena = { 0 };
	struct choice choice = {
		.resource = resource,
		.is_candidate = arena_array(&arena, resource->replicas_count, sizeof(bool)),
		.loads = arena_array(&arena, resource->spans_count, sizeof(struct load)),
	};
	if (!choice.is_candidate || !choice.loads)
		return err_set(err, -ENOMEM, "out of memory");
	mark(&choice, request->available, request->available_count, true);
	mark(&choice, request->required, request->required_count, false);
	size_t needed = request->size > request->required_count
				? request->size - request->required_count
				: 0;
	if (choice.candidates < needed)
		return err_set(err, -ENODEV, "not enough available devices to satisfy allocation");

	count_candidates(&choice);
	if (request->required_count > 0)
		memcpy(ret, request->required, request->required_count * sizeof(*ret));
	for (size_t i = 0; i < needed; i++)
		ret[request->required_count + i] = pick(&choice, request->policy);
	*ret_count = request->required_count + needed;
	return 0;
}
