/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NVIDIA's Allocate: checks first, then the names of the devices in the order of the request, each
 * once, so that two replicas of one GPU expose one GPU. Each device list strategy says them in its
 * own way.
 */
#include "core/allocation.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "core/device_node.h"

/* Words of the contract with NVIDIA's container runtime. */
#define VISIBLE_DEVICES "NVIDIA_VISIBLE_DEVICES"
#define MOUNTS_FOLDER   "/var/run/nvidia-container-devices"
#define IMEX_CHANNEL    "0"

enum {
	/* DEVICES_MAX names of the longest uuid fit, each with the kind of its class. */
	NAMES_BYTES_MAX = 64 << 10,
};

static int refuse(const struct resource *resource, int code, struct err *err)
{
	return err_wrap(err, code, "invalid allocation request for \"%s\": invalid request",
			resource->name);
}

/* Positions of the ids in the resource. */
static int find_all(const struct resource *resource, const struct id_text *ids, size_t ids_count,
		    size_t *ret, struct err *err)
{
	for (size_t i = 0; i < ids_count; i++) {
		int position = resource_find(resource, ids[i]);
		/* Of one that is missing there is nothing to say to a container. */
		if (position < 0 || device_is_missing(resource->replicas[position].device)) {
			int length = ids[i].length < ERR_TEXT_BYTES ? (int)ids[i].length
								    : ERR_TEXT_BYTES;
			(void)err_set(err, -EINVAL, "unknown device: %.*s", length, ids[i].bytes);
			return refuse(resource, -EINVAL, err);
		}
		ret[i] = (size_t)position;
	}
	return 0;
}

/* What is asked for, checked. Arrays live in the arena of the edits. */
struct request {
	const struct resource *resource;
	const struct settings *settings;
	const struct allocation_inputs *inputs;
	size_t *positions; /* of the ids, in the resource */
	size_t positions_count;
	const char **names; /* of the devices, each once */
	size_t names_count;
	bool has_list;       /* in a variable */
	bool has_mounts;     /* or by mounts */
	bool has_annotation; /* or by CDI, in an annotation */
	bool has_cdi_field;  /* or in a field of the answer */
	bool has_nodes;      /* with device nodes */
	bool has_channel;    /* with the IMEX channel */
};

/* What counts is what was asked for: of a device that is shared no more pods may hold replicas. */
static bool has_replica(const struct request *request)
{
	for (size_t i = 0; i < request->positions_count; i++)
		if (request->resource->replicas[request->positions[i]].ordinal != REPLICA_WHOLE)
			return true;
	return false;
}

static int check(const struct request *request, struct err *err)
{
	size_t count = request->positions_count;
	if (count <= 1 || !request->settings->time_slicing.fail_requests_greater_than_one ||
	    !has_replica(request))
		return 0;
	(void)err_set(err, -EPERM, "maximum request size for shared resources is 1; found %zu",
		      count);
	return refuse(request->resource, -EPERM, err);
}

static const struct device *device_of(const struct request *request, size_t i)
{
	return request->resource->replicas[request->positions[i]].device;
}

static int find_names(struct request *request, struct arena *arena)
{
	const struct snapshot *snapshot = request->resource->snapshot;
	bool by_index = request->settings->device_id_strategy == DEVICE_ID_INDEX;
	bool *is_named = arena_array(arena, snapshot->devices_count, sizeof(*is_named));
	request->names = arena_array(arena, snapshot->devices_count, sizeof(*request->names));
	if (!is_named || !request->names)
		return -ENOMEM;
	for (size_t i = 0; i < request->positions_count; i++) {
		const struct device *device = device_of(request, i);
		bool *done = &is_named[device - snapshot->devices];
		if (!*done)
			request->names[request->names_count++] = by_index ? device->index
									  : device->uuid;
		*done = true;
	}
	return 0;
}

static int join(const char *const *names, size_t count, struct buf *ret)
{
	for (size_t i = 0; i < count; i++)
		(void)buf_printf(ret, "%s%s", i > 0 ? "," : "", names[i]);
	return buf_append(ret, "", 0); /* tells also what went wrong above */
}

static int add_names(const struct request *request, struct edits *edits)
{
	cleanup_buf struct buf names = BUF_INIT(NAMES_BYTES_MAX);
	int r = join(request->names, request->names_count, &names);
	return r < 0 ? r : edits_add_env(edits, VISIBLE_DEVICES, names.data);
}

/* With both strategies the mounts win, as in NVIDIA's plugin. */
static int add_envs(const struct request *request, struct edits *edits)
{
	const struct settings *settings = request->settings;
	int r = 0;
	if (request->has_mounts)
		r = edits_add_env(edits, VISIBLE_DEVICES, MOUNTS_FOLDER);
	else if (request->has_list)
		r = add_names(request, edits);
	if (r == 0 && request->has_list && request->has_channel)
		r = edits_add_env(edits, "NVIDIA_IMEX_CHANNELS", IMEX_CHANNEL);

	const struct {
		const char *name;
		bool is_enabled;
	} parts[] = {
		{ "NVIDIA_GDRCOPY", settings->gdrcopy_enabled },
		{ "NVIDIA_GDS", settings->gds_enabled },
		{ "NVIDIA_MOFED", settings->mofed_enabled },
	};
	for (size_t i = 0; i < ARRAY_LEN(parts) && r == 0; i++)
		if (parts[i].is_enabled)
			r = edits_add_env(edits, parts[i].name, "enabled");
	return r;
}

static int add_mount(struct edits *edits, const char *folder, const char *name)
{
	const char *path = arena_printf(&edits->arena, "%s/%s", folder, name);
	return path ? edits_add_mount(edits, &(struct edit_mount){ path, "/dev/null", false })
		    : -ENOMEM;
}

/* The names of the mount points say it; what is mounted does not matter. */
static int add_mounts(const struct request *request, struct edits *edits)
{
	int r = 0;
	for (size_t i = 0; i < request->names_count && r == 0; i++)
		r = add_mount(edits, MOUNTS_FOLDER, request->names[i]);
	if (r == 0 && request->has_channel)
		r = add_mount(edits, MOUNTS_FOLDER "/imex", IMEX_CHANNEL);
	return r;
}

/* The container sees the path that the host has below its dev root. */
static int add_device(const struct request *request, const char *path, struct edits *edits)
{
	const char *root = request->settings->dev_root;
	size_t length = strlen(root);
	while (length > 0 && root[length - 1] == '/')
		length--;
	const char *host_path = arena_printf(&edits->arena, "%.*s%s", (int)length, root, path);
	if (!host_path)
		return -ENOMEM;
	return edits_add_device(edits,
				&(struct edit_device){ host_path + length, host_path, "rw" });
}

static int add_nodes_of(const struct request *request, const struct device *device,
			struct edits *edits)
{
	char paths[DEVICE_NODES_MAX][DEVICE_NODE_BYTES];
	size_t count = device_node_paths(device, paths);
	int r = 0;
	for (size_t i = 0; i < count && r == 0; i++)
		r = add_device(request, paths[i], edits);
	return r;
}

/* Two replicas of a GPU give its node twice, as in NVIDIA's plugin; kubelet takes one. */
static int add_devices(const struct request *request, struct edits *edits)
{
	int r = 0;
	for (size_t i = 0; i < request->inputs->control_count && r == 0; i++)
		r = add_device(request, request->inputs->control[i], edits);
	for (size_t i = 0; i < request->positions_count && r == 0; i++)
		r = add_nodes_of(request, device_of(request, i), edits);
	if (r == 0 && request->has_channel)
		r = add_device(request, ALLOCATION_IMEX_NODE, edits);
	return r;
}

static int name_cdi_device(enum cdi_class class, const char *name, struct edits *edits)
{
	const char *qualified = arena_printf(&edits->arena, "%s=%s", cdi_class_kind(class), name);
	return qualified ? edits_add_cdi_device(edits, qualified) : -ENOMEM;
}

/* Beside the GPUs what is wanted and has a specification: the runtime refuses a container for a
 * name that it does not know. */
static int name_cdi_devices(const struct request *request, struct edits *edits)
{
	unsigned classes = cdi_class_wanted(request->settings) & request->inputs->cdi_classes;
	int r = 0;
	for (size_t i = 0; i < request->names_count && r == 0; i++)
		r = name_cdi_device(CDI_GPU, request->names[i], edits);
	for (unsigned i = CDI_GPU + 1; i < CDI_CLASSES && r == 0; i++)
		if (classes & CDI_BIT(i))
			r = name_cdi_device(i, cdi_class_device(i), edits);
	return r;
}

static int add_annotation(const struct request *request, struct edits *edits)
{
	cleanup_buf struct buf names = BUF_INIT(NAMES_BYTES_MAX);
	int r = join(edits->cdi_devices, edits->cdi_devices_count, &names);
	if (r < 0)
		return r;
	const char *key = arena_printf(&edits->arena, "%snvidia-device-plugin_%s",
				       request->settings->cdi_annotation_prefix,
				       request->inputs->unique);
	return key ? edits_add_annotation(edits, key, names.data) : -ENOMEM;
}

static int add_cdi(const struct request *request, struct edits *edits)
{
	int r = name_cdi_devices(request, edits);
	if (r == 0 && request->has_annotation)
		r = add_annotation(request, edits);
	if (!request->has_cdi_field)
		edits->cdi_devices_count = 0; /* said by the annotation alone */
	return r;
}

static struct edits_room room_for(const struct request *request)
{
	size_t channels = request->has_channel ? 1 : 0;
	struct edits_room room = { 0 };
	if (request->has_mounts)
		room.mounts = request->names_count + channels;
	if (request->has_nodes)
		room.devices = request->inputs->control_count +
			       DEVICE_NODES_MAX * request->positions_count + channels;
	if (request->has_annotation || request->has_cdi_field)
		room.cdi_devices = request->names_count + CDI_CLASSES;
	return room;
}

/* All edits of a request that was found to be in order. */
static int add_all(struct request *request, struct edits *edits)
{
	int r = find_names(request, &edits->arena);
	if (r < 0)
		return r;
	const struct edits_room room = room_for(request);
	r = edits_reserve(edits, &room);
	if (r == 0)
		r = add_envs(request, edits);
	if (r == 0 && request->has_mounts)
		r = add_mounts(request, edits);
	if (r == 0 && request->has_nodes)
		r = add_devices(request, edits);
	if (r == 0 && room.cdi_devices > 0)
		r = add_cdi(request, edits);
	return r;
}

static void decide(struct request *request)
{
	const struct settings *settings = request->settings;
	unsigned lists = settings->device_list_strategies;
	request->has_list = (lists & DEVICE_LIST_ENVVAR) != 0;
	request->has_mounts = (lists & DEVICE_LIST_VOLUME_MOUNTS) != 0;
	request->has_annotation = (lists & DEVICE_LIST_CDI_ANNOTATIONS) != 0;
	request->has_cdi_field = (lists & DEVICE_LIST_CDI_CRI) != 0;
	/* With CDI alone the CDI devices bring their nodes. */
	request->has_nodes = settings->pass_device_specs &&
			     (request->has_list || request->has_mounts);
	/* One that is required was there when the configuration was read. */
	request->has_channel = settings->imex_channel &&
			       (settings->imex_required || request->inputs->has_imex_channel);
}

int allocation_make(const struct resource *resource, const struct settings *settings,
		    const struct allocation_inputs *inputs, const struct id_text *ids,
		    size_t ids_count, struct edits *ret, struct err *err)
{
	struct request request = {
		.resource = resource,
		.settings = settings,
		.inputs = inputs,
		.positions = arena_array(&ret->arena, ids_count, sizeof(*request.positions)),
		.positions_count = ids_count,
	};
	if (!request.positions)
		return err_set(err, -ENOMEM, "out of memory");
	int r = find_all(resource, ids, ids_count, request.positions, err);
	if (r == 0)
		r = check(&request, err);
	if (r < 0)
		return r;
	decide(&request);
	r = add_all(&request, ret);
	return r < 0 ? err_set(err, r, "out of memory") : 0;
}
