/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times the choice of whole GPUs by their links, as the agent makes it in GetPreferredAllocation,
 * and prints one JSON object: the milliseconds of each call. Each answer is checked.
 * tests/bench/run.py runs it.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "core/placement.h"

enum {
	GPUS = 16,
	BOARDS = 4,
	CHOSEN = GPUS / BOARDS,
	CALLS = 300,
	LINKS = GPUS * (GPUS - 1) / 2,
};

/* GPUs by turns on boards with NVLinks between all, so that the best four are not neighbours. */
static struct snapshot *make_node(void)
{
	cleanup_snapshot struct snapshot *snapshot = snapshot_new(GPUS);
	if (!snapshot)
		return NULL;
	struct link links[LINKS];
	size_t count = 0;
	for (uint32_t b = 0; b < GPUS; b++) {
		const char *uuid = arena_printf(&snapshot->arena, "GPU-%u", b);
		if (!uuid)
			return NULL;
		snapshot->devices[b].uuid = uuid;
		snapshot->devices[b].index = uuid;
		for (uint32_t a = 0; a < b; a++)
			links[count++] = (struct link){
				.first = a,
				.second = b,
				.level = (b - a) % 2 ? LINK_CROSS_CPU : LINK_SAME_CPU,
				.nvlinks = (b - a) % BOARDS ? 0 : 4,
			};
	}
	return snapshot_set_links(snapshot, links, count) ? TAKE_PTR(snapshot) : NULL;
}

static bool is_right(const uint32_t *chosen, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (chosen[i] != i * BOARDS)
			return false;
	return count == CHOSEN;
}

static int measure(const struct resource *resource, struct err *err)
{
	uint32_t available[GPUS];
	for (uint32_t i = 0; i < GPUS; i++)
		available[i] = i;
	struct placement_request request = { .available = available,
					     .available_count = GPUS,
					     .size = CHOSEN };
	for (size_t i = 0; i < CALLS; i++) {
		uint32_t chosen[GPUS] = { 0 };
		size_t count = 0;
		uint64_t start_ns = clock_ns();
		int r = placement_choose(resource, &request, chosen, &count, err);
		uint64_t end_ns = clock_ns();
		if (r < 0)
			return r;
		if (!is_right(chosen, count))
			return err_set(err, -EPROTO, "the choice is not one board");
		(void)printf("%s%.6f", i == 0 ? "{\"times_ms\": [" : ", ",
			     (double)(end_ns - start_ns) / 1e6);
	}
	(void)puts("]}");
	return 0;
}

int main(void)
{
	struct settings settings = { 0 };
	struct err err = ERR_INIT;
	cleanup_resource struct resource *resource = NULL;
	cleanup_plan struct plan plan = { 0 };
	cleanup_snapshot struct snapshot *snapshot = make_node();
	int r = snapshot ? plan_make(&settings, snapshot, &plan, &err)
			 : err_set(&err, -ENOMEM, "out of memory");
	if (r == 0)
		r = resource_new(&plan, plan.names[0], TAKE_PTR(snapshot), NULL, &resource, &err);
	if (r == 0)
		r = measure(resource, &err);
	if (r < 0)
		(void)fprintf(stderr, "bench_aligned: %s\n", err.msg);
	return r < 0 || fflush(stdout) == EOF ? EXIT_FAILURE : EXIT_SUCCESS;
}
