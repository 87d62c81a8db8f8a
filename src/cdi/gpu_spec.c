/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See gpu_spec.h. The driver has told of each GPU, so its node is named whether we see it or not:
 * a runtime that misses it says so for that container, and no other GPU suffers.
 */
#include "cdi/gpu_spec.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cdi/driver_files.h"
#include "cdi/hook_call.h"
#include "core/cdi_class.h"
#include "core/device_node.h"

enum {
	DRI_NODES_MAX = 8, /* a card, its render node, and to spare */
	GIDS_MAX = 8,
	LINKS = 2,
	NAMES = 2, /* of a device: its uuid and its index */
	BUS_ID_BYTES = 32,
};

/* A GPU in MIG mode is given to nobody as a whole, unless its mode is ignored; then its parts are
 * not. */
static bool is_listed(const struct settings *settings, const struct device *device)
{
	bool is_ignored = settings->mig_strategy == MIG_STRATEGY_NONE;
	return is_ignored ? !device_is_part(device) : device_is_part(device) || !device->is_mig;
}

/* As sysfs has it: NVML's in lower case, its domain with four digits where they are enough. False
 * when it is none. */
static bool bus_id_of(const struct device *device, char ret[static BUS_ID_BYTES])
{
	const char *from = device->bus_id;
	size_t length = strspn(from, "0123456789abcdefABCDEF:.");
	if (length == 0 || from[length] != '\0' || length >= BUS_ID_BYTES)
		return false;
	if (strcspn(from, ":") == 8 && strncmp(from, "0000", 4) == 0)
		from += 4;
	size_t i = 0;
	for (; from[i]; i++)
		ret[i] = (char)(from[i] >= 'A' && from[i] <= 'F' ? from[i] - 'A' + 'a' : from[i]);
	ret[i] = '\0';
	return true;
}

static int no_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "out of memory");
}

/* Whether what a link says is one of the nodes; their names tell, since all lie in one folder. */
static bool is_to_node(const char *target, const struct cdi_edits *edits)
{
	const char *slash = strrchr(target, '/');
	const char *name = slash ? slash + 1 : target;
	for (size_t i = 0; i < edits->nodes_count; i++)
		if (strcmp(strrchr(edits->nodes[i].path, '/') + 1, name) == 0)
			return true;
	return false;
}

/* Links that tell graphics programs which card is at which place of the bus. */
static int add_links(const struct cdi_search *search, const char *bus_id, struct cdi_edits *edits,
		     struct err *err)
{
	static const char *const ends[LINKS] = { "card", "render" };
	const char *links[LINKS];
	size_t count = 0;
	for (size_t i = 0; i < LINKS; i++) {
		char target[ROOTED_PATH_BYTES];
		const char *path = arena_printf(search->arena, "/dev/dri/by-path/pci-%s-%s", bus_id,
						ends[i]);
		if (!path)
			return no_memory(err);
		if (rooted_link(search->dev_root, path, target) < 0 || !is_to_node(target, edits))
			continue;
		links[count] = arena_printf(search->arena, "%s::%s", target, path);
		if (!links[count++])
			return no_memory(err);
	}
	int r = hook_call_add(search->settings, CDI_HOOK_CREATE_SYMLINKS, links, count,
			      search->arena, edits);
	return r < 0 ? no_memory(err) : 0;
}

/* The nodes of the GPU as a graphics card; most have none. */
static int add_graphics(const struct cdi_search *search, const struct device *device,
			struct cdi_edits *edits, struct err *err)
{
	char bus_id[BUS_ID_BYTES];
	struct rooted_names names;
	if (!bus_id_of(device, bus_id))
		return 0;
	const char *folder = arena_printf(search->arena, "/sys/bus/pci/devices/%s/drm", bus_id);
	if (!folder)
		return no_memory(err);
	int r = rooted_list(search->settings->root, folder, "[cr]*", search->arena, &names, err);
	for (size_t i = 0; r == 0 && i < names.count; i++) {
		const char *path = arena_printf(search->arena, "/dev/dri/%s", names.items[i]);
		r = path ? cdi_search_nodes(search, &path, 1, edits, err) : no_memory(err);
	}
	return r < 0 ? r : add_links(search, bus_id, edits, err);
}

static int make_device(const struct cdi_search *search, const struct device *device,
		       const char *name, struct cdi_device *ret, struct err *err)
{
	const struct cdi_room room = {
		.nodes = DEVICE_NODES_MAX + DRI_NODES_MAX,
		.hooks = 1,
		.gids = GIDS_MAX,
	};
	char paths[DEVICE_NODES_MAX][DEVICE_NODE_BYTES];
	*ret = (struct cdi_device){ .name = name };
	if (cdi_edits_init(search->arena, &room, &ret->edits) < 0)
		return no_memory(err);
	size_t count = device_node_paths(device, paths);
	int r = 0;
	for (size_t i = 0; i < count && r == 0; i++)
		r = cdi_search_add_node(search, paths[i], &ret->edits, err);
	/* Of the parts only those made for graphics have any. */
	if (r == 0 && (!device_is_part(device) || strstr(device->profile, "gfx")))
		r = add_graphics(search, device, &ret->edits, err);
	return r < 0 ? err_wrap(err, r, "%s", ret->name) : 0;
}

/* What pods hold has both names: a container that was made under the other strategy is started once
 * more by the name that it was given then. */
static int add_device(const struct cdi_search *search, const struct device *device, bool is_held,
		      struct cdi_spec *spec, struct err *err)
{
	bool by_index = search->settings->device_id_strategy == DEVICE_ID_INDEX;
	const char *name = by_index ? device->index : device->uuid;
	const char *other = by_index ? device->uuid : device->index;
	struct cdi_device *made = &spec->devices[spec->devices_count];
	int r = make_device(search, device, name, made, err);
	if (r < 0)
		return r;
	spec->devices_count++;
	if (!is_held || strcmp(name, other) == 0)
		return 0;
	spec->devices[spec->devices_count] = *made; /* the edits are the same ones */
	spec->devices[spec->devices_count++].name = other;
	return 0;
}

int gpu_spec_make(const struct cdi_search *search, const struct snapshot *snapshot,
		  const struct held *held, struct cdi_spec *ret, struct err *err)
{
	struct cdi_spec spec = {
		.kind = cdi_class_kind(CDI_GPU),
		.devices = arena_array(search->arena, NAMES * snapshot->devices_count,
				       sizeof(*spec.devices)),
	};
	if (!spec.devices)
		return no_memory(err);
	for (size_t i = 0; i < snapshot->devices_count; i++) {
		const struct device *device = &snapshot->devices[i];
		bool is_held = held_has_device(held, device->uuid);
		if (!is_listed(search->settings, device) && !is_held)
			continue;
		int r = add_device(search, device, is_held, &spec, err);
		if (r < 0)
			return r;
	}
	if (spec.devices_count > 0) {
		int r = driver_files_find(search, &spec.edits, err);
		if (r < 0)
			return r;
	}
	*ret = spec;
	return 0;
}
