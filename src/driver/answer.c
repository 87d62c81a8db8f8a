/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See answer.h. Pure. Invariant: a merged snapshot holds no uuid twice, and each part stands behind
 * its GPU.
 */
#include "driver/answer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

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

static const char vanished_reason[] =
	"the driver counts it no longer: see `dmesg | grep Xid` and reset it or reboot the node; if "
	"it was taken out on purpose, send the agent SIGHUP to forget it";

/* Returns the position, or -1. */
static int32_t find_uuid(const struct snapshot *snapshot, const char *uuid)
{
	for (size_t i = 0; i < snapshot->devices_count; i++)
		if (strcmp(snapshot->devices[i].uuid, uuid) == 0)
			return (int32_t)i;
	return -1;
}

static const struct lost_gpu *find_lost(const struct answer *answer, const char *index)
{
	for (size_t i = 0; i < answer->lost_count; i++)
		if (strcmp(answer->lost[i].index, index) == 0)
			return &answer->lost[i];
	return NULL;
}

/* While snapshots are merged; devices of merged are not in order yet. */
struct merge {
	const struct answer *answer;
	const struct snapshot *before;
	struct snapshot *merged;
	size_t room; /* of merged */
};

/* As it was @before but not healthy. One for which there is no room is dropped: that takes more
 * GPUs coming and going than a node has slots. */
static int keep(struct merge *merge, const struct device *device, int32_t parent,
		const char *reason)
{
	struct snapshot *merged = merge->merged;
	if (merged->devices_count == merge->room || find_uuid(merged, device->uuid) >= 0)
		return 0;
	struct device *slot = &merged->devices[merged->devices_count];
	struct device kept = *device;
	kept.is_healthy = false;
	kept.reason = reason;
	kept.parent = parent;
	if (reason == vanished_reason)
		kept.index = device->uuid; /* the others have moved up: its index is another's */
	kept.recovery = DEVICE_RECOVERY_UNKNOWN;
	if (!device_copy(&merged->arena, &kept, slot))
		return -ENOMEM;
	merged->devices_count++;
	return 0;
}

static int keep_gpu(struct merge *merge, size_t position, const char *reason)
{
	const struct snapshot *before = merge->before;
	int r = keep(merge, &before->devices[position], DEVICE_NO_PARENT, reason);
	int32_t parent = find_uuid(merge->merged, before->devices[position].uuid);
	for (size_t i = position + 1; r == 0 && parent >= 0 && i < before->devices_count; i++)
		if (before->devices[i].parent == (int32_t)position)
			r = keep(merge, &before->devices[i], parent, reason);
	return r;
}

/* A part of a GPU that answers is kept only if the driver counts it: GPUs are divided anew. */
static int keep_part(struct merge *merge, const struct device *part)
{
	const struct lost_gpu *lost = find_lost(merge->answer, part->index);
	int32_t parent = find_uuid(merge->merged, merge->before->devices[part->parent].uuid);
	return lost && parent >= 0 ? keep(merge, part, parent, lost->reason) : 0;
}

static int keep_missed(struct merge *merge, bool is_forgetting)
{
	const struct snapshot *before = merge->before;
	int r = 0;
	for (size_t i = 0; r == 0 && before && i < before->devices_count; i++) {
		const struct device *device = &before->devices[i];
		if (find_uuid(merge->merged, device->uuid) >= 0)
			continue;
		const struct lost_gpu *lost = find_lost(merge->answer, device->index);
		if (device_is_part(device))
			r = keep_part(merge, device);
		else if (lost || !is_forgetting)
			r = keep_gpu(merge, i, lost ? lost->reason : vanished_reason);
	}
	return r;
}

/* Where a device belongs in the order. */
struct place {
	uint64_t gpu;    /* index of its GPU */
	size_t family;   /* position of its GPU; GPUs that are gone have no index and come last */
	int64_t part;    /* index of the part, -1 for the GPU */
	size_t position; /* before ordering */
};

static struct place place_of(const struct snapshot *snapshot, size_t position)
{
	const struct device *device = &snapshot->devices[position];
	const char *colon = strchr(device->index, ':');
	size_t family = device_is_part(device) ? (size_t)device->parent : position;
	const char *index = snapshot->devices[family].index;
	return (struct place){
		.gpu = text_is_digit(index[0]) ? strtoull(index, NULL, 10) : UINT64_MAX,
		.family = family,
		.part = device_is_part(device) && colon ? strtoll(colon + 1, NULL, 10) : -1,
		.position = position,
	};
}

static int compare(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_places(const void *a, const void *b)
{
	const struct place *left = a;
	const struct place *right = b;
	int r = compare(left->gpu, right->gpu);
	if (r == 0)
		r = compare(left->family, right->family);
	if (r == 0)
		r = compare((uint64_t)(left->part + 1), (uint64_t)(right->part + 1));
	return r != 0 ? r : compare(left->position, right->position);
}

static void move_links(struct snapshot *snapshot, const uint32_t *moved)
{
	for (size_t i = 0; i < snapshot->links_count; i++) {
		struct link *link = &snapshot->links[i];
		uint32_t first = moved[link->first];
		uint32_t second = moved[link->second];
		link->first = first < second ? first : second;
		link->second = first < second ? second : first;
	}
}

static int put_in_order(struct snapshot *snapshot)
{
	size_t count = snapshot->devices_count;
	struct arena *arena = &snapshot->arena;
	struct device *ordered = arena_array(arena, count, sizeof(*ordered));
	struct place *places = arena_array(arena, count, sizeof(*places));
	uint32_t *moved = arena_array(arena, count, sizeof(*moved)); /* from before to after */
	if (!ordered || !places || !moved)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		places[i] = place_of(snapshot, i);
	qsort(places, count, sizeof(*places), compare_places);
	for (size_t i = 0; i < count; i++) {
		ordered[i] = snapshot->devices[places[i].position];
		moved[places[i].position] = (uint32_t)i;
	}
	for (size_t i = 0; i < count; i++)
		if (device_is_part(&ordered[i]))
			ordered[i].parent = (int32_t)moved[ordered[i].parent];
	snapshot->devices = ordered;
	move_links(snapshot, moved);
	return 0;
}

static bool has_index(const struct snapshot *snapshot, const char *index)
{
	for (size_t i = 0; i < snapshot->devices_count; i++)
		if (strcmp(snapshot->devices[i].index, index) == 0)
			return true;
	return false;
}

/* Lost ones that could not be kept, since nobody ever saw them. The reason comes last: it may be
 * cut off. */
static int tell_lost(const struct answer *answer, struct snapshot *merged)
{
	for (size_t i = 0; i < answer->lost_count; i++) {
		const struct lost_gpu *lost = &answer->lost[i];
		if (has_index(merged, lost->index))
			continue;
		const char *text = arena_printf(
			&merged->arena,
			"GPU %s cannot be described by the driver and is not advertised; see `dmesg "
			"| grep Xid` and reset it or reboot the node: %s",
			lost->index, lost->reason);
		if (!text || !snapshot_add_lost(merged, text))
			return -ENOMEM;
	}
	return 0;
}

int answer_merge(const struct answer *answer, const struct snapshot *before, bool is_forgetting,
		 struct snapshot **ret)
{
	size_t room = answer->snapshot->devices_count + (before ? before->devices_count : 0);
	room = room < DEVICES_MAX ? room : DEVICES_MAX;
	cleanup_snapshot struct snapshot *merged = snapshot_copy_with_room(answer->snapshot, room);
	if (!merged)
		return -ENOMEM;
	struct merge merge = { answer, before, merged, room };
	int r = keep_missed(&merge, is_forgetting);
	if (r == 0)
		r = tell_lost(answer, merged);
	if (r == 0)
		r = put_in_order(merged);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(merged);
	return 0;
}

void answer_done(struct answer *answer)
{
	answer->snapshot = snapshot_free(answer->snapshot);
	answer->lost = NULL;
	answer->lost_count = 0;
}
