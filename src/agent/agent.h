/* SPDX-License-Identifier: Apache-2.0 */
/* The node agent: owns every module, starts, reloads and stops them in one place. */
#pragma once

#include "base/err.h"
#include "core/settings.h"

/* Where the configuration comes from; asked again at SIGHUP and
 * when the file changes. Embedded in its owner. */
struct agent_source {
	/* 0 and new settings, the caller's to free; or a negative errno and the reason. May log
	 * warnings. */
	int (*load)(struct agent_source *source, struct settings **ret, struct err *err);
};

/**
 * Run until SIGTERM, SIGINT or SIGQUIT; SIGHUP and a change of the file read the configuration anew
 * and keep the old one when the new one is refused.
 *
 * @executable  of rota, for the driver process.
 * @source      borrowed.
 *
 * Returns 0 after a signal, or a negative errno: the configuration is refused, or NVML cannot be
 * initialised and fail_on_init_error is set. Blocks.
 */
int agent_run(const char *executable, struct agent_source *source, struct err *err);
