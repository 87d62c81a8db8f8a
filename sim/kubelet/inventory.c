/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kubelet's tables of one resource, rebuilt from scratch with each list. An id that stands in a
 * list once healthy and once unhealthy counts twice, as in kubelet; twice healthy counts once.
 */
#include "sim/kubelet/inventory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *left, const void *right)
{
	const struct inventory_device *a = left;
	const struct inventory_device *b = right;
	int order = strcmp(a->id, b->id);
	return order ? order : (int)b->is_healthy - (int)a->is_healthy;
}

static int copy_device(struct arena *arena, const struct inventory_device *from,
		       struct inventory_device *to)
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
static void settle(struct inventory *inventory)
{
	struct inventory_device *devices = inventory->devices;
	if (inventory->count > 1)
		qsort(devices, inventory->count, sizeof(*devices), compare);
	size_t kept = 0;
	inventory->healthy = 0;
	for (size_t i = 0; i < inventory->count; i++) {
		if (kept > 0 && compare(&devices[kept - 1], &devices[i]) == 0)
			continue;
		devices[kept++] = devices[i];
		inventory->healthy += devices[i].is_healthy ? 1 : 0;
	}
	inventory->count = kept;
}

int inventory_replace(struct inventory *inventory, const struct inventory_device *devices,
		      size_t count)
{
	struct inventory next = { .state = INVENTORY_LISTED, .count = count };
	next.devices = arena_array(&next.arena, count ? count : 1, sizeof(*next.devices));
	int r = next.devices ? 0 : -ENOMEM;
	for (size_t i = 0; i < count && r == 0; i++)
		r = copy_device(&next.arena, &devices[i], &next.devices[i]);
	if (r < 0) {
		arena_done(&next.arena);
		return r;
	}
	settle(&next);
	inventory_done(inventory);
	*inventory = next;
	return 0;
}

void inventory_lose(struct inventory *inventory, uint64_t now_ns)
{
	if (inventory->state == INVENTORY_STOPPED)
		return;
	for (size_t i = 0; i < inventory->count; i++)
		inventory->devices[i].is_healthy = false;
	settle(inventory);
	inventory->state = INVENTORY_LOST;
	inventory->lost_at_ns = now_ns;
}

bool inventory_expire(struct inventory *inventory, uint64_t now_ns, uint64_t grace_ns)
{
	if (inventory->state != INVENTORY_LOST || now_ns - inventory->lost_at_ns < grace_ns)
		return false;
	inventory_stop(inventory);
	return true;
}

void inventory_stop(struct inventory *inventory)
{
	inventory_done(inventory);
	inventory->state = INVENTORY_STOPPED;
}

const struct inventory_device *inventory_find(const struct inventory *inventory, const char *id)
{
	size_t low = 0;
	size_t high = inventory->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(inventory->devices[middle].id, id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == inventory->count || strcmp(inventory->devices[low].id, id) != 0)
		return NULL;
	return &inventory->devices[low];
}

void inventory_done(struct inventory *inventory)
{
	arena_done(&inventory->arena);
	*inventory = (struct inventory){ 0 };
}
