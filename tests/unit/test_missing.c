/* SPDX-License-Identifier: Apache-2.0 */
#include "given.h"

#include <errno.h>

#include "core/allocation.h"
#include "core/missing.h"
#include "failing.h"

static const char gpu[] = "nvidia.com/gpu";
static const char part[] = "nvidia.com/mig-1g.5gb";

/* A node of two GPUs whose third is lost, and what pods hold. */
struct fixture {
	struct snapshot *snapshot;
	struct held held;
};

static int set_up(void **state)
{
	static struct fixture fixture;
	fixture = (struct fixture){ .snapshot = given_snapshot(2) };
	*state = &fixture;
	return snapshot_add_lost(fixture.snapshot, "GPU 2 is lost") ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	held_done(&fixture->held);
	fixture->snapshot = snapshot_free(fixture->snapshot);
	return 0;
}

static void hold(struct fixture *fixture, const char *resource, const char *id)
{
	assert_int_equal(held_add(&fixture->held, given_id(resource), given_id(id), HELD_LISTED),
			 0);
}

/* The uuids behind the devices of the fixture, each with a space behind it. */
static void expect(struct fixture *fixture, const char *expected)
{
	char text[256] = "";
	cleanup_snapshot struct snapshot *joined = missing_join(fixture->snapshot, &fixture->held);
	assert_non_null(joined);
	for (size_t i = 2; i < joined->devices_count; i++) {
		const struct device *device = &joined->devices[i];
		size_t used = strlen(text);
		(void)snprintf(text + used, sizeof(text) - used, "%s ", device->uuid);
		assert_true(device_is_missing(device));
		assert_false(device->is_healthy);
		assert_non_null(strstr(device->reason, "cannot reach the GPU of this id"));
	}
	assert_string_equal(text, expected);
	joined->devices_count = 2;
	assert_true(snapshot_is_equal(joined, fixture->snapshot));
}

static void what_pods_hold_of_a_lost_gpu_is_a_device_each(void **state)
{
	struct fixture *fixture = *state;
	hold(fixture, gpu, "GPU-2::0");
	hold(fixture, gpu, "GPU-2::7");
	hold(fixture, part, "MIG-9");
	hold(fixture, gpu, "GPU-1::0");
	hold(fixture, part, "GPU-2");
	expect(fixture, "GPU-2 MIG-9 ");
}

static void a_uuid_that_begins_as_another_is_another(void **state)
{
	struct fixture *fixture = *state;
	hold(fixture, gpu, "GPU-11");
	hold(fixture, gpu, "GPU-");
	expect(fixture, "GPU-11 ");
}

static void what_is_not_of_nvidias_form_is_none(void **state)
{
	struct fixture *fixture = *state;
	hold(fixture, gpu, "TPU-2");
	hold(fixture, gpu, "GPU-2::x");
	hold(fixture, gpu, "");
	expect(fixture, "");
}

static void nothing_is_missing_while_nothing_is_lost(void **state)
{
	struct fixture *fixture = *state;
	hold(fixture, gpu, "GPU-2::0");
	fixture->snapshot->lost_count = 0;
	expect(fixture, "");
}

static void no_more_are_added_than_a_snapshot_holds(void **state)
{
	struct fixture *fixture = *state;
	char id[REPLICA_ID_BYTES];
	for (unsigned i = 0; i < DEVICES_MAX + 2; i++) {
		(void)snprintf(id, sizeof(id), "GPU-%u", i);
		hold(fixture, gpu, id);
	}
	cleanup_snapshot struct snapshot *joined = missing_join(fixture->snapshot, &fixture->held);
	assert_non_null(joined);
	assert_int_equal(joined->devices_count, DEVICES_MAX);
}

static struct resource *list(struct fixture *fixture, const char *name)
{
	static const struct settings settings;
	cleanup_plan struct plan plan = { 0 };
	struct resource *resource = NULL;
	struct snapshot *joined = missing_join(fixture->snapshot, &fixture->held);
	assert_non_null(joined);
	assert_int_equal(plan_make(&settings, joined, &plan, NULL), 0);
	assert_int_equal(resource_new(&plan, name, joined, &fixture->held, &resource, NULL), 0);
	return resource;
}

static void a_resource_has_what_is_held_and_not_more(void **state)
{
	struct fixture *fixture = *state;
	hold(fixture, gpu, "GPU-2::3");
	hold(fixture, part, "MIG-9");
	cleanup_resource struct resource *gpus = list(fixture, gpu);
	assert_int_equal(gpus->replicas_count, 3);
	assert_int_equal(resource_healthy_count(gpus), 2);
	int position = resource_find(gpus, given_id("GPU-2::3"));
	assert_true(position >= 0);
	assert_false(gpus->replicas[position].device->is_healthy);
	cleanup_resource struct resource *parts = list(fixture, part);
	assert_int_equal(parts->replicas_count, 1);
	assert_true(resource_find(parts, given_id("MIG-9")) >= 0);
}

static void no_container_is_given_what_is_missing(void **state)
{
	struct fixture *fixture = *state;
	hold(fixture, gpu, "GPU-2");
	cleanup_resource struct resource *gpus = list(fixture, gpu);
	cleanup_edits struct edits edits = { 0 };
	static const struct settings settings;
	static const struct allocation_inputs inputs;
	struct id_text id = given_id("GPU-2");
	struct err err = ERR_INIT;
	assert_true(resource_find(gpus, id) >= 0);
	assert_int_equal(allocation_make(gpus, &settings, &inputs, &id, 1, &edits, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "unknown device: GPU-2"));
}

static void fails_cleanly_when_memory_is_out(void **state)
{
	struct fixture *fixture = *state;
	char id[REPLICA_ID_BYTES];
	for (unsigned i = 0; i < 300; i++) { /* more than one chunk of an arena */
		(void)snprintf(id, sizeof(id), "GPU-with-a-long-name-as-NVIDIA-has-them-%u", i);
		hold(fixture, gpu, id);
	}
	struct snapshot *joined = NULL;
	unsigned failures = 0;
	while (!joined) {
		failing_calloc = ++failures;
		joined = missing_join(fixture->snapshot, &fixture->held);
		failing_calloc = 0;
	}
	assert_true(failures > 3);
	assert_int_equal(joined->devices_count, 302);
	snapshot_free(joined);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(what_pods_hold_of_a_lost_gpu_is_a_device_each),
		TEST(a_uuid_that_begins_as_another_is_another),
		TEST(what_is_not_of_nvidias_form_is_none),
		TEST(nothing_is_missing_while_nothing_is_lost),
		TEST(no_more_are_added_than_a_snapshot_holds),
		TEST(a_resource_has_what_is_held_and_not_more),
		TEST(no_container_is_given_what_is_missing),
		TEST(fails_cleanly_when_memory_is_out),
#undef TEST
	};
	return cmocka_run_group_tests_name("missing", tests, NULL, NULL);
}
