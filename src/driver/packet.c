/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets of the driver process. protobuf-c turns bytes into structs; whether they make sense is
 * checked here. Invariant: nothing of a message that is refused reaches the caller.
 */
#include "driver/packet.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "driver/answer.h"
#include "driver/driver.pb-c.h"

enum packet_kind {
	PACKET_REQUEST = 1,
	PACKET_ANSWER = 2,
};

struct head {
	uint32_t length;
	uint16_t version;
	uint16_t kind;
};

static_assert(sizeof(struct head) == PACKET_HEAD_BYTES, "the head has no padding");

static int append(struct buf *out, enum packet_kind kind, const ProtobufCMessage *message)
{
	size_t length = protobuf_c_message_get_packed_size(message);
	if (length > PACKET_BYTES_MAX)
		return -EMSGSIZE;
	cleanup_free uint8_t *packed = malloc(length + 1);
	if (!packed)
		return -ENOMEM;
	(void)protobuf_c_message_pack(message, packed); /* writes the length just computed */

	struct head head = { htole32((uint32_t)length), htole16(PACKET_VERSION),
			     htole16((uint16_t)kind) };
	int r = buf_append(out, &head, sizeof(head));
	return r < 0 ? r : buf_append(out, packed, length);
}

int packet_encode_request(uint64_t id, struct buf *out)
{
	DriverWire__Request request = DRIVER_WIRE__REQUEST__INIT;
	request.id = id;
	return append(out, PACKET_REQUEST, &request.base);
}

/* The message only borrows the text while it is packed. */
static ProtobufCBinaryData bytes_of(const char *text)
{
	return (ProtobufCBinaryData){ .len = strlen(text), .data = unconst(text) };
}

static void fill_device(const struct device *device, DriverWire__Device *ret)
{
	driver_wire__device__init(ret);
	ret->uuid = bytes_of(device->uuid);
	ret->index = bytes_of(device->index);
	ret->model = bytes_of(device->model);
	ret->bus_id = bytes_of(device->bus_id);
	ret->minor = device->minor;
	ret->numa_node = device->numa_node;
	ret->memory_bytes = device->memory_bytes;
	ret->compute_major = device->compute_major;
	ret->compute_minor = device->compute_minor;
	ret->is_healthy = device->is_healthy;
}

static int fill_devices(const struct snapshot *snapshot, struct arena *arena,
			DriverWire__Snapshot *ret)
{
	size_t count = snapshot->devices_count;
	DriverWire__Device *devices = arena_array(arena, count, sizeof(*devices));
	ret->devices = arena_array(arena, count, sizeof(DriverWire__Device *));
	if (!devices || !ret->devices)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		fill_device(&snapshot->devices[i], &devices[i]);
		ret->devices[i] = &devices[i];
	}
	ret->n_devices = count;
	return 0;
}

static int fill_lost(const struct answer *answer, struct arena *arena, DriverWire__Snapshot *ret)
{
	size_t count = answer->lost_count;
	DriverWire__Lost *lost = arena_array(arena, count, sizeof(*lost));
	ret->lost = arena_array(arena, count, sizeof(DriverWire__Lost *));
	if (!lost || !ret->lost)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		driver_wire__lost__init(&lost[i]);
		lost[i].index = bytes_of(answer->lost[i].index);
		lost[i].reason = bytes_of(answer->lost[i].reason);
		ret->lost[i] = &lost[i];
	}
	ret->n_lost = count;
	return 0;
}

int packet_encode_answer(const struct answer *answer, struct buf *out)
{
	cleanup_arena struct arena arena = { 0 };
	DriverWire__Snapshot snapshot = DRIVER_WIRE__SNAPSHOT__INIT;
	DriverWire__Answer message = DRIVER_WIRE__ANSWER__INIT;
	message.id = answer->id;
	if (!answer->snapshot) {
		message.fault_code = answer->fault.code;
		message.fault = bytes_of(answer->fault.msg);
		return append(out, PACKET_ANSWER, &message.base);
	}
	snapshot.driver_version = bytes_of(answer->snapshot->driver_version);
	snapshot.cuda_version = answer->snapshot->cuda_version;
	int r = fill_devices(answer->snapshot, &arena, &snapshot);
	if (r == 0)
		r = fill_lost(answer, &arena, &snapshot);
	if (r < 0)
		return r;
	message.snapshot = &snapshot;
	return append(out, PACKET_ANSWER, &message.base);
}

static struct head head_of(const uint8_t *bytes)
{
	struct head head;
	memcpy(&head, bytes, sizeof(head));
	return (struct head){ le32toh(head.length), le16toh(head.version), le16toh(head.kind) };
}

int packet_measure(const uint8_t *bytes, size_t length, size_t *ret, struct err *err)
{
	if (length < PACKET_HEAD_BYTES) {
		*ret = 0;
		return 0;
	}
	struct head head = head_of(bytes);
	if (head.version != PACKET_VERSION)
		return err_set(err, -EPROTO, "a packet of version %u, expected %d", head.version,
			       PACKET_VERSION);
	if (head.length > PACKET_BYTES_MAX)
		return err_set(err, -EMSGSIZE, "a packet of %u bytes, at most %d are allowed",
			       head.length, PACKET_BYTES_MAX);
	*ret = PACKET_HEAD_BYTES + head.length;
	return 0;
}

static int check_packet(const uint8_t *packet, size_t length, enum packet_kind kind,
			struct err *err)
{
	size_t measured = 0;
	int r = packet_measure(packet, length, &measured, err);
	if (r < 0)
		return r;
	if (measured == 0 || measured != length)
		return err_set(err, -EPROTO, "a packet of %zu bytes that says it has %zu", length,
			       measured);
	if (head_of(packet).kind != kind)
		return err_set(err, -EPROTO, "a packet of kind %u, expected %u",
			       head_of(packet).kind, (unsigned)kind);
	return 0;
}

int packet_decode_request(const uint8_t *packet, size_t length, uint64_t *ret_id, struct err *err)
{
	int r = check_packet(packet, length, PACKET_REQUEST, err);
	if (r < 0)
		return r;
	DriverWire__Request *request = driver_wire__request__unpack(
		NULL, length - PACKET_HEAD_BYTES, packet + PACKET_HEAD_BYTES);
	if (!request)
		return err_set(err, -EPROTO, "a request that is not protobuf, or out of memory");
	*ret_id = request->id;
	driver_wire__request__free_unpacked(request, NULL);
	return 0;
}

static bool is_printable(const ProtobufCBinaryData *text)
{
	if (!text_is_utf8(text->data, text->len))
		return false;
	for (size_t i = 0; i < text->len; i++)
		if (text->data[i] < ' ' || text->data[i] == 0x7F)
			return false;
	return true;
}

/* Copies a text when it is @min to PACKET_TEXT_MAX bytes long and printable. */
static int take_text(struct arena *arena, const ProtobufCBinaryData *text, size_t min,
		     const char **ret, struct err *err)
{
	if (text->len < min || text->len > PACKET_TEXT_MAX || !is_printable(text))
		return err_set(err, -EPROTO, "a text of %zu bytes that is no name", text->len);
	const char *copy = arena_copy(arena, (const char *)text->data, text->len);
	if (!copy)
		return err_set(err, -ENOMEM, "out of memory");
	*ret = copy;
	return 0;
}

static int take_index(struct arena *arena, const ProtobufCBinaryData *text, const char **ret,
		      struct err *err)
{
	uint64_t value = 0;
	int r = take_text(arena, text, 1, ret, err);
	if (r < 0)
		return r;
	if (text_parse_u64(*ret, 0, UINT32_MAX, &value) < 0)
		return err_set(err, -EPROTO, "GPU index %s is no number", *ret);
	return 0;
}

static int take_device(struct arena *arena, const DriverWire__Device *device, struct device *ret,
		       struct err *err)
{
	if (device->numa_node < NUMA_NONE)
		return err_set(err, -EPROTO, "NUMA node %d", device->numa_node);
	*ret = (struct device){
		.profile = "",
		.reason = "",
		.parent = DEVICE_NO_PARENT,
		.gpu_capability = DEVICE_NO_CAPABILITY,
		.compute_capability = DEVICE_NO_CAPABILITY,
		.gpu_instance = DEVICE_NO_INSTANCE,
		.compute_instance = DEVICE_NO_INSTANCE,
		.minor = device->minor,
		.numa_node = device->numa_node,
		.memory_bytes = device->memory_bytes,
		.compute_major = device->compute_major,
		.compute_minor = device->compute_minor,
		.is_healthy = device->is_healthy,
	};
	int r = take_text(arena, &device->uuid, 1, &ret->uuid, err);
	if (r == 0)
		r = take_index(arena, &device->index, &ret->index, err);
	if (r == 0)
		r = take_text(arena, &device->model, 0, &ret->model, err);
	if (r == 0)
		r = take_text(arena, &device->bus_id, 0, &ret->bus_id, err);
	return r;
}

static int refuse_twins(const struct device *devices, size_t position, struct err *err)
{
	for (size_t i = 0; i < position; i++)
		if (strcmp(devices[i].uuid, devices[position].uuid) == 0 ||
		    strcmp(devices[i].index, devices[position].index) == 0)
			return err_set(err, -EPROTO, "GPU %s stands twice", devices[position].uuid);
	return 0;
}

static int take_devices(const DriverWire__Snapshot *message, struct snapshot *snapshot,
			struct err *err)
{
	for (size_t i = 0; i < message->n_devices; i++) {
		int r = take_device(&snapshot->arena, message->devices[i], &snapshot->devices[i],
				    err);
		if (r == 0)
			r = refuse_twins(snapshot->devices, i, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int take_lost(const DriverWire__Snapshot *message, struct arena *arena,
		     struct lost_gpu **ret, struct err *err)
{
	struct lost_gpu *lost = arena_array(arena, message->n_lost, sizeof(*lost));
	if (!lost)
		return err_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < message->n_lost; i++) {
		int r = take_index(arena, &message->lost[i]->index, &lost[i].index, err);
		if (r == 0)
			r = take_text(arena, &message->lost[i]->reason, 0, &lost[i].reason, err);
		if (r < 0)
			return r;
	}
	*ret = lost;
	return 0;
}

static int take_snapshot(const DriverWire__Snapshot *message, struct answer *answer,
			 struct err *err)
{
	if (message->n_devices > DEVICES_MAX || message->n_lost > DEVICES_MAX - message->n_devices)
		return err_set(err, -EPROTO, "%zu GPUs and %zu lost ones, at most %d are handled",
			       message->n_devices, message->n_lost, DEVICES_MAX);
	answer->snapshot = snapshot_new(message->n_devices);
	if (!answer->snapshot)
		return err_set(err, -ENOMEM, "out of memory");
	struct snapshot *snapshot = answer->snapshot;
	snapshot->cuda_version = message->cuda_version;
	int r = take_text(&snapshot->arena, &message->driver_version, 0, &snapshot->driver_version,
			  err);
	if (r == 0)
		r = take_devices(message, snapshot, err);
	if (r == 0)
		r = take_lost(message, &snapshot->arena, &answer->lost, err);
	if (r == 0)
		answer->lost_count = message->n_lost;
	return r;
}

static int take_fault(const DriverWire__Answer *message, struct answer *answer, struct err *err)
{
	if (message->fault_code >= 0 || message->fault.len == 0 ||
	    message->fault.len >= ERR_TEXT_BYTES || !is_printable(&message->fault))
		return err_set(err, -EPROTO, "an answer with neither a snapshot nor a fault");
	(void)err_set(&answer->fault, message->fault_code, "%.*s", (int)message->fault.len,
		      (const char *)message->fault.data);
	return 0;
}

static void free_message(DriverWire__Answer **message)
{
	driver_wire__answer__free_unpacked(*message, NULL);
}

int packet_decode_answer(const uint8_t *packet, size_t length, struct answer *ret, struct err *err)
{
	int r = check_packet(packet, length, PACKET_ANSWER, err);
	if (r < 0)
		return r;
	CLEANUP(free_message)
	DriverWire__Answer *message = driver_wire__answer__unpack(NULL, length - PACKET_HEAD_BYTES,
								  packet + PACKET_HEAD_BYTES);
	if (!message)
		return err_set(err, -EPROTO, "an answer that is not protobuf, or out of memory");

	cleanup_answer struct answer answer = { .id = message->id };
	r = message->snapshot ? take_snapshot(message->snapshot, &answer, err)
			      : take_fault(message, &answer, err);
	if (r < 0)
		return r;
	*ret = answer;
	answer.snapshot = NULL; /* handed over */
	return 0;
}
