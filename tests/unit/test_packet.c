/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of the driver process: what goes in comes out, and nonsense does not. */
#include "unit.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "driver/answer.h"
#include "driver/packet.h"
#include "driver/packet_decode.h"
#include "failing.h"

enum {
	PACKET_MAX = PACKET_HEAD_BYTES + PACKET_BYTES_MAX
};

static const struct device gpu = {
	.uuid = "GPU-a",
	.index = "0",
	.model = "NVIDIA A100-SXM4-40GB",
	.bus_id = "00000000:00:1E.0",
	DEVICE_WHOLE,
	.minor = 3,
	.numa_node = NUMA_NONE,
	.memory_bytes = 40960ULL << 20,
	.compute_major = 8,
	.recovery = DEVICE_RECOVERY_GPU_RESET,
	.ecc_errors = UINT64_MAX,
	.is_mig = true,
	.is_unwatched = true,
	.is_healthy = true,
};

/* A GPU, two parts of it and another GPU. */
static struct snapshot *four_devices(void)
{
	static const struct link links[] = { { 0, 3, LINK_SAME_BOARD, 4 } };
	struct snapshot *snapshot = snapshot_new(4);
	struct device *devices = snapshot->devices;
	snapshot->driver_version = "550.54.15";
	snapshot->cuda_version = 12040;
	devices[0] = gpu;
	devices[1] = gpu;
	devices[1].uuid = "MIG-a";
	devices[1].index = "0:0";
	devices[1].profile = "1g.5gb+me";
	devices[1].parent = 0;
	devices[1].gpu_capability = 30;
	devices[1].compute_capability = 31;
	devices[1].gpu_instance = 7;
	devices[1].compute_instance = 0;
	devices[1].is_mig = false;
	devices[2] = devices[1];
	devices[2].uuid = "MIG-b";
	devices[2].index = "0:1";
	devices[2].gpu_capability = DEVICE_NO_CAPABILITY;
	devices[2].compute_instance = 1;
	devices[3] = gpu;
	devices[3].uuid = "GPU-b";
	devices[3].index = "1";
	devices[3].reason = "fell ill";
	devices[3].is_mig = false;
	devices[3].is_healthy = false;
	assert_true(snapshot_set_links(snapshot, links, ARRAY_LEN(links)));
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
	struct request sent = { UINT64_MAX, REQUEST_FRESH };
	struct request got = { 0 };
	size_t length = 0;
	assert_int_equal(packet_encode_request(&sent, &packet), 0);
	assert_true(packet.len <= PACKET_REQUEST_BYTES_MAX);
	const uint8_t *bytes = (const uint8_t *)packet.data;
	assert_int_equal(packet_measure(bytes, packet.len, &length, NULL), 0);
	assert_int_equal(length, packet.len);
	assert_int_equal(packet_kind(bytes), PACKET_REQUEST);
	assert_int_equal(packet_decode_request(bytes, length, &got, NULL), 0);
	assert_true(got.id == UINT64_MAX);
	assert_int_equal(got.freshness, REQUEST_FRESH);
	buf_done(&packet);
}

static void a_request_of_unknown_freshness_is_refused(void **state)
{
	(void)state;
	struct buf packet = BUF_INIT(PACKET_MAX);
	struct request sent = { 1, REQUEST_FRESH + 1 };
	struct request got = { 0 };
	assert_int_equal(packet_encode_request(&sent, &packet), 0);
	assert_int_equal(
		packet_decode_request((const uint8_t *)packet.data, packet.len, &got, NULL),
		-EPROTO);
	assert_int_equal(got.id, 0);
	buf_done(&packet);
}

/* Encodes @event and decodes it again. */
static int event_round_trip(const struct device_event *event, struct arena *arena,
			    struct device_event *ret)
{
	struct buf packet = BUF_INIT(PACKET_MAX);
	assert_int_equal(packet_encode_event(event, &packet), 0);
	const uint8_t *bytes = (const uint8_t *)packet.data;
	assert_int_equal(packet_kind(bytes), PACKET_EVENT);
	int r = packet_decode_event(bytes, packet.len, arena, ret, NULL);
	buf_done(&packet);
	return r;
}

static void an_event_comes_through(void **state)
{
	(void)state;
	static const struct device_event events[] = {
		{ "GPU-a", UINT64_MAX, 7, 0 },
		{ "", 79, DEVICE_NO_INSTANCE, DEVICE_NO_INSTANCE },
	};
	for (size_t i = 0; i < ARRAY_LEN(events); i++) {
		struct arena arena = { 0 };
		struct device_event got = { 0 };
		assert_int_equal(event_round_trip(&events[i], &arena, &got), 0);
		assert_string_equal(got.uuid, events[i].uuid);
		assert_true(got.xid == events[i].xid);
		assert_int_equal(got.gpu_instance, events[i].gpu_instance);
		assert_int_equal(got.compute_instance, events[i].compute_instance);
		arena_done(&arena);
	}
}

static void an_event_of_an_unprintable_gpu_is_refused(void **state)
{
	(void)state;
	struct device_event event = { "GPU\n", 79, 0, 0 };
	struct arena arena = { 0 };
	struct device_event got = { 0 };
	assert_int_equal(event_round_trip(&event, &arena, &got), -EPROTO);
	assert_null(got.uuid);
	arena_done(&arena);
}

static void a_snapshot_comes_through(void **state)
{
	(void)state;
	struct lost_gpu lost[] = { { "2", "GPU is lost" }, { "0:2", "no such part" } };
	struct answer answer = {
		.id = 7,
		.snapshot = four_devices(),
		.lost = lost,
		.lost_count = 2,
		.complaint = "no events",
	};
	struct snapshot *expected = four_devices();
	struct answer got = { 0 };
	assert_int_equal(round_trip(&answer, &got, NULL), 0);
	assert_int_equal(got.id, 7);
	assert_true(snapshot_is_equal(expected, got.snapshot));
	assert_int_equal(got.lost_count, 2);
	assert_string_equal(got.lost[0].index, "2");
	assert_string_equal(got.lost[0].reason, "GPU is lost");
	assert_string_equal(got.lost[1].index, "0:2");
	assert_string_equal(got.complaint, "no events");
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

/* 64 GPUs of 7 parts, each with the longest texts of NVML, all linked. */
static void fill(struct snapshot *snapshot)
{
	static char uuids[DEVICES_MAX][96];
	static char indices[DEVICES_MAX][24];
	static char model[96];
	memset(model, 'x', sizeof(model) - 1);
	for (size_t i = 0; i < DEVICES_MAX; i++) {
		struct device *device = &snapshot->devices[i];
		*device = gpu;
		(void)snprintf(uuids[i], sizeof(uuids[i]), "MIG-%091zu", i);
		(void)snprintf(indices[i], sizeof(indices[i]), "%zu", 4294966000U + i / 8);
		device->uuid = uuids[i];
		device->index = indices[i];
		device->model = model;
		device->minor = UINT32_MAX;
		device->memory_bytes = UINT64_MAX;
		if (i % 8 == 0)
			continue;
		(void)snprintf(indices[i], sizeof(indices[i]), "%zu:%zu", 4294966000U + i / 8,
			       4294966000U + i);
		device->parent = (int32_t)(i - i % 8);
		device->profile = "1c.2g.24gb+me.all";
		device->gpu_capability = INT32_MAX;
		device->compute_capability = INT32_MAX;
		device->gpu_instance = UINT32_MAX - 1;
		device->compute_instance = (uint32_t)i;
		device->is_mig = false;
	}
}

/* Of as many GPUs as that, each of which has 7 parts behind it. Returns how many. */
static size_t link_all(struct link *links, uint32_t gpus)
{
	size_t count = 0;
	for (uint32_t i = 0; i < gpus; i++)
		for (uint32_t j = i + 1; j < gpus; j++)
			links[count++] = (struct link){ i * 8, j * 8, LINK_SAME_BOARD, 36 };
	return count;
}

static void the_largest_snapshot_fits(void **state)
{
	(void)state;
	static struct link links[LINKS_MAX];
	struct answer answer = { .snapshot = snapshot_new(DEVICES_MAX) };
	struct answer got = { 0 };
	fill(answer.snapshot);
	assert_true(snapshot_set_links(answer.snapshot, links, link_all(links, 64)));
	memset(answer.complaint, 'x', sizeof(answer.complaint) - 1);
	assert_int_equal(round_trip(&answer, &got, NULL), 0);
	assert_int_equal(got.snapshot->devices_count, DEVICES_MAX);
	assert_int_equal(got.snapshot->links_count, LINKS_MAX);
	answer_done(&got);
}

static void as_many_lost_ones_fit(void **state)
{
	(void)state;
	static char reason[ERR_TEXT_BYTES];
	static struct lost_gpu lost[DEVICES_MAX];
	struct answer answer = { .snapshot = snapshot_new(0),
				 .lost = lost,
				 .lost_count = DEVICES_MAX };
	struct answer got = { 0 };
	memset(reason, 'x', sizeof(reason) - 1);
	for (size_t i = 0; i < DEVICES_MAX; i++)
		lost[i] = (struct lost_gpu){ "4294967295:4294967295", reason };
	assert_int_equal(round_trip(&answer, &got, NULL), 0);
	assert_int_equal(got.lost_count, DEVICES_MAX);
	answer_done(&got);
}

static void too_much_is_not_sent(void **state)
{
	(void)state;
	static char text[PACKET_BYTES_MAX + 1];
	memset(text, 'x', sizeof(text) - 1);
	struct buf packet = BUF_INIT(PACKET_MAX);
	struct answer answer = { .snapshot = four_devices() };
	answer.snapshot->devices[0].model = text;
	assert_int_equal(packet_encode_answer(&answer, &packet), -EMSGSIZE);
	assert_int_equal(packet.len, 0);
	answer_done(&answer);
	buf_done(&packet);
}

static void waits_for_the_whole_head(void **state)
{
	(void)state;
	const uint8_t bytes[] = { 5, 0, 0, 0, 2, 0, 2, 0 };
	size_t length = 99;
	assert_int_equal(packet_measure(bytes, 7, &length, NULL), 0);
	assert_int_equal(length, 0);
	assert_int_equal(packet_measure(bytes, 8, &length, NULL), 0);
	assert_int_equal(length, 13);
}

static void refuses_heads_that_it_does_not_know(void **state)
{
	(void)state;
	const uint8_t newer[] = { 0, 0, 0, 0, 3, 0, 2, 0 };
	const uint8_t larger[] = { 1, 0, 4, 0, 2, 0, 2, 0 };
	const uint8_t unlike[] = { 0, 0, 0, 0, 2, 0, 1, 0 };
	struct err err = ERR_INIT;
	struct answer got = { 0 };
	struct arena arena = { 0 };
	struct request request = { 0 };
	struct device_event event = { 0 };
	size_t length = 0;
	assert_int_equal(packet_measure(newer, 8, &length, &err), -EPROTO);
	assert_string_equal(err.msg, "a packet of version 3, expected 2");
	assert_int_equal(packet_measure(larger, 8, &length, &err), -EMSGSIZE);
	assert_string_equal(err.msg, "a packet of 262145 bytes, at most 262144 are allowed");
	assert_int_equal(packet_decode_answer(unlike, 8, &got, &err), -EPROTO);
	assert_string_equal(err.msg, "a packet of kind 1, expected 2");
	assert_int_equal(packet_decode_event(unlike, 8, &arena, &event, NULL), -EPROTO);
	assert_int_equal(packet_decode_request(unlike, 8, &request, NULL), 0);
	assert_int_equal(packet_decode_request(unlike, 7, &request, NULL), -EPROTO);
	assert_int_equal(packet_decode_request(larger, 8, &request, NULL), -EMSGSIZE);
}

static void refuses_what_is_not_protobuf(void **state)
{
	(void)state;
	const uint8_t answer[] = { 2, 0, 0, 0, 2, 0, 2, 0, 0xFF, 0xFF };
	const uint8_t request[] = { 2, 0, 0, 0, 2, 0, 1, 0, 0xFF, 0xFF };
	const uint8_t event[] = { 2, 0, 0, 0, 2, 0, 3, 0, 0xFF, 0xFF };
	struct arena arena = { 0 };
	struct answer got = { 0 };
	struct request got_request = { 0 };
	struct device_event got_event = { 0 };
	assert_int_equal(packet_decode_answer(answer, sizeof(answer), &got, NULL), -EBADMSG);
	assert_int_equal(packet_decode_request(request, sizeof(request), &got_request, NULL),
			 -EBADMSG);
	assert_int_equal(packet_decode_event(event, sizeof(event), &arena, &got_event, NULL),
			 -EBADMSG);
}

/* One fault in an otherwise good snapshot, at @position. */
struct breakage {
	size_t position;
	size_t offset;
	size_t bytes;
	union {
		const char *text;
		int32_t number;
		bool truth;
	} value;
};

#define TEXT(at, field, with)                                         \
	{                                                             \
		(at), offsetof(struct device, field), sizeof(char *), \
		{                                                     \
			.text = (with)                                \
		}                                                     \
	}
#define NUMBER(at, field, with)                                        \
	{                                                              \
		(at), offsetof(struct device, field), sizeof(int32_t), \
		{                                                      \
			.number = (with)                               \
		}                                                      \
	}
#define TRUTH(at, field, with)                                      \
	{                                                           \
		(at), offsetof(struct device, field), sizeof(bool), \
		{                                                   \
			.truth = (with)                             \
		}                                                   \
	}

static void refuses_devices_that_make_no_sense(void **state)
{
	(void)state;
	static const struct breakage breakages[] = {
		TEXT(0, uuid, ""),
		TEXT(0, index, "1x"),
		TEXT(0, index, ""),
		TEXT(0, index, ":1"),
		TEXT(0, model, "Tesla\nT4"),
		TEXT(0, bus_id, "\xFF"),
		TEXT(0, reason, "healthy, and yet"),
		TEXT(3, reason, "\x7F"),
		NUMBER(0, numa_node, -2),
		NUMBER(1, gpu_capability, -2),
		NUMBER(1, compute_capability, -2),
		NUMBER(0, recovery, DEVICE_RECOVERY_OTHER + 1),
		/* Neither a GPU ... */
		TEXT(0, index, "0:0"),
		TEXT(0, profile, "1g.5gb"),
		NUMBER(0, gpu_instance, 0),
		NUMBER(0, compute_instance, 0),
		NUMBER(0, gpu_capability, 3),
		NUMBER(0, compute_capability, 3),
		NUMBER(0, parent, -2),
		NUMBER(3, parent, 0),
		/* ... nor a part of one, behind it. */
		NUMBER(1, parent, DEVICE_NO_PARENT),
		NUMBER(1, parent, 1),
		NUMBER(1, parent, 3),
		NUMBER(2, parent, 1),
		NUMBER(2, parent, 4),
		TEXT(1, index, "1"),
		TEXT(1, index, "1:0"),
		TEXT(1, index, "0:x"),
		TEXT(1, index, "0:"),
		TEXT(1, index, "0:1:2"),
		TEXT(1, index, "00:1"),
		TEXT(1, profile, ""),
		NUMBER(1, gpu_instance, -1),
		NUMBER(1, compute_instance, -1),
		TRUTH(1, is_mig, true),
		TRUTH(0, is_mig, false),
		/* Twins. */
		TEXT(3, uuid, "GPU-a"),
		TEXT(3, index, "0"),
		TEXT(2, uuid, "MIG-a"),
		TEXT(2, index, "0:0"),
		NUMBER(2, compute_instance, 0),
	};
	for (size_t i = 0; i < ARRAY_LEN(breakages); i++) {
		struct answer answer = { .snapshot = four_devices() };
		struct answer got = { 0 };
		struct device *device = &answer.snapshot->devices[breakages[i].position];
		memcpy((char *)device + breakages[i].offset, &breakages[i].value,
		       breakages[i].bytes);
		assert_int_equal(round_trip(&answer, &got, NULL), -EPROTO);
		assert_null(got.snapshot);
	}
}

static void says_which_gpu_stands_twice(void **state)
{
	(void)state;
	struct answer answer = { .snapshot = four_devices() };
	struct answer got = { 0 };
	struct err err = ERR_INIT;
	answer.snapshot->devices[3].uuid = "GPU-a";
	assert_int_equal(round_trip(&answer, &got, &err), -EPROTO);
	assert_string_equal(err.msg, "GPU GPU-a stands twice");
}

/* Of three GPUs, with a part behind the first. */
static int link_round_trip(const struct link *links, size_t count)
{
	struct answer answer = { .snapshot = snapshot_new(4) };
	struct answer got = { 0 };
	static const char *const uuids[] = { "GPU-a", "MIG-a", "GPU-b", "GPU-c" };
	static const char *const indices[] = { "0", "0:0", "1", "2" };
	for (size_t i = 0; i < 4; i++) {
		answer.snapshot->devices[i] = gpu;
		answer.snapshot->devices[i].uuid = uuids[i];
		answer.snapshot->devices[i].index = indices[i];
	}
	answer.snapshot->devices[1].parent = 0;
	answer.snapshot->devices[1].profile = "1g.5gb";
	answer.snapshot->devices[1].gpu_instance = 1;
	answer.snapshot->devices[1].compute_instance = 0;
	answer.snapshot->devices[1].is_mig = false;
	assert_true(snapshot_set_links(answer.snapshot, links, count));
	int r = round_trip(&answer, &got, NULL);
	answer_done(&got);
	return r;
}

static void refuses_links_that_make_no_sense(void **state)
{
	(void)state;
	static const struct link fine[] = { { 0, 2, LINK_UNKNOWN, 36 },
					    { 0, 3, LINK_SAME_BOARD, 0 },
					    { 2, 3, LINK_SAME_CPU, 1 } };
	static const struct link wrong[] = {
		{ 0, 0, 1, 0 }, { 3, 2, 1, 0 },          { 0, 1, 1, 0 }, { 1, 2, 1, 0 },
		{ 2, 4, 1, 0 }, { 0, UINT32_MAX, 1, 0 }, { 0, 2, 7, 0 }, { 0, 2, 1, 37 },
	};
	static const struct link twice[] = { { 0, 2, 1, 0 }, { 0, 2, 2, 0 } };
	static const struct link back[] = { { 2, 3, 1, 0 }, { 0, 2, 2, 0 } };
	assert_int_equal(link_round_trip(fine, ARRAY_LEN(fine)), 0);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_int_equal(link_round_trip(&wrong[i], 1), -EPROTO);
	assert_int_equal(link_round_trip(twice, 2), -EPROTO);
	assert_int_equal(link_round_trip(back, 2), -EPROTO);
}

static void refuses_more_than_a_snapshot_holds(void **state)
{
	(void)state;
	static struct link links[LINKS_MAX + 1];
	static struct lost_gpu lost[DEVICES_MAX];
	struct answer answer = { .snapshot = four_devices(),
				 .lost = lost,
				 .lost_count = DEVICES_MAX - 3 };
	struct answer got = { 0 };
	for (size_t i = 0; i < DEVICES_MAX; i++)
		lost[i] = (struct lost_gpu){ "9", "" };
	assert_int_equal(round_trip(&answer, &got, NULL), -EPROTO);
	assert_int_equal(link_round_trip(links, LINKS_MAX + 1), -EPROTO);
}

static void refuses_complaints_that_are_no_text(void **state)
{
	(void)state;
	struct answer answer = { .snapshot = four_devices(), .complaint = "a\nb" };
	struct answer got = { 0 };
	assert_int_equal(round_trip(&answer, &got, NULL), -EPROTO);
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

static void expect_failures_to_be_survived(struct answer *answer)
{
	struct answer got = { 0 };
	struct buf packet = BUF_INIT(PACKET_MAX);
	unsigned failures = 0;
	int r = -ENOMEM;
	while (r < 0) {
		failing_calloc = ++failures;
		r = packet_encode_answer(answer, &packet);
		assert_true(r == 0 || r == -ENOMEM);
	}
	assert_true(failures > 1);
	failures = 0;
	r = -ENOMEM;
	while (r < 0) {
		failing_calloc = ++failures;
		r = packet_decode_answer((const uint8_t *)packet.data, packet.len, &got, NULL);
		assert_true(r == 0 || r == -ENOMEM);
		assert_true(r == 0 || !got.snapshot);
	}
	failing_calloc = 0;
	assert_true(failures > 2); /* the snapshot and its arena failed first */
	assert_true(snapshot_is_equal(answer->snapshot, got.snapshot));
	answer_done(answer);
	answer_done(&got);
	buf_done(&packet);
}

static void every_allocation_may_fail(void **state)
{
	(void)state;
	static char reason[ERR_TEXT_BYTES];
	static struct link links[LINKS_MAX];
	static struct lost_gpu lost[DEVICES_MAX / 2];
	struct answer small = { .snapshot = four_devices(), .lost = lost, .lost_count = 1 };
	struct answer large = { .snapshot = snapshot_new(DEVICES_MAX),
				.lost = lost,
				.lost_count = ARRAY_LEN(lost) };
	memset(reason, 'x', sizeof(reason) - 1);
	for (size_t i = 0; i < ARRAY_LEN(lost); i++)
		lost[i] = (struct lost_gpu){ "2", reason };
	fill(large.snapshot);
	large.snapshot->devices_count = DEVICES_MAX / 2;
	assert_true(snapshot_set_links(large.snapshot, links, link_all(links, 32)));
	expect_failures_to_be_survived(&small);
	expect_failures_to_be_survived(&large);
}

static void a_request_may_find_no_memory(void **state)
{
	(void)state;
	struct buf packet = BUF_INIT(PACKET_MAX);
	struct request got = { 0 };
	struct err err = ERR_INIT;
	assert_int_equal(packet_encode_request(&(struct request){ .id = 7 }, &packet), 0);
	failing_calloc = 1;
	assert_int_equal(
		packet_decode_request((const uint8_t *)packet.data, packet.len, &got, &err),
		-ENOMEM);
	failing_calloc = 0;
	assert_string_equal(err.msg, "out of memory");
	assert_int_equal(got.id, 0);
	buf_done(&packet);
}

static void an_event_may_find_no_memory(void **state)
{
	(void)state;
	struct device_event event = { "GPU-a", 79, 0, 0 };
	struct device_event got = { 0 };
	struct arena arena = { 0 };
	failing_calloc = 1;
	assert_int_equal(event_round_trip(&event, &arena, &got), -ENOMEM);
	failing_calloc = 0;
	assert_null(got.uuid);
	arena_done(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_comes_through),
		cmocka_unit_test(a_request_of_unknown_freshness_is_refused),
		cmocka_unit_test(an_event_comes_through),
		cmocka_unit_test(an_event_of_an_unprintable_gpu_is_refused),
		cmocka_unit_test(a_snapshot_comes_through),
		cmocka_unit_test(a_fault_comes_through),
		cmocka_unit_test(the_largest_snapshot_fits),
		cmocka_unit_test(as_many_lost_ones_fit),
		cmocka_unit_test(too_much_is_not_sent),
		cmocka_unit_test(waits_for_the_whole_head),
		cmocka_unit_test(refuses_heads_that_it_does_not_know),
		cmocka_unit_test(refuses_what_is_not_protobuf),
		cmocka_unit_test(refuses_devices_that_make_no_sense),
		cmocka_unit_test(says_which_gpu_stands_twice),
		cmocka_unit_test(refuses_links_that_make_no_sense),
		cmocka_unit_test(refuses_more_than_a_snapshot_holds),
		cmocka_unit_test(refuses_complaints_that_are_no_text),
		cmocka_unit_test(refuses_an_answer_that_says_nothing),
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(a_request_may_find_no_memory),
		cmocka_unit_test(an_event_may_find_no_memory),
	};
	return cmocka_run_group_tests_name("packet", tests, NULL, NULL);
}
