/* SPDX-License-Identifier: Apache-2.0 */
#include "failing.h"
#include "given.h"

#include <errno.h>
#include <stdlib.h>

#include "kubelet/pods_wire.h"

/* One pod "p" of one container "c"; each device entry as kubelet sends it, one id in it. */
static const uint8_t one_id[] = {
	0x0A, 0x2A,      /* pod_resources */
	0x0A, 0x01, 'p', /* name */
	0x12, 0x01, 'n', /* namespace */
	0x1A, 0x22,      /* containers */
	0x0A, 0x01, 'c', /* name */
	0x12, 0x1D,      /* devices */
	0x0A, 0x0E, 'n',  'v', 'i', 'd', 'i', 'a', '.', 'c', 'o', 'm',  '/',  'g',  'p',
	'u',  0x12, 0x08, 'G', 'P', 'U', '-', '0', ':', ':', '1', 0x1A, 0x01, 0x0A, /* topology,
										       which is not
										       read */
};

static void reads_the_ids_of_our_resources(void **state)
{
	(void)state;
	cleanup_held struct held held = { 0 };
	assert_int_equal(pods_wire_decode(one_id, sizeof(one_id), &held, NULL), 0);
	assert_int_equal(held.count, 1);
	assert_string_equal(held.names[held.items[0].resource], "nvidia.com/gpu");
	assert_string_equal(held.items[0].id, "GPU-0::1");
	assert_int_equal(held.items[0].since_ns, HELD_LISTED);
}

static void leaves_out_the_resources_of_others(void **state)
{
	(void)state;
	uint8_t bytes[sizeof(one_id)];
	memcpy(bytes, one_id, sizeof(bytes));
	memcpy(bytes + 17, "amdgpu", 6);
	cleanup_held struct held held = { 0 };
	assert_int_equal(pods_wire_decode(bytes, sizeof(bytes), &held, NULL), 0);
	assert_int_equal(held.count, 0);
}

static void leaves_out_an_id_that_is_no_text(void **state)
{
	(void)state;
	uint8_t bytes[sizeof(one_id)];
	memcpy(bytes, one_id, sizeof(bytes));
	bytes[sizeof(bytes) - 5] = 0xFF;
	cleanup_held struct held held = { 0 };
	assert_int_equal(pods_wire_decode(bytes, sizeof(bytes), &held, NULL), 0);
	assert_int_equal(held.count, 0);
}

static void an_empty_answer_is_a_node_without_pods(void **state)
{
	(void)state;
	cleanup_held struct held held = { 0 };
	assert_int_equal(pods_wire_decode((const uint8_t *)"", 0, &held, NULL), 0);
	assert_int_equal(held.count, 0);
}

static void refuses_what_is_cut_off(void **state)
{
	(void)state;
	for (size_t length = 1; length < sizeof(one_id); length++) {
		cleanup_held struct held held = { 0 };
		struct err err = ERR_INIT;
		assert_int_equal(pods_wire_decode(one_id, length, &held, &err), -EBADMSG);
		assert_string_equal(err.msg, "not an encoded ListPodResourcesResponse");
	}
}

/* Pods of two bytes each, as many as an answer can hold. */
static void refuses_what_would_take_too_much_memory(void **state)
{
	(void)state;
	uint8_t *bytes = malloc(PODS_ANSWER_BYTES_MAX);
	assert_non_null(bytes);
	for (size_t i = 0; i < PODS_ANSWER_BYTES_MAX; i += 2) {
		bytes[i] = 0x0A;
		bytes[i + 1] = 0;
	}
	cleanup_held struct held held = { 0 };
	struct err err = ERR_INIT;
	assert_int_equal(pods_wire_decode(bytes, PODS_ANSWER_BYTES_MAX, &held, &err), -E2BIG);
	assert_string_equal(err.msg, "a ListPodResourcesResponse that takes more than 128 MiB of "
				     "memory");
	free(bytes);
}

static void want_of_memory_is_not_taken_for_a_malformed_answer(void **state)
{
	(void)state;
	unsigned failures = 0;
	int r = -ENOMEM;
	while (r < 0) {
		cleanup_held struct held held = { 0 };
		struct err err = ERR_INIT;
		failing_calloc = ++failures;
		r = pods_wire_decode(one_id, sizeof(one_id), &held, &err);
		assert_true(r == 0 || r == -ENOMEM);
		assert_string_equal(err.msg, r < 0 ? "out of memory" : "");
	}
	failing_calloc = 0;
	assert_true(failures > 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_the_ids_of_our_resources),
		cmocka_unit_test(leaves_out_the_resources_of_others),
		cmocka_unit_test(leaves_out_an_id_that_is_no_text),
		cmocka_unit_test(an_empty_answer_is_a_node_without_pods),
		cmocka_unit_test(refuses_what_is_cut_off),
		cmocka_unit_test(refuses_what_would_take_too_much_memory),
		cmocka_unit_test(want_of_memory_is_not_taken_for_a_malformed_answer),
	};
	return cmocka_run_group_tests_name("pods_wire", tests, NULL, NULL);
}
