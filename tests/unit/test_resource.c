/* SPDX-License-Identifier: Apache-2.0 */
#include "given.h"

#include <errno.h>
#include <stdlib.h>

#include "failing.h"

enum {
	DRAWS = 50000
};

static const char gpu[] = "nvidia.com/gpu";
static const char shared_gpu[] = "nvidia.com/gpu.shared";

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
	cleanup_plan struct plan plan = { 0 };
	cleanup_resource struct resource *resource = NULL;

	assert_int_equal(plan_make(&settings, snapshot, &plan, NULL), 0);
	assert_int_equal(resource_new(&plan, gpu, snapshot, NULL, &resource, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(uuids); i++)
		assert_int_equal(resource_find(resource, given_id(uuids[i])), i);
	assert_int_equal(resource_find(resource, given_id("GPU-2-4c81ecaa")), -ENOENT);
}

static void given_held(struct held *held, const char *resource, const char *id)
{
	assert_int_equal(held_add(held, given_id(resource), given_id(id), HELD_LISTED), 0);
}

/* The simple way: compare with the text of each. */
static int find_by_text(const struct resource *resource, struct id_text id)
{
	for (size_t i = 0; i < resource->replicas_count; i++) {
		const struct replica *replica = &resource->replicas[i];
		char text[REPLICA_ID_BYTES];
		int length = replica_format(replica->device->uuid, replica->ordinal, text);
		if ((size_t)length == id.length && memcmp(text, id.bytes, id.length) == 0)
			return (int)i;
	}
	return -ENOENT;
}

/* One that is listed, at times with a letter changed, left out or put in. */
static size_t draw_id(const struct resource *resource, unsigned *seed,
		      char ret[static REPLICA_ID_BYTES])
{
	static const char letters[] = ":015aG";
	size_t position = (size_t)rand_r(seed) % resource->replicas_count;
	const struct replica *replica = &resource->replicas[position];
	(void)replica_format(replica->device->uuid, replica->ordinal, ret);
	size_t length = strlen(ret);
	size_t place = (size_t)rand_r(seed) % length;
	char letter = letters[(size_t)rand_r(seed) % strlen(letters)];
	switch (rand_r(seed) % 4) {
	case 0:
		ret[place] = letter;
		break;
	case 1:
		memmove(ret + place, ret + place + 1, length - place);
		break;
	case 2:
		memmove(ret + place + 1, ret + place, length - place + 1);
		ret[place] = letter;
		break;
	default:
		break;
	}
	return strlen(ret);
}

/* With uuids that begin or end with others, and gaps in the ordinals of one. */
static struct resource *given_alike(void)
{
	static const char *const uuids[] = {
		"GPU-1", "GPU-1:1", "GPU-10", "1", "GPU-15-GPU-1", "a"
	};
	struct shared_resource shared = { .name = gpu, .replicas = 12 };
	const struct settings settings = {
		.time_slicing = { .resources = &shared, .resources_count = 1 },
	};
	struct snapshot *snapshot = given_snapshot(ARRAY_LEN(uuids));
	for (size_t i = 0; i < ARRAY_LEN(uuids); i++)
		snapshot->devices[i].uuid = uuids[i];
	cleanup_held struct held held = { 0 };
	given_held(&held, gpu, "GPU-10::151");
	given_held(&held, gpu, "GPU-10");
	given_held(&held, shared_gpu, "GPU-10::5");
	cleanup_plan struct plan plan = { 0 };
	struct resource *resource = NULL;
	assert_int_equal(plan_make(&settings, snapshot, &plan, NULL), 0);
	assert_int_equal(resource_new(&plan, gpu, snapshot, &held, &resource, NULL), 0);
	return resource;
}

static void finds_what_has_the_text_of_the_id_and_nothing_else(void **state)
{
	(void)state;
	cleanup_resource struct resource *resource = given_alike();
	unsigned seed = 1;
	size_t found = 0;
	for (size_t i = 0; i < DRAWS; i++) {
		char text[REPLICA_ID_BYTES];
		struct id_text id = { text, draw_id(resource, &seed, text) };
		int expected = find_by_text(resource, id);
		assert_int_equal(resource_find(resource, id), expected);
		found += expected >= 0 ? 1 : 0;
	}
	assert_in_range(found, DRAWS / 4, DRAWS * 3 / 4);
}

static void finds_those_of_many_that_it_knows_in_their_order(void **state)
{
	(void)state;
	cleanup_resource struct resource *resource = given_resource(2, 5);
	const struct id_text ids[] = { given_id("GPU-1::4"), given_id("GPU-2::0"),
				       given_id("GPU-0::1"), given_id("GPU-0::5") };
	uint32_t positions[ARRAY_LEN(ids)] = { 0 };

	assert_int_equal(resource_find_known(resource, ids, ARRAY_LEN(ids), positions), 2);
	assert_int_equal(positions[0], 9);
	assert_int_equal(positions[1], 1);
	assert_int_equal(resource_find_known(resource, NULL, 0, NULL), 0);
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
	struct shared_resource shared = { .name = "nvidia.com/gpu", .replicas = 30501 };
	struct settings settings = {
		.time_slicing = { .resources = &shared, .resources_count = 1 },
	};
	struct resource *resource = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(given_list(&settings, gpu, 2, NULL, &resource, &err), -E2BIG);
	assert_null(resource);
	assert_string_equal(err.msg,
			    "nvidia.com/gpu: 61002 replicas of 2 devices are more than the "
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

/* @replicas of @devices GPUs with @held, as "uuid uuid::0 ...". */
static void assert_list(size_t devices, uint32_t replicas, const struct held *held,
			const char *expected)
{
	struct shared_resource shared = { .name = "nvidia.com/gpu", .replicas = replicas };
	struct settings settings = {
		.time_slicing = { .resources = &shared, .resources_count = replicas > 1 ? 1 : 0 },
	};
	cleanup_resource struct resource *resource = NULL;
	assert_int_equal(given_list(&settings, gpu, devices, held, &resource, NULL), 0);
	char list[1024] = "";
	for (size_t i = 0; i < resource->replicas_count; i++) {
		char id[REPLICA_ID_BYTES];
		(void)replica_format(resource->replicas[i].device->uuid,
				     resource->replicas[i].ordinal, id);
		assert_int_equal(resource_find(resource, given_id(id)), i);
		size_t length = strlen(list);
		(void)snprintf(list + length, sizeof(list) - length, "%s%s", i ? " " : "", id);
	}
	assert_string_equal(list, expected);
}

static void lists_what_is_held_and_then_the_lowest_free_ids(void **state)
{
	(void)state;
	cleanup_held struct held held = { 0 };
	given_held(&held, "nvidia.com/gpu", "GPU-0::7");
	given_held(&held, "nvidia.com/gpu", "GPU-0::1");
	given_held(&held, "nvidia.com/gpu", "GPU-0::7");
	assert_list(2, 3, &held, "GPU-0::0 GPU-0::1 GPU-0::7 GPU-1::0 GPU-1::1 GPU-1::2");
}

static void more_held_than_configured_are_all_listed(void **state)
{
	(void)state;
	cleanup_held struct held held = { 0 };
	given_held(&held, "nvidia.com/gpu", "GPU-0::2");
	given_held(&held, "nvidia.com/gpu", "GPU-0::5");
	given_held(&held, "nvidia.com/gpu", "GPU-0::9");
	assert_list(1, 2, &held, "GPU-0::2 GPU-0::5 GPU-0::9");
}

static void a_whole_id_that_is_held_counts_as_one_replica(void **state)
{
	(void)state;
	cleanup_held struct held held = { 0 };
	given_held(&held, "nvidia.com/gpu", "GPU-0");
	assert_list(1, 5, &held, "GPU-0 GPU-0::0 GPU-0::1 GPU-0::2 GPU-0::3");
}

static void a_gpu_is_whole_again_when_no_replica_of_it_is_held(void **state)
{
	(void)state;
	cleanup_held struct held held = { 0 };
	given_held(&held, "nvidia.com/gpu", "GPU-0::3");
	assert_list(2, 1, &held, "GPU-0::3 GPU-1");
}

static void what_is_held_elsewhere_or_is_no_id_has_no_effect(void **state)
{
	(void)state;
	cleanup_held struct held held = { 0 };
	given_held(&held, "nvidia.com/gpu", "GPU-9::0");
	given_held(&held, "nvidia.com/gpu", "GPU-0::x");
	given_held(&held, "nvidia.com/gpu", "");
	assert_list(1, 2, &held, "GPU-0::0 GPU-0::1");
}

static void an_id_is_not_given_under_two_names(void **state)
{
	(void)state;
	cleanup_held struct held held = { 0 };
	given_held(&held, "nvidia.com/gpu.shared", "GPU-0::1");
	assert_list(1, 3, &held, "GPU-0::0 GPU-0::2");
}

/* As after a change of name and back: the id was given anew before its first pod was known to have
 * ended. */
static void an_id_that_is_held_under_two_names_is_listed_under_ours(void **state)
{
	(void)state;
	cleanup_held struct held one = { 0 };
	given_held(&one, "nvidia.com/gpu", "GPU-0::1");
	given_held(&one, "nvidia.com/gpu.shared", "GPU-0::1");
	assert_list(1, 2, &one, "GPU-0::0 GPU-0::1");
	cleanup_held struct held other = { 0 };
	given_held(&other, "nvidia.com/gpu.shared", "GPU-0::1");
	given_held(&other, "nvidia.com/gpu", "GPU-0::1");
	assert_list(1, 2, &other, "GPU-0::0 GPU-0::1");
}

static void under_a_name_that_is_not_configured_only_what_is_held(void **state)
{
	(void)state;
	cleanup_held struct held held = { 0 };
	given_held(&held, "nvidia.com/gpu.shared", "GPU-0::1");
	given_held(&held, "nvidia.com/gpu", "GPU-0::4");
	const struct settings settings = { 0 };
	cleanup_resource struct resource *resource = NULL;
	assert_int_equal(given_list(&settings, shared_gpu, 2, &held, &resource, NULL), 0);
	assert_int_equal(resource->replicas_count, 1);
	assert_int_equal(resource_find(resource, given_id("GPU-0::1")), 0);
}

static void a_device_is_listed_only_under_its_own_name(void **state)
{
	(void)state;
	struct shared_resource shared[] = {
		{ .name = "nvidia.com/gpu",
		  .rename = "nvidia.com/half",
		  .replicas = 2,
		  .devices = { .kind = DEVICE_CHOICE_COUNT, .count = 1 } },
	};
	const struct settings settings = {
		.time_slicing = { .resources = shared, .resources_count = 1 },
	};
	cleanup_resource struct resource *half = NULL;
	cleanup_resource struct resource *whole = NULL;
	assert_int_equal(given_list(&settings, "nvidia.com/half", 2, NULL, &half, NULL), 0);
	assert_true(half->is_shared);
	assert_int_equal(half->replicas_count, 2);
	assert_int_equal(resource_find(half, given_id("GPU-0::1")), 1);
	assert_int_equal(given_list(&settings, gpu, 2, NULL, &whole, NULL), 0);
	assert_false(whole->is_shared);
	assert_int_equal(whole->replicas_count, 1);
	assert_int_equal(resource_find(whole, given_id("GPU-1")), 0);
}

/* GPU 0 with the parts MIG-1 and MIG-2, GPU 3 with MIG-4, and GPU 5 that is not in MIG mode: the
 * ids under @name. */
static void assert_ids_beside_parts(const struct settings *settings, const struct held *held,
				    const char *name, const char *expected)
{
	static const int32_t parents[] = { DEVICE_NO_PARENT, 0, 0,
					   DEVICE_NO_PARENT, 3, DEVICE_NO_PARENT };
	struct snapshot *snapshot = given_snapshot(ARRAY_LEN(parents));
	for (size_t i = 0; i < ARRAY_LEN(parents); i++) {
		struct device *device = &snapshot->devices[i];
		if (parents[i] == DEVICE_NO_PARENT)
			continue;
		device->parent = parents[i];
		device->profile = "1g.5gb";
		device->uuid = arena_printf(&snapshot->arena, "MIG-%zu", i);
		snapshot->devices[parents[i]].is_mig = true;
	}
	cleanup_plan struct plan plan = { 0 };
	cleanup_resource struct resource *resource = NULL;
	char text[256] = "";
	assert_int_equal(plan_make(settings, snapshot, &plan, NULL), 0);
	assert_int_equal(resource_new(&plan, name, snapshot, held, &resource, NULL), 0);
	for (size_t i = 0; i < resource->replicas_count; i++) {
		char id[REPLICA_ID_BYTES];
		const struct replica *replica = &resource->replicas[i];
		(void)replica_format(replica->device->uuid, replica->ordinal, id);
		size_t length = strlen(text);
		(void)snprintf(text + length, sizeof(text) - length, "%s%s", i > 0 ? " " : "", id);
	}
	assert_string_equal(text, expected);
}

static const char parts[] = "nvidia.com/mig-1g.5gb";
static const struct settings whole_gpus = { .mig_strategy = MIG_STRATEGY_NONE };
static const struct settings mixed = { .mig_strategy = MIG_STRATEGY_MIXED };

static void of_a_gpu_that_is_held_whole_no_part_is_given(void **state)
{
	(void)state;
	cleanup_held struct held held = { 0 };
	assert_ids_beside_parts(&mixed, &held, parts, "MIG-1 MIG-2 MIG-4");
	given_held(&held, gpu, "GPU-0");
	assert_ids_beside_parts(&mixed, &held, parts, "MIG-4");
	assert_ids_beside_parts(&mixed, &held, gpu, "GPU-0 GPU-5");
	given_held(&held, parts, "MIG-2");
	assert_ids_beside_parts(&mixed, &held, parts, "MIG-2 MIG-4");
}

static void of_a_gpu_of_which_a_replica_is_held_no_part_is_given(void **state)
{
	(void)state;
	cleanup_held struct held held = { 0 };
	given_held(&held, shared_gpu, "GPU-3::7");
	given_held(&held, shared_gpu, "GPU-3::8");
	assert_ids_beside_parts(&mixed, &held, parts, "MIG-1 MIG-2");
}

static void a_gpu_of_which_a_part_is_held_is_not_given(void **state)
{
	(void)state;
	cleanup_held struct held held = { 0 };
	assert_ids_beside_parts(&whole_gpus, &held, gpu, "GPU-0 GPU-3 GPU-5");
	given_held(&held, parts, "MIG-4");
	assert_ids_beside_parts(&whole_gpus, &held, gpu, "GPU-0 GPU-5");
	assert_ids_beside_parts(&whole_gpus, &held, parts, "MIG-4");
	given_held(&held, gpu, "GPU-3");
	assert_ids_beside_parts(&whole_gpus, &held, gpu, "GPU-0 GPU-3 GPU-5");
}

static void a_shared_gpu_of_which_a_part_is_held_is_not_given(void **state)
{
	(void)state;
	struct shared_resource shared = { .name = gpu, .replicas = 2 };
	const struct settings settings = {
		.time_slicing = { .resources = &shared, .resources_count = 1 },
	};
	cleanup_held struct held held = { 0 };
	given_held(&held, parts, "MIG-1::3");
	given_held(&held, gpu, "GPU-5");
	assert_ids_beside_parts(&settings, &held, gpu, "GPU-3::0 GPU-3::1 GPU-5 GPU-5::0");
}

static void a_part_that_is_held_keeps_no_other_part_back(void **state)
{
	(void)state;
	cleanup_held struct held held = { 0 };
	given_held(&held, gpu, "MIG-1"); /* as with strategy single */
	assert_ids_beside_parts(&mixed, &held, parts, "MIG-2 MIG-4");
}

static void knows_which_names_can_be_ours(void **state)
{
	(void)state;
	char longest[RESOURCE_NAME_BYTES + 1] = "nvidia.com/";
	memset(longest + strlen(longest), 'x', sizeof(longest) - 1 - strlen(longest));
	assert_true(resource_name_is_ours(given_id("nvidia.com/mig-1g.5gb")));
	assert_true(resource_name_is_ours((struct id_text){ longest, RESOURCE_NAME_BYTES - 1 }));
	assert_false(resource_name_is_ours((struct id_text){ longest, RESOURCE_NAME_BYTES }));
	assert_false(resource_name_is_ours(given_id("nvidia.com/")));
	assert_false(resource_name_is_ours(given_id("amd.com/gpu-of-theirs")));
}

enum {
	BRUTE_DEVICES = 2,
	BRUTE_ORDINALS = 3, /* whole, 0, 1 */
	BRUTE_IDS = BRUTE_DEVICES * BRUTE_ORDINALS,
	BRUTE_STATES = 3, /* of an id: free, held under our name, under the other one */
};

static void brute_id(size_t number, char ret[static REPLICA_ID_BYTES])
{
	char uuid[16];
	(void)snprintf(uuid, sizeof(uuid), "GPU-%zu", number / BRUTE_ORDINALS);
	(void)replica_format(uuid, (int32_t)(number % BRUTE_ORDINALS) - 1, ret);
}

/* The state of each id as a digit of @code. */
static void check_all_of(unsigned code, uint32_t replicas)
{
	cleanup_held struct held held = { 0 };
	size_t own[BRUTE_DEVICES] = { 0 };
	size_t other[BRUTE_DEVICES] = { 0 };
	unsigned rest = code;
	for (size_t i = 0; i < BRUTE_IDS; i++, rest /= BRUTE_STATES) {
		char id[REPLICA_ID_BYTES];
		brute_id(i, id);
		own[i / BRUTE_ORDINALS] += rest % BRUTE_STATES == 1 ? 1 : 0;
		other[i / BRUTE_ORDINALS] += rest % BRUTE_STATES == 2 ? 1 : 0;
		if (rest % BRUTE_STATES != 0)
			given_held(&held, rest % BRUTE_STATES == 1 ? gpu : shared_gpu, id);
	}
	struct shared_resource shared = { .name = "nvidia.com/gpu", .replicas = replicas };
	struct settings settings = {
		.time_slicing = { .resources = &shared, .resources_count = replicas > 1 ? 1 : 0 },
	};
	cleanup_resource struct resource *resource = NULL;
	assert_int_equal(given_list(&settings, gpu, BRUTE_DEVICES, &held, &resource, NULL), 0);

	rest = code;
	for (size_t i = 0; i < BRUTE_IDS; i++, rest /= BRUTE_STATES) {
		char id[REPLICA_ID_BYTES];
		brute_id(i, id);
		if (rest % BRUTE_STATES == 1)
			assert_true(resource_find(resource, given_id(id)) >= 0);
		if (rest % BRUTE_STATES == 2)
			assert_int_equal(resource_find(resource, given_id(id)), -ENOENT);
	}
	for (size_t i = 0; i < BRUTE_DEVICES; i++) {
		size_t all = own[i] + other[i];
		size_t expected = own[i] + (all < replicas ? replicas - all : 0);
		assert_int_equal(resource->spans[i].count, expected);
	}
	for (size_t i = 1; i < resource->replicas_count; i++) {
		const struct replica *before = &resource->replicas[i - 1];
		const struct replica *replica = &resource->replicas[i];
		assert_true(
			before->device < replica->device ||
			(before->device == replica->device && before->ordinal < replica->ordinal));
	}
}

static void holds_its_promises_whatever_is_held(void **state)
{
	(void)state;
	unsigned codes = 1;
	for (size_t i = 0; i < BRUTE_IDS; i++)
		codes *= BRUTE_STATES;
	for (uint32_t replicas = 1; replicas <= 4; replicas++)
		for (unsigned code = 0; code < codes; code++)
			check_all_of(code, replicas);
}

static void fails_cleanly_when_memory_is_out(void **state)
{
	(void)state;
	struct shared_resource shared = { .name = "nvidia.com/gpu", .replicas = 500 };
	struct settings settings = {
		.time_slicing = { .resources = &shared, .resources_count = 1 },
	};
	enum {
		DEVICES = 100 /* whose spans take more than a chunk of an arena */
	};
	cleanup_snapshot struct snapshot *planned = given_snapshot(DEVICES);
	cleanup_plan struct plan plan = { 0 };
	cleanup_held struct held held = { 0 };
	struct resource *resource = resource_free(NULL); /* NULL is fine */
	unsigned failures = 0;

	assert_int_equal(plan_make(&settings, planned, &plan, NULL), 0);
	/* More than a chunk of an arena takes. */
	for (unsigned i = 0; i < 1000; i++) {
		char id[REPLICA_ID_BYTES];
		(void)snprintf(id, sizeof(id), "GPU-0::%u", i);
		given_held(&held, gpu, id);
	}
	for (unsigned n = 1; !resource; n++) {
		struct snapshot *snapshot = given_snapshot(DEVICES);
		failing_calloc = n;
		int r = resource_new(&plan, gpu, snapshot, &held, &resource, NULL);
		failing_calloc = 0;
		assert_int_equal(r, resource ? 0 : -ENOMEM);
		failures += resource ? 0 : 1;
	}
	assert_true(failures >= 5);
	(void)resource_free(resource);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_whole_devices_when_nothing_is_shared),
		cmocka_unit_test(lists_every_replica_of_every_device),
		cmocka_unit_test(finds_nothing_that_is_not_advertised),
		cmocka_unit_test(tells_apart_uuids_that_begin_or_end_alike),
		cmocka_unit_test(finds_what_has_the_text_of_the_id_and_nothing_else),
		cmocka_unit_test(finds_those_of_many_that_it_knows_in_their_order),
		cmocka_unit_test(without_devices_is_an_empty_list),
		cmocka_unit_test(refuses_a_list_that_kubelet_cannot_read),
		cmocka_unit_test(counts_the_replicas_of_healthy_devices),
		cmocka_unit_test(lists_what_is_held_and_then_the_lowest_free_ids),
		cmocka_unit_test(more_held_than_configured_are_all_listed),
		cmocka_unit_test(a_whole_id_that_is_held_counts_as_one_replica),
		cmocka_unit_test(a_gpu_is_whole_again_when_no_replica_of_it_is_held),
		cmocka_unit_test(what_is_held_elsewhere_or_is_no_id_has_no_effect),
		cmocka_unit_test(an_id_is_not_given_under_two_names),
		cmocka_unit_test(an_id_that_is_held_under_two_names_is_listed_under_ours),
		cmocka_unit_test(under_a_name_that_is_not_configured_only_what_is_held),
		cmocka_unit_test(a_device_is_listed_only_under_its_own_name),
		cmocka_unit_test(of_a_gpu_that_is_held_whole_no_part_is_given),
		cmocka_unit_test(of_a_gpu_of_which_a_replica_is_held_no_part_is_given),
		cmocka_unit_test(a_gpu_of_which_a_part_is_held_is_not_given),
		cmocka_unit_test(a_shared_gpu_of_which_a_part_is_held_is_not_given),
		cmocka_unit_test(a_part_that_is_held_keeps_no_other_part_back),
		cmocka_unit_test(knows_which_names_can_be_ours),
		cmocka_unit_test(holds_its_promises_whatever_is_held),
		cmocka_unit_test(fails_cleanly_when_memory_is_out),
	};
	return cmocka_run_group_tests_name("resource", tests, NULL, NULL);
}
