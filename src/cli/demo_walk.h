/* SPDX-License-Identifier: Apache-2.0 */
/* Steps 2 to 4 of the tutorial on a simulated node, each with what must be seen. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "cli/demo_node.h"
#include "cli/demo_view.h"

enum {
	DEMO_STEPS = 3,
	DEMO_PROBLEM_BYTES = 256,
};

/* Borrowed texts outlive the walk. */
struct demo_plan {
	unsigned gpus;
	unsigned pods;
	const char *config_path; /* the file that the agent is given in step 4 */
	const char *config_text;
	const char *resource; /* what that file makes of nvidia.com/gpu */
	size_t capacity;      /* of this resource then */
};

/* One thing seen at one moment. */
struct demo_sight {
	size_t capacity;
	size_t running;
	size_t pending;
	size_t restarts;
};

struct demo_step {
	unsigned number; /* of the tutorial; 0: not reached */
	const char *name;
	struct demo_sight expected;
	struct demo_sight seen;
	bool is_ok;
	char problem[DEMO_PROBLEM_BYTES]; /* "" when it holds */
};

/**
 * Walk the steps; the first that does not hold ends the walk.
 *
 * @steps  all are filled as far as they were reached.
 *
 * Returns 0 when every step holds, -EINTR after a signal, or another negative errno; @err says why.
 */
int demo_walk(const struct demo_plan *plan, struct demo_node *node, struct demo_view *view,
	      struct demo_step steps[static DEMO_STEPS], struct err *err);
