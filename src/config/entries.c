/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See entries.h. NVIDIA's plugin looks at no two entries together; in a file without a `rota:`
 * block what it lets pass is a warning here. An entry that was refused has no name, and is skipped.
 */
#include "config/entries.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/name.h"

enum {
	PATH_BYTES = 128,
	SUFFIX_BYTES = sizeof(".shared") - 1,
};

/* What is under check; for messages it goes with the file. */
struct list {
	const struct apply *apply;
	const char *path;
	const struct tree *node;
	size_t count;                         /* of its items */
	const struct shared_resource *shared; /* as many; NULL of another list */
};

/* A place in an entry, with room for its path. */
struct at {
	struct finding_place place;
	char path[PATH_BYTES];
};

/* How a list lies in the settings. */
struct layout {
	size_t item_bytes;
	size_t count_offset; /* behind the pointer to the items */
	void (*check)(const struct apply *apply, const char *path, const struct tree *node);
};

static const struct tree *nth(const struct tree *node, size_t n)
{
	const struct tree *item = node->child;
	while (n-- > 0)
		item = item->next;
	return item;
}

/* Where the key @name of entry @i stands; the entry itself when it has none. */
static const struct finding_place *place_of(const struct list *list, size_t i, const char *name,
					    struct at *ret)
{
	const struct tree *item = nth(list->node, i);
	const struct tree *value = tree_find(item, name);
	(void)snprintf(ret->path, sizeof(ret->path), "%s[%zu]%s%s", list->path, i, value ? "." : "",
		       value ? name : "");
	const struct tree *at = value ? value : item;
	ret->place = (struct finding_place){ at->line, at->col, ret->path };
	return &ret->place;
}

static const char *advertised(const struct shared_resource *shared)
{
	return shared->rename ? shared->rename : shared->name;
}

static bool is_of_pattern(const struct resource_patterns *patterns, const char *name)
{
	for (size_t i = 0; i < patterns->count; i++)
		if (patterns->items[i].name && strcmp(patterns->items[i].name, name) == 0)
			return true;
	return false;
}

/* Is it surely the name of devices that are not shared? */
static bool is_plain_name(const struct settings *settings, const char *name)
{
	return strcmp(name, RESOURCE_GPU) == 0 || is_of_pattern(&settings->gpu_patterns, name) ||
	       is_of_pattern(&settings->mig_patterns, name);
}

static bool is_part_name(const struct settings *settings, const char *name)
{
	return strncmp(name, RESOURCE_PART, sizeof(RESOURCE_PART) - 1) == 0 ||
	       is_of_pattern(&settings->mig_patterns, name);
}

static const char no_parts[] =
	"migStrategy is none and parts of GPUs have no names, set it to mixed "
	"or leave the entry out";

/* Why no part of a GPU can have the name, and what to do; NULL: some can. */
static const char *why_no_part(const struct settings *settings, const char *name)
{
	if (settings->mig_strategy == MIG_STRATEGY_NONE)
		return no_parts;
	if (is_of_pattern(&settings->mig_patterns, name))
		return NULL;
	if (settings->mig_patterns.count > 0)
		return "every part of a GPU has a name of resources.mig, share one of those";
	return settings->mig_strategy == MIG_STRATEGY_MIXED
		       ? NULL
		       : "with migStrategy single a part is nvidia.com/gpu, share that or set "
			 "migStrategy to mixed";
}

/* The same of a name that has a meaning, and of any device. The migStrategy is the one in force,
 * since flags and environment are read before the file, and in the file flags before sharing. */
static const char *why_never(const struct settings *settings, const char *name)
{
	bool are_parts_gpus = settings->mig_strategy == MIG_STRATEGY_SINGLE &&
			      settings->mig_patterns.count == 0;
	if (is_of_pattern(&settings->gpu_patterns, name))
		return NULL;
	if (is_part_name(settings, name))
		return why_no_part(settings, name);
	return settings->gpu_patterns.count == 0 || are_parts_gpus
		       ? NULL
		       : "every GPU has a name of resources.gpus, share one of those";
}

/* NVIDIA's plugin skips such an entry silently. */
static void check_name(const struct list *list, size_t i)
{
	const char *name = list->shared[i].name;
	const struct settings *settings = list->apply->settings;
	struct at at;
	if (!is_plain_name(settings, name) && !is_part_name(settings, name)) {
		apply_warn(list->apply, place_of(list, i, "name", &at),
			   "%s is never advertised, the entry has no effect, known: "
			   "nvidia.com/gpu, nvidia.com/mig-<profile>%s",
			   name, list->apply->is_strict ? ", the names of resource patterns" : "");
		return;
	}
	const char *why = why_never(settings, name);
	if (why)
		apply_warn(list->apply, place_of(list, i, "name", &at),
			   "%s is never advertised, the entry has no effect: %s", name, why);
}

/* Checks a length that NVIDIA does not: its plugin starts with such a name and cannot register. */
static void resolve_rename(const struct list *list, size_t i, struct shared_resource *shared)
{
	struct settings *settings = list->apply->settings;
	struct at at;
	if (shared->rename || !settings->time_slicing.rename_by_default)
		return;
	size_t length = strlen(shared->name) + SUFFIX_BYTES;
	if (length > NAME_LENGTH_MAX) {
		apply_refuse(list->apply, place_of(list, i, "name", &at),
			     "%s has %zu characters with the .shared of renameByDefault, allowed: "
			     "%d",
			     shared->name, length, NAME_LENGTH_MAX);
		return;
	}
	shared->rename = arena_printf(&settings->arena, "%s.shared", shared->name);
	if (!shared->rename)
		list->apply->findings->error = -ENOMEM;
}

/* Shares and whole devices under one name could not be told apart; renaming to the own name only
 * undoes renameByDefault. */
static void check_rename(const struct list *list, size_t i)
{
	const struct shared_resource *shared = &list->shared[i];
	const char *name = advertised(shared);
	if (!list->apply->is_strict || strcmp(name, shared->name) == 0)
		return;
	bool is_taken = is_plain_name(list->apply->settings, name);
	for (size_t k = 0; k < list->count; k++)
		is_taken |= list->shared[k].name && strcmp(list->shared[k].name, name) == 0;
	struct at at;
	if (is_taken)
		apply_refuse(list->apply, place_of(list, i, "rename", &at),
			     "%s is also the name of devices that are not shared, choose another",
			     name);
}

/* Do two entries speak of one resource, before or after they are renamed? */
static bool meet(const struct shared_resource *a, const struct shared_resource *b)
{
	return a->name && b->name &&
	       (strcmp(a->name, b->name) == 0 || strcmp(advertised(a), advertised(b)) == 0);
}

static void check_alone(const struct list *list, size_t i)
{
	const struct shared_resource *shared = &list->shared[i];
	struct at at;
	for (size_t k = 0; k < i; k++) {
		const struct shared_resource *other = &list->shared[k];
		bool are_lists = shared->devices.kind == DEVICE_CHOICE_LIST &&
				 other->devices.kind == DEVICE_CHOICE_LIST;
		if (!meet(shared, other) || are_lists)
			continue;
		bool is_same = strcmp(shared->name, other->name) == 0;
		if (!list->apply->is_strict)
			apply_warn(list->apply, place_of(list, i, "name", &at),
				   "a second entry for %s, the larger number of replicas counts, "
				   "write one",
				   shared->name);
		else
			apply_refuse(
				list->apply, place_of(list, i, is_same ? "name" : "rename", &at),
				"a second entry for %s besides entry %zu, allowed: one, or lists "
				"of devices in both with no device in common",
				is_same ? shared->name : advertised(shared), k);
		return;
	}
}

/* Is the device in the list of an entry, before the one numbered @end? */
static bool has_device(const struct shared_resource *shared, size_t end, const char *device)
{
	for (size_t i = 0; i < end; i++)
		if (strcmp(shared->devices.list[i], device) == 0)
			return true;
	return false;
}

/* Cannot see that an index and a UUID are one device: that needs the driver. */
static void check_device(const struct list *list, size_t i, size_t number)
{
	const struct shared_resource *shared = &list->shared[i];
	const char *device = shared->devices.list[number];
	struct at at;
	for (size_t k = 0; k <= i; k++) {
		const struct shared_resource *other = &list->shared[k];
		size_t end = k == i ? number : other->devices.list_count;
		if (!meet(shared, other) || !has_device(other, end, device))
			continue;
		(void)place_of(list, i, "devices", &at);
		const struct tree *devices = tree_find(nth(list->node, i), "devices");
		const struct tree *item = nth(devices, number);
		at.place.line = item->line;
		at.place.col = item->col;
		apply_refuse(list->apply, &at.place,
			     "device %s is shared by entry %zu already, list it once", device, k);
		return;
	}
}

static void check_devices(const struct list *list, size_t i)
{
	size_t total = 0;
	for (size_t k = 0; k <= i; k++)
		total += list->shared[k].devices.list_count;
	struct at at;
	if (total > SCHEMA_DEVICES_MAX) {
		apply_refuse(list->apply, place_of(list, i, "devices", &at),
			     "more than %d devices listed in all entries", SCHEMA_DEVICES_MAX);
		return;
	}
	for (size_t number = 0; number < list->shared[i].devices.list_count; number++)
		check_device(list, i, number);
}

static size_t count_items(const struct tree *node)
{
	size_t count = 0;
	for (const struct tree *item = node->child; item; item = item->next)
		count++;
	return count;
}

static void check_shared(const struct apply *apply, const char *path, const struct tree *node)
{
	struct shared_resource *shared = apply->base;
	const struct list list = { apply, path, node, count_items(node), shared };
	for (size_t i = 0; i < list.count; i++)
		if (shared[i].name)
			resolve_rename(&list, i, &shared[i]);
	for (size_t i = 0; i < list.count; i++) {
		if (!shared[i].name)
			continue;
		check_name(&list, i);
		check_rename(&list, i);
		check_alone(&list, i);
		check_devices(&list, i);
	}
}

static bool is_any(const char *pattern)
{
	return pattern[0] != '\0' && pattern[strspn(pattern, "*")] == '\0';
}

static void check_pattern(const struct list *list, const struct resource_pattern *patterns,
			  size_t i)
{
	const char *pattern = patterns[i].pattern;
	const struct settings *settings = list->apply->settings;
	struct at at;
	if (patterns == settings->mig_patterns.items &&
	    settings->mig_strategy == MIG_STRATEGY_NONE) {
		apply_warn(list->apply, place_of(list, i, "pattern", &at),
			   "the entry has no effect: %s", no_parts);
		return;
	}
	if (pattern[0] == '\0') {
		apply_warn(list->apply, place_of(list, i, "pattern", &at),
			   "an empty pattern never matches, leave the entry out");
		return;
	}
	for (size_t k = 0; k < i; k++) {
		const char *other = patterns[k].pattern;
		if (!other || (!is_any(other) && strcmp(other, pattern) != 0))
			continue;
		apply_warn(list->apply, place_of(list, i, "pattern", &at),
			   "never matches, since entry %zu before it matches all that it does, put "
			   "that one behind it or leave this one out",
			   k);
		return;
	}
}

static void check_patterns(const struct apply *apply, const char *path, const struct tree *node)
{
	const struct list list = { apply, path, node, count_items(node), NULL };
	const struct resource_pattern *patterns = apply->base;
	for (size_t i = 0; i < list.count; i++)
		if (patterns[i].pattern)
			check_pattern(&list, patterns, i);
}

static const struct layout *layout_of(const struct schema_key *key)
{
	static const struct layout shared = {
		.item_bytes = sizeof(struct shared_resource),
		.count_offset = offsetof(struct time_slicing, resources_count) -
				offsetof(struct time_slicing, resources),
		.check = check_shared,
	};
	static const struct layout patterns = {
		.item_bytes = sizeof(struct resource_pattern),
		.count_offset = offsetof(struct resource_patterns, count) -
				offsetof(struct resource_patterns, items),
		.check = check_patterns,
	};
	return key->type == SCHEMA_SHARED ? &shared : &patterns;
}

void *entries_new(const struct apply *apply, const struct schema_key *key, size_t count)
{
	const struct layout *layout = layout_of(key);
	char *field = apply_field(apply, key);
	void *items = arena_array(&apply->settings->arena, count > 0 ? count : 1,
				  layout->item_bytes);
	if (!items) {
		apply->findings->error = -ENOMEM;
		return NULL;
	}
	memcpy(field, &items, sizeof(items));
	memcpy(field + layout->count_offset, &count, sizeof(count));
	return items;
}

void *entries_at(const struct schema_key *key, void *first, size_t i)
{
	return first ? (char *)first + i * layout_of(key)->item_bytes : NULL;
}

void entries_check(const struct apply *apply, const struct schema_key *key,
		   const struct finding_place *place, const struct tree *node)
{
	if (apply->base)
		layout_of(key)->check(apply, place->path, node);
}
