/* SPDX-License-Identifier: Apache-2.0 */
#include "given.h"

#include <errno.h>
#include <stdlib.h>

#include "core/placement.h"
#include "failing.h"

enum {
	CHOICES_MAX = 64,
	SCENARIOS = 20000
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

/* The rule as the reference states it, step by step and without any bookkeeping. */
static uint32_t reference_pick(const struct resource *resource, const bool *is_candidate,
			       const unsigned *picks, size_t replicas,
			       enum allocation_policy policy)
{
	size_t best = SIZE_MAX;
	size_t best_taken = 0;
	for (size_t gpu = 0; gpu < resource->snapshot->devices_count; gpu++) {
		size_t candidates = 0;
		for (size_t n = 0; n < replicas; n++)
			candidates += is_candidate[gpu * replicas + n] ? 1 : 0;
		size_t taken = replicas - candidates;
		if (candidates == 0)
			continue;
		bool is_first = best == SIZE_MAX;
		bool is_nearer = policy == ALLOCATION_DISTRIBUTED ? taken < best_taken
								  : taken > best_taken;
		if (is_first || is_nearer || (taken == best_taken && picks[gpu] < picks[best])) {
			best = gpu;
			best_taken = taken;
		}
	}
	for (size_t n = 0; n < replicas; n++)
		if (is_candidate[best * replicas + n])
			return (uint32_t)(best * replicas + n);
	return UINT32_MAX;
}

static void agrees_with_a_step_by_step_search(void **state)
{
	(void)state;
	unsigned seed = 20;

	for (int scenario = 0; scenario < SCENARIOS; scenario++) {
		size_t gpus = 1 + (size_t)rand_r(&seed) % 5;
		size_t replicas = 1 + (size_t)rand_r(&seed) % 8;
		enum allocation_policy policy = rand_r(&seed) % 2 ? ALLOCATION_PACKED
								  : ALLOCATION_DISTRIBUTED;
		cleanup_resource struct resource *resource = given_resource(gpus,
									    (uint32_t)replicas);
		bool is_candidate[CHOICES_MAX] = { 0 };
		unsigned picks[CHOICES_MAX] = { 0 };
		int available[CHOICES_MAX + 1];
		size_t offered = 0;
		for (size_t i = 0; i < gpus * replicas; i++) {
			if (rand_r(&seed) % 3 == 0)
				continue;
			is_candidate[i] = true;
			available[offered++] = (int)i;
		}
		available[offered] = -1;
		size_t size = offered ? (size_t)rand_r(&seed) % (offered + 1) : 0;
		struct choice choice;
		assert_int_equal(choose(resource, policy, available, NONE, size, &choice, NULL), 0);
		assert_int_equal(choice.count, size);
		for (size_t i = 0; i < size; i++) {
			uint32_t expected = reference_pick(resource, is_candidate, picks, replicas,
							   policy);
			assert_int_equal(choice.positions[i], expected);
			is_candidate[expected] = false;
			picks[expected / replicas]++;
		}
	}
}

static void fails_cleanly_when_memory_is_out(void **state)
{
	(void)state;
	cleanup_resource struct resource *resource = given_resource(2, 4);
	struct choice choice = { .count = 77 };

	failing_calloc = 1;
	int r = choose(resource, ALLOCATION_PACKED, LIST(2, 3), NONE, 1, &choice, NULL);
	failing_calloc = 0;
	assert_int_equal(r, -ENOMEM);
	assert_int_equal(choice.count, 77);
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
		cmocka_unit_test(whole_gpus_are_taken_in_order),
		cmocka_unit_test(says_when_too_few_are_on_offer),
		cmocka_unit_test(a_size_below_the_required_ones_adds_nothing),
		cmocka_unit_test(agrees_with_a_step_by_step_search),
		cmocka_unit_test(fails_cleanly_when_memory_is_out),
		cmocka_unit_test(an_id_on_offer_twice_is_one),
	};
	return cmocka_run_group_tests_name("placement", tests, NULL, NULL);
}
