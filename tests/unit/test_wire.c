/* SPDX-License-Identifier: Apache-2.0 */
#include "given.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "kubelet/wire.h"

enum {
	ALLOCATIONS_MAX = 100
};

static unsigned allocations_left; /* 0: no limit */

/* The linker puts these in the place of the arena's and of malloc() for the code under test. */
void *__real_malloc(size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__real_arena_alloc(struct arena *arena, size_t bytes);
void *__wrap_arena_alloc(struct arena *arena, size_t bytes);
void *__real_arena_array(struct arena *arena, size_t count, size_t bytes);
void *__wrap_arena_array(struct arena *arena, size_t count, size_t bytes);

static bool fails(void)
{
	return allocations_left > 0 && --allocations_left == 0;
}

void *__wrap_malloc(size_t bytes)
{
	return fails() ? NULL : __real_malloc(bytes);
}

void *__wrap_arena_alloc(struct arena *arena, size_t bytes)
{
	return fails() ? NULL : __real_arena_alloc(arena, bytes);
}

void *__wrap_arena_array(struct arena *arena, size_t count, size_t bytes)
{
	return fails() ? NULL : __real_arena_array(arena, count, bytes);
}

/* Messages as bytes on the wire, written by hand from the field numbers of the contract. */
#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

static void assert_bytes(const struct wire_bytes *bytes, const uint8_t *expected, size_t length)
{
	assert_int_equal(bytes->length, length);
	assert_memory_equal(bytes->data, expected, length);
}

static void lists_id_health_and_numa_node(void **state)
{
	(void)state;
	cleanup_resource struct resource *resource = given_resource(2, 1);
	resource->snapshot->devices[0].numa_node = 1;
	resource->snapshot->devices[1].is_healthy = false;
	cleanup_wire_bytes struct wire_bytes list = { 0 };

	assert_int_equal(wire_encode_list(resource, &list, NULL), 0);
	assert_bytes(&list, BYTES("\x0a\x16"
				  "\x0a\x05GPU-0"
				  "\x12\x07Healthy"
				  "\x1a\x04\x0a\x02\x08\x01"
				  "\x0a\x12"
				  "\x0a\x05GPU-1"
				  "\x12\x09Unhealthy"));
}

static void numa_node_zero_is_a_topology(void **state)
{
	(void)state;
	cleanup_resource struct resource *resource = given_resource(1, 1);
	resource->snapshot->devices[0].numa_node = 0;
	cleanup_wire_bytes struct wire_bytes list = { 0 };

	assert_int_equal(wire_encode_list(resource, &list, NULL), 0);
	assert_bytes(&list, BYTES("\x0a\x14"
				  "\x0a\x05GPU-0"
				  "\x12\x07Healthy"
				  "\x1a\x02\x0a\x00"));
}

static void an_empty_list_is_an_empty_message(void **state)
{
	(void)state;
	cleanup_resource struct resource *resource = given_resource(0, 5);
	cleanup_wire_bytes struct wire_bytes list = { 0 };

	assert_int_equal(wire_encode_list(resource, &list, NULL), 0);
	assert_int_equal(list.length, 0);
}

static void the_largest_resource_fits_what_kubelet_reads(void **state)
{
	(void)state;
	cleanup_resource struct resource *resource = given_resource(1, REPLICAS_MAX);
	resource->snapshot->devices[0].uuid = "GPU-4b1a6f3e-0000-1111-2222-333344445555";
	resource->snapshot->devices[0].numa_node = 127;
	resource->snapshot->devices[0].is_healthy = false;
	cleanup_wire_bytes struct wire_bytes list = { 0 };

	assert_int_equal(wire_encode_list(resource, &list, NULL), 0);
	assert_in_range(list.length, 4000000, 4 << 20);
}

static void refuses_an_id_that_does_not_fit(void **state)
{
	(void)state;
	char uuid[2 * REPLICA_ID_BYTES];
	memset(uuid, 'G', sizeof(uuid) - 1);
	uuid[sizeof(uuid) - 1] = '\0';
	cleanup_resource struct resource *resource = given_resource(1, 2);
	resource->snapshot->devices[0].uuid = uuid;
	struct wire_bytes list = { 0 };

	assert_int_equal(wire_encode_list(resource, &list, NULL), -ENAMETOOLONG);
	assert_null(list.data);
}

static void says_that_it_prefers(void **state)
{
	(void)state;
	cleanup_wire_bytes struct wire_bytes options = { 0 };

	assert_int_equal(wire_encode_options(&options, NULL), 0);
	assert_bytes(&options, BYTES("\x10\x01"));
}

static void registers_with_version_endpoint_name_and_options(void **state)
{
	(void)state;
	cleanup_wire_bytes struct wire_bytes request = { 0 };

	assert_int_equal(wire_encode_register("nvidia-gpu.sock", "nvidia.com/gpu", &request, NULL),
			 0);
	assert_bytes(&request, BYTES("\x0a\x07v1beta1"
				     "\x12\x0fnvidia-gpu.sock"
				     "\x1a\x0envidia.com/gpu"
				     "\x22\x02\x10\x01"));
}

static void answers_with_ids_of_the_chosen_positions(void **state)
{
	(void)state;
	cleanup_resource struct resource *resource = given_resource(2, 5);
	uint32_t first[] = { 9, 0 };
	uint32_t *positions[] = { first, NULL };
	size_t counts[] = { 2, 0 };
	cleanup_wire_bytes struct wire_bytes answer = { 0 };

	assert_int_equal(wire_encode_preferred(resource, positions, counts, 2, &answer, NULL), 0);
	assert_bytes(&answer, BYTES("\x0a\x14"
				    "\x0a\x08GPU-1::4"
				    "\x0a\x08GPU-0::0"
				    "\x0a\x00"));
}

static void answers_with_the_environment_of_each_container(void **state)
{
	(void)state;
	struct edits edits[2] = { { .envs = { { "A", "1" }, { "B", "" } }, .envs_count = 2 } };
	cleanup_wire_bytes struct wire_bytes answer = { 0 };

	assert_int_equal(wire_encode_allocated(edits, 2, &answer, NULL), 0);
	assert_bytes(&answer, BYTES("\x0a\x0d"
				    "\x0a\x06\x0a\x01"
				    "A\x12\x01"
				    "1"
				    "\x0a\x03\x0a\x01"
				    "B"
				    "\x0a\x00"));
}

static void answers_with_mounts_and_device_nodes(void **state)
{
	(void)state;
	struct edit_mount mounts[] = { { "/in", "/host", false }, { "/ro", "/h", true } };
	struct edit_device devices[] = { { "/dev/a", "/r/dev/a", "rw" } };
	const struct edits edits = {
		.mounts = mounts,
		.mounts_count = 2,
		.devices = devices,
		.devices_count = 1,
	};
	cleanup_wire_bytes struct wire_bytes answer = { 0 };

	assert_int_equal(wire_encode_allocated(&edits, 1, &answer, NULL), 0);
	assert_bytes(&answer, BYTES("\x0a\x33"
				    "\x12\x0c\x0a\x03/in\x12\x05/host"
				    "\x12\x0b\x0a\x03/ro\x12\x02/h\x18\x01"
				    "\x1a\x16\x0a\x06/dev/a\x12\x08/r/dev/a\x1a\x02rw"));
}

static void answers_with_annotations_and_cdi_devices(void **state)
{
	(void)state;
	const char *names[] = { "v/c=a", "v/c=bc" };
	const struct edits edits = {
		.annotations = { { "k/1", "x" } },
		.annotations_count = 1,
		.cdi_devices = names,
		.cdi_devices_count = 2,
	};
	cleanup_wire_bytes struct wire_bytes answer = { 0 };

	assert_int_equal(wire_encode_allocated(&edits, 1, &answer, NULL), 0);
	assert_bytes(&answer, BYTES("\x0a\x1d"
				    "\x22\x08\x0a\x03k/1\x12\x01x"
				    "\x2a\x07\x0a\x05v/c=a"
				    "\x2a\x08\x0a\x06v/c=bc"));
}

static void reads_what_kubelet_prefers(void **state)
{
	(void)state;
	cleanup_arena struct arena arena = { 0 };
	struct wire_preference *preferences = NULL;
	size_t count = 0;

	assert_int_equal(wire_decode_preferred(BYTES("\x0a\x0c"
						     "\x0a\x01"
						     "a\x0a\x01"
						     "b\x12\x02xy\x18\x03"),
					       &arena, &preferences, &count, NULL),
			 0);
	assert_int_equal(count, 1);
	assert_int_equal(preferences[0].available.count, 2);
	assert_memory_equal(preferences[0].available.ids[1].bytes, "b", 1);
	assert_int_equal(preferences[0].must_include.ids[0].length, 2);
	assert_int_equal(preferences[0].size, 3);
}

static void reads_a_negative_size_as_none(void **state)
{
	(void)state;
	cleanup_arena struct arena arena = { 0 };
	struct wire_preference *preferences = NULL;
	size_t count = 0;

	assert_int_equal(wire_decode_preferred(BYTES("\x0a\x0b\x18\xff\xff\xff\xff\xff\xff\xff\xff"
						     "\xff\x01"),
					       &arena, &preferences, &count, NULL),
			 0);
	assert_int_equal(preferences[0].size, 0);
}

static void refuses_ids_with_nul_or_bad_utf8(void **state)
{
	(void)state;
	cleanup_arena struct arena arena = { 0 };
	struct wire_ids *containers = NULL;
	size_t count = 0;
	struct err err = ERR_INIT;

	assert_int_equal(wire_decode_allocate(BYTES("\x0a\x05\x0a\x03"
						    "a\0b"),
					      &arena, &containers, &count, &err),
			 -EBADMSG);
	assert_string_equal(err.msg, "a device id has NUL or invalid UTF-8");
	assert_int_equal(wire_decode_allocate(BYTES("\x0a\x03\x0a\x01\xff"), &arena, &containers,
					      &count, &err),
			 -EBADMSG);
}

static void refuses_what_is_no_message(void **state)
{
	(void)state;
	cleanup_arena struct arena arena = { 0 };
	struct wire_ids *containers = NULL;
	struct wire_preference *preferences = NULL;
	size_t count = 0;
	struct err err = ERR_INIT;

	assert_int_equal(wire_decode_allocate(BYTES("\x0a\x7f"), &arena, &containers, &count, &err),
			 -EBADMSG);
	assert_string_equal(err.msg, "not an encoded AllocateRequest");
	assert_int_equal(
		wire_decode_preferred(BYTES("\xff\xff"), &arena, &preferences, &count, NULL),
		-EBADMSG);
}

static void refuses_more_containers_than_it_reads(void **state)
{
	(void)state;
	cleanup_arena struct arena arena = { 0 };
	struct wire_ids *containers = NULL;
	size_t count = 0;
	uint8_t message[2 * (WIRE_CONTAINERS_MAX + 1)];
	for (size_t i = 0; i < sizeof(message); i += 2) {
		message[i] = 0x0a;
		message[i + 1] = 0;
	}

	assert_int_equal(
		wire_decode_allocate(message, sizeof(message), &arena, &containers, &count, NULL),
		-E2BIG);
	assert_int_equal(wire_decode_allocate(message, sizeof(message) - 2, &arena, &containers,
					      &count, NULL),
			 0);
	assert_int_equal(count, WIRE_CONTAINERS_MAX);
}

/* Encodes or decodes one message of each kind; outputs are looked at for being untouched. */
typedef int convert_fn(const struct resource *resource, struct err *err);

static int convert_list(const struct resource *resource, struct err *err)
{
	cleanup_wire_bytes struct wire_bytes bytes = { 0 };
	int r = wire_encode_list(resource, &bytes, err);
	assert_true((r == 0) == (bytes.data != NULL));
	return r;
}

static int convert_options(const struct resource *resource, struct err *err)
{
	(void)resource;
	cleanup_wire_bytes struct wire_bytes bytes = { 0 };
	int r = wire_encode_options(&bytes, err);
	assert_true((r == 0) == (bytes.data != NULL));
	return r;
}

static int convert_preferred_answer(const struct resource *resource, struct err *err)
{
	uint32_t first[] = { 1, 0 };
	uint32_t *positions[] = { first };
	size_t counts[] = { 2 };
	cleanup_wire_bytes struct wire_bytes bytes = { 0 };
	int r = wire_encode_preferred(resource, positions, counts, 1, &bytes, err);
	assert_true((r == 0) == (bytes.data != NULL));
	return r;
}

static int convert_allocated(const struct resource *resource, struct err *err)
{
	(void)resource;
	const struct edits edits = { .envs = { { "A", "1" } }, .envs_count = 1 };
	cleanup_wire_bytes struct wire_bytes bytes = { 0 };
	int r = wire_encode_allocated(&edits, 1, &bytes, err);
	assert_true((r == 0) == (bytes.data != NULL));
	return r;
}

static int convert_preference(const struct resource *resource, struct err *err)
{
	(void)resource;
	cleanup_arena struct arena arena = { 0 };
	struct wire_preference *preferences = NULL;
	size_t count = 0;
	int r = wire_decode_preferred(BYTES("\x0a\x07\x0a\x01"
					    "a\x12\x02xy"),
				      &arena, &preferences, &count, err);
	assert_true((r == 0) == (preferences != NULL));
	return r;
}

static int convert_allocate(const struct resource *resource, struct err *err)
{
	(void)resource;
	cleanup_arena struct arena arena = { 0 };
	struct wire_ids *containers = NULL;
	size_t count = 0;
	int r = wire_decode_allocate(BYTES("\x0a\x04\x0a\x02xy"), &arena, &containers, &count, err);
	assert_true((r == 0) == (containers != NULL));
	return r;
}

static void each_allocation_that_fails_is_an_error_and_leaves_nothing(void **state)
{
	(void)state;
	static convert_fn *const conversions[] = {
		convert_list,      convert_options,    convert_preferred_answer,
		convert_allocated, convert_preference, convert_allocate,
	};
	cleanup_resource struct resource *resource = given_resource(2, 1);
	for (size_t i = 0; i < ARRAY_LEN(conversions); i++) {
		unsigned n = 1;
		for (; n < ALLOCATIONS_MAX; n++) {
			struct err err = ERR_INIT;
			allocations_left = n;
			int r = conversions[i](resource, &err);
			bool has_failed = allocations_left == 0;
			allocations_left = 0;
			if (!has_failed)
				break;
			assert_int_equal(r, -ENOMEM);
			assert_true(err.msg[0] != '\0');
		}
		assert_in_range(n, 2, ALLOCATIONS_MAX - 1);
	}
}

static void refuses_more_ids_than_it_reads(void **state)
{
	(void)state;
	enum {
		IDS_BYTES = 2 * (WIRE_IDS_MAX + 1),
		HEAD_BYTES = 4
	};
	cleanup_arena struct arena arena = { 0 };
	cleanup_free uint8_t *message = calloc(1, HEAD_BYTES + IDS_BYTES);
	assert_non_null(message);
	/* Length-delimited, the length in three bytes of seven bits, the middle ones of which are
	 * 0. */
	/* cppcheck-suppress badBitmaskCheck ; they would not be for another bound */
	const uint8_t head[HEAD_BYTES] = { 0x0a, IDS_BYTES % 128 + 128, IDS_BYTES / 128 % 128 + 128,
					   IDS_BYTES / 128 / 128 };
	static_assert(IDS_BYTES >> 21 == 0, "the length needs three bytes");
	memcpy(message, head, sizeof(head));
	for (size_t i = HEAD_BYTES; i < HEAD_BYTES + IDS_BYTES; i += 2)
		message[i] = 0x0a;
	struct wire_ids *containers = NULL;
	struct wire_preference *preferences = NULL;
	size_t count = 0;
	assert_int_equal(wire_decode_allocate(message, HEAD_BYTES + IDS_BYTES, &arena, &containers,
					      &count, NULL),
			 -E2BIG);
	assert_int_equal(wire_decode_preferred(message, HEAD_BYTES + IDS_BYTES, &arena,
					       &preferences, &count, NULL),
			 -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_id_health_and_numa_node),
		cmocka_unit_test(numa_node_zero_is_a_topology),
		cmocka_unit_test(an_empty_list_is_an_empty_message),
		cmocka_unit_test(the_largest_resource_fits_what_kubelet_reads),
		cmocka_unit_test(refuses_an_id_that_does_not_fit),
		cmocka_unit_test(says_that_it_prefers),
		cmocka_unit_test(registers_with_version_endpoint_name_and_options),
		cmocka_unit_test(answers_with_ids_of_the_chosen_positions),
		cmocka_unit_test(answers_with_the_environment_of_each_container),
		cmocka_unit_test(answers_with_mounts_and_device_nodes),
		cmocka_unit_test(answers_with_annotations_and_cdi_devices),
		cmocka_unit_test(reads_what_kubelet_prefers),
		cmocka_unit_test(reads_a_negative_size_as_none),
		cmocka_unit_test(refuses_ids_with_nul_or_bad_utf8),
		cmocka_unit_test(refuses_what_is_no_message),
		cmocka_unit_test(refuses_more_containers_than_it_reads),
		cmocka_unit_test(refuses_more_ids_than_it_reads),
		cmocka_unit_test(each_allocation_that_fails_is_an_error_and_leaves_nothing),
	};
	return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
