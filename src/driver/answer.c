/* SPDX-License-Identifier: Apache-2.0 */
/* See answer.h. Pure. Invariant: a merged snapshot holds no uuid twice. */
#include "driver/answer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool answer_begin(struct answer *answer)
{
	cleanup_snapshot struct snapshot *snapshot = snapshot_new(DEVICES_MAX);
	if (!snapshot)
		return false;
	answer->lost = arena_array(&snapshot->arena, DEVICES_MAX, sizeof(*answer->lost));
	if (!answer->lost)
		return false;
	snapshot->devices_count = 0;
	answer->lost_count = 0;
	answer->snapshot = TAKE_PTR(snapshot);
	return true;
}

static int refuse_too_many(const struct answer *answer, struct err *err)
{
	if (answer->snapshot->devices_count + answer->lost_count < DEVICES_MAX)
		return 0;
	return err_set(err, -E2BIG,
		       "the driver counts more than %d GPUs and parts of GPUs, at most that many "
		       "are handled",
		       DEVICES_MAX);
}

int answer_add(struct answer *answer, const struct device *device, struct err *err)
{
	struct snapshot *snapshot = answer->snapshot;
	int r = refuse_too_many(answer, err);
	if (r < 0)
		return r;
	if (!device_copy(&snapshot->arena, device, &snapshot->devices[snapshot->devices_count]))
		return err_set(err, -ENOMEM, "out of memory");
	snapshot->devices_count++;
	return 0;
}

int answer_add_lost(struct answer *answer, const char *index, const char *reason, struct err *err)
{
	struct arena *arena = &answer->snapshot->arena;
	int r = refuse_too_many(answer, err);
	if (r < 0)
		return r;
	struct lost_gpu lost = {
		.index = arena_printf(arena, "%s", index),
		.reason = arena_printf(arena, "%s", reason),
	};
	if (!lost.index || !lost.reason)
		return err_set(err, -ENOMEM, "out of memory");
	answer->lost[answer->lost_count++] = lost;
	return 0;
}

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
