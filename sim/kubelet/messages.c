/* SPDX-License-Identifier: Apache-2.0 */
/* See messages.h. protobuf-c cannot tell a malformed message from lack of memory; both read as
 * malformed here. */
#include "sim/kubelet/messages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "wire.pb-c.h"

static void drop_message(void *pointer)
{
	ProtobufCMessage *message = *(ProtobufCMessage **)pointer;
	if (message)
		protobuf_c_message_free_unpacked(message, NULL);
}
#define cleanup_message CLEANUP(drop_message)

static int malformed(struct err *err, const char *what)
{
	return err_set(err, -EBADMSG, "%s is not a valid protobuf message", what);
}

static int pack(const ProtobufCMessage *message, uint8_t **ret, size_t *ret_length)
{
	size_t length = protobuf_c_message_get_packed_size(message);
	uint8_t *bytes = malloc(length ? length : 1);
	if (!bytes)
		return -ENOMEM;
	*ret_length = protobuf_c_message_pack(message, bytes);
	*ret = bytes;
	return 0;
}

/* The ids as protobuf-c wants them; the array is the caller's, the bytes stay in @ids. */
static ProtobufCBinaryData *as_bytes(const struct ids *ids)
{
	ProtobufCBinaryData *list = calloc(ids->count + 1, sizeof(*list));
	for (size_t i = 0; list && i < ids->count; i++) {
		list[i].len = strlen(ids->items[i]);
		list[i].data = (uint8_t *)ids->items[i];
	}
	return list;
}

int message_prefer(const struct ids *available, size_t need, uint8_t **ret, size_t *ret_length)
{
	cleanup_free ProtobufCBinaryData *list = as_bytes(available);
	if (!list)
		return -ENOMEM;
	Wire__PreferredContainerRequest container = WIRE__PREFERRED_CONTAINER_REQUEST__INIT;
	Wire__PreferredContainerRequest *containers[] = { &container };
	Wire__PreferredRequest request = WIRE__PREFERRED_REQUEST__INIT;
	container.available = list;
	container.n_available = available->count;
	container.size = (int32_t)need;
	request.containers = containers;
	request.n_containers = 1;
	return pack(&request.base, ret, ret_length);
}

int message_allocate(const struct ids *ids, uint8_t **ret, size_t *ret_length)
{
	cleanup_free ProtobufCBinaryData *list = as_bytes(ids);
	if (!list)
		return -ENOMEM;
	Wire__AllocateContainerRequest container = WIRE__ALLOCATE_CONTAINER_REQUEST__INIT;
	Wire__AllocateContainerRequest *containers[] = { &container };
	Wire__AllocateRequest request = WIRE__ALLOCATE_REQUEST__INIT;
	container.ids = list;
	container.n_ids = ids->count;
	request.containers = containers;
	request.n_containers = 1;
	return pack(&request.base, ret, ret_length);
}

int message_pre_start(const struct ids *ids, uint8_t **ret, size_t *ret_length)
{
	cleanup_free ProtobufCBinaryData *list = as_bytes(ids);
	if (!list)
		return -ENOMEM;
	Wire__PreStartRequest request = WIRE__PRE_START_REQUEST__INIT;
	request.ids = list;
	request.n_ids = ids->count;
	return pack(&request.base, ret, ret_length);
}

int message_read_options(const uint8_t *bytes, size_t length, struct message_options *ret,
			 struct err *err)
{
	cleanup_message Wire__Options *options = wire__options__unpack(NULL, length, bytes);
	if (!options)
		return malformed(err, "DevicePluginOptions");
	ret->is_pre_start_required = options->pre_start_required;
	ret->is_preferred_available = options->preferred_available;
	return 0;
}

static bool is_text(const ProtobufCBinaryData *id)
{
	return text_is_utf8(id->data, id->len);
}

static int read_device(struct arena *arena, const Wire__Device *from, struct listing_device *to)
{
	if (!is_text(&from->id))
		return -EBADMSG;
	to->id = arena_copy(arena, (const char *)from->id.data, from->id.len);
	to->is_healthy = strcmp(from->health, "Healthy") == 0;
	to->nodes_count = from->topology ? from->topology->n_nodes : 0;
	if (!to->id)
		return -ENOMEM;
	if (to->nodes_count == 0)
		return 0;

	int64_t *nodes = arena_array(arena, to->nodes_count, sizeof(*nodes));
	if (!nodes)
		return -ENOMEM;
	for (size_t i = 0; i < to->nodes_count; i++)
		nodes[i] = from->topology->nodes[i]->id;
	to->nodes = nodes;
	return 0;
}

int message_read_list(const uint8_t *bytes, size_t length, struct listing *listing, struct err *err)
{
	cleanup_message Wire__DeviceList *list = wire__device_list__unpack(NULL, length, bytes);
	if (!list)
		return malformed(err, "ListAndWatchResponse");

	cleanup_arena struct arena arena = { 0 };
	struct listing_device *devices = arena_array(&arena, list->n_devices + 1, sizeof(*devices));
	if (!devices)
		return err_errno(err, -ENOMEM, "list of devices");
	for (size_t i = 0; i < list->n_devices; i++) {
		int r = read_device(&arena, list->devices[i], &devices[i]);
		if (r < 0)
			return err_errno(err, r, "device %zu of the list", i);
	}
	int r = listing_replace(listing, devices, list->n_devices);
	return r < 0 ? err_errno(err, r, "list of devices") : 0;
}

int message_read_preferred(const uint8_t *bytes, size_t length, struct ids *ret, struct err *err)
{
	cleanup_message Wire__PreferredResponse *response = wire__preferred_response__unpack(
		NULL, length, bytes);
	if (!response)
		return malformed(err, "PreferredAllocationResponse");
	if (response->n_containers == 0)
		return 0;

	const Wire__PreferredContainerResponse *container = response->containers[0];
	for (size_t i = 0; i < container->n_ids; i++) {
		const ProtobufCBinaryData *id = &container->ids[i];
		if (!is_text(id))
			continue; /* cannot name a device, and wrong names are dropped anyway */
		int r = ids_add(ret, (const char *)id->data, id->len);
		if (r < 0)
			return err_errno(err, r, "preferred devices");
	}
	return 0;
}

int message_read_allocated(const uint8_t *bytes, size_t length, uint8_t **ret, size_t *ret_length,
			   struct err *err)
{
	cleanup_message Wire__AllocateResponse *response = wire__allocate_response__unpack(
		NULL, length, bytes);
	if (!response)
		return malformed(err, "AllocateResponse");
	if (response->n_containers == 0)
		return err_set(err, -EBADMSG, "no containers return in allocation response");

	int r = pack(&response->containers[0]->base, ret, ret_length);
	return r < 0 ? err_errno(err, r, "allocation") : 0;
}
