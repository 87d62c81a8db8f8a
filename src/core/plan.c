/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NVIDIA's rules from a device to its resource name (plugin v0.20), in two steps: a base name by
 * MIG strategy and patterns, then the sharing entries of that base name. What cannot be as it was
 * written, on this node, is a complaint and not an error, so that one odd GPU does not take the
 * others away.
 */
#include "core/plan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define SINGLE_REMEDY \
	"; partition all GPUs of the node alike (`nvidia-smi mig`), or set migStrategy to mixed"

enum {
	COMPLAINT_BYTES = 256
};

/* What the rules work on. base: the name of each device before sharing, NULL: not advertised. */
struct work {
	const struct settings *settings;
	const struct snapshot *snapshot;
	struct plan *plan;
	const char **base;
};

__attribute__((format(printf, 2, 3))) static int complain(struct plan *plan, const char *format,
							  ...)
{
	char text[COMPLAINT_BYTES];
	va_list args;
	if (plan->complaints_count == PLAN_COMPLAINTS_MAX)
		return 0;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args); /* a cut text still tells */
	va_end(args);
	const char *copy = arena_printf(&plan->arena, "%s", text);
	if (!copy)
		return -ENOMEM;
	plan->complaints[plan->complaints_count++] = copy;
	return 0;
}

/* "*" stands for any run of characters, both ends are anchored. Greedy with one step back, so it
 * takes at most pattern times text steps. */
static bool matches(const char *pattern, const char *text)
{
	const char *star = NULL;
	const char *resume = NULL;
	while (*text) {
		if (*pattern == '*') {
			star = ++pattern;
			resume = text;
		} else if (*pattern == *text) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star;
			text = ++resume;
		} else {
			return false;
		}
	}
	return pattern[strspn(pattern, "*")] == '\0';
}

static const char *find_pattern(const struct resource_patterns *patterns, const char *text)
{
	for (size_t i = 0; i < patterns->count; i++)
		if (matches(patterns->items[i].pattern, text))
			return patterns->items[i].name;
	return NULL;
}

static int count_parts(const struct snapshot *snapshot, size_t gpu)
{
	int count = 0;
	for (size_t i = gpu + 1; i < snapshot->devices_count; i++)
		count += snapshot->devices[i].parent == (int32_t)gpu ? 1 : 0;
	return count;
}

/* Strategy single names all parts of the node alike, so they must be alike. */
static int check_single(const struct snapshot *snapshot, struct err *err)
{
	const char *profile = NULL;
	size_t whole = 0;
	for (size_t i = 0; i < snapshot->devices_count; i++) {
		const struct device *device = &snapshot->devices[i];
		bool is_part = device_is_part(device);
		whole += !is_part && !device->is_mig && !device_is_missing(device) ? 1 : 0;
		if (!is_part && device->is_mig && count_parts(snapshot, i) == 0)
			return err_set(
				err, -EINVAL,
				"invalid MIG configuration: at least one device with "
				"migEnabled=true was not configured correctly: device %s has "
				"no MIG devices configured" SINGLE_REMEDY,
				device->index);
		if (is_part && profile && strcmp(profile, device->profile) != 0)
			return err_set(err, -EINVAL,
				       "invalid MIG configuration: more than one MIG device type "
				       "present on node (%s, %s)" SINGLE_REMEDY,
				       profile, device->profile);
		profile = is_part ? device->profile : profile;
	}
	if (profile && whole > 0)
		return err_set(err, -EINVAL,
			       "invalid MIG configuration: all devices on the node must be "
			       "configured with the same migEnabled value" SINGLE_REMEDY);
	return 0;
}

/* Otherwise NVIDIA's runtime looks for them itself, by the uuid. */
static bool gives_nodes(const struct settings *settings)
{
	return settings->pass_device_specs ||
	       (settings->device_list_strategies &
		(DEVICE_LIST_CDI_ANNOTATIONS | DEVICE_LIST_CDI_CRI)) != 0;
}

/* In NVIDIA's words, whose plugin ends with them. */
static int complain_of_capabilities(struct work *work, size_t gpu)
{
	unsigned unknown = 0;
	for (size_t i = gpu + 1; i < work->snapshot->devices_count; i++) {
		const struct device *part = &work->snapshot->devices[i];
		unknown += part->parent == (int32_t)gpu &&
					   (part->gpu_capability == DEVICE_NO_CAPABILITY ||
					    part->compute_capability == DEVICE_NO_CAPABILITY)
				   ? 1
				   : 0;
	}
	if (unknown == 0 || !gives_nodes(work->settings))
		return 0;
	return complain(work->plan,
			"GPU %s: missing MIG GPU instance capability path: "
			"/proc/driver/nvidia-caps/mig-minors lacks %u of its MIG devices, so "
			"containers cannot use them; if the host's file lacks them too, load the "
			"nvidia module anew or reboot the node",
			work->snapshot->devices[gpu].index, unknown);
}

/* What is odd about a GPU in MIG mode. */
static int complain_of_mig(struct work *work, size_t gpu)
{
	const struct device *device = &work->snapshot->devices[gpu];
	if (!device->is_mig)
		return 0;
	if (work->settings->mig_strategy == MIG_STRATEGY_NONE)
		return complain(
			work->plan,
			"GPU %s is in MIG mode, but migStrategy is none, so it is "
			"advertised whole while no pod holds a part of it; set migStrategy to "
			"mixed or single, or switch its MIG mode off",
			device->index);
	if (count_parts(work->snapshot, gpu) == 0)
		return complain(
			work->plan,
			"GPU %s is in MIG mode and has no MIG devices, so nothing of it is "
			"advertised; create some (`nvidia-smi mig -cgi`), or switch its MIG "
			"mode off",
			device->index);
	return complain_of_capabilities(work, gpu);
}

static int name_gpu(struct work *work, size_t position)
{
	const struct device *device = &work->snapshot->devices[position];
	const struct resource_patterns *patterns = &work->settings->gpu_patterns;
	int r = complain_of_mig(work, position);
	if (r < 0 || (device->is_mig && work->settings->mig_strategy != MIG_STRATEGY_NONE))
		return r;
	const char *name = patterns->count > 0 ? find_pattern(patterns, device->model)
					       : RESOURCE_GPU;
	work->base[position] = name;
	return name ? 0
		    : complain(work->plan,
			       "GPU name '%s' does not match any resource patterns, so it is not "
			       "advertised; add a pattern to resources.gpus",
			       device->model);
}

/* The name of a part by its profile; "+" is not allowed in a resource name. */
static const char *name_by_profile(struct arena *arena, const char *profile)
{
	char *name = arena_printf(arena, RESOURCE_PART "%s", profile);
	for (char *plus = name ? strchr(name, '+') : NULL; plus; plus = strchr(plus, '+'))
		*plus = '.';
	return name;
}

static int name_part(struct work *work, size_t position)
{
	const struct device *device = &work->snapshot->devices[position];
	const struct resource_patterns *patterns = &work->settings->mig_patterns;
	const char **name = &work->base[position];
	switch (work->settings->mig_strategy) {
	case MIG_STRATEGY_NONE:
		return 0;
	case MIG_STRATEGY_SINGLE:
		*name = patterns->count > 0 ? find_pattern(patterns, device->profile)
					    : RESOURCE_GPU;
		break;
	case MIG_STRATEGY_MIXED:
		*name = find_pattern(patterns, device->profile);
		if (*name || patterns->count > 0)
			break;
		*name = name_by_profile(&work->plan->arena, device->profile);
		if (!*name)
			return -ENOMEM;
		break;
	}
	return *name ? 0
		     : complain(work->plan,
				"MIG profile '%s' does not match any resource patterns, so it is "
				"not advertised; add a pattern to resources.mig",
				device->profile);
}

/* A list item names a device by index, by uuid, or as MIG-GPU-<uuid>/<gi>/<ci>, which drivers
 * before R470 had. */
static bool is_named(const struct work *work, const struct device *device, const char *item)
{
	if (strcmp(item, device->index) == 0 || strcmp(item, device->uuid) == 0)
		return true;
	if (!device_is_part(device))
		return false;
	char old[COMPLAINT_BYTES];
	(void)snprintf(old, sizeof(old), "MIG-%s/%u/%u", /* a longer one is not the item */
		       work->snapshot->devices[device->parent].uuid, device->gpu_instance,
		       device->compute_instance);
	return strcmp(item, old) == 0;
}

static bool is_of(const struct work *work, size_t device, const char *name)
{
	return work->base[device] && strcmp(work->base[device], name) == 0;
}

/* Whether @entry, which is for the base name of device @position, takes this device. */
static bool is_chosen(const struct work *work, size_t position, const struct shared_resource *entry)
{
	const struct device_choice *choice = &entry->devices;
	uint32_t before = 0;
	switch (choice->kind) {
	case DEVICE_CHOICE_ALL:
		return true;
	case DEVICE_CHOICE_COUNT:
		for (size_t i = 0; i < position; i++)
			before += is_of(work, i, entry->name) ? 1 : 0;
		return before < choice->count;
	case DEVICE_CHOICE_LIST:
		break;
	}
	for (size_t i = 0; i < choice->list_count; i++)
		if (is_named(work, &work->snapshot->devices[position], choice->list[i]))
			return true;
	return false;
}

static const struct shared_resource *find_entry(const struct work *work, size_t position)
{
	const struct time_slicing *sharing = &work->settings->time_slicing;
	const struct shared_resource *best = NULL;
	for (size_t i = 0; i < sharing->resources_count; i++) {
		const struct shared_resource *entry = &sharing->resources[i];
		if (is_of(work, position, entry->name) && is_chosen(work, position, entry) &&
		    (!best || entry->replicas > best->replicas))
			best = entry;
	}
	return best;
}

int32_t plan_find(const struct plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->names_count; i++)
		if (strcmp(plan->names[i], name) == 0)
			return (int32_t)i;
	return PLAN_NOT_ADVERTISED;
}

static int add_name(struct plan *plan, const char *name, int32_t *ret, struct err *err)
{
	*ret = plan_find(plan, name);
	if (*ret != PLAN_NOT_ADVERTISED)
		return 0;
	if (plan->names_count == PLAN_NAMES_MAX)
		return err_set(err, -E2BIG,
			       "the node would have more than %d resource names, name fewer in "
			       "resources and sharing",
			       PLAN_NAMES_MAX);
	*ret = (int32_t)plan->names_count;
	plan->names[plan->names_count++] = name;
	return 0;
}

static int share(struct work *work, size_t position, struct err *err)
{
	struct plan_device *device = &work->plan->devices[position];
	const char *name = work->base[position];
	*device = (struct plan_device){ PLAN_NOT_ADVERTISED, 1 };
	if (!name)
		return 0;
	const struct shared_resource *entry = find_entry(work, position);
	if (entry) {
		device->replicas = entry->replicas;
		name = entry->rename ? entry->rename : name;
	}
	return add_name(work->plan, name, &device->name, err);
}

/* Whether some device of the entry's name is what @item says. */
static bool has_device(const struct work *work, const struct shared_resource *entry,
		       const char *item)
{
	for (size_t i = 0; i < work->snapshot->devices_count; i++)
		if (is_of(work, i, entry->name) &&
		    is_named(work, &work->snapshot->devices[i], item))
			return true;
	return false;
}

static int complain_of_list(struct work *work, const struct shared_resource *entry)
{
	const struct device_choice *choice = &entry->devices;
	for (size_t i = 0; i < choice->list_count; i++) {
		const char *item = choice->list[i];
		bool is_uuid = strncmp(item, "GPU-", 4) == 0 || strncmp(item, "MIG-", 4) == 0;
		int r = has_device(work, entry, item)
				? 0
				: complain(work->plan,
					   "sharing of %s: no matching device %s: %s; see `rota "
					   "devices`",
					   entry->name, is_uuid ? "with UUID" : "at index", item);
		if (r < 0)
			return r;
	}
	return 0;
}

/* What an entry asks for and this node does not have. */
static int complain_of_entry(struct work *work, const struct shared_resource *entry)
{
	uint32_t available = 0;
	for (size_t i = 0; i < work->snapshot->devices_count; i++)
		available += is_of(work, i, entry->name) ? 1 : 0;
	switch (entry->devices.kind) {
	case DEVICE_CHOICE_ALL:
		return 0;
	case DEVICE_CHOICE_COUNT:
		if (available >= entry->devices.count)
			return 0;
		return complain(work->plan,
				"sharing of %s: requested %u devices to be replicated, but only %u "
				"devices available; all of them are shared",
				entry->name, entry->devices.count, available);
	case DEVICE_CHOICE_LIST:
		break;
	}
	return complain_of_list(work, entry);
}

static int complain_of_entries(struct work *work)
{
	const struct time_slicing *sharing = &work->settings->time_slicing;
	int r = 0;
	for (size_t i = 0; i < sharing->resources_count && r == 0; i++)
		r = complain_of_entry(work, &sharing->resources[i]);
	return r;
}

/* What is missing could be anything, so that it has no name of its own. */
static int name_device(struct work *work, size_t position)
{
	const struct device *device = &work->snapshot->devices[position];
	if (device_is_missing(device))
		return 0;
	return device_is_part(device) ? name_part(work, position) : name_gpu(work, position);
}

static int name_devices(struct work *work)
{
	int r = 0;
	for (size_t i = 0; i < work->snapshot->devices_count && r == 0; i++)
		r = name_device(work, i);
	return r == 0 ? complain_of_entries(work) : r;
}

/* First of all, so that no list of small oddities hides them. */
static int complain_of_lost(struct work *work)
{
	int r = 0;
	for (size_t i = 0; i < work->snapshot->lost_count && r == 0; i++)
		r = complain(work->plan, "%s", work->snapshot->lost[i]);
	return r;
}

/* What no Xid counts on misses none. */
static int complain_of_unwatched(struct work *work)
{
	int r = 0;
	bool is_missed = !xid_set_is_empty(&work->settings->health_xids);
	for (size_t i = 0; i < work->snapshot->devices_count && is_missed && r == 0; i++)
		if (work->snapshot->devices[i].is_unwatched)
			r = complain(work->plan,
				     "GPU %s: the driver reports no Xid errors of it, so only what "
				     "it answers when asked makes the GPU unhealthy; use a newer "
				     "driver or GPU, or set DP_DISABLE_HEALTHCHECKS=xids to do "
				     "without Xids on this node",
				     work->snapshot->devices[i].index);
	return r;
}

/* Without base names nothing is offered. */
static int refuse_unlike(struct work *work)
{
	struct err cause = ERR_INIT;
	if (work->settings->mig_strategy != MIG_STRATEGY_SINGLE ||
	    check_single(work->snapshot, &cause) == 0)
		return 0;
	work->plan->refusal = arena_printf(&work->plan->arena, "%s", cause.msg);
	return work->plan->refusal ? 0 : -ENOMEM;
}

int plan_make(const struct settings *settings, const struct snapshot *snapshot, struct plan *ret,
	      struct err *err)
{
	size_t count = snapshot->devices_count;
	struct work work = { .settings = settings, .snapshot = snapshot, .plan = ret };
	work.base = arena_array(&ret->arena, count, sizeof(*work.base));
	ret->devices = arena_array(&ret->arena, count, sizeof(*ret->devices));
	if (!work.base || !ret->devices)
		return err_set(err, -ENOMEM, "out of memory");
	ret->devices_count = count;
	int r = complain_of_lost(&work);
	if (r == 0)
		r = refuse_unlike(&work);
	if (r == 0 && !ret->refusal)
		r = name_devices(&work);
	if (r == 0)
		r = complain_of_unwatched(&work);
	if (r < 0)
		return err_set(err, r, "out of memory");
	for (size_t i = 0; i < count && r == 0; i++)
		r = share(&work, i, err);
	return r;
}

void plan_done(struct plan *plan)
{
	arena_done(&plan->arena);
	*plan = (struct plan){ 0 };
}
