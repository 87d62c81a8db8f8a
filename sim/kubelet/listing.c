/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kubelet's tables of one resource, rebuilt from scratch with each list. An id that stands in a
 * list once healthy and once unhealthy counts twice, as in kubelet; twice healthy counts once.
 */
#include "sim/kubelet/listing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *left, const void *right)
{
	const struct listing_device *a = left;
	const struct listing_device *b = right;
	int order = strcmp(a->id, b->id);
	return order ? order : (int)b->is_healthy - (int)a->is_healthy;
}

static int copy_device(struct arena *arena, const struct listing_device *from,
		       struct listing_device *to)
{
	to->is_healthy = from->is_healthy;
	to->id = arena_copy(arena, from->id, strlen(from->id));
	if (!to->id)
		return -ENOMEM;
	if (from->nodes_count == 0)
		return 0;

	int64_t *nodes = arena_array(arena, from->nodes_count, sizeof(*nodes));
	if (!nodes)
		return -ENOMEM;
	memcpy(nodes, from->nodes, from->nodes_count * sizeof(*nodes));
	to->nodes = nodes;
	to->nodes_count = from->nodes_count;
	return 0;
}

/* Sorts, and drops each device that equals the one before it in id and health. */
static void settle(struct listing *listing)
{
	struct listing_device *devices = listing->devices;
	if (listing->count > 1)
		qsort(devices, listing->count, sizeof(*devices), compare);
	size_t kept = 0;
	listing->healthy = 0;
	for (size_t i = 0; i < listing->count; i++) {
		if (kept > 0 && compare(&devices[kept - 1], &devices[i]) == 0)
			continue;
		devices[kept++] = devices[i];
		listing->healthy += devices[i].is_healthy ? 1 : 0;
	}
	listing->count = kept;
}

int listing_replace(struct listing *listing, const struct listing_device *devices, size_t count)
{
	struct listing next = { .state = LISTING_CURRENT, .count = count };
	next.devices = arena_array(&next.arena, count ? count : 1, sizeof(*next.devices));
	int r = next.devices ? 0 : -ENOMEM;
	for (size_t i = 0; i < count && r == 0; i++)
		r = copy_device(&next.arena, &devices[i], &next.devices[i]);
	if (r < 0) {
		arena_done(&next.arena);
		return r;
	}
	settle(&next);
	listing_done(listing);
	*listing = next;
	return 0;
}

void listing_lose(struct listing *listing, uint64_t now_ns)
{
	if (listing->state == LISTING_STOPPED)
		return;
	for (size_t i = 0; i < listing->count; i++)
		listing->devices[i].is_healthy = false;
	settle(listing);
	listing->state = LISTING_LOST;
	listing->lost_at_ns = now_ns;
}

bool listing_expire(struct listing *listing, uint64_t now_ns, uint64_t grace_ns)
{
	if (listing->state != LISTING_LOST || now_ns - listing->lost_at_ns < grace_ns)
		return false;
	listing_stop(listing);
	return true;
}

void listing_stop(struct listing *listing)
{
	listing_done(listing);
	listing->state = LISTING_STOPPED;
}

const struct listing_device *listing_find(const struct listing *listing, const char *id)
{
	size_t low = 0;
	size_t high = listing->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(listing->devices[middle].id, id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == listing->count || strcmp(listing->devices[low].id, id) != 0)
		return NULL;
	return &listing->devices[low];
}

void listing_done(struct listing *listing)
{
	arena_done(&listing->arena);
	*listing = (struct listing){ 0 };
}
