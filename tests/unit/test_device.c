/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <string.h>

#include "base/cleanup.h"
#include "core/device.h"
#include "failing.h"

static struct snapshot *two_devices(void)
{
	struct snapshot *snapshot = snapshot_new(2);
	assert_non_null(snapshot);
	snapshot->driver_version = "550.54.15";
	snapshot->cuda_version = 12040;
	snapshot->devices[0] = (struct device){ .uuid = "GPU-a",
						.index = "0",
						.model = "Tesla T4",
						.bus_id = "00000000:00:1D.0",
						DEVICE_WHOLE,
						.numa_node = 1,
						.memory_bytes = 15360ULL << 20,
						.compute_major = 7,
						.compute_minor = 5,
						.is_healthy = true };
	snapshot->devices[1] = snapshot->devices[0];
	snapshot->devices[1].uuid = "GPU-b";
	snapshot->devices[1].index = "1";
	return snapshot;
}

static void a_new_one_has_no_null_texts(void **state)
{
	(void)state;
	struct snapshot *snapshot = snapshot_new(2);
	assert_int_equal(snapshot->devices_count, 2);
	assert_string_equal(snapshot->driver_version, "");
	assert_string_equal(snapshot->devices[1].uuid, "");
	assert_string_equal(snapshot->devices[1].index, "");
	assert_string_equal(snapshot->devices[1].model, "");
	assert_string_equal(snapshot->devices[1].bus_id, "");
	assert_int_equal(snapshot->devices[1].numa_node, NUMA_NONE);
	assert_null(snapshot_free(snapshot));
	assert_null(snapshot_free(NULL));
}

static void a_copy_is_equal_and_shares_nothing(void **state)
{
	(void)state;
	struct snapshot *snapshot = two_devices();
	struct snapshot *copy = snapshot_copy(snapshot);
	assert_true(snapshot_is_equal(snapshot, copy));
	assert_ptr_not_equal(snapshot->driver_version, copy->driver_version);
	assert_ptr_not_equal(snapshot->devices[1].uuid, copy->devices[1].uuid);
	snapshot_free(snapshot);
	assert_string_equal(copy->devices[1].uuid, "GPU-b");
	snapshot_free(copy);
}

static void a_shared_one_lives_until_its_last_owner_frees_it(void **state)
{
	(void)state;
	struct snapshot *snapshot = two_devices();
	struct snapshot *second = snapshot_share(snapshot);
	struct snapshot *third = snapshot_share(snapshot);
	assert_ptr_equal(second, snapshot);
	assert_null(snapshot_free(snapshot));
	assert_int_equal(third->shares, 1);
	assert_null(snapshot_free(second));
	assert_int_equal(third->shares, 0);
	assert_string_equal(third->devices[1].uuid, "GPU-b");
	assert_null(snapshot_free(third));
}

static void a_copy_of_a_shared_one_has_one_owner(void **state)
{
	(void)state;
	struct snapshot *snapshot = two_devices();
	struct snapshot *second = snapshot_share(snapshot);
	struct snapshot *copy = snapshot_copy(second);
	assert_int_equal(copy->shares, 0);
	assert_true(snapshot_is_equal(second, copy));
	snapshot_free(copy);
	snapshot_free(second);
	snapshot_free(snapshot);
}

static void every_field_counts(void **state)
{
	(void)state;
	struct snapshot *a = two_devices();
	struct snapshot *b = two_devices();
	struct device *device = &b->devices[1];
	const struct device kept = *device;
#define DIFFERS(change)                                \
	do {                                           \
		change;                                \
		assert_false(snapshot_is_equal(a, b)); \
		*device = kept;                        \
		assert_true(snapshot_is_equal(a, b));  \
	} while (0)
	DIFFERS(device->uuid = "GPU-c");
	DIFFERS(device->index = "2");
	DIFFERS(device->model = "NVIDIA H200");
	DIFFERS(device->bus_id = "");
	DIFFERS(device->minor = 7);
	DIFFERS(device->numa_node = NUMA_NONE);
	DIFFERS(device->memory_bytes = 1);
	DIFFERS(device->compute_major = 9);
	DIFFERS(device->compute_minor = 0);
	DIFFERS(device->profile = "1g.5gb");
	DIFFERS(device->reason = "fell off the bus");
	DIFFERS(device->parent = 0);
	DIFFERS(device->gpu_instance = 1);
	DIFFERS(device->compute_instance = 1);
	DIFFERS(device->gpu_capability = 1);
	DIFFERS(device->compute_capability = 1);
	DIFFERS(device->recovery = DEVICE_RECOVERY_GPU_RESET);
	DIFFERS(device->ecc_errors = 1);
	DIFFERS(device->is_mig = true);
	DIFFERS(device->is_unwatched = true);
	DIFFERS(device->is_healthy = false);
#undef DIFFERS
	snapshot_free(a);
	snapshot_free(b);
}

static void versions_and_count_matter(void **state)
{
	(void)state;
	struct snapshot *a = two_devices();
	struct snapshot *b = two_devices();
	b->driver_version = "580.65.06";
	assert_false(snapshot_is_equal(a, b));
	b->driver_version = a->driver_version;
	b->cuda_version = 13000;
	assert_false(snapshot_is_equal(a, b));
	b->cuda_version = a->cuda_version;
	b->devices_count = 1;
	assert_false(snapshot_is_equal(a, b));
	snapshot_free(a);
	snapshot_free(b);
}

static void links_are_copied_and_count(void **state)
{
	(void)state;
	struct link link = { .second = 1, .level = LINK_SINGLE_SWITCH, .nvlinks = 4 };
	struct snapshot *a = two_devices();
	assert_true(snapshot_set_links(a, &link, 1));
	struct snapshot *b = snapshot_copy(a);
	assert_true(snapshot_is_equal(a, b));
	const struct link others[] = {
		{ .first = 1, .second = 1, .level = LINK_SINGLE_SWITCH, .nvlinks = 4 },
		{ .second = 2, .level = LINK_SINGLE_SWITCH, .nvlinks = 4 },
		{ .second = 1, .level = LINK_SAME_BOARD, .nvlinks = 4 },
		{ .second = 1, .level = LINK_SINGLE_SWITCH, .nvlinks = 3 },
	};
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		b->links[0] = others[i];
		assert_false(snapshot_is_equal(a, b));
	}
	assert_true(snapshot_set_links(b, NULL, 0));
	assert_false(snapshot_is_equal(a, b));
	snapshot_free(a);
	snapshot_free(b);
}

static void lost_ones_are_copied_count_and_are_bounded(void **state)
{
	(void)state;
	struct snapshot *a = two_devices();
	struct snapshot *b = two_devices();
	assert_true(snapshot_add_lost(a, "GPU 2 is lost"));
	assert_false(snapshot_is_equal(a, b));
	assert_true(snapshot_add_lost(b, "GPU 3 is lost"));
	assert_false(snapshot_is_equal(a, b));
	struct snapshot *copy = snapshot_copy(a);
	assert_true(snapshot_is_equal(a, copy));
	assert_ptr_not_equal(a->lost[0], copy->lost[0]);
	for (size_t i = 0; i < LOST_MAX; i++)
		assert_true(snapshot_add_lost(a, "another"));
	assert_int_equal(a->lost_count, LOST_MAX);
	assert_string_equal(a->lost[0], "GPU 2 is lost");
	snapshot_free(a);
	snapshot_free(b);
	snapshot_free(copy);
}

static void a_copy_may_have_room_for_more(void **state)
{
	(void)state;
	struct snapshot *snapshot = two_devices();
	struct snapshot *copy = snapshot_copy_with_room(snapshot, 3);
	assert_true(snapshot_is_equal(snapshot, copy));
	assert_string_equal(copy->devices[2].uuid, "");
	assert_true(device_is_missing(&copy->devices[2]));
	assert_false(device_is_missing(&copy->devices[1]));
	snapshot_free(copy);
	snapshot_free(snapshot);
}

static void null_equals_only_null(void **state)
{
	(void)state;
	struct snapshot *snapshot = snapshot_new(0);
	assert_true(snapshot_is_equal(NULL, NULL));
	assert_false(snapshot_is_equal(snapshot, NULL));
	assert_false(snapshot_is_equal(NULL, snapshot));
	snapshot_free(snapshot);
}

/* Long texts and many links take an allocation each, so that each can fail. */
static void a_copy_without_memory_is_none(void **state)
{
	(void)state;
	enum {
		LONG = 5000,
		LINKS = 1000
	};
	static const struct link links[LINKS];
	static char text[LONG];
	memset(text, 'x', sizeof(text) - 1);
	struct snapshot *snapshot = two_devices();
	snapshot->driver_version = text;
	snapshot->devices[0].uuid = text;
	snapshot->devices[1].bus_id = text;
	assert_true(snapshot_set_links(snapshot, links, LINKS));
	assert_true(snapshot_add_lost(snapshot, text));

	struct snapshot *copy = NULL;
	unsigned failures = 0;
	while (!copy) {
		failing_calloc = ++failures;
		copy = snapshot_copy(snapshot);
	}
	failing_calloc = 0;
	/* The struct, its chunk, four long texts, the links failed. */
	assert_true(failures > 7);
	assert_true(snapshot_is_equal(snapshot, copy));
	snapshot_free(copy);
	snapshot_free(snapshot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_one_has_no_null_texts),
		cmocka_unit_test(a_copy_is_equal_and_shares_nothing),
		cmocka_unit_test(a_shared_one_lives_until_its_last_owner_frees_it),
		cmocka_unit_test(a_copy_of_a_shared_one_has_one_owner),
		cmocka_unit_test(every_field_counts),
		cmocka_unit_test(versions_and_count_matter),
		cmocka_unit_test(links_are_copied_and_count),
		cmocka_unit_test(lost_ones_are_copied_count_and_are_bounded),
		cmocka_unit_test(a_copy_may_have_room_for_more),
		cmocka_unit_test(null_equals_only_null),
		cmocka_unit_test(a_copy_without_memory_is_none),
	};
	return cmocka_run_group_tests_name("device", tests, NULL, NULL);
}
