/* SPDX-License-Identifier: Apache-2.0 */
/* Packets of the driver process: their heads, and what is sent. Messages borrow the texts of what
 * they are made from while they are packed. */
#include "driver/packet.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "driver/answer.h"
#include "driver/driver.pb-c.h"

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

int packet_encode_request(const struct request *request, struct buf *out)
{
	DriverWire__Request message = DRIVER_WIRE__REQUEST__INIT;
	message.id = request->id;
	message.freshness = request->freshness;
	return append(out, PACKET_REQUEST, &message.base);
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
	ret->profile = bytes_of(device->profile);
	ret->reason = bytes_of(device->reason);
	ret->parent = device->parent;
	ret->gpu_capability = device->gpu_capability;
	ret->compute_capability = device->compute_capability;
	ret->gpu_instance = device->gpu_instance;
	ret->compute_instance = device->compute_instance;
	ret->recovery = device->recovery;
	ret->ecc_errors = device->ecc_errors;
	ret->is_mig = device->is_mig;
	ret->is_unwatched = device->is_unwatched;
}

static int fill_devices(const struct snapshot *snapshot, struct arena *arena,
			DriverWire__Snapshot *ret)
{
	size_t count = snapshot->devices_count;
	DriverWire__Device **devices = arena_rows(arena, count, sizeof(DriverWire__Device));
	if (!devices)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		fill_device(&snapshot->devices[i], devices[i]);
	ret->devices = devices;
	ret->n_devices = count;
	return 0;
}

static int fill_lost(const struct answer *answer, struct arena *arena, DriverWire__Snapshot *ret)
{
	size_t count = answer->lost_count;
	DriverWire__Lost **lost = arena_rows(arena, count, sizeof(DriverWire__Lost));
	if (!lost)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		driver_wire__lost__init(lost[i]);
		lost[i]->index = bytes_of(answer->lost[i].index);
		lost[i]->reason = bytes_of(answer->lost[i].reason);
	}
	ret->lost = lost;
	ret->n_lost = count;
	return 0;
}

static int fill_links(const struct snapshot *snapshot, struct arena *arena,
		      DriverWire__Snapshot *ret)
{
	size_t count = snapshot->links_count;
	DriverWire__Link **links = arena_rows(arena, count, sizeof(DriverWire__Link));
	if (!links)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		driver_wire__link__init(links[i]);
		links[i]->first = snapshot->links[i].first;
		links[i]->second = snapshot->links[i].second;
		links[i]->level = snapshot->links[i].level;
		links[i]->nvlinks = snapshot->links[i].nvlinks;
	}
	ret->links = links;
	ret->n_links = count;
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
	if (r == 0)
		r = fill_links(answer->snapshot, &arena, &snapshot);
	if (r < 0)
		return r;
	snapshot.complaint = bytes_of(answer->complaint);
	message.snapshot = &snapshot;
	return append(out, PACKET_ANSWER, &message.base);
}

int packet_encode_event(const struct device_event *event, struct buf *out)
{
	DriverWire__Event message = DRIVER_WIRE__EVENT__INIT;
	message.uuid = bytes_of(event->uuid);
	message.xid = event->xid;
	message.gpu_instance = event->gpu_instance;
	message.compute_instance = event->compute_instance;
	return append(out, PACKET_EVENT, &message.base);
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

unsigned packet_kind(const uint8_t *packet)
{
	return head_of(packet).kind;
}
