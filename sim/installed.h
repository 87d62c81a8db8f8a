/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which scenario the simulated driver shows and who sees what of it: the variables ROTA_SIM and
 * ROTA_SIM_VISIBLE or, where they are absent, what a container has that was given the driver as a
 * real one is: a file among the firmware, and a device node of each GPU that it may use.
 */
#pragma once

#include "sim/scenario.h"

enum {
	INSTALLED_PATH_BYTES = 256,
	INSTALLED_LIST_BYTES = SCENARIO_GPUS_MAX * 3 + 1, /* "63," of each */
};

/** The scenario's file, in @buf or the environment; NULL when there is none.
 * @root  before /lib; "" but in tests. */
const char *installed_scenario(const char *root, char buf[static INSTALLED_PATH_BYTES]);

/**
 * The list of what is visible, as visible.h reads it, in @buf or the environment: NULL, which is
 * all, unless the scenario is that of an installed driver; then the GPUs whose node is there.
 *
 * @root  before /dev; "" but in tests.
 */
const char *installed_visible(const char *root, const struct scenario *scenario,
			      char buf[static INSTALLED_LIST_BYTES]);
