/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MIG layouts. An instance that says no place gets one: the widest first, each at the last place
 * that is free. Widths are powers of two and places are their multiples, and of two profiles of one
 * width the one with more places has later ones, so what fits at all fits so. That is also how the
 * driver itself places, and its numbering of instances follows from the place.
 */
#include "sim/mig_layout.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/tree.h"
#include "sim/made_uuid.h"
#include "sim/model.h"
#include "sim/reading.h"
#include "sim/scenario.h"

enum {
	START_UNSAID = MODEL_SLICES_MAX,
	COMPUTE_IDS = SCENARIO_COMPUTES_MAX,
};

/* One entry of the list while it is read. */
struct entry {
	const char *profile;
	const char *uuid; /* NULL: made up */
	unsigned start;
};

/* One of a list of compute instances while it is read. */
struct compute_entry {
	const char *profile;
	const char *uuid;
};

struct layout {
	const struct mig_geometry *geometry;
	struct scenario_instance *instances;
	size_t count;
	unsigned taken; /* a bit for each memory slice */
};

static int read_uuid(struct reading *reading, const struct tree *node, void *ret)
{
	static const char letters[] = "0123456789abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ-/";
	if (strncmp(node->text, "MIG-", 4) != 0 || node->text[4] == '\0' ||
	    node->text[strspn(node->text, letters)] != '\0')
		return reading_complain(reading, node,
					"must be a text such as MIG-<hex digits and dashes>");
	return reading_text(reading, node, ret);
}

static int read_start(struct reading *reading, const struct tree *node, void *ret)
{
	uint64_t value = 0;
	int r = reading_number(reading, node, MODEL_SLICES_MAX - 1, &value);
	if (r == 0)
		*(unsigned *)ret = (unsigned)value;
	return r;
}

static const struct reading_field entry_fields[] = {
	{ "profile", reading_text, offsetof(struct entry, profile) },
	{ "uuid", read_uuid, offsetof(struct entry, uuid) },
	{ "start", read_start, offsetof(struct entry, start) },
	{ "compute", reading_later, 0 },
};

static const struct reading_field compute_fields[] = {
	{ "profile", reading_text, offsetof(struct compute_entry, profile) },
	{ "uuid", read_uuid, offsetof(struct compute_entry, uuid) },
};

/* A text alone is its profile. */
static int read_entry(struct reading *reading, const struct tree *node, struct entry *ret)
{
	*ret = (struct entry){ .start = START_UNSAID };
	if (node->kind == TREE_SCALAR)
		return reading_text(reading, node, &ret->profile);
	int r = reading_map(reading, node, entry_fields, ARRAY_LEN(entry_fields), ret);
	if (r == 0 && !ret->profile)
		return reading_complain(reading, node, "a part needs the key profile");
	return r;
}

static int find_profile(struct reading *reading, const struct tree *node,
			const struct mig_geometry *geometry, const char *name,
			const struct mig_profile **ret)
{
	const char *names[32];
	size_t count = 0;
	*ret = model_find_profile(geometry, name);
	if (*ret)
		return 0;
	for (; count < geometry->profiles_count && count < ARRAY_LEN(names); count++)
		names[count] = geometry->profiles[count].name;
	const char *closest = text_closest(name, names, count);
	if (closest)
		return reading_complain(reading, node,
					"this GPU has no profile %s, did you mean %s?", name,
					closest);
	return reading_complain(reading, node, "this GPU has no profile %s", name);
}

/* NVML knows compute instances of 1, 2, 3, 4 and 7 slices; 3 of 4 are none. */
static bool is_compute_size(uint64_t slices, unsigned whole)
{
	return slices <= whole && slices != 5 && slices != 6 && (slices != 3 || whole != 4);
}

/* "1c.3g.20gb" or, for the whole, "3g.20gb". */
static int parse_compute(struct reading *reading, const struct tree *node, const char *name,
			 const struct scenario_instance *instance, unsigned *ret)
{
	const char *whole = instance->profile->name;
	uint64_t slices = instance->profile->slices;
	char number[2] = { name[0], '\0' };
	if (strcmp(name, whole) == 0) {
		*ret = instance->profile->slices;
		return 0;
	}
	if (strncmp(name + 1, "c.", 2) != 0 || strcmp(name + 3, whole) != 0 ||
	    text_parse_u64(number, 1, MODEL_SLICES_MAX, &slices) < 0 ||
	    !is_compute_size(slices, instance->profile->slices))
		return reading_complain(reading, node,
					"%s has no compute instance %s; one is named such as "
					"1c.%s",
					whole, name, whole);
	*ret = (unsigned)slices;
	return 0;
}

static int read_compute(struct reading *reading, const struct tree *node,
			const struct scenario_instance *instance, struct scenario_compute *ret)
{
	struct compute_entry entry = { 0 };
	int r = 0;
	if (node->kind == TREE_SCALAR)
		r = reading_text(reading, node, &entry.profile);
	else
		r = reading_map(reading, node, compute_fields, ARRAY_LEN(compute_fields), &entry);
	if (r < 0)
		return r;
	if (!entry.profile)
		return reading_complain(reading, node, "a part needs the key profile");
	ret->uuid = entry.uuid;
	return parse_compute(reading, node, entry.profile, instance, &ret->slices);
}

static int read_computes(struct reading *reading, const struct tree *list,
			 struct scenario_instance *instance)
{
	unsigned slices = 0;
	int r = reading_list(reading, list, COMPUTE_IDS, &instance->computes_count);
	if (r < 0)
		return r;
	instance->computes = arena_array(reading->arena, instance->computes_count,
					 sizeof(*instance->computes));
	if (!instance->computes)
		return reading_no_memory(reading);
	const struct tree *node = list->child;
	for (unsigned i = 0; i < instance->computes_count; i++, node = node->next) {
		struct scenario_compute *compute = &instance->computes[i];
		r = read_compute(reading, node, instance, compute);
		if (r < 0)
			return r;
		compute->id = i;
		slices += compute->slices;
	}
	if (slices > instance->profile->slices)
		return reading_complain(reading, list, "has %u slices, %s has %u", slices,
					instance->profile->name, instance->profile->slices);
	return 0;
}

/* One compute instance that is all of its GPU instance. */
static int add_whole_compute(struct reading *reading, struct scenario_instance *instance,
			     const char *uuid)
{
	instance->computes = arena_alloc(reading->arena, sizeof(*instance->computes));
	if (!instance->computes)
		return reading_no_memory(reading);
	instance->computes_count = 1;
	instance->computes[0] = (struct scenario_compute){ .uuid = uuid,
							   .slices = instance->profile->slices };
	return 0;
}

static int read_instance(struct reading *reading, const struct tree *node,
			 const struct layout *layout, struct scenario_instance *ret)
{
	struct entry entry;
	int r = read_entry(reading, node, &entry);
	if (r == 0)
		r = find_profile(reading, node, layout->geometry, entry.profile, &ret->profile);
	if (r < 0)
		return r;
	ret->start = entry.start;
	const struct tree *computes = node->kind == TREE_MAP ? tree_find(node, "compute") : NULL;
	if (!computes)
		return add_whole_compute(reading, ret, entry.uuid);
	if (entry.uuid)
		return reading_complain(reading, node,
					"uuid goes with the entries of compute, where there are "
					"some");
	return read_computes(reading, computes, ret);
}

static unsigned count_of(const struct layout *layout, const struct mig_profile *profile)
{
	unsigned count = 0;
	for (size_t i = 0; i < layout->count; i++)
		count += layout->instances[i].profile == profile;
	return count;
}

static int check_counts(struct reading *reading, const struct tree *node,
			const struct layout *layout)
{
	unsigned slices = 0;
	for (size_t i = 0; i < layout->count; i++) {
		const struct mig_profile *profile = layout->instances[i].profile;
		slices += profile->slices;
		if (count_of(layout, profile) > profile->count_max)
			return reading_complain(reading, node, "at most %u of %s fit on one GPU",
						profile->count_max, profile->name);
	}
	if (slices > layout->geometry->slices)
		return reading_complain(reading, node, "has %u compute slices, this GPU has %u",
					slices, layout->geometry->slices);
	return 0;
}

static unsigned slices_at(unsigned start, unsigned width)
{
	return ((1U << width) - 1U) << start;
}

static bool may_start_at(const struct layout *layout, const struct mig_profile *profile,
			 unsigned start)
{
	return start <= profile->last_start && start % profile->width == 0 &&
	       (layout->taken & slices_at(start, profile->width)) == 0;
}

static void take(struct layout *layout, struct scenario_instance *instance, unsigned start)
{
	unsigned width = instance->profile->width;
	unsigned parts = layout->geometry->memory_slices / width; /* of this width on the GPU */
	instance->start = start;
	instance->id = parts - 1 + start / width;
	layout->taken |= slices_at(start, width);
}

static int place_said(struct reading *reading, const struct tree *list, struct layout *layout)
{
	const struct tree *node = list->child;
	for (size_t i = 0; i < layout->count; i++, node = node->next) {
		struct scenario_instance *instance = &layout->instances[i];
		if (instance->start == START_UNSAID)
			continue;
		if (!may_start_at(layout, instance->profile, instance->start))
			return reading_complain(reading, node, "%s cannot start at memory slice %u",
						instance->profile->name, instance->start);
		take(layout, instance, instance->start);
	}
	return 0;
}

/* Of equals the last, since the last place goes first: so the first of the file has the lowest. */
static struct scenario_instance *widest(const struct layout *layout, const bool *is_placed)
{
	struct scenario_instance *found = NULL;
	for (size_t i = layout->count; i-- > 0;)
		if (!is_placed[i] &&
		    (!found || layout->instances[i].profile->width > found->profile->width))
			found = &layout->instances[i];
	return found;
}

static bool place_last(struct layout *layout, struct scenario_instance *instance)
{
	unsigned width = instance->profile->width;
	for (unsigned start = instance->profile->last_start + width; start >= width;) {
		start -= width;
		if (may_start_at(layout, instance->profile, start)) {
			take(layout, instance, start);
			return true;
		}
	}
	return false;
}

static int place_rest(struct reading *reading, const struct tree *list, struct layout *layout)
{
	bool is_placed[MODEL_SLICES_MAX] = { false };
	struct scenario_instance *next = NULL;
	for (size_t i = 0; i < layout->count; i++)
		is_placed[i] = layout->instances[i].start != START_UNSAID;
	while ((next = widest(layout, is_placed))) {
		if (!place_last(layout, next))
			return reading_complain(reading, list, "there is no room for a %s",
						next->profile->name);
		is_placed[next - layout->instances] = true;
	}
	return 0;
}

static void sort_by_id(struct layout *layout)
{
	for (size_t i = 1; i < layout->count; i++) {
		struct scenario_instance moved = layout->instances[i];
		size_t at = i;
		for (; at > 0 && layout->instances[at - 1].id > moved.id; at--)
			layout->instances[at] = layout->instances[at - 1];
		layout->instances[at] = moved;
	}
}

/* From the GPU's own UUID, so that they stay when another GPU leaves the list. */
static int make_uuids(struct reading *reading, const char *gpu_uuid, const struct layout *layout)
{
	uint64_t first = text_digest(gpu_uuid, strlen(gpu_uuid));
	for (size_t i = 0; i < layout->count; i++) {
		struct scenario_instance *instance = &layout->instances[i];
		for (size_t j = 0; j < instance->computes_count; j++) {
			struct scenario_compute *compute = &instance->computes[j];
			if (!compute->uuid)
				compute->uuid = made_uuid(
					reading->arena, "MIG-",
					first + (uint64_t)instance->id * COMPUTE_IDS + compute->id);
			if (!compute->uuid)
				return reading_no_memory(reading);
		}
	}
	return 0;
}

static int place(struct reading *reading, const struct tree *node, struct layout *layout)
{
	int r = check_counts(reading, node, layout);
	if (r == 0)
		r = place_said(reading, node, layout);
	if (r == 0)
		r = place_rest(reading, node, layout);
	if (r < 0)
		return r;
	sort_by_id(layout);
	return 0;
}

int mig_layout_read(struct reading *reading, const struct tree *node, struct scenario_gpu *gpu)
{
	struct layout layout = { .geometry = gpu->model->mig };
	if (!layout.geometry)
		return reading_complain(reading, node, "%s has no MIG", gpu->name);
	int r = reading_list(reading, node, layout.geometry->memory_slices, &layout.count);
	if (r < 0)
		return r;
	layout.instances = arena_array(reading->arena, layout.count, sizeof(*layout.instances));
	if (!layout.instances)
		return reading_no_memory(reading);
	const struct tree *entry = node->child;
	for (size_t i = 0; i < layout.count; i++, entry = entry->next) {
		r = read_instance(reading, entry, &layout, &layout.instances[i]);
		if (r < 0)
			return r;
	}
	r = place(reading, node, &layout);
	if (r == 0)
		r = make_uuids(reading, gpu->uuid, &layout);
	if (r < 0)
		return r;
	gpu->is_mig = true;
	gpu->instances = layout.instances;
	gpu->instances_count = layout.count;
	return 0;
}

static bool has_part(const struct scenario_gpu *gpu, const char *uuid)
{
	for (size_t i = 0; i < gpu->instances_count; i++)
		for (size_t j = 0; j < gpu->instances[i].computes_count; j++)
			if (strcmp(gpu->instances[i].computes[j].uuid, uuid) == 0)
				return true;
	return false;
}

static const char *twin_among(const struct scenario_gpu *gpu, const struct scenario_gpu *other)
{
	for (size_t i = 0; i < gpu->instances_count; i++)
		for (size_t j = 0; j < gpu->instances[i].computes_count; j++)
			if (has_part(other, gpu->instances[i].computes[j].uuid))
				return gpu->instances[i].computes[j].uuid;
	return NULL;
}

/* Of those on one GPU, an instance is compared with the ones before it. */
static const char *twin_inside(const struct scenario_gpu *gpu)
{
	for (size_t i = 0; i < gpu->instances_count; i++)
		for (size_t j = 0; j < gpu->instances[i].computes_count; j++) {
			const struct scenario_compute *computes = gpu->instances[i].computes;
			struct scenario_instance same = { .computes = gpu->instances[i].computes,
							  .computes_count = j };
			struct scenario_gpu before = { .instances = gpu->instances,
						       .instances_count = i };
			struct scenario_gpu beside = { .instances = &same, .instances_count = 1 };
			if (has_part(&before, computes[j].uuid) ||
			    has_part(&beside, computes[j].uuid))
				return computes[j].uuid;
		}
	return NULL;
}

int mig_layout_refuse_twins(struct reading *reading, const struct tree *node,
			    const struct scenario_gpu *gpu, const struct scenario_gpu *others,
			    size_t count)
{
	const char *uuid = twin_inside(gpu);
	for (size_t i = 0; !uuid && i < count; i++)
		if (strcmp(others[i].uuid, gpu->uuid) != 0)
			uuid = twin_among(gpu, &others[i]);
	if (uuid)
		return reading_complain(reading, node, "the uuid %s stands twice", uuid);
	return 0;
}

void mig_layout_name(const struct scenario_instance *instance,
		     const struct scenario_compute *compute, char ret[static MIG_LAYOUT_NAME_BYTES])
{
	/* fits: the longest profile is 1g.24gb+me.all */
	if (compute->slices == instance->profile->slices)
		(void)snprintf(ret, MIG_LAYOUT_NAME_BYTES, "%s", instance->profile->name);
	else
		(void)snprintf(ret, MIG_LAYOUT_NAME_BYTES, "%uc.%s", compute->slices,
			       instance->profile->name);
}
