/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of the driver process: what goes in comes out, and nonsense does not. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "driver/answer.h"
#include "driver/packet.h"
#include "failing.h"

enum {
	PACKET_MAX = PACKET_HEAD_BYTES + PACKET_BYTES_MAX
};

static struct snapshot *one_device(void)
{
	struct snapshot *snapshot = snapshot_new(1);
	snapshot->driver_version = "550.54.15";
	snapshot->cuda_version = 12040;
	snapshot->devices[0] = (struct device){ .uuid = "GPU-a",
						.index = "0",
						.model = "Tesla T4",
						.bus_id = "00000000:00:1E.0",
						.profile = "",
						.reason = "",
						.parent = DEVICE_NO_PARENT,
						.gpu_capability = DEVICE_NO_CAPABILITY,
						.compute_capability = DEVICE_NO_CAPABILITY,
						.gpu_instance = DEVICE_NO_INSTANCE,
						.compute_instance = DEVICE_NO_INSTANCE,
						.minor = 3,
						.numa_node = NUMA_NONE,
						.memory_bytes = 15360ULL << 20,
						.compute_major = 7,
						.compute_minor = 5,
						.is_healthy = true };
	return snapshot;
}

/* Encodes @answer, frees its snapshot and decodes it again. */
static int round_trip(struct answer *answer, struct answer *ret, struct err *err)
{
	struct buf packet = BUF_INIT(PACKET_MAX);
	assert_int_equal(packet_encode_answer(answer, &packet), 0);
	answer_done(answer);
	int r = packet_decode_answer((const uint8_t *)packet.data, packet.len, ret, err);
	buf_done(&packet);
	return r;
}

static void a_request_comes_through(void **state)
{
	(void)state;
	struct buf packet = BUF_INIT(PACKET_MAX);
	uint64_t id = 0;
	size_t length = 0;
	assert_int_equal(packet_encode_request(UINT64_MAX, &packet), 0);
	const uint8_t *bytes = (const uint8_t *)packet.data;
	assert_int_equal(packet_measure(bytes, packet.len, &length, NULL), 0);
	assert_int_equal(length, packet.len);
	assert_int_equal(packet_decode_request(bytes, length, &id, NULL), 0);
	assert_true(id == UINT64_MAX);
	buf_done(&packet);
}

static void a_snapshot_comes_through(void **state)
{
	(void)state;
	struct lost_gpu lost[] = { { "1", "GPU is lost" } };
	struct answer answer = { .id = 7, .snapshot = one_device(), .lost = lost, .lost_count = 1 };
	struct snapshot *expected = one_device();
	struct answer got = { 0 };
	assert_int_equal(round_trip(&answer, &got, NULL), 0);
	assert_int_equal(got.id, 7);
	assert_true(snapshot_is_equal(expected, got.snapshot));
	assert_int_equal(got.lost_count, 1);
	assert_string_equal(got.lost[0].index, "1");
	assert_string_equal(got.lost[0].reason, "GPU is lost");
	snapshot_free(expected);
	answer_done(&got);
}

static void a_fault_comes_through(void **state)
{
	(void)state;
	struct answer answer = { .id = 8, .fault = { -EAGAIN, "Driver Not Loaded" } };
	struct answer got = { 0 };
	assert_int_equal(round_trip(&answer, &got, NULL), 0);
	assert_null(got.snapshot);
	assert_int_equal(got.fault.code, -EAGAIN);
	assert_string_equal(got.fault.msg, "Driver Not Loaded");
}

static void the_largest_snapshot_fits(void **state)
{
	(void)state;
	static char uuids[DEVICES_MAX][64];
	static char indices[DEVICES_MAX][8];
	struct answer answer = { .snapshot = snapshot_new(DEVICES_MAX) };
	struct answer got = { 0 };
	for (size_t i = 0; i < DEVICES_MAX; i++) {
		struct device *device = &answer.snapshot->devices[i];
		(void)snprintf(uuids[i], sizeof(uuids[i]), "MIG-%04zu-7b1d-4daf-a6e7-9e6aa1b965f4",
			       i);
		(void)snprintf(indices[i], sizeof(indices[i]), "%zu", i);
		*device = (struct device){ .uuid = uuids[i],
					   .index = indices[i],
					   .model = "NVIDIA RTX PRO 6000 Blackwell Server Edition",
					   .bus_id = "00000000:00:1E.0",
					   .profile = "",
					   .reason = "",
					   .parent = DEVICE_NO_PARENT,
					   .gpu_capability = DEVICE_NO_CAPABILITY,
					   .compute_capability = DEVICE_NO_CAPABILITY,
					   .gpu_instance = DEVICE_NO_INSTANCE,
					   .compute_instance = DEVICE_NO_INSTANCE,
					   .memory_bytes = UINT64_MAX,
					   .compute_major = 12 };
	}
	assert_int_equal(round_trip(&answer, &got, NULL), 0);
	assert_int_equal(got.snapshot->devices_count, DEVICES_MAX);
	answer_done(&got);
}

static void too_much_is_not_sent(void **state)
{
	(void)state;
	static char text[PACKET_BYTES_MAX + 1];
	memset(text, 'x', sizeof(text) - 1);
	struct buf packet = BUF_INIT(PACKET_MAX);
	struct answer answer = { .snapshot = one_device() };
	answer.snapshot->devices[0].model = text;
	assert_int_equal(packet_encode_answer(&answer, &packet), -EMSGSIZE);
	assert_int_equal(packet.len, 0);
	answer_done(&answer);
	buf_done(&packet);
}

static void waits_for_the_whole_head(void **state)
{
	(void)state;
	const uint8_t bytes[] = { 5, 0, 0, 0, 1, 0, 2, 0 };
	size_t length = 99;
	assert_int_equal(packet_measure(bytes, 7, &length, NULL), 0);
	assert_int_equal(length, 0);
	assert_int_equal(packet_measure(bytes, 8, &length, NULL), 0);
	assert_int_equal(length, 13);
}

static void refuses_heads_that_it_does_not_know(void **state)
{
	(void)state;
	const uint8_t newer[] = { 0, 0, 0, 0, 2, 0, 2, 0 };
	const uint8_t larger[] = { 1, 0, 2, 0, 1, 0, 2, 0 };
	const uint8_t unlike[] = { 0, 0, 0, 0, 1, 0, 1, 0 };
	struct err err = ERR_INIT;
	struct answer got = { 0 };
	size_t length = 0;
	uint64_t id = 0;
	assert_int_equal(packet_measure(newer, 8, &length, &err), -EPROTO);
	assert_string_equal(err.msg, "a packet of version 2, expected 1");
	assert_int_equal(packet_measure(larger, 8, &length, &err), -EMSGSIZE);
	assert_string_equal(err.msg, "a packet of 131073 bytes, at most 131072 are allowed");
	assert_int_equal(packet_decode_answer(unlike, 8, &got, &err), -EPROTO);
	assert_string_equal(err.msg, "a packet of kind 1, expected 2");
	assert_int_equal(packet_decode_request(unlike, 8, &id, NULL), 0);
	assert_int_equal(packet_decode_request(unlike, 7, &id, NULL), -EPROTO);
	assert_int_equal(packet_decode_request(larger, 8, &id, NULL), -EMSGSIZE);
}

static void refuses_what_is_not_protobuf(void **state)
{
	(void)state;
	const uint8_t bytes[] = { 2, 0, 0, 0, 1, 0, 2, 0, 0xFF, 0xFF };
	const uint8_t request[] = { 2, 0, 0, 0, 1, 0, 1, 0, 0xFF, 0xFF };
	struct answer got = { 0 };
	uint64_t id = 0;
	assert_int_equal(packet_decode_answer(bytes, sizeof(bytes), &got, NULL), -EPROTO);
	assert_int_equal(packet_decode_request(request, sizeof(request), &id, NULL), -EPROTO);
}

/* Each breaks one device of an otherwise good snapshot. */
static void no_uuid(struct device *device)
{
	device->uuid = "";
}
static void bad_index(struct device *device)
{
	device->index = "1x";
}
static void control_character(struct device *device)
{
	device->model = "Tesla\nT4";
}
static void bad_utf8(struct device *device)
{
	device->bus_id = "\xFF";
}
static void bad_node(struct device *device)
{
	device->numa_node = -2;
}

static void refuses_devices_that_make_no_sense(void **state)
{
	(void)state;
	static void (*const breakages[])(struct device * device) = {
		no_uuid, bad_index, control_character, bad_utf8, bad_node,
	};
	for (size_t i = 0; i < ARRAY_LEN(breakages); i++) {
		struct answer answer = { .snapshot = one_device() };
		struct answer got = { 0 };
		breakages[i](&answer.snapshot->devices[0]);
		assert_int_equal(round_trip(&answer, &got, NULL), -EPROTO);
		assert_null(got.snapshot);
	}
}

static void refuses_twins(void **state)
{
	(void)state;
	struct answer answer = { .snapshot = snapshot_new(2) };
	struct answer got = { 0 };
	struct err err = ERR_INIT;
	for (size_t i = 0; i < 2; i++) {
		answer.snapshot->devices[i].uuid = "GPU-a";
		answer.snapshot->devices[i].index = i == 0 ? "0" : "1";
	}
	assert_int_equal(round_trip(&answer, &got, &err), -EPROTO);
	assert_string_equal(err.msg, "GPU GPU-a stands twice");
}

static void refuses_an_answer_that_says_nothing(void **state)
{
	(void)state;
	struct answer empty = { .fault = { -EIO, "" } };
	struct answer fine = { .fault = { 0, "no fault" } };
	struct answer got = { 0 };
	struct err err = ERR_INIT;
	assert_int_equal(round_trip(&empty, &got, &err), -EPROTO);
	assert_string_equal(err.msg, "an answer with neither a snapshot nor a fault");
	assert_int_equal(round_trip(&fine, &got, NULL), -EPROTO);
}

static void every_allocation_may_fail(void **state)
{
	(void)state;
	struct lost_gpu lost[] = { { "1", "GPU is lost" } };
	struct answer answer = { .snapshot = one_device(), .lost = lost, .lost_count = 1 };
	struct answer got = { 0 };
	struct buf packet = BUF_INIT(PACKET_MAX);
	unsigned failures = 0;
	int r = -ENOMEM;
	while (r < 0) {
		failing_calloc = ++failures;
		r = packet_encode_answer(&answer, &packet);
		assert_true(r == 0 || r == -ENOMEM);
	}
	assert_true(failures > 1);
	failures = 0;
	r = -ENOMEM;
	while (r < 0) {
		failing_calloc = ++failures;
		r = packet_decode_answer((const uint8_t *)packet.data, packet.len, &got, NULL);
		assert_true(r == 0 || r == -ENOMEM);
	}
	failing_calloc = 0;
	assert_true(failures > 2); /* the snapshot and its arena failed first */
	assert_true(snapshot_is_equal(answer.snapshot, got.snapshot));
	answer_done(&answer);
	answer_done(&got);
	buf_done(&packet);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_comes_through),
		cmocka_unit_test(a_snapshot_comes_through),
		cmocka_unit_test(a_fault_comes_through),
		cmocka_unit_test(the_largest_snapshot_fits),
		cmocka_unit_test(too_much_is_not_sent),
		cmocka_unit_test(waits_for_the_whole_head),
		cmocka_unit_test(refuses_heads_that_it_does_not_know),
		cmocka_unit_test(refuses_what_is_not_protobuf),
		cmocka_unit_test(refuses_devices_that_make_no_sense),
		cmocka_unit_test(refuses_twins),
		cmocka_unit_test(refuses_an_answer_that_says_nothing),
		cmocka_unit_test(every_allocation_may_fail),
	};
	return cmocka_run_group_tests_name("packet", tests, NULL, NULL);
}
