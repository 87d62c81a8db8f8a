/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See packet_decode.h. protobuf-c turns bytes into structs; whether they make sense is checked
 * here. Invariant: nothing of a message that is refused reaches the caller.
 */
#include "driver/packet_decode.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/unpack.h"
#include "driver/answer.h"
#include "driver/driver.pb-c.h"
#include "driver/nvml_abi.h"
#include "driver/packet.h"

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
	if (packet_kind(packet) != kind)
		return err_set(err, -EPROTO, "a packet of kind %u, expected %u",
			       packet_kind(packet), (unsigned)kind);
	return 0;
}

int packet_decode_request(const uint8_t *packet, size_t length, struct request *ret,
			  struct err *err)
{
	int r = check_packet(packet, length, PACKET_REQUEST, err);
	if (r < 0)
		return r;
	cleanup_arena struct arena arena = { 0 };
	DriverWire__Request *message = NULL;
	r = unpack_message(&driver_wire__request__descriptor, packet + PACKET_HEAD_BYTES,
			   length - PACKET_HEAD_BYTES, &arena, &message, err);
	if (r < 0)
		return r;
	if (message->freshness > REQUEST_FRESH)
		return err_set(err, -EPROTO, "a request of freshness %u", message->freshness);
	*ret = (struct request){ message->id, message->freshness };
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

/* "2", or "2:0" of a part. */
static int take_index(struct arena *arena, const ProtobufCBinaryData *text, const char **ret,
		      struct err *err)
{
	char gpu[PACKET_TEXT_MAX + 1];
	uint64_t value = 0;
	int r = take_text(arena, text, 1, ret, err);
	if (r < 0)
		return r;
	const char *colon = strchr(*ret, ':');
	size_t length = colon ? (size_t)(colon - *ret) : strlen(*ret);
	memcpy(gpu, *ret, length);
	gpu[length] = '\0';
	if (text_parse_u64(gpu, 0, UINT32_MAX, &value) < 0 ||
	    (colon && text_parse_u64(colon + 1, 0, UINT32_MAX, &value) < 0))
		return err_set(err, -EPROTO, "GPU index %s is no number", *ret);
	return 0;
}

static int take_texts(struct arena *arena, const DriverWire__Device *device, struct device *ret,
		      struct err *err)
{
	int r = take_text(arena, &device->uuid, 1, &ret->uuid, err);
	if (r == 0)
		r = take_index(arena, &device->index, &ret->index, err);
	if (r == 0)
		r = take_text(arena, &device->model, 0, &ret->model, err);
	if (r == 0)
		r = take_text(arena, &device->bus_id, 0, &ret->bus_id, err);
	if (r == 0)
		r = take_text(arena, &device->profile, 0, &ret->profile, err);
	if (r == 0)
		r = take_text(arena, &device->reason, 0, &ret->reason, err);
	return r;
}

static int take_device(struct arena *arena, const DriverWire__Device *device, struct device *ret,
		       struct err *err)
{
	if (device->numa_node < NUMA_NONE || device->gpu_capability < DEVICE_NO_CAPABILITY ||
	    device->compute_capability < DEVICE_NO_CAPABILITY)
		return err_set(err, -EPROTO, "NUMA node %d, capabilities %d and %d",
			       device->numa_node, device->gpu_capability,
			       device->compute_capability);
	if (device->recovery > DEVICE_RECOVERY_OTHER)
		return err_set(err, -EPROTO, "recovery action %u", device->recovery);
	*ret = (struct device){
		.parent = device->parent,
		.gpu_capability = device->gpu_capability,
		.compute_capability = device->compute_capability,
		.gpu_instance = device->gpu_instance,
		.compute_instance = device->compute_instance,
		.minor = device->minor,
		.numa_node = device->numa_node,
		.memory_bytes = device->memory_bytes,
		.compute_major = device->compute_major,
		.compute_minor = device->compute_minor,
		.recovery = device->recovery,
		.ecc_errors = device->ecc_errors,
		.is_mig = device->is_mig,
		.is_unwatched = device->is_unwatched,
		.is_healthy = device->is_healthy,
	};
	int r = take_texts(arena, device, ret, err);
	if (r == 0 && ret->is_healthy && !text_is_empty(ret->reason))
		return err_set(err, -EPROTO, "GPU %s is healthy and says why not", ret->uuid);
	return r;
}

static bool is_whole(const struct device *device)
{
	return text_is_empty(device->profile) && device->gpu_instance == DEVICE_NO_INSTANCE &&
	       device->compute_instance == DEVICE_NO_INSTANCE &&
	       device->gpu_capability == DEVICE_NO_CAPABILITY &&
	       device->compute_capability == DEVICE_NO_CAPABILITY && !strchr(device->index, ':');
}

static bool is_part_of(const struct device *part, const struct device *gpu)
{
	size_t length = strlen(gpu->index);
	return !device_is_part(gpu) && gpu->is_mig && !part->is_mig &&
	       !text_is_empty(part->profile) && part->gpu_instance != DEVICE_NO_INSTANCE &&
	       part->compute_instance != DEVICE_NO_INSTANCE &&
	       strncmp(part->index, gpu->index, length) == 0 && part->index[length] == ':';
}

/* A part stands behind its GPU. */
static int check_family(const struct device *devices, size_t position, struct err *err)
{
	const struct device *device = &devices[position];
	bool is_fine = device->parent >= 0 && (size_t)device->parent < position
			       ? is_part_of(device, &devices[device->parent])
			       : device->parent == DEVICE_NO_PARENT && is_whole(device);
	if (!is_fine)
		return err_set(err, -EPROTO, "%s is neither a GPU nor a part of one", device->uuid);
	return 0;
}

static bool is_same_instance(const struct device *a, const struct device *b)
{
	return device_is_part(a) && a->parent == b->parent && a->gpu_instance == b->gpu_instance &&
	       a->compute_instance == b->compute_instance;
}

static int refuse_twins(const struct device *devices, size_t position, struct err *err)
{
	for (size_t i = 0; i < position; i++)
		if (strcmp(devices[i].uuid, devices[position].uuid) == 0 ||
		    strcmp(devices[i].index, devices[position].index) == 0 ||
		    is_same_instance(&devices[i], &devices[position]))
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
			r = check_family(snapshot->devices, i, err);
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

static bool is_behind(const struct link *link, const struct link *before)
{
	return link->first > before->first ||
	       (link->first == before->first && link->second > before->second);
}

static int take_link(const DriverWire__Link *message, const struct snapshot *snapshot,
		     const struct link *before, struct link *ret, struct err *err)
{
	const struct link link = { message->first, message->second, message->level,
				   message->nvlinks };
	if (link.first >= link.second || link.second >= snapshot->devices_count ||
	    device_is_part(&snapshot->devices[link.first]) ||
	    device_is_part(&snapshot->devices[link.second]) ||
	    (before && !is_behind(&link, before)))
		return err_set(err, -EPROTO, "a link of %u and %u", link.first, link.second);
	if (message->level > LINK_SAME_BOARD || link.nvlinks > NVML_NVLINK_MAX_LINKS)
		return err_set(err, -EPROTO, "a link of level %u with %u NVLinks", message->level,
			       link.nvlinks);
	*ret = link;
	return 0;
}

static int take_links(const DriverWire__Snapshot *message, struct snapshot *snapshot,
		      struct err *err)
{
	if (message->n_links > LINKS_MAX)
		return err_set(err, -EPROTO, "%zu links, at most %d are handled", message->n_links,
			       LINKS_MAX);
	struct link *links = arena_array(&snapshot->arena, message->n_links, sizeof(*links));
	if (!links)
		return err_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < message->n_links; i++) {
		int r = take_link(message->links[i], snapshot, i > 0 ? &links[i - 1] : NULL,
				  &links[i], err);
		if (r < 0)
			return r;
	}
	snapshot->links = links;
	snapshot->links_count = message->n_links;
	return 0;
}

static int take_complaint(const ProtobufCBinaryData *text, struct answer *answer, struct err *err)
{
	if (text->len >= sizeof(answer->complaint) || !is_printable(text))
		return err_set(err, -EPROTO, "a complaint of %zu bytes", text->len);
	if (text->len > 0)
		memcpy(answer->complaint, text->data, text->len);
	answer->complaint[text->len] = '\0';
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
		r = take_links(message, snapshot, err);
	if (r == 0)
		r = take_complaint(&message->complaint, answer, err);
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

int packet_decode_answer(const uint8_t *packet, size_t length, struct answer *ret, struct err *err)
{
	int r = check_packet(packet, length, PACKET_ANSWER, err);
	if (r < 0)
		return r;
	cleanup_arena struct arena arena = { 0 };
	DriverWire__Answer *message = NULL;
	r = unpack_message(&driver_wire__answer__descriptor, packet + PACKET_HEAD_BYTES,
			   length - PACKET_HEAD_BYTES, &arena, &message, err);
	if (r < 0)
		return r;

	cleanup_answer struct answer answer = { .id = message->id };
	r = message->snapshot ? take_snapshot(message->snapshot, &answer, err)
			      : take_fault(message, &answer, err);
	if (r < 0)
		return r;
	*ret = answer;
	answer.snapshot = NULL; /* handed over */
	return 0;
}

int packet_decode_event(const uint8_t *packet, size_t length, struct arena *arena,
			struct device_event *ret, struct err *err)
{
	const char *uuid = NULL;
	int r = check_packet(packet, length, PACKET_EVENT, err);
	if (r < 0)
		return r;
	cleanup_arena struct arena scratch = { 0 };
	DriverWire__Event *message = NULL;
	r = unpack_message(&driver_wire__event__descriptor, packet + PACKET_HEAD_BYTES,
			   length - PACKET_HEAD_BYTES, &scratch, &message, err);
	if (r < 0)
		return r;
	r = take_text(arena, &message->uuid, 0, &uuid, err);
	if (r < 0)
		return r;
	*ret = (struct device_event){ uuid, message->xid, message->gpu_instance,
				      message->compute_instance };
	return 0;
}
