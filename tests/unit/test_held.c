/* SPDX-License-Identifier: Apache-2.0 */
#include "given.h"

#include <errno.h>

#include "core/held.h"
#include "failing.h"

static const char gpu[] = "nvidia.com/gpu";
static const char shared_gpu[] = "nvidia.com/gpu.shared";

static size_t times(const struct held *held, const char *resource, const char *id)
{
	size_t count = 0;
	for (size_t i = 0; i < held->count; i++)
		count += strcmp(held->names[held->items[i].resource], resource) == 0 &&
					 strcmp(held->items[i].id, id) == 0
				 ? 1
				 : 0;
	return count;
}

static void add(struct held *held, const char *resource, const char *id, uint64_t since_ns)
{
	assert_int_equal(held_add(held, given_id(resource), given_id(id), since_ns), 0);
}

static void keeps_what_was_added(void **state)
{
	(void)state;
	cleanup_held struct held held = { 0 };
	add(&held, gpu, "GPU-0::1", 5);
	add(&held, shared_gpu, "GPU-0::1", HELD_LISTED);
	assert_int_equal(times(&held, gpu, "GPU-0::1"), 1);
	assert_int_equal(times(&held, shared_gpu, "GPU-0::1"), 1);
}

static void refuses_an_id_that_cannot_be_ours(void **state)
{
	(void)state;
	cleanup_held struct held held = { 0 };
	char id[REPLICA_ID_BYTES + 1];
	memset(id, 'x', sizeof(id));
	assert_int_equal(
		held_add(&held, given_id(gpu), (struct id_text){ id, REPLICA_ID_BYTES }, 1),
		-EINVAL);
	assert_int_equal(
		held_add(&held, given_id(gpu), (struct id_text){ id, REPLICA_ID_BYTES - 1 }, 1), 0);
}

static void the_same_ids_again_and_again_take_no_more_room(void **state)
{
	(void)state;
	cleanup_held struct held held = { 0 };
	char id[REPLICA_ID_BYTES];
	for (unsigned i = 0; i < 10000; i++) {
		(void)snprintf(id, sizeof(id), "GPU-0::%u", i % 10);
		add(&held, gpu, id, i + 1);
	}
	assert_true(held.room < 100);
	assert_true(times(&held, gpu, "GPU-0::0") > 0);
}

static void the_newest_of_the_same_is_kept(void **state)
{
	(void)state;
	cleanup_held struct held held = { 0 };
	cleanup_held struct held listed = { 0 };
	for (unsigned i = 0; i < 100; i++)
		add(&held, gpu, "GPU-0", i + 1);
	assert_int_equal(held_replace(&held, &listed, 100), 0);
	assert_int_equal(times(&held, gpu, "GPU-0"), 1);
}

static void too_many_different_ids_are_refused(void **state)
{
	(void)state;
	cleanup_held struct held held = { 0 };
	char id[REPLICA_ID_BYTES];
	for (unsigned i = 0; i < HELD_IDS_MAX; i++) {
		(void)snprintf(id, sizeof(id), "GPU-0::%u", i);
		add(&held, gpu, id, 1);
	}
	assert_int_equal(held_add(&held, given_id(gpu), given_id("GPU-1"), 1), -E2BIG);
	assert_int_equal(held.count, HELD_IDS_MAX);
}

static void names_are_kept_once_and_bounded(void **state)
{
	(void)state;
	cleanup_held struct held held = { 0 };
	char name[RESOURCE_NAME_BYTES + 1];
	for (unsigned i = 0; i < HELD_NAMES_MAX; i++) {
		(void)snprintf(name, sizeof(name), "nvidia.com/%u", i);
		add(&held, name, "GPU-0", 1);
		add(&held, name, "GPU-1", 1);
	}
	assert_int_equal(held.names_count, HELD_NAMES_MAX);
	assert_int_equal(held_add(&held, given_id(gpu), given_id("GPU-0"), 1), -E2BIG);
	memset(name, 'x', sizeof(name));
	assert_int_equal(held_add(&held, (struct id_text){ name, RESOURCE_NAME_BYTES },
				  given_id("GPU-0"), 1),
			 -EINVAL);
	assert_int_equal(held_add(&held, given_id(""), given_id("GPU-0"), 1), -EINVAL);
}

static void what_kubelet_lists_replaces_all_but_the_newest(void **state)
{
	(void)state;
	cleanup_held struct held held = { 0 };
	cleanup_held struct held listed = { 0 };
	add(&held, gpu, "GPU-0::0", HELD_LISTED);
	add(&held, gpu, "GPU-0::1", 99);
	add(&held, gpu, "GPU-0::2", 100);
	add(&listed, gpu, "GPU-0::3", HELD_LISTED);
	assert_int_equal(held_replace(&held, &listed, 100), 0);
	assert_int_equal(held.count, 2);
	assert_int_equal(times(&held, gpu, "GPU-0::2"), 1);
	assert_int_equal(times(&held, gpu, "GPU-0::3"), 1);
	assert_int_equal(listed.count, 0);
}

static void knows_the_devices_that_pods_hold(void **state)
{
	(void)state;
	cleanup_held struct held held = { 0 };
	assert_false(held_has_device(&held, "GPU-0"));
	add(&held, gpu, "GPU-0::x", HELD_LISTED);
	add(&held, gpu, "GPU-10", HELD_LISTED);
	add(&held, gpu, "GPU-11::7", 5);
	assert_false(held_has_device(&held, "GPU-0"));
	assert_false(held_has_device(&held, "GPU-1"));
	assert_true(held_has_device(&held, "GPU-10"));
	assert_true(held_has_device(&held, "GPU-11"));
}

static void what_is_kept_outlives_an_answer_without_it(void **state)
{
	(void)state;
	cleanup_held struct held held = { 0 };
	cleanup_held struct held listed = { 0 };
	add(&held, gpu, "GPU-0::0", HELD_LISTED);
	add(&held, gpu, "GPU-0::1", 99);
	held_keep(&held, 100);
	assert_int_equal(held_replace(&held, &listed, 100), 0);
	assert_int_equal(times(&held, gpu, "GPU-0::0"), 1);
	assert_int_equal(times(&held, gpu, "GPU-0::1"), 1);
	assert_int_equal(held_replace(&held, &listed, 101), 0);
	assert_int_equal(held.count, 0);
}

static void fails_cleanly_when_memory_is_out(void **state)
{
	(void)state;
	cleanup_held struct held held = { 0 };
	cleanup_held struct held listed = { 0 };
	int r = 0;
	for (unsigned n = 1; n <= 2; n++) { /* the name, the id */
		failing_calloc = n;
		r = held_add(&held, given_id(gpu), given_id("GPU-0"), 7);
		failing_calloc = 0;
		assert_int_equal(r, -ENOMEM);
	}
	add(&held, gpu, "GPU-0", 7);
	failing_calloc = 1;
	r = held_replace(&held, &listed, 7);
	failing_calloc = 0;
	assert_int_equal(r, -ENOMEM);
	assert_int_equal(times(&held, gpu, "GPU-0"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_what_was_added),
		cmocka_unit_test(refuses_an_id_that_cannot_be_ours),
		cmocka_unit_test(the_same_ids_again_and_again_take_no_more_room),
		cmocka_unit_test(the_newest_of_the_same_is_kept),
		cmocka_unit_test(too_many_different_ids_are_refused),
		cmocka_unit_test(names_are_kept_once_and_bounded),
		cmocka_unit_test(what_kubelet_lists_replaces_all_but_the_newest),
		cmocka_unit_test(knows_the_devices_that_pods_hold),
		cmocka_unit_test(what_is_kept_outlives_an_answer_without_it),
		cmocka_unit_test(fails_cleanly_when_memory_is_out),
	};
	return cmocka_run_group_tests_name("held", tests, NULL, NULL);
}
