/* SPDX-License-Identifier: Apache-2.0 */
/* Section 4.5 of the contract of NVIDIA's plugin. */
#include "given.h"

#include <errno.h>

#include "core/allocation.h"
#include "failing.h"

struct row {
	const char *what;
	uint32_t replicas;
	enum device_id_strategy strategy;
	bool fails_greater_than_one;
	const char *ids[4];  /* ended by NULL */
	const char *visible; /* NULL: refused */
	const char *refusal;
};

static const struct row rows[] = {
	{ "one replica names its GPU", 5, DEVICE_ID_UUID, false, { "GPU-0::3" }, "GPU-0", NULL },
	{ "order of the request is kept",
	  5,
	  DEVICE_ID_UUID,
	  false,
	  { "GPU-1::0", "GPU-0::0" },
	  "GPU-1,GPU-0",
	  NULL },
	{ "two replicas of a GPU expose it once",
	  5,
	  DEVICE_ID_UUID,
	  false,
	  { "GPU-1::0", "GPU-0::0", "GPU-1::4" },
	  "GPU-1,GPU-0",
	  NULL },
	{ "index strategy keeps the order too",
	  5,
	  DEVICE_ID_INDEX,
	  false,
	  { "GPU-1::0", "GPU-0::0" },
	  "1,0",
	  NULL },
	{ "whole GPUs", 1, DEVICE_ID_UUID, false, { "GPU-1", "GPU-0" }, "GPU-1,GPU-0", NULL },
	{ "several whole GPUs are fine",
	  1,
	  DEVICE_ID_UUID,
	  true,
	  { "GPU-1", "GPU-0" },
	  "GPU-1,GPU-0",
	  NULL },
	{ "one replica is fine", 5, DEVICE_ID_UUID, true, { "GPU-1::2" }, "GPU-1", NULL },
	{ "nothing asked is nothing given", 5, DEVICE_ID_UUID, true, { NULL }, "", NULL },
	{ "unknown device",
	  5,
	  DEVICE_ID_UUID,
	  false,
	  { "GPU-0::0", "GPU-7::0" },
	  NULL,
	  "invalid allocation request for \"nvidia.com/gpu\": invalid request: unknown device: GPU-7::0" },
	{ "a whole id while the GPU is shared",
	  5,
	  DEVICE_ID_UUID,
	  false,
	  { "GPU-0" },
	  NULL,
	  "invalid allocation request for \"nvidia.com/gpu\": invalid request: unknown device: GPU-0" },
	{ "more than one replica where one is the most",
	  5,
	  DEVICE_ID_UUID,
	  true,
	  { "GPU-0::0", "GPU-0::1" },
	  NULL,
	  "invalid allocation request for \"nvidia.com/gpu\": invalid request: maximum request size for shared resources is 1; found 2" },
	{ "unknown comes before too many",
	  5,
	  DEVICE_ID_UUID,
	  true,
	  { "GPU-0::0", "GPU-0::9" },
	  NULL,
	  "invalid allocation request for \"nvidia.com/gpu\": invalid request: unknown device: GPU-0::9" },
};

static void check(const struct row *row)
{
	cleanup_resource struct resource *resource = given_resource(2, row->replicas);
	struct settings settings = {
		.device_id_strategy = row->strategy,
		.time_slicing = { .fail_requests_greater_than_one = row->fails_greater_than_one },
	};
	struct id_text ids[ARRAY_LEN(row->ids)];
	size_t count = 0;
	for (; count < ARRAY_LEN(row->ids) && row->ids[count]; count++)
		ids[count] = given_id(row->ids[count]);

	cleanup_edits struct edits edits = { 0 };
	struct err err = ERR_INIT;
	int r = allocation_make(resource, &settings, ids, count, &edits, &err);
	if (row->refusal) {
		assert_true(r < 0);
		assert_string_equal(err.msg, row->refusal);
		assert_int_equal(edits.envs_count, 0);
		return;
	}
	assert_int_equal(r, 0);
	assert_int_equal(edits.envs_count, 1);
	assert_string_equal(edits.envs[0].name, "NVIDIA_VISIBLE_DEVICES");
	assert_string_equal(edits.envs[0].value, row->visible);
}

static void answers_every_row_of_the_contract(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		print_message("%s\n", rows[i].what);
		check(&rows[i]);
	}
}

static void an_unhealthy_device_is_not_refused(void **state)
{
	(void)state;
	cleanup_resource struct resource *resource = given_resource(1, 5);
	resource->snapshot->devices[0].is_healthy = false;
	struct settings settings = { 0 };
	struct id_text id = given_id("GPU-0::1");
	cleanup_edits struct edits edits = { 0 };

	assert_int_equal(allocation_make(resource, &settings, &id, 1, &edits, NULL), 0);
}

static void a_long_unknown_id_is_cut_in_the_text(void **state)
{
	(void)state;
	cleanup_resource struct resource *resource = given_resource(1, 5);
	struct settings settings = { 0 };
	char text[2000];
	memset(text, 'x', sizeof(text));
	struct id_text id = { text, sizeof(text) };
	cleanup_edits struct edits edits = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(allocation_make(resource, &settings, &id, 1, &edits, &err), -EINVAL);
	assert_int_equal(strlen(err.msg), ERR_TEXT_BYTES - 1);
}

static void fails_cleanly_when_memory_is_out(void **state)
{
	(void)state;
	cleanup_resource struct resource *resource = given_resource(1, 5);
	struct settings settings = { 0 };
	struct id_text id = given_id("GPU-0::1");
	cleanup_edits struct edits edits = { 0 };

	failing_calloc = 1;
	int r = allocation_make(resource, &settings, &id, 1, &edits, NULL);
	failing_calloc = 0;
	assert_int_equal(r, -ENOMEM);
	assert_int_equal(edits.envs_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_every_row_of_the_contract),
		cmocka_unit_test(an_unhealthy_device_is_not_refused),
		cmocka_unit_test(a_long_unknown_id_is_cut_in_the_text),
		cmocka_unit_test(fails_cleanly_when_memory_is_out),
	};
	return cmocka_run_group_tests_name("allocation", tests, NULL, NULL);
}
