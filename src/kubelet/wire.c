/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kubelet's protobuf on one side, plain structs on the other. Messages are built in an arena and
 * packed once; requests are decoded into an arena, so that ten thousand ids cost a few allocations.
 */
#include "kubelet/wire.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/unpack.h"
#include "deviceplugin.pb-c.h"
#include "rpc/status.h"

static int no_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "out of memory");
}

/* protobuf-c's structs are not const; packing does not write to what they point to. */
static char *text(const char *constant)
{
	return unconst(constant);
}

static int pack(const ProtobufCMessage *message, struct wire_bytes *ret, struct err *err)
{
	size_t length = protobuf_c_message_get_packed_size(message);
	if (length > RPC_MESSAGE_BYTES_MAX)
		return err_set(err, -EMSGSIZE, "a message of %zu bytes, kubelet reads at most %d",
			       length, RPC_MESSAGE_BYTES_MAX);
	uint8_t *data = malloc(length + 1); /* malloc(0) may be NULL */
	if (!data)
		return no_memory(err);
	(void)protobuf_c_message_pack(message, data); /* writes exactly `length` bytes */
	*ret = (struct wire_bytes){ data, length };
	return 0;
}

/* One device of the list with all that it points to. */
struct entry {
	Device device;
	TopologyInfo topology;
	NUMANode node;
	NUMANode *nodes[1];
	char id[REPLICA_ID_BYTES];
};

static int fill_entry(struct entry *entry, const struct replica *replica)
{
	const struct device *of = replica->device;
	device__init(&entry->device);
	int length = replica_format(of->uuid, replica->ordinal, entry->id);
	entry->device.id = entry->id;
	entry->device.health = text(of->is_healthy ? "Healthy" : "Unhealthy");
	if (of->numa_node == NUMA_NONE)
		return length;
	numanode__init(&entry->node);
	entry->node.id = of->numa_node;
	entry->nodes[0] = &entry->node;
	topology_info__init(&entry->topology);
	entry->topology.n_nodes = 1;
	entry->topology.nodes = entry->nodes;
	entry->device.topology = &entry->topology;
	return length;
}

int wire_encode_list(const struct resource *resource, struct wire_bytes *ret, struct err *err)
{
	size_t count = resource->replicas_count;
	cleanup_arena struct arena arena = { 0 };
	struct entry *entries = arena_array(&arena, count, sizeof(*entries));
	Device **devices = arena_array(&arena, count, sizeof(*devices));
	if (!entries || !devices)
		return no_memory(err);
	for (size_t i = 0; i < count; i++) {
		int r = fill_entry(&entries[i], &resource->replicas[i]);
		if (r < 0)
			return err_set(err, r, "%s: a device id is too long",
				       resource->replicas[i].device->uuid);
		devices[i] = &entries[i].device;
	}

	ListAndWatchResponse list = LIST_AND_WATCH_RESPONSE__INIT;
	list.n_devices = count;
	list.devices = devices;
	int r = pack(&list.base, ret, err);
	return r < 0 ? err_wrap(err, r, "%s: list of %zu replicas", resource->name, count) : 0;
}

/* Also what Register says; kubelet reads only the answer to GetDevicePluginOptions. */
static DevicePluginOptions our_options(void)
{
	DevicePluginOptions options = DEVICE_PLUGIN_OPTIONS__INIT;
	options.get_preferred_allocation_available = true;
	return options;
}

int wire_encode_options(struct wire_bytes *ret, struct err *err)
{
	DevicePluginOptions options = our_options();
	return pack(&options.base, ret, err);
}

int wire_encode_register(const char *endpoint, const char *resource_name, struct wire_bytes *ret,
			 struct err *err)
{
	DevicePluginOptions options = our_options();
	RegisterRequest request;
	register_request__init(&request);
	request.version = text("v1beta1");
	request.endpoint = text(endpoint);
	request.resource_name = text(resource_name);
	request.options = &options;
	return pack(&request.base, ret, err);
}

static ContainerPreferredAllocationResponse *preferred_new(const struct resource *resource,
							   const uint32_t *positions, size_t count,
							   struct arena *arena)
{
	ContainerPreferredAllocationResponse *response = arena_alloc(arena, sizeof(*response));
	char **ids = arena_rows(arena, count, REPLICA_ID_BYTES);
	if (!response || !ids)
		return NULL;
	container_preferred_allocation_response__init(response);
	for (size_t i = 0; i < count; i++) {
		const struct replica *replica = &resource->replicas[positions[i]];
		(void)replica_format(replica->device->uuid, replica->ordinal,
				     ids[i]); /* fitted when it was listed */
	}
	response->n_device_ids = count;
	response->device_ids = ids;
	return response;
}

int wire_encode_preferred(const struct resource *resource, uint32_t *const *positions,
			  const size_t *counts, size_t containers, struct wire_bytes *ret,
			  struct err *err)
{
	cleanup_arena struct arena arena = { 0 };
	PreferredAllocationResponse response = PREFERRED_ALLOCATION_RESPONSE__INIT;
	response.container_responses = arena_array(&arena, containers,
						   sizeof(*response.container_responses));
	if (!response.container_responses)
		return no_memory(err);
	for (size_t i = 0; i < containers; i++) {
		response.container_responses[i] = preferred_new(resource, positions[i], counts[i],
								&arena);
		if (!response.container_responses[i])
			return no_memory(err);
	}
	response.n_container_responses = containers;
	return pack(&response.base, ret, err);
}

/* A map on the wire is a list of entries. NULL when memory is out. */
static EnvEntry **map_new(const struct edit_env *from, size_t count, struct arena *arena)
{
	EnvEntry **map = arena_rows(arena, count, sizeof(EnvEntry));
	if (!map)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		env_entry__init(map[i]);
		map[i]->key = text(from[i].name);
		map[i]->value = text(from[i].value);
	}
	return map;
}

static bool fill_maps(ContainerAllocateResponse *response, const struct edits *edits,
		      struct arena *arena)
{
	response->envs = map_new(edits->envs, edits->envs_count, arena);
	response->annotations = map_new(edits->annotations, edits->annotations_count, arena);
	if (!response->envs || !response->annotations)
		return false;
	response->n_envs = edits->envs_count;
	response->n_annotations = edits->annotations_count;
	return true;
}

static bool fill_mounts(ContainerAllocateResponse *response, const struct edits *edits,
			struct arena *arena)
{
	size_t count = edits->mounts_count;
	Mount **mounts = arena_rows(arena, count, sizeof(Mount));
	if (!mounts)
		return false;
	for (size_t i = 0; i < count; i++) {
		mount__init(mounts[i]);
		mounts[i]->container_path = text(edits->mounts[i].container_path);
		mounts[i]->host_path = text(edits->mounts[i].host_path);
		mounts[i]->read_only = edits->mounts[i].is_read_only;
	}
	response->mounts = mounts;
	response->n_mounts = count;
	return true;
}

static bool fill_devices(ContainerAllocateResponse *response, const struct edits *edits,
			 struct arena *arena)
{
	size_t count = edits->devices_count;
	DeviceSpec **devices = arena_rows(arena, count, sizeof(DeviceSpec));
	if (!devices)
		return false;
	for (size_t i = 0; i < count; i++) {
		device_spec__init(devices[i]);
		devices[i]->container_path = text(edits->devices[i].container_path);
		devices[i]->host_path = text(edits->devices[i].host_path);
		devices[i]->permissions = text(edits->devices[i].permissions);
	}
	response->devices = devices;
	response->n_devices = count;
	return true;
}

static bool fill_cdi_devices(ContainerAllocateResponse *response, const struct edits *edits,
			     struct arena *arena)
{
	size_t count = edits->cdi_devices_count;
	CdiDevice **devices = arena_rows(arena, count, sizeof(CdiDevice));
	if (!devices)
		return false;
	for (size_t i = 0; i < count; i++) {
		cdi_device__init(devices[i]);
		devices[i]->name = text(edits->cdi_devices[i]);
	}
	response->cdi_devices = devices;
	response->n_cdi_devices = count;
	return true;
}

static ContainerAllocateResponse *allocated_new(const struct edits *edits, struct arena *arena)
{
	ContainerAllocateResponse *response = arena_alloc(arena, sizeof(*response));
	if (!response)
		return NULL;
	container_allocate_response__init(response);
	bool is_filled = fill_maps(response, edits, arena) && fill_mounts(response, edits, arena) &&
			 fill_devices(response, edits, arena) &&
			 fill_cdi_devices(response, edits, arena);
	return is_filled ? response : NULL;
}

int wire_encode_allocated(const struct edits *edits, size_t containers, struct wire_bytes *ret,
			  struct err *err)
{
	cleanup_arena struct arena arena = { 0 };
	AllocateResponse response = ALLOCATE_RESPONSE__INIT;
	response.container_responses = arena_array(&arena, containers,
						   sizeof(*response.container_responses));
	if (!response.container_responses)
		return no_memory(err);
	for (size_t i = 0; i < containers; i++) {
		response.container_responses[i] = allocated_new(&edits[i], &arena);
		if (!response.container_responses[i])
			return no_memory(err);
	}
	response.n_container_responses = containers;
	return pack(&response.base, ret, err);
}

static int take_ids(const ProtobufCBinaryData *from, size_t count, struct arena *arena,
		    struct wire_ids *ret, struct err *err)
{
	if (count > WIRE_IDS_MAX)
		return err_set(err, -E2BIG, "%zu device ids, at most %d are read", count,
			       WIRE_IDS_MAX);
	ret->ids = arena_array(arena, count, sizeof(*ret->ids));
	if (!ret->ids)
		return no_memory(err);
	for (size_t i = 0; i < count; i++) {
		if (!text_is_utf8(from[i].data, from[i].len))
			return err_set(err, -EBADMSG, "a device id has NUL or invalid UTF-8");
		ret->ids[i] = (struct id_text){ (const char *)from[i].data, from[i].len };
	}
	ret->count = count;
	return 0;
}

static int check_containers(size_t count, struct err *err)
{
	if (count > WIRE_CONTAINERS_MAX)
		return err_set(err, -E2BIG, "%zu container requests, at most %d are read", count,
			       WIRE_CONTAINERS_MAX);
	return 0;
}

int wire_decode_preferred(const uint8_t *bytes, size_t length, struct arena *arena,
			  struct wire_preference **ret, size_t *ret_count, struct err *err)
{
	PreferredAllocationRequest *request = NULL;
	int r = unpack_message(&preferred_allocation_request__descriptor, bytes, length, arena,
			       &request, err);
	if (r < 0)
		return r;
	size_t count = request->n_container_requests;
	r = check_containers(count, err);
	if (r < 0)
		return r;
	struct wire_preference *preferences = arena_array(arena, count, sizeof(*preferences));
	if (!preferences)
		return no_memory(err);
	for (size_t i = 0; i < count; i++) {
		const ContainerPreferredAllocationRequest *from = request->container_requests[i];
		struct wire_preference *to = &preferences[i];
		to->size = from->allocation_size > 0 ? (size_t)from->allocation_size : 0;
		r = take_ids(from->available_device_ids, from->n_available_device_ids, arena,
			     &to->available, err);
		if (r == 0)
			r = take_ids(from->must_include_device_ids, from->n_must_include_device_ids,
				     arena, &to->must_include, err);
		if (r < 0)
			return r;
	}
	*ret = preferences;
	*ret_count = count;
	return 0;
}

int wire_decode_allocate(const uint8_t *bytes, size_t length, struct arena *arena,
			 struct wire_ids **ret, size_t *ret_count, struct err *err)
{
	AllocateRequest *request = NULL;
	int r = unpack_message(&allocate_request__descriptor, bytes, length, arena, &request, err);
	if (r < 0)
		return r;
	size_t count = request->n_container_requests;
	r = check_containers(count, err);
	if (r < 0)
		return r;
	struct wire_ids *containers = arena_array(arena, count, sizeof(*containers));
	if (!containers)
		return no_memory(err);
	for (size_t i = 0; i < count; i++) {
		const ContainerAllocateRequest *from = request->container_requests[i];
		r = take_ids(from->devices_ids, from->n_devices_ids, arena, &containers[i], err);
		if (r < 0)
			return r;
	}
	*ret = containers;
	*ret_count = count;
	return 0;
}

void wire_bytes_done(struct wire_bytes *bytes)
{
	free(bytes->data);
	*bytes = (struct wire_bytes){ 0 };
}
