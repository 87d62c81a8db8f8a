/* SPDX-License-Identifier: Apache-2.0 */
#include "given.h"

#include <errno.h>

#include "failing.h"

static void lists_whole_devices_when_nothing_is_shared(void **state)
{
	(void)state;
	cleanup_resource struct resource *resource = given_resource(4, 1);

	assert_string_equal(resource->name, "nvidia.com/gpu");
	assert_false(resource->is_shared);
	assert_int_equal(resource->replicas_count, 4);
	assert_int_equal(resource->replicas[3].ordinal, REPLICA_WHOLE);
	assert_int_equal(resource_find(resource, given_id("GPU-3")), 3);
	assert_int_equal(resource_find(resource, given_id("GPU-3::0")), -ENOENT);
}

static void lists_every_replica_of_every_device(void **state)
{
	(void)state;
	cleanup_resource struct resource *resource = given_resource(12, 5);

	assert_int_equal(resource->replicas_count, 60);
	for (size_t i = 0; i < resource->replicas_count; i++) {
		const struct replica *replica = &resource->replicas[i];
		char id[REPLICA_ID_BYTES];
		(void)replica_format(replica->device->uuid, replica->ordinal, id);
		assert_int_equal(resource_find(resource, given_id(id)), i);
	}
}

static void finds_nothing_that_is_not_advertised(void **state)
{
	(void)state;
	static const char *const unknown[] = { "GPU-1",   "GPU-1::5", "GPU-2::0",
					       "GPU-::0", "",         "GPU-10::0" };
	cleanup_resource struct resource *resource = given_resource(2, 5);

	for (size_t i = 0; i < ARRAY_LEN(unknown); i++)
		assert_int_equal(resource_find(resource, given_id(unknown[i])), -ENOENT);
}

static void tells_apart_uuids_that_begin_or_end_alike(void **state)
{
	(void)state;
	static const char *const uuids[] = {
		"GPU-0-4c81ecaa", "GPU-1-4c81ecaa", "GPU-4c81ecaa", "4c81ecaa",
		"GPU-4c81ecaa-0", "GPU-4c81ecaa-1", "GPU-4c81eca",
	};
	const struct settings settings = { 0 };
	struct snapshot *snapshot = given_snapshot(ARRAY_LEN(uuids));
	for (size_t i = 0; i < ARRAY_LEN(uuids); i++)
		snapshot->devices[i].uuid = uuids[i];
	cleanup_resource struct resource *resource = NULL;

	assert_int_equal(resource_new(&settings, snapshot, &resource, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(uuids); i++)
		assert_int_equal(resource_find(resource, given_id(uuids[i])), i);
	assert_int_equal(resource_find(resource, given_id("GPU-2-4c81ecaa")), -ENOENT);
}

static void is_renamed_only_when_shared(void **state)
{
	(void)state;
	struct shared_resource shared = { "nvidia.com/gpu", 5 };
	struct settings settings = { .time_slicing = { .rename_by_default = true } };
	cleanup_resource struct resource *whole = NULL;
	assert_int_equal(resource_new(&settings, given_snapshot(1), &whole, NULL), 0);
	assert_string_equal(whole->name, "nvidia.com/gpu");

	settings.time_slicing.resources = &shared;
	settings.time_slicing.resources_count = 1;
	cleanup_resource struct resource *renamed = NULL;
	assert_int_equal(resource_new(&settings, given_snapshot(1), &renamed, NULL), 0);
	assert_string_equal(renamed->name, "nvidia.com/gpu.shared");
}

static void takes_the_larger_of_two_entries_and_skips_other_names(void **state)
{
	(void)state;
	struct shared_resource shared[] = {
		{ "nvidia.com/gpu", 3 },
		{ "nvidia.com/mig-1g.5gb", 7 },
		{ "nvidia.com/gpu", 2 },
	};
	struct settings settings = {
		.time_slicing = { .resources = shared, .resources_count = ARRAY_LEN(shared) },
	};
	cleanup_resource struct resource *resource = NULL;

	assert_int_equal(resource_new(&settings, given_snapshot(1), &resource, NULL), 0);
	assert_int_equal(resource->replicas_count, 3);
}

static void without_devices_is_an_empty_list(void **state)
{
	(void)state;
	cleanup_resource struct resource *resource = given_resource(0, 5);

	assert_int_equal(resource->replicas_count, 0);
	assert_int_equal(resource_find(resource, given_id("GPU-0::0")), -ENOENT);
}

static void refuses_a_list_that_kubelet_cannot_read(void **state)
{
	(void)state;
	struct shared_resource shared = { "nvidia.com/gpu", 30501 };
	struct settings settings = {
		.time_slicing = { .resources = &shared, .resources_count = 1 },
	};
	struct resource *resource = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(resource_new(&settings, given_snapshot(2), &resource, &err), -E2BIG);
	assert_null(resource);
	assert_string_equal(err.msg,
			    "nvidia.com/gpu: 2 devices of 30501 replicas are more than the "
			    "61000 that kubelet reads in one list, lower "
			    "sharing.timeSlicing.resources[].replicas");
}

static void counts_the_replicas_of_healthy_devices(void **state)
{
	(void)state;
	cleanup_resource struct resource *resource = given_resource(3, 5);

	assert_int_equal(resource_healthy_count(resource), 15);
	resource->snapshot->devices[1].is_healthy = false;
	assert_int_equal(resource_healthy_count(resource), 10);
}

static void fails_cleanly_when_memory_is_out(void **state)
{
	(void)state;
	struct shared_resource shared = { "nvidia.com/gpu", 500 };
	struct settings settings = {
		.time_slicing = { .resources = &shared, .resources_count = 1 },
	};
	struct resource *resource = NULL;
	unsigned failures = 0;

	for (unsigned n = 1; !resource; n++) {
		struct snapshot *snapshot = given_snapshot(2);
		failing_calloc = n;
		int r = resource_new(&settings, snapshot, &resource, NULL);
		failing_calloc = 0;
		assert_int_equal(r, resource ? 0 : -ENOMEM);
		failures += resource ? 0 : 1;
	}
	assert_int_equal(failures, 3);
	(void)resource_free(resource);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_whole_devices_when_nothing_is_shared),
		cmocka_unit_test(lists_every_replica_of_every_device),
		cmocka_unit_test(finds_nothing_that_is_not_advertised),
		cmocka_unit_test(tells_apart_uuids_that_begin_or_end_alike),
		cmocka_unit_test(is_renamed_only_when_shared),
		cmocka_unit_test(takes_the_larger_of_two_entries_and_skips_other_names),
		cmocka_unit_test(without_devices_is_an_empty_list),
		cmocka_unit_test(refuses_a_list_that_kubelet_cannot_read),
		cmocka_unit_test(counts_the_replicas_of_healthy_devices),
		cmocka_unit_test(fails_cleanly_when_memory_is_out),
	};
	return cmocka_run_group_tests_name("resource", tests, NULL, NULL);
}
