/* SPDX-License-Identifier: Apache-2.0 */
/* See answer.h. Pure. Invariant: a merged snapshot holds no uuid twice. */
#include "driver/answer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct device *find_by_index(const struct snapshot *snapshot, const char *index)
{
	for (size_t i = 0; snapshot && i < snapshot->devices_count; i++)
		if (strcmp(snapshot->devices[i].index, index) == 0)
			return &snapshot->devices[i];
	return NULL;
}

static bool has_uuid(const struct snapshot *snapshot, const char *uuid)
{
	for (size_t i = 0; i < snapshot->devices_count; i++)
		if (strcmp(snapshot->devices[i].uuid, uuid) == 0)
			return true;
	return false;
}

/* Indices are numbers without leading zeros: the shorter one is the smaller one. */
static int compare_index(const void *a, const void *b)
{
	const char *left = ((const struct device *)a)->index;
	const char *right = ((const struct device *)b)->index;
	size_t left_length = strlen(left);
	size_t right_length = strlen(right);
	if (left_length != right_length)
		return left_length < right_length ? -1 : 1;
	return strcmp(left, right);
}

/* Returns whether there was room and memory. */
static bool add(struct snapshot *snapshot, const struct device *device, bool is_healthy)
{
	struct device *slot = &snapshot->devices[snapshot->devices_count];
	if (!device_copy(&snapshot->arena, device, slot))
		return false;
	slot->is_healthy = is_healthy;
	snapshot->devices_count++;
	return true;
}

int answer_merge(const struct answer *answer, const struct snapshot *before, struct snapshot **ret)
{
	const struct snapshot *now = answer->snapshot;
	cleanup_snapshot struct snapshot *merged = snapshot_new(now->devices_count +
								answer->lost_count);
	if (!merged)
		return -ENOMEM;
	merged->devices_count = 0;
	merged->cuda_version = now->cuda_version;
	merged->driver_version = arena_printf(&merged->arena, "%s", now->driver_version);
	if (!merged->driver_version)
		return -ENOMEM;
	for (size_t i = 0; i < now->devices_count; i++)
		if (!add(merged, &now->devices[i], now->devices[i].is_healthy))
			return -ENOMEM;
	for (size_t i = 0; i < answer->lost_count; i++) {
		const struct device *known = find_by_index(before, answer->lost[i].index);
		if (known && !has_uuid(merged, known->uuid) && !add(merged, known, false))
			return -ENOMEM;
	}
	qsort(merged->devices, merged->devices_count, sizeof(struct device), compare_index);
	*ret = TAKE_PTR(merged);
	return 0;
}

void answer_done(struct answer *answer)
{
	answer->snapshot = snapshot_free(answer->snapshot);
	answer->lost = NULL;
	answer->lost_count = 0;
}
