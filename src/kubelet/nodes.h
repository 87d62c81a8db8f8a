/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the driver's device nodes and of our CDI specifications there are where the agent runs,
 * for core/allocation. Looks at /dev and CDI_FOLDER only, which are in memory, so it does not
 * block. */
#pragma once

#include "base/err.h"
#include "core/allocation.h"
#include "core/settings.h"

/**
 * Look for what @settings ask for, and for nothing else.
 *
 * @root  before every path; "" is the agent's own file system, as tests have another.
 * @ret   all but unique, which is NULL.
 */
void nodes_find(const struct settings *settings, const char *root, struct allocation_inputs *ret);

/**
 * Look for the IMEX channel that @settings ask for, if any.
 *
 * Returns 0 (there, or not asked for), -ENODEV with NVIDIA's words and the places that were looked
 * at. Whether that is fatal is said by imex_required.
 */
int nodes_check_imex(const struct settings *settings, const char *root, struct err *err);
