/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The best group of GPUs for placement. Few GPUs: the best division of a set is one of its parts
 * that has the set's first GPU, and the best division of the others; each set is worked out once.
 * Many GPUs: groups are grown one after the other, then GPUs change places while that helps.
 * GPUs are numbers here, in the order of the request. Invariant: scores are symmetric.
 */
#include "core/aligned.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>

#include "base/arena.h"

enum {
	NVLINK_POINTS = 100,
	NVLINKS_MAX = 18, /* of one GPU (NVML_NVLINK_MAX_LINKS) */
	PAIR_POINTS_MAX = 60 + NVLINKS_MAX * NVLINK_POINTS,
};

static const uint32_t level_points[] = {
	[LINK_UNKNOWN] = 0,      [LINK_CROSS_CPU] = 10,    [LINK_SAME_CPU] = 20,
	[LINK_HOST_BRIDGE] = 30, [LINK_MULTI_SWITCH] = 40, [LINK_SINGLE_SWITCH] = 50,
	[LINK_SAME_BOARD] = 60,
};

/* What is asked, with the scores read from the links. */
struct problem {
	size_t count;
	size_t required; /* the numbers below it must be in the answer */
	size_t size;
	size_t groups;    /* of full size */
	size_t left;      /* in the smaller group */
	uint32_t *scores; /* of a pair: [a * count + b] */
};

/* Sets of GPUs are bits, the first GPU highest: of two sets of one size the greater number is the
 * one that comes first in the order of the list. */
enum {
	NO_MORE_SETS = 1 << ALIGNED_EXACT_MAX,
	HALF_SETS = 1 << ALIGNED_EXACT_MAX / 2,
	CHOICES_MAX = 6435, /* seven of fifteen: no other number of them has more */
};

/* Worth of a division in one number that is compared as a whole: from above the sum over all parts,
 * then the score of its best group that may be the answer, then that group. */
enum {
	GROUP_SHIFT = ALIGNED_EXACT_MAX,
	SUM_SHIFT = 40,
};

static const uint64_t sum_bits = ~UINT64_C(0) << SUM_SHIFT;
static_assert(ALIGNED_EXACT_MAX * (ALIGNED_EXACT_MAX - 1) / 2 * PAIR_POINTS_MAX <
		      1 << (SUM_SHIFT - GROUP_SHIFT),
	      "a sum over all pairs has room in a worth");

/* Which elements of a set to take, by their places in it; the lower and the upper half of them. */
struct choice {
	uint8_t low;
	uint8_t high;
};

/* All ways to take so many of so many. The same for all sets of one size, so they are made once. */
struct choices {
	size_t count;
	struct choice items[CHOICES_MAX];
};

struct search {
	const struct problem *problem;
	uint32_t required; /* a set */
	uint64_t *worths;  /* of the best division of each set; 0 for sets that none needs */
	/* How the sets of the size that is at work are divided. */
	unsigned low_places; /* in the lower half */
	struct choices groups;
	struct choices smaller;
	/* Of the set that is at work: the elements in each choice of a half. */
	uint16_t low[HALF_SETS];
	uint16_t high[HALF_SETS];
};

static uint32_t first_set(size_t size)
{
	return (1U << size) - 1;
}

/* The next greater set of the same size (Gosper's hack). */
static uint32_t next_set(uint32_t set)
{
	if (set == 0)
		return NO_MORE_SETS;
	uint32_t lowest = set & -set;
	uint32_t ripple = set + lowest;
	return (((ripple ^ set) >> 2) >> __builtin_ctz(set)) | ripple;
}

static uint32_t set_score(const struct problem *problem, uint32_t set)
{
	size_t last = problem->count - 1;
	uint32_t score = 0;
	for (uint32_t rest = set; rest != 0; rest &= rest - 1) {
		const uint32_t *row =
			&problem->scores[(last - (size_t)__builtin_ctz(rest)) * problem->count];
		for (uint32_t other = rest & (rest - 1); other != 0; other &= other - 1)
			score += row[last - (size_t)__builtin_ctz(other)];
	}
	return score;
}

/* @size of @places. */
static void list_choices(struct choices *choices, size_t places, size_t size)
{
	uint32_t low_bits = (1U << places / 2) - 1;
	uint32_t end = 1U << places;
	choices->count = 0;
	for (uint32_t set = first_set(size); set < end; set = next_set(set))
		choices->items[choices->count++] = (struct choice){
			(uint8_t)(set & low_bits),
			(uint8_t)(set >> places / 2),
		};
}

/* Get ready for sets of @size: their part that has certain @fixed of them is a group, or may also
 * be the smaller one of @left GPUs where that is not 0. */
static void prepare(struct search *search, size_t size, size_t fixed, size_t left)
{
	search->low_places = (unsigned)(size - fixed) / 2;
	list_choices(&search->groups, size - fixed, search->problem->size - fixed);
	search->smaller.count = 0;
	if (left > 0)
		list_choices(&search->smaller, size - fixed, left - fixed);
}

/* All unions of the lowest elements of *@set, as many as @end is a power of two; they are taken
 * from it. */
static void list_unions(uint16_t *unions, size_t end, uint32_t *set)
{
	unions[0] = 0;
	for (size_t count = 1; count < end && *set != 0; count *= 2, *set &= *set - 1) {
		uint16_t element = (uint16_t)(*set & -*set);
		for (size_t i = 0; i < count; i++)
			unions[count + i] = unions[i] | element;
	}
}

/* The best division of @set, one part of which is @fixed and a choice of the others. */
static uint64_t best_with(const struct search *search, uint32_t set, uint32_t fixed,
			  const struct choices *choices)
{
	uint64_t best = 0;
	for (size_t i = 0; i < choices->count; i++) {
		struct choice choice = choices->items[i];
		uint32_t part = fixed | search->low[choice.low] | search->high[choice.high];
		uint64_t a = search->worths[part];
		uint64_t b = search->worths[set ^ part];
		uint64_t group = (a & ~sum_bits) > (b & ~sum_bits) ? a & ~sum_bits : b & ~sum_bits;
		uint64_t worth = (a & sum_bits) + (b & sum_bits) + group;
		if (worth > best)
			best = worth;
	}
	return best;
}

static uint64_t best_division(struct search *search, uint32_t set, uint32_t fixed)
{
	uint32_t others = set ^ fixed;
	list_unions(search->low, (size_t)1 << search->low_places, &others);
	list_unions(search->high, HALF_SETS, &others);
	uint64_t best = best_with(search, set, fixed, &search->groups);
	uint64_t other = best_with(search, set, fixed, &search->smaller);
	return other > best ? other : best;
}

/* Sets that are one part. A group that lacks a required GPU, and the smaller one, is no answer. */
static void fill_parts(struct search *search, size_t size)
{
	bool is_group = size == search->problem->size;
	uint32_t end = 1U << search->problem->count;
	for (uint32_t set = first_set(size); set < end; set = next_set(set)) {
		uint64_t score = set_score(search->problem, set);
		search->worths[set] = score << SUM_SHIFT;
		if (is_group && (set & search->required) == search->required)
			search->worths[set] |= score << GROUP_SHIFT | set;
	}
}

/* Sets that are several parts. Each part that was taken before had the first GPU of what there was,
 * so that as many of the first GPUs are not in the set. */
static void fill_divisions(struct search *search, size_t groups, size_t left)
{
	const struct problem *problem = search->problem;
	size_t taken = problem->groups - groups + (left < problem->left ? 1 : 0);
	size_t size = groups * problem->size + left;
	uint32_t end = 1U << (problem->count - taken);
	prepare(search, size, 1, left);
	for (uint32_t set = first_set(size); set < end; set = next_set(set)) {
		uint32_t first = 1U << (31 - __builtin_clz(set));
		search->worths[set] = best_division(search, set, first);
	}
}

/* From the sets of one part to those of all parts but one. */
static void fill_worths(struct search *search)
{
	const struct problem *problem = search->problem;
	fill_parts(search, problem->size);
	if (problem->left > 0)
		fill_parts(search, problem->left);
	for (size_t groups = 1; groups <= problem->groups; groups++) {
		bool is_all = groups == problem->groups;
		if (groups > 1 && (!is_all || problem->left > 0))
			fill_divisions(search, groups, 0);
		if (problem->left > 0 && !is_all)
			fill_divisions(search, groups, problem->left);
	}
}

static int choose_best(const struct problem *problem, struct arena *arena, uint32_t *ret)
{
	struct search *search = arena_alloc(arena, sizeof(*search));
	uint64_t *worths = arena_array(arena, (size_t)1 << problem->count, sizeof(*worths));
	if (!search || !worths)
		return -ENOMEM;
	assert(problem->count > 0); /* else there would be nothing to choose from */
	uint32_t all = (1U << problem->count) - 1;
	uint32_t first = 1U << (problem->count - 1);
	search->problem = problem;
	search->worths = worths;
	search->required = all & ~(all >> problem->required);
	fill_worths(search);

	uint64_t best = 0;
	if (problem->required > 0) {
		prepare(search, problem->count, problem->required, 0);
		best = best_division(search, all, search->required);
	} else {
		prepare(search, problem->count, 1, problem->left);
		best = best_division(search, all, first);
	}
	uint32_t group = (uint32_t)best & all;
	for (uint32_t number = 0; number < problem->count; number++)
		if (group & first >> number)
			*ret++ = number;
	return 0;
}

/* A division while it is made better. Group number problem->groups is the smaller one. */
struct division {
	const struct problem *problem;
	size_t group_of[ALIGNED_GPUS_MAX];
	bool is_placed[ALIGNED_GPUS_MAX];
	/* Of each GPU its score with all that are in a group. */
	uint32_t ties[ALIGNED_GPUS_MAX][ALIGNED_GPUS_MAX];
};

static uint32_t pair_score(const struct division *division, size_t a, size_t b)
{
	return division->problem->scores[a * division->problem->count + b];
}

static void put(struct division *division, size_t number, size_t group)
{
	division->group_of[number] = group;
	division->is_placed[number] = true;
	for (size_t i = 0; i < division->problem->count; i++)
		division->ties[i][group] += pair_score(division, i, number);
}

static void take_out(struct division *division, size_t number)
{
	size_t group = division->group_of[number];
	for (size_t i = 0; i < division->problem->count; i++)
		division->ties[i][group] -= pair_score(division, i, number);
}

/* There is at least one that has no place. */
static size_t nearest(const struct division *division, size_t group)
{
	size_t best = ALIGNED_GPUS_MAX;
	for (size_t i = 0; i < division->problem->count; i++) {
		if (division->is_placed[i])
			continue;
		if (best == ALIGNED_GPUS_MAX ||
		    division->ties[i][group] > division->ties[best][group])
			best = i;
	}
	return best;
}

/* The groups one after the other, the required GPUs first of all. */
static void grow_groups(struct division *division)
{
	const struct problem *problem = division->problem;
	for (size_t placed = 0; placed < problem->count; placed++) {
		size_t group = placed / problem->size;
		put(division, placed < problem->required ? placed : nearest(division, group),
		    group);
	}
}

/* Whether the sum grows when the two change places. */
static bool should_exchange(const struct division *division, size_t a, size_t b)
{
	size_t from = division->group_of[a];
	size_t to = division->group_of[b];
	if (from == to)
		return false;
	uint32_t now = division->ties[a][from] + division->ties[b][to];
	uint32_t then = division->ties[a][to] + division->ties[b][from];
	/* Each is tied to the other's place by the other itself, which leaves it. */
	return then > now + 2 * pair_score(division, a, b);
}

static void exchange(struct division *division, size_t a, size_t b)
{
	size_t from = division->group_of[a];
	size_t to = division->group_of[b];
	take_out(division, a);
	take_out(division, b);
	put(division, a, to);
	put(division, b, from);
}

/* Once over all pairs that may move; true if one did. */
static bool improve(struct division *division)
{
	bool is_better = false;
	for (size_t a = division->problem->required; a < division->problem->count; a++) {
		for (size_t b = a + 1; b < division->problem->count; b++) {
			if (!should_exchange(division, a, b))
				continue;
			exchange(division, a, b);
			is_better = true;
		}
	}
	return is_better;
}

/* The group of the required GPUs, or the one with the greatest score. */
static size_t best_group(const struct division *division)
{
	const struct problem *problem = division->problem;
	if (problem->required > 0)
		return division->group_of[0];
	uint32_t scores[ALIGNED_GPUS_MAX] = { 0 };
	for (size_t i = 0; i < problem->count; i++)
		scores[division->group_of[i]] += division->ties[i][division->group_of[i]];
	size_t best = 0;
	for (size_t group = 1; group < problem->groups; group++)
		if (scores[group] > scores[best])
			best = group;
	return best;
}

static int choose_good(const struct problem *problem, struct arena *arena, uint32_t *ret)
{
	struct division *division = arena_alloc(arena, sizeof(*division));
	if (!division)
		return -ENOMEM;
	division->problem = problem;
	grow_groups(division);
	for (size_t pass = 0; pass < ALIGNED_PASSES_MAX && improve(division); pass++)
		;
	size_t group = best_group(division);
	for (uint32_t number = 0; number < problem->count; number++)
		if (division->group_of[number] == group)
			*ret++ = number;
	return 0;
}

static uint32_t link_score(const struct link *link)
{
	uint32_t nvlinks = link->nvlinks < NVLINKS_MAX ? link->nvlinks : NVLINKS_MAX;
	return level_points[link->level] + nvlinks * NVLINK_POINTS;
}

static int read_scores(const struct aligned_request *request, struct arena *arena, uint32_t **ret)
{
	const struct snapshot *snapshot = request->snapshot;
	size_t count = request->gpus_count;
	uint32_t *scores = arena_array(arena, count * count, sizeof(*scores));
	/* By place in the snapshot: the number plus one, 0 for GPUs that are not on offer. */
	uint32_t *numbers = arena_array(arena, snapshot->devices_count, sizeof(*numbers));
	if (!scores || !numbers)
		return -ENOMEM;
	for (uint32_t number = 0; number < count; number++)
		numbers[request->gpus[number]] = number + 1;
	for (size_t i = 0; i < snapshot->links_count; i++) {
		const struct link *link = &snapshot->links[i];
		size_t a = numbers[link->first];
		size_t b = numbers[link->second];
		if (a == 0 || b == 0)
			continue;
		uint32_t score = link_score(link);
		scores[(a - 1) * count + (b - 1)] = score;
		scores[(b - 1) * count + (a - 1)] = score;
	}
	*ret = scores;
	return 0;
}

int aligned_choose(const struct aligned_request *request, uint32_t *ret, struct err *err)
{
	if (request->gpus_count > ALIGNED_GPUS_MAX) {
		for (uint32_t number = 0; number < request->size; number++)
			ret[number] = number;
		return 0;
	}
	cleanup_arena struct arena arena = { 0 };
	struct problem problem = {
		.count = request->gpus_count,
		.required = request->required_count,
		.size = request->size,
		.groups = request->gpus_count / request->size,
		.left = request->gpus_count % request->size,
	};
	int r = read_scores(request, &arena, &problem.scores);
	if (r == 0)
		r = problem.count <= ALIGNED_EXACT_MAX ? choose_best(&problem, &arena, ret)
						       : choose_good(&problem, &arena, ret);
	return r < 0 ? err_set(err, r, "out of memory") : 0;
}
