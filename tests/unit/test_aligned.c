/* SPDX-License-Identifier: Apache-2.0 */
#include "given.h"

#include <errno.h>
#include <stdlib.h>

#include "core/aligned.h"
#include "failing.h"

enum {
	GPUS_MAX = 80,
	SCENARIOS = 1500,
	UNTOUCHED = 77,
};

/* A node under test, and what was chosen on it. */
struct node {
	struct snapshot *snapshot;
	uint32_t order[GPUS_MAX]; /* in which the GPUs are offered */
	size_t count;
	uint32_t chosen[GPUS_MAX];
};

static int setup(void **state)
{
	static struct node node;
	node = (struct node){ 0 };
	*state = &node;
	return 0;
}

static int teardown(void **state)
{
	struct node *node = *state;
	node->snapshot = snapshot_free(node->snapshot);
	return 0;
}

typedef struct link link_fn(uint32_t a, uint32_t b);

static struct link linked(enum link_level level, uint32_t nvlinks)
{
	return (struct link){ .level = level, .nvlinks = nvlinks };
}

/* @count GPUs that are offered in their order; @between tells how two are linked. */
static void build(struct node *node, size_t count, link_fn *between)
{
	static struct link links[GPUS_MAX * GPUS_MAX];
	size_t links_count = 0;
	node->snapshot = snapshot_free(node->snapshot);
	node->snapshot = given_snapshot(count);
	node->count = count;
	for (uint32_t a = 0; a < count; a++) {
		node->order[a] = a;
		for (uint32_t b = a + 1; between && b < count; b++) {
			struct link link = between(a, b);
			link.first = a;
			link.second = b;
			links[links_count++] = link;
		}
	}
	assert_true(snapshot_set_links(node->snapshot, links, links_count));
}

static int choose(struct node *node, size_t size, size_t required, struct err *err)
{
	struct aligned_request request = {
		.snapshot = node->snapshot,
		.gpus = node->order,
		.gpus_count = node->count,
		.required_count = required,
		.size = size,
	};
	for (size_t i = 0; i < GPUS_MAX; i++)
		node->chosen[i] = UNTOUCHED;
	return aligned_choose(&request, node->chosen, err);
}

/* What is chosen, as places in the snapshot, is @expected, which -1 ends. */
static void assert_choice(struct node *node, size_t size, size_t required, const int *expected)
{
	assert_int_equal(choose(node, size, required, NULL), 0);
	for (size_t i = 0; i < size; i++)
		assert_int_equal(node->order[node->chosen[i]], expected[i]);
	assert_int_equal(expected[size], -1);
	assert_int_equal(node->chosen[size], UNTOUCHED);
}

#define LIST(...) ((const int[]){ __VA_ARGS__, -1 })

/* Offer these GPUs only; -1 ends. */
static void offer(struct node *node, const int *gpus)
{
	for (node->count = 0; gpus[node->count] >= 0; node->count++)
		node->order[node->count] = (uint32_t)gpus[node->count];
}

static struct link by_switch(uint32_t a, uint32_t b)
{
	if (a / 2 == b / 2)
		return linked(LINK_SINGLE_SWITCH, 0);
	return linked(a / 4 == b / 4 ? LINK_SAME_CPU : LINK_CROSS_CPU, 0);
}

/* The cube mesh of eight GPUs, two quads with one NVLink or two between most. */
static struct link cube_mesh(uint32_t a, uint32_t b)
{
	static const uint32_t nvlinks[8][8] = {
		{ 0, 1, 1, 2, 2, 0, 0, 0 }, { 1, 0, 2, 1, 0, 2, 0, 0 }, { 1, 2, 0, 2, 0, 0, 1, 0 },
		{ 2, 1, 2, 0, 0, 0, 0, 1 }, { 2, 0, 0, 0, 0, 1, 1, 2 }, { 0, 2, 0, 0, 1, 0, 2, 1 },
		{ 0, 0, 1, 0, 1, 2, 0, 2 }, { 0, 0, 0, 1, 2, 1, 2, 0 },
	};
	return linked(a / 4 == b / 4 ? LINK_SAME_CPU : LINK_CROSS_CPU, nvlinks[a][b]);
}

static struct link all_equal(uint32_t a, uint32_t b)
{
	(void)a;
	(void)b;
	return linked(LINK_SAME_CPU, 0);
}

static struct link two_boards(uint32_t a, uint32_t b)
{
	return linked(a / 8 == b / 8 ? LINK_SAME_BOARD : LINK_CROSS_CPU, 0);
}

static struct link boards_of_four_dealt_out(uint32_t a, uint32_t b)
{
	return linked(LINK_CROSS_CPU, a % 8 == b % 8 ? 4 : 0);
}

/* The two in the middle are linked best, and without them the outer ones are alone. */
static struct link row_of_four(uint32_t a, uint32_t b)
{
	return linked(LINK_UNKNOWN, b - a > 1 ? 0 : a == 1 ? 3 : 2);
}

/* The first three on one board, all others on another. */
static struct link three_and_others(uint32_t a, uint32_t b)
{
	bool is_near = (a < 3) == (b < 3);
	return linked(is_near ? LINK_SAME_BOARD : LINK_CROSS_CPU, 0);
}

static void takes_the_first_when_no_link_is_known(void **state)
{
	struct node *node = *state;

	build(node, 8, NULL);
	assert_choice(node, 3, 0, LIST(0, 1, 2));
	offer(node, LIST(5, 2, 7, 0));
	assert_choice(node, 2, 0, LIST(5, 2));
	build(node, 20, NULL);
	assert_choice(node, 3, 0, LIST(0, 1, 2));
}

static void takes_the_first_when_all_are_linked_alike(void **state)
{
	struct node *node = *state;

	build(node, 8, all_equal);
	assert_choice(node, 2, 0, LIST(0, 1));
	assert_choice(node, 5, 0, LIST(0, 1, 2, 3, 4));
	assert_choice(node, 8, 0, LIST(0, 1, 2, 3, 4, 5, 6, 7));
}

static void one_gpu_is_the_first_or_the_required_one(void **state)
{
	struct node *node = *state;

	build(node, 8, cube_mesh);
	offer(node, LIST(6, 3, 5));
	assert_choice(node, 1, 0, LIST(6));
	assert_choice(node, 1, 1, LIST(6));
}

static void prefers_more_nvlinks_to_a_nearer_level(void **state)
{
	struct node *node = *state;

	build(node, 8, cube_mesh);
	offer(node, LIST(0, 1, 4));
	assert_choice(node, 2, 0, LIST(0, 4));
	offer(node, LIST(0, 5, 6, 1));
	assert_choice(node, 2, 1, LIST(0, 1));
}

static void takes_a_quad_of_the_cube_mesh(void **state)
{
	struct node *node = *state;

	build(node, 8, cube_mesh);
	assert_choice(node, 4, 0, LIST(0, 1, 2, 3));
	offer(node, LIST(6, 0, 1, 2, 3, 4, 5, 7));
	assert_choice(node, 4, 1, LIST(6, 4, 5, 7));
}

static void stays_on_one_switch_and_on_one_cpu(void **state)
{
	struct node *node = *state;

	build(node, 8, by_switch);
	offer(node, LIST(1, 2, 4, 3, 7, 6));
	assert_choice(node, 2, 0, LIST(2, 3));
	assert_choice(node, 3, 0, LIST(1, 2, 3));
	offer(node, LIST(5, 0, 1, 2, 3, 4, 6, 7));
	assert_choice(node, 4, 1, LIST(5, 4, 6, 7));
	assert_choice(node, 2, 1, LIST(5, 4));
}

static void stays_on_one_board_of_sixteen_gpus(void **state)
{
	struct node *node = *state;

	build(node, 16, two_boards);
	assert_choice(node, 8, 0, LIST(0, 1, 2, 3, 4, 5, 6, 7));
	offer(node, LIST(9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15));
	assert_choice(node, 4, 1, LIST(9, 8, 10, 11));
	assert_choice(node, 8, 2, LIST(9, 0, 1, 2, 3, 4, 5, 6));
}

static void leaves_together_what_belongs_together(void **state)
{
	struct node *node = *state;

	build(node, 4, row_of_four);
	assert_choice(node, 2, 0, LIST(0, 1));
}

static void the_smaller_group_is_never_the_answer(void **state)
{
	struct node *node = *state;

	/* The three of the one board are what is left over when four of the others are taken. */
	build(node, 7, three_and_others);
	assert_choice(node, 4, 0, LIST(3, 4, 5, 6));
}

static void a_required_gpu_is_in_the_answer_at_any_cost(void **state)
{
	struct node *node = *state;

	build(node, 8, by_switch);
	offer(node, LIST(0, 7, 1, 2, 3, 4, 5, 6));
	assert_choice(node, 2, 2, LIST(0, 7));
	assert_choice(node, 3, 2, LIST(0, 7, 1));
	assert_choice(node, 8, 2, LIST(0, 7, 1, 2, 3, 4, 5, 6));
}

/* More NVLinks than a GPU has do not count. */
static struct link one_huge(uint32_t a, uint32_t b)
{
	return linked(LINK_UNKNOWN, a == 0 && b == 1 ? UINT32_MAX : 18);
}

static void a_number_of_nvlinks_that_cannot_be_is_cut(void **state)
{
	struct node *node = *state;

	build(node, 4, one_huge);
	offer(node, LIST(2, 3, 0, 1));
	assert_choice(node, 2, 0, LIST(2, 3));
}

static void keeps_boards_whole_among_many_gpus(void **state)
{
	struct node *node = *state;

	build(node, 32, boards_of_four_dealt_out);
	assert_choice(node, 4, 0, LIST(0, 8, 16, 24));
	assert_choice(node, 2, 0, LIST(0, 8));
	offer(node, LIST(13, 0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 21, 14, 15, 16, 29, 17, 18, 5));
	assert_choice(node, 4, 1, LIST(13, 21, 29, 5));
	assert_choice(node, 3, 3, LIST(13, 0, 1));
}

/* Grown from its first GPU the pair 0 and 1 would leave 2 and 3 behind, which are not linked. */
static struct link chain(uint32_t a, uint32_t b)
{
	if (a == 0 && b == 1)
		return linked(LINK_UNKNOWN, 2);
	if (a == 0 && b == 2)
		return linked(LINK_UNKNOWN, 1);
	if (a == 1 && b == 3)
		return linked(LINK_UNKNOWN, 2);
	return linked(LINK_UNKNOWN, 0);
}

static void exchanges_gpus_among_many_for_a_better_sum(void **state)
{
	struct node *node = *state;

	build(node, 17, chain);
	assert_choice(node, 2, 0, LIST(1, 3));
	assert_choice(node, 2, 1, LIST(0, 2));
}

/* The pair that is linked best is the last to be grown, but for the GPU that is left over. */
static struct link better_to_the_end(uint32_t a, uint32_t b)
{
	return linked(LINK_UNKNOWN, a / 2 == b / 2 ? a / 2 + 1 : 0);
}

static void takes_the_best_group_among_many(void **state)
{
	struct node *node = *state;

	build(node, 19, better_to_the_end);
	assert_choice(node, 2, 0, LIST(16, 17));
}

/* Boards of four, and three that are linked better. */
static struct link fours_and_three(uint32_t a, uint32_t b)
{
	uint32_t nvlinks = a < 16 ? 1 : 3;
	return linked(LINK_UNKNOWN, a / 4 == b / 4 ? nvlinks : 0);
}

static void the_smaller_group_among_many_is_never_the_answer(void **state)
{
	struct node *node = *state;

	build(node, 19, fours_and_three);
	assert_choice(node, 4, 0, LIST(0, 1, 2, 3));
}

static void the_answer_has_its_size_whatever_is_asked_of_many(void **state)
{
	struct node *node = *state;
	unsigned seed = 64;

	build(node, ALIGNED_GPUS_MAX, by_switch);
	for (size_t size = 1; size <= ALIGNED_GPUS_MAX; size++) {
		size_t required = (size_t)rand_r(&seed) % (size + 1);
		assert_int_equal(choose(node, size, required, NULL), 0);
		for (size_t i = 0; i < size; i++) {
			assert_true(node->chosen[i] < ALIGNED_GPUS_MAX);
			assert_true(i == 0 || node->chosen[i] > node->chosen[i - 1]);
			assert_true(i >= required || node->chosen[i] == i);
		}
		assert_true(size == ALIGNED_GPUS_MAX || node->chosen[size] == UNTOUCHED);
	}
}

static void takes_the_first_of_more_gpus_than_are_linked(void **state)
{
	struct node *node = *state;

	build(node, ALIGNED_GPUS_MAX + 1, boards_of_four_dealt_out);
	assert_choice(node, 4, 0, LIST(0, 1, 2, 3));
}

/* The search as NVIDIA does it: every division into groups of the size and one smaller group, of
 * which those with the greatest sum are compared by their best group. */
struct brute {
	size_t count, size, required;
	uint32_t scores[GPUS_MAX][GPUS_MAX];
	bool is_found;
	uint32_t sum; /* greatest */
	uint32_t score,
		group;        /* of all divisions with that sum the best group, first in the list */
	uint32_t first_score; /* of the best group of the first division with that sum */
};

static uint32_t brute_score(const struct brute *brute, uint32_t set)
{
	uint32_t score = 0;
	for (uint32_t a = 0; a < brute->count; a++)
		for (uint32_t b = a + 1; b < brute->count; b++)
			if (set >> a & set >> b & 1)
				score += brute->scores[a][b];
	return score;
}

static bool is_before(uint32_t a, uint32_t b)
{
	uint32_t differing = a ^ b;
	return (a & differing & -differing) != 0;
}

static void compare_division(struct brute *brute, const uint32_t *parts, size_t count)
{
	uint32_t must = (1U << brute->required) - 1;
	uint32_t sum = 0;
	uint32_t group = 0;
	uint32_t score = 0;
	for (size_t i = 0; i < count; i++) {
		uint32_t own = brute_score(brute, parts[i]);
		sum += own;
		bool may_be = (size_t)__builtin_popcount(parts[i]) == brute->size &&
			      (parts[i] & must) == must;
		if (may_be &&
		    (!group || own > score || (own == score && is_before(parts[i], group)))) {
			group = parts[i];
			score = own;
		}
	}
	if (!group || (brute->is_found && sum < brute->sum))
		return;
	bool is_better = !brute->is_found || sum > brute->sum;
	if (is_better)
		brute->first_score = score;
	if (is_better || score > brute->score ||
	    (score == brute->score && is_before(group, brute->group))) {
		brute->score = score;
		brute->group = group;
	}
	brute->sum = sum;
	brute->is_found = true;
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as there are groups. */
static void divide(struct brute *brute, uint32_t rest, uint32_t *parts, size_t count)
{
	if (rest == 0) {
		compare_division(brute, parts, count);
		return;
	}
	size_t left = (size_t)__builtin_popcount(rest) % brute->size;
	uint32_t first = rest & -rest;
	/* Every subset of the others. */
	uint32_t others = rest ^ first;
	uint32_t subset = 0;
	do {
		size_t size = (size_t)__builtin_popcount(subset) + 1;
		if (size == brute->size || size == left) {
			parts[count] = subset | first;
			divide(brute, rest ^ parts[count], parts, count + 1);
		}
		subset = (subset - others) & others;
	} while (subset != 0);
}

static uint32_t points(const struct link *link)
{
	return (uint32_t)link->level * 10 + link->nvlinks * 100;
}

/* The same question to both. */
static void assert_agrees(struct node *node, size_t size, size_t required)
{
	static struct brute brute;
	brute = (struct brute){ .count = node->count, .size = size, .required = required };
	for (size_t a = 0; a < node->count; a++)
		for (size_t b = 0; b < node->count; b++)
			for (size_t i = 0; i < node->snapshot->links_count; i++) {
				const struct link *link = &node->snapshot->links[i];
				if (link->first == node->order[a] && link->second == node->order[b])
					brute.scores[a][b] = brute.scores[b][a] = points(link);
			}
	uint32_t parts[GPUS_MAX];
	divide(&brute, (1U << node->count) - 1, parts, 0);

	assert_int_equal(choose(node, size, required, NULL), 0);
	uint32_t group = 0;
	for (size_t i = 0; i < size; i++)
		group |= 1U << node->chosen[i];
	assert_int_equal(group, brute.group);
	assert_true(brute_score(&brute, group) >= brute.first_score);
}

static unsigned random_state;

/* Dense or sparse, many ties or few. */
static struct link at_random(uint32_t a, uint32_t b)
{
	(void)a;
	(void)b;
	uint32_t nvlinks = rand_r(&random_state) % 3 == 0 ? (uint32_t)rand_r(&random_state) % 5 : 0;
	return linked((enum link_level)(rand_r(&random_state) % (LINK_SAME_BOARD + 1)), nvlinks);
}

static struct link of_two_kinds(uint32_t a, uint32_t b)
{
	(void)a;
	(void)b;
	return linked(rand_r(&random_state) % 2 ? LINK_SAME_CPU : LINK_CROSS_CPU, 0);
}

static void offer_at_random(struct node *node, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t other = i + (size_t)rand_r(&random_state) % (node->count - i);
		uint32_t gpu = node->order[i];
		node->order[i] = node->order[other];
		node->order[other] = gpu;
	}
	node->count = count;
}

static void agrees_with_a_search_of_all_divisions(void **state)
{
	struct node *node = *state;
	random_state = 13;

	for (int scenario = 0; scenario < SCENARIOS; scenario++) {
		size_t gpus = 1 + (size_t)rand_r(&random_state) % 10;
		build(node, gpus, scenario % 3 == 0 ? of_two_kinds : at_random);
		offer_at_random(node, 1 + (size_t)rand_r(&random_state) % gpus);
		size_t size = 1 + (size_t)rand_r(&random_state) % node->count;
		size_t required = rand_r(&random_state) % 2
					  ? (size_t)rand_r(&random_state) % (size + 1)
					  : 0;
		assert_agrees(node, size, required);
	}
}

static void agrees_with_that_search_on_real_topologies(void **state)
{
	static link_fn *const topologies[] = { by_switch, cube_mesh, all_equal, three_and_others };
	struct node *node = *state;

	for (size_t i = 0; i < ARRAY_LEN(topologies); i++)
		for (size_t size = 1; size <= 8; size++)
			for (size_t required = 0; required <= size; required++) {
				build(node, 8, topologies[i]);
				assert_agrees(node, size, required);
				offer(node, LIST(6, 1, 4, 0, 7, 3, 5, 2));
				assert_agrees(node, size, required);
			}
}

static void agrees_with_that_search_on_twelve_gpus(void **state)
{
	struct node *node = *state;
	random_state = 12;

	build(node, 12, at_random);
	for (size_t size = 1; size <= 12; size++)
		for (size_t required = 0; required <= size && required <= 2; required++)
			assert_agrees(node, size, required);
}

static void agrees_with_that_search_on_sixteen_gpus(void **state)
{
	struct node *node = *state;
	random_state = 16;

	for (size_t required = 0; required < 8; required += 3) {
		build(node, 16, two_boards);
		assert_agrees(node, 8, required);
		build(node, 16, at_random);
		assert_agrees(node, 8, required);
		assert_agrees(node, 11, required);
		assert_agrees(node, 15, required);
	}
}

/* Which of the GPUs are in the answer. */
static void mark_chosen(const struct node *node, size_t size, bool *ret)
{
	for (size_t i = 0; i < size; i++)
		ret[node->chosen[i]] = true;
}

/* What the sum gains when a GPU of the answer and one of the others change places. */
static int exchange_gain(const struct node *node, const bool *is_chosen, size_t in, size_t out)
{
	int gain = 0;
	for (size_t i = 0; i < node->snapshot->links_count; i++) {
		const struct link *link = &node->snapshot->links[i];
		size_t a = link->first;
		size_t b = link->second;
		bool is_between = (a == in && b == out) || (a == out && b == in);
		if (is_between || (a != in && a != out && b != in && b != out))
			continue;
		bool is_together = is_chosen[a] == is_chosen[b];
		gain += is_together ? -(int)points(link) : (int)points(link);
	}
	return gain;
}

static void no_exchange_makes_a_division_of_many_better(void **state)
{
	struct node *node = *state;
	random_state = 64;

	/* Two parts, so that the answer tells the whole division. */
	for (size_t count = ALIGNED_EXACT_MAX + 1; count <= ALIGNED_GPUS_MAX; count++) {
		size_t size = (count + 1) / 2;
		size_t required = count % 3;
		bool is_chosen[GPUS_MAX] = { 0 };
		build(node, count, at_random);
		assert_int_equal(choose(node, size, required, NULL), 0);
		mark_chosen(node, size, is_chosen);
		for (size_t in = required; in < count; in++)
			for (size_t out = 0; is_chosen[in] && out < count; out++)
				assert_true(is_chosen[out] ||
					    exchange_gain(node, is_chosen, in, out) <= 0);
	}
}

static void fails_cleanly_when_memory_is_out(void **state)
{
	struct node *node = *state;
	static const size_t sizes[] = { 16, 17 };

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		build(node, sizes[i], all_equal);
		unsigned failures = 0;
		int r = 0;
		do {
			struct err err = ERR_INIT;
			failing_calloc = ++failures;
			r = choose(node, 2, 0, &err);
			if (r == 0)
				break;
			assert_int_equal(r, -ENOMEM);
			assert_string_equal(err.msg, "out of memory");
			assert_int_equal(node->chosen[0], UNTOUCHED);
		} while (failures < 100);
		failing_calloc = 0;
		assert_int_equal(r, 0);
		assert_true(failures > 2);
	}
}

int main(void)
{
#define ON_A_NODE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		ON_A_NODE(takes_the_first_when_no_link_is_known),
		ON_A_NODE(takes_the_first_when_all_are_linked_alike),
		ON_A_NODE(one_gpu_is_the_first_or_the_required_one),
		ON_A_NODE(prefers_more_nvlinks_to_a_nearer_level),
		ON_A_NODE(takes_a_quad_of_the_cube_mesh),
		ON_A_NODE(stays_on_one_switch_and_on_one_cpu),
		ON_A_NODE(stays_on_one_board_of_sixteen_gpus),
		ON_A_NODE(leaves_together_what_belongs_together),
		ON_A_NODE(the_smaller_group_is_never_the_answer),
		ON_A_NODE(a_required_gpu_is_in_the_answer_at_any_cost),
		ON_A_NODE(a_number_of_nvlinks_that_cannot_be_is_cut),
		ON_A_NODE(keeps_boards_whole_among_many_gpus),
		ON_A_NODE(exchanges_gpus_among_many_for_a_better_sum),
		ON_A_NODE(takes_the_best_group_among_many),
		ON_A_NODE(the_smaller_group_among_many_is_never_the_answer),
		ON_A_NODE(the_answer_has_its_size_whatever_is_asked_of_many),
		ON_A_NODE(takes_the_first_of_more_gpus_than_are_linked),
		ON_A_NODE(agrees_with_a_search_of_all_divisions),
		ON_A_NODE(agrees_with_that_search_on_real_topologies),
		ON_A_NODE(agrees_with_that_search_on_twelve_gpus),
		ON_A_NODE(agrees_with_that_search_on_sixteen_gpus),
		ON_A_NODE(no_exchange_makes_a_division_of_many_better),
		ON_A_NODE(fails_cleanly_when_memory_is_out),
	};
	return cmocka_run_group_tests_name("aligned", tests, NULL, NULL);
}
