/* SPDX-License-Identifier: Apache-2.0 */
/* What a container needs of the driver, whatever GPU it gets: libraries, programs, configuration,
 * firmware, sockets of daemons, nodes of no certain GPU, and the hooks that make them usable. */
#pragma once

#include "cdi/cdi_search.h"

/**
 * Look for all of it.
 *
 * Returns 0, -ENOENT (no library of this driver), -E2BIG (a bound), -ENOMEM, or an errno of
 * looking.
 */
int driver_files_find(const struct cdi_search *search, struct cdi_edits *ret, struct err *err);
