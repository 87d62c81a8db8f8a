/* SPDX-License-Identifier: Apache-2.0 */
/* Which GPUs and which parts of them a process may see: the list of ROTA_SIM_VISIBLE, as
 * NVIDIA_VISIBLE_DEVICES has it. Pure. */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "sim/scenario.h"

struct visible {
	unsigned positions[SCENARIO_GPUS_MAX]; /* of GPUs in the scenario, ascending */
	unsigned count;
	bool sees_all[SCENARIO_GPUS_MAX]; /* by position: every part, also later ones */
	bool sees[SCENARIO_GPUS_MAX][SCENARIO_INSTANCE_IDS][SCENARIO_COMPUTES_MAX];
};

/**
 * Read a list of GPUs (0, GPU-...) and of parts (0:1, MIG-...); "all", "void", "none" and an empty
 * text are lists of their own. The order of GPUs stays the driver's.
 *
 * @list  NULL: all.
 *
 * Returns 0, -ENODEV for one that the scenario does not have, -ENOMEM.
 */
int visible_select(const struct scenario *scenario, const char *list, struct visible *ret,
		   struct err *err);

/** Whether a part of the GPU at this position may be seen. */
bool visible_has_part(const struct visible *visible, unsigned position, unsigned gpu_instance,
		      unsigned compute_instance);
