/* SPDX-License-Identifier: Apache-2.0 */
#include "given.h"

#include <errno.h>
#include <stdlib.h>

#include "core/placement.h"
#include "failing.h"

enum {
	CHOICES_MAX = 64,
	SCENARIOS = 20000,
	REPLICAS = 1200, /* of the largest resource */
};

struct choice {
	uint32_t positions[CHOICES_MAX];
	size_t count;
};

/* @available and @required: positions, each list ended by -1. */
static int choose(const struct resource *resource, enum allocation_policy policy,
		  const int *available, const int *required, size_t size, struct choice *ret,
		  struct err *err)
{
	uint32_t offered[CHOICES_MAX];
	uint32_t must[CHOICES_MAX];
	struct placement_request request = {
		.available = offered, .required = must, .size = size, .policy = policy
	};
	for (; *available >= 0; available++)
		offered[request.available_count++] = (uint32_t)*available;
	for (; *required >= 0; required++)
		must[request.required_count++] = (uint32_t)*required;
	return placement_choose(resource, &request, ret->positions, &ret->count, err);
}

static void assert_chosen(const struct choice *choice, const int *expected)
{
	size_t count = 0;
	for (; expected[count] >= 0; count++)
		assert_int_equal(choice->positions[count], expected[count]);
	assert_int_equal(choice->count, count);
}

#define LIST(...) ((const int[]){ __VA_ARGS__, -1 })
#define NONE      ((const int[]){ -1 })

/* @gpus in MIG mode of @parts each, of which each has @replicas; 1 is "not shared". The GPUs are no
 * devices of the resource. */
static struct resource *given_parts(size_t gpus, size_t parts, size_t replicas)
{
	struct resource *resource = calloc(1, sizeof(*resource));
	assert_non_null(resource);
	struct snapshot *snapshot = given_snapshot(gpus * (1 + parts));
	resource->snapshot = snapshot;
	resource->name = "nvidia.com/gpu";
	resource->is_shared = replicas > 1;
	resource->spans_count = gpus * parts;
	resource->replicas_count = gpus * parts * replicas;
	resource->spans = arena_array(&resource->arena, resource->spans_count,
				      sizeof(*resource->spans));
	resource->replicas = arena_array(&resource->arena, resource->replicas_count,
					 sizeof(*resource->replicas));
	assert_non_null(resource->spans);
	assert_non_null(resource->replicas);
	for (size_t i = 0; i < resource->spans_count; i++) {
		/* Each GPU stands before its parts. */
		size_t gpu = i / parts * (1 + parts);
		struct device *part = &snapshot->devices[gpu + 1 + i % parts];
		part->parent = (int32_t)gpu;
		resource->spans[i] = (struct resource_span){ .device = part,
							     .first = i * replicas,
							     .count = replicas };
		for (size_t n = 0; n < replicas; n++)
			resource->replicas[i * replicas + n] = (struct replica){
				part, resource->is_shared ? (int32_t)n : REPLICA_WHOLE
			};
	}
	return resource;
}

/* GPUs with the same number modulo two are on one board. */
static struct resource *given_linked(size_t gpus)
{
	struct resource *resource = given_resource(gpus, 1);
	struct link links[CHOICES_MAX];
	size_t count = 0;
	for (uint32_t a = 0; a < gpus; a++)
		for (uint32_t b = a + 1; b < gpus; b++)
			links[count++] = (struct link){
				a, b, (b - a) % 2 ? LINK_CROSS_CPU : LINK_SAME_BOARD, 0
			};
	assert_true(snapshot_set_links(resource->snapshot, links, count));
	return resource;
}

static void distributed_takes_the_gpu_with_the_fewest_taken(void **state)
{
	(void)state;
	cleanup_resource struct resource *resource = given_resource(2, 4);
	struct choice choice;

	/* GPU 0 has two of four taken, GPU 1 has one: 1, then a tie that GPU 0 wins as less often
	 * chosen. */
	assert_int_equal(choose(resource, ALLOCATION_DISTRIBUTED, LIST(2, 3, 5, 6, 7), NONE, 3,
				&choice, NULL),
			 0);
	assert_chosen(&choice, LIST(5, 2, 6));
}

static void packed_fills_the_gpu_with_the_most_taken(void **state)
{
	(void)state;
	cleanup_resource struct resource *resource = given_resource(2, 4);
	struct choice choice;

	assert_int_equal(
		choose(resource, ALLOCATION_PACKED, LIST(2, 3, 5, 6, 7), NONE, 3, &choice, NULL),
		0);
	assert_chosen(&choice, LIST(2, 3, 5));
}

static void required_ones_come_first_and_count_as_taken(void **state)
{
	(void)state;
	cleanup_resource struct resource *resource = given_resource(2, 4);
	struct choice choice;

	assert_int_equal(choose(resource, ALLOCATION_DISTRIBUTED, LIST(0, 1, 2, 3, 4, 5, 6, 7),
				LIST(3, 2), 3, &choice, NULL),
			 0);
	assert_chosen(&choice, LIST(3, 2, 4));
}

static void packed_fills_a_gpu_with_parts_before_the_next(void **state)
{
	(void)state;
	cleanup_resource struct resource *resource = given_parts(3, 3, 1);
	struct choice choice;

	/* Of GPU 1 one part is taken, of the others none. */
	assert_int_equal(choose(resource, ALLOCATION_PACKED, LIST(0, 1, 2, 3, 5, 6, 7, 8), NONE, 4,
				&choice, NULL),
			 0);
	assert_chosen(&choice, LIST(3, 5, 0, 1));
}

static void distributed_takes_parts_of_the_gpu_with_the_fewest_taken(void **state)
{
	(void)state;
	cleanup_resource struct resource *resource = given_parts(3, 3, 1);
	struct choice choice;

	assert_int_equal(choose(resource, ALLOCATION_DISTRIBUTED, LIST(0, 1, 3, 5, 6, 7, 8), NONE,
				4, &choice, NULL),
			 0);
	assert_chosen(&choice, LIST(6, 0, 3, 7));
}

static void a_required_part_draws_the_others_to_its_gpu(void **state)
{
	(void)state;
	cleanup_resource struct resource *resource = given_parts(2, 3, 1);
	struct choice choice;

	assert_int_equal(choose(resource, ALLOCATION_PACKED, LIST(0, 1, 2, 3, 4, 5), LIST(4), 3,
				&choice, NULL),
			 0);
	assert_chosen(&choice, LIST(4, 3, 5));
}

/* Two GPUs of two parts of three replicas: 0-2, 3-5; 6-8, 9-11. */
static void replicas_of_parts_go_by_the_part_and_then_by_its_gpu(void **state)
{
	(void)state;
	cleanup_resource struct resource *resource = given_parts(2, 2, 3);
	struct choice choice;

	/* The second part has the most taken, though its GPU has fewer taken than the other. */
	assert_int_equal(
		choose(resource, ALLOCATION_PACKED, LIST(0, 1, 2, 5, 7, 8), NONE, 3, &choice, NULL),
		0);
	assert_chosen(&choice, LIST(5, 7, 8));
	/* Of the second and the third, with one taken each, the GPU of the third has more. */
	assert_int_equal(choose(resource, ALLOCATION_PACKED, LIST(0, 1, 2, 4, 5, 7, 8), NONE, 1,
				&choice, NULL),
			 0);
	assert_chosen(&choice, LIST(7));
	/* After the last, which has none taken, the first and the third have one taken each. */
	assert_int_equal(choose(resource, ALLOCATION_DISTRIBUTED, LIST(1, 2, 5, 7, 8, 9, 10, 11),
				NONE, 2, &choice, NULL),
			 0);
	assert_chosen(&choice, LIST(9, 7));
}

static void whole_gpus_are_taken_by_their_links(void **state)
{
	(void)state;
	cleanup_resource struct resource *resource = given_linked(6);
	struct choice choice;

	for (int policy = ALLOCATION_DISTRIBUTED; policy <= ALLOCATION_PACKED; policy++) {
		assert_int_equal(choose(resource, (enum allocation_policy)policy,
					LIST(5, 0, 1, 2, 3, 4), NONE, 3, &choice, NULL),
				 0);
		assert_chosen(&choice, LIST(0, 2, 4));
	}
	assert_int_equal(
		choose(resource, ALLOCATION_PACKED, LIST(0, 1, 3, 4), NONE, 2, &choice, NULL), 0);
	assert_chosen(&choice, LIST(0, 4));
}

static void required_gpus_come_first_and_draw_those_that_are_near(void **state)
{
	(void)state;
	cleanup_resource struct resource *resource = given_linked(6);
	struct choice choice;

	assert_int_equal(choose(resource, ALLOCATION_PACKED, LIST(0, 1, 2, 3, 4, 5), LIST(3), 2,
				&choice, NULL),
			 0);
	assert_chosen(&choice, LIST(3, 1));
	assert_int_equal(choose(resource, ALLOCATION_PACKED, LIST(0, 1, 2, 3, 4, 5), LIST(5, 3), 3,
				&choice, NULL),
			 0);
	assert_chosen(&choice, LIST(5, 3, 1));
	assert_int_equal(choose(resource, ALLOCATION_PACKED, LIST(0, 1, 2, 3, 4, 5), LIST(5, 2), 2,
				&choice, NULL),
			 0);
	assert_chosen(&choice, LIST(5, 2));
}

static void links_are_those_of_the_gpus_and_not_of_their_places_in_the_list(void **state)
{
	(void)state;
	cleanup_resource struct resource *resource = given_linked(6);
	struct choice choice;

	/* Another resource has the first GPU, so that replica n is GPU n + 1. */
	resource->replicas++;
	resource->replicas_count--;
	resource->spans++;
	resource->spans_count--;
	struct link links[] = { { 1, 2, LINK_CROSS_CPU, 0 }, { 2, 4, LINK_SAME_BOARD, 0 } };
	assert_true(snapshot_set_links(resource->snapshot, links, ARRAY_LEN(links)));
	assert_int_equal(
		choose(resource, ALLOCATION_PACKED, LIST(0, 1, 2, 3), NONE, 2, &choice, NULL), 0);
	assert_chosen(&choice, LIST(1, 3));
}

static void choose_nothing(const int *available, const int *required, size_t size)
{
	cleanup_resource struct resource *resource = given_linked(4);
	struct choice choice = { .count = 77 };

	assert_int_equal(
		choose(resource, ALLOCATION_PACKED, available, required, size, &choice, NULL), 0);
	assert_int_equal(choice.count, 0);
}

static void of_whole_gpus_none_is_the_answer_to_a_size_of_zero(void **state)
{
	(void)state;
	choose_nothing(LIST(0, 1), NONE, 0);
}

static void of_whole_gpus_none_is_the_answer_when_too_few_are_on_offer(void **state)
{
	(void)state;
	choose_nothing(LIST(0, 1), NONE, 3);
	choose_nothing(LIST(0, 1, 1), NONE, 3);
	choose_nothing(NONE, NONE, 1);
}

static void of_whole_gpus_none_is_the_answer_when_more_are_required_than_asked_for(void **state)
{
	(void)state;
	choose_nothing(LIST(0, 1, 2), LIST(0, 1), 1);
}

static void of_whole_gpus_none_is_the_answer_when_a_required_one_is_not_on_offer(void **state)
{
	(void)state;
	choose_nothing(LIST(0, 1), LIST(2), 1);
	choose_nothing(LIST(0, 1), LIST(0, 2), 2);
}

/* Of a resource that was shared a moment ago: GPU 0 and 1, the first with a replica that is held.
 */
static void a_held_replica_matters_only_when_it_is_on_offer(void **state)
{
	(void)state;
	cleanup_held struct held held = { 0 };
	assert_int_equal(
		held_add(&held, given_id("nvidia.com/gpu"), given_id("GPU-0::1"), HELD_LISTED), 0);
	struct settings settings = { 0 };
	cleanup_resource struct resource *resource = NULL;
	assert_int_equal(given_list(&settings, "nvidia.com/gpu", 3, &held, &resource, NULL), 0);
	assert_int_equal(resource->replicas[0].ordinal, 1);
	struct choice choice = { .count = 77 };

	assert_int_equal(choose(resource, ALLOCATION_PACKED, LIST(1, 2), NONE, 3, &choice, NULL),
			 0);
	assert_int_equal(choice.count, 0);
	assert_int_equal(choose(resource, ALLOCATION_PACKED, LIST(0, 1, 2), NONE, 4, &choice, NULL),
			 -ENODEV);
}

/* GPU 1 is in MIG mode; its part has a name of its own. */
static void whole_gpus_beside_a_part_of_another_name_are_taken_by_their_links(void **state)
{
	(void)state;
	const struct settings settings = { .mig_strategy = MIG_STRATEGY_MIXED };
	const struct link links[] = {
		{ 0, 3, LINK_CROSS_CPU, 0 },
		{ 0, 4, LINK_SAME_BOARD, 0 },
		{ 3, 4, LINK_CROSS_CPU, 0 },
	};
	cleanup_snapshot struct snapshot *snapshot = given_snapshot(5);
	snapshot->devices[1].is_mig = true;
	snapshot->devices[2].parent = 1;
	snapshot->devices[2].profile = "1g.5gb";
	assert_true(snapshot_set_links(snapshot, links, ARRAY_LEN(links)));
	cleanup_plan struct plan plan = { 0 };
	cleanup_resource struct resource *resource = NULL;
	struct choice choice;

	assert_int_equal(plan_make(&settings, snapshot, &plan, NULL), 0);
	assert_int_equal(
		resource_new(&plan, "nvidia.com/gpu", TAKE_PTR(snapshot), NULL, &resource, NULL),
		0);
	assert_int_equal(resource->replicas_count, 3);
	assert_int_equal(
		choose(resource, ALLOCATION_DISTRIBUTED, LIST(0, 1, 2), NONE, 2, &choice, NULL), 0);
	assert_chosen(&choice, LIST(0, 2));
}

static void whole_gpus_are_taken_in_order(void **state)
{
	(void)state;
	cleanup_resource struct resource *resource = given_resource(4, 1);
	struct choice choice;

	assert_int_equal(
		choose(resource, ALLOCATION_DISTRIBUTED, LIST(3, 1, 2), NONE, 2, &choice, NULL), 0);
	assert_chosen(&choice, LIST(1, 2));
}

static void says_when_too_few_are_on_offer(void **state)
{
	(void)state;
	cleanup_resource struct resource *resource = given_resource(1, 4);
	struct choice choice = { .count = 77 };
	struct err err = ERR_INIT;

	assert_int_equal(
		choose(resource, ALLOCATION_DISTRIBUTED, LIST(0, 1), LIST(1), 3, &choice, &err),
		-ENODEV);
	assert_string_equal(err.msg, "not enough available devices to satisfy allocation");
	assert_int_equal(choose(resource, ALLOCATION_DISTRIBUTED, NONE, NONE, 1, &choice, NULL),
			 -ENODEV);
	assert_int_equal(choice.count, 77);
}

static void a_size_below_the_required_ones_adds_nothing(void **state)
{
	(void)state;
	cleanup_resource struct resource *resource = given_resource(1, 4);
	struct choice choice;

	assert_int_equal(
		choose(resource, ALLOCATION_DISTRIBUTED, LIST(0, 1), LIST(1, 0), 1, &choice, NULL),
		0);
	assert_chosen(&choice, LIST(1, 0));
	assert_int_equal(choose(resource, ALLOCATION_DISTRIBUTED, NONE, NONE, 0, &choice, NULL), 0);
	assert_int_equal(choice.count, 0);
}

/* Devices, their replicas, and how many of them are one GPU. */
struct shape {
	size_t devices;
	size_t replicas;
	size_t parts;
};

static size_t count_taken(const bool *is_candidate, size_t first, size_t count)
{
	size_t taken = 0;
	for (size_t i = first; i < first + count; i++)
		taken += is_candidate[i] ? 0 : 1;
	return taken;
}

/* The rule as it is stated, step by step and without any bookkeeping. */
static uint32_t reference_pick(const struct shape *shape, const bool *is_candidate,
			       const unsigned *picks, enum allocation_policy policy)
{
	size_t replicas = shape->replicas;
	size_t of_gpu = shape->parts * replicas;
	long sign = policy == ALLOCATION_DISTRIBUTED ? 1 : -1;
	size_t best = SIZE_MAX;
	long best_rank = 0;
	for (size_t i = 0; i < shape->devices; i++) {
		size_t taken = count_taken(is_candidate, i * replicas, replicas);
		size_t gpu_taken = count_taken(is_candidate, i / shape->parts * of_gpu, of_gpu);
		if (taken == replicas)
			continue;
		long rank = sign * (long)(taken * 10000 + gpu_taken * 100) + (long)picks[i];
		if (best == SIZE_MAX || rank < best_rank) {
			best = i;
			best_rank = rank;
		}
	}
	for (size_t n = 0; n < replicas; n++)
		if (is_candidate[best * replicas + n])
			return (uint32_t)(best * replicas + n);
	return UINT32_MAX;
}

static void assert_agrees(const struct shape *shape, const struct resource *resource,
			  enum allocation_policy policy, unsigned *seed)
{
	bool is_candidate[CHOICES_MAX] = { 0 };
	unsigned picks[CHOICES_MAX] = { 0 };
	int available[CHOICES_MAX + 1];
	size_t offered = 0;
	for (size_t i = 0; i < shape->devices * shape->replicas; i++) {
		if (rand_r(seed) % 3 == 0)
			continue;
		is_candidate[i] = true;
		available[offered++] = (int)i;
	}
	available[offered] = -1;
	size_t size = offered ? (size_t)rand_r(seed) % (offered + 1) : 0;
	struct choice choice;
	assert_int_equal(choose(resource, policy, available, NONE, size, &choice, NULL), 0);
	assert_int_equal(choice.count, size);
	for (size_t i = 0; i < size; i++) {
		uint32_t expected = reference_pick(shape, is_candidate, picks, policy);
		assert_int_equal(choice.positions[i], expected);
		is_candidate[expected] = false;
		picks[expected / shape->replicas]++;
	}
}

static void agrees_with_a_step_by_step_search(void **state)
{
	(void)state;
	unsigned seed = 20;

	for (int scenario = 0; scenario < SCENARIOS; scenario++) {
		size_t gpus = 1 + (size_t)rand_r(&seed) % 4;
		size_t parts = (size_t)rand_r(&seed) % 4;
		size_t replicas = 1 + (size_t)rand_r(&seed) % 5;
		enum allocation_policy policy = rand_r(&seed) % 2 ? ALLOCATION_PACKED
								  : ALLOCATION_DISTRIBUTED;
		cleanup_resource struct resource *resource =
			parts > 0 ? given_parts(gpus, parts, replicas)
				  : given_resource(gpus, (uint32_t)replicas);
		struct shape shape = { resource->spans_count, replicas, parts > 0 ? parts : 1 };
		assert_agrees(&shape, resource, policy, &seed);
	}
}

/* Everything is on offer. */
static void fail_each_allocation(const struct resource *resource, unsigned at_least)
{
	uint32_t available[REPLICAS];
	const uint32_t required[] = { 1 };
	assert_true(resource->replicas_count <= REPLICAS);
	for (uint32_t i = 0; i < resource->replicas_count; i++)
		available[i] = i;
	struct placement_request request = {
		.available = available,
		.available_count = resource->replicas_count,
		.required = required,
		.required_count = 1,
		.size = 2,
	};
	struct choice choice = { .count = 77 };
	unsigned failures = 0;
	int r = 0;
	do {
		struct err err = ERR_INIT;
		failing_calloc = ++failures;
		r = placement_choose(resource, &request, choice.positions, &choice.count, &err);
		failing_calloc = 0;
		if (r == 0)
			break;
		assert_int_equal(r, -ENOMEM);
		assert_string_equal(err.msg, "out of memory");
		assert_int_equal(choice.count, 77);
	} while (failures < 100);
	assert_int_equal(r, 0);
	assert_int_equal(choice.count, 2);
	assert_true(failures > at_least);
}

/* An arena asks for more when 4096 bytes are used up: so many replicas, so many devices. */
static void fails_cleanly_when_memory_is_out(void **state)
{
	(void)state;
	cleanup_resource struct resource *shared = given_resource(150, 8);
	fail_each_allocation(shared, 2);
	cleanup_resource struct resource *whole = given_resource(500, 1);
	fail_each_allocation(whole, 2);
	cleanup_resource struct resource *linked = given_linked(6);
	fail_each_allocation(linked, 3);
}

static void an_id_on_offer_twice_is_one(void **state)
{
	(void)state;
	cleanup_resource struct resource *resource = given_resource(1, 4);
	struct choice choice;

	assert_int_equal(choose(resource, ALLOCATION_PACKED, LIST(2, 2), NONE, 2, &choice, NULL),
			 -ENODEV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(distributed_takes_the_gpu_with_the_fewest_taken),
		cmocka_unit_test(packed_fills_the_gpu_with_the_most_taken),
		cmocka_unit_test(required_ones_come_first_and_count_as_taken),
		cmocka_unit_test(packed_fills_a_gpu_with_parts_before_the_next),
		cmocka_unit_test(distributed_takes_parts_of_the_gpu_with_the_fewest_taken),
		cmocka_unit_test(a_required_part_draws_the_others_to_its_gpu),
		cmocka_unit_test(replicas_of_parts_go_by_the_part_and_then_by_its_gpu),
		cmocka_unit_test(whole_gpus_are_taken_by_their_links),
		cmocka_unit_test(required_gpus_come_first_and_draw_those_that_are_near),
		cmocka_unit_test(links_are_those_of_the_gpus_and_not_of_their_places_in_the_list),
		cmocka_unit_test(of_whole_gpus_none_is_the_answer_to_a_size_of_zero),
		cmocka_unit_test(of_whole_gpus_none_is_the_answer_when_too_few_are_on_offer),
		cmocka_unit_test(
			of_whole_gpus_none_is_the_answer_when_more_are_required_than_asked_for),
		cmocka_unit_test(
			of_whole_gpus_none_is_the_answer_when_a_required_one_is_not_on_offer),
		cmocka_unit_test(a_held_replica_matters_only_when_it_is_on_offer),
		cmocka_unit_test(whole_gpus_beside_a_part_of_another_name_are_taken_by_their_links),
		cmocka_unit_test(whole_gpus_are_taken_in_order),
		cmocka_unit_test(says_when_too_few_are_on_offer),
		cmocka_unit_test(a_size_below_the_required_ones_adds_nothing),
		cmocka_unit_test(agrees_with_a_step_by_step_search),
		cmocka_unit_test(fails_cleanly_when_memory_is_out),
		cmocka_unit_test(an_id_on_offer_twice_is_one),
	};
	return cmocka_run_group_tests_name("placement", tests, NULL, NULL);
}
