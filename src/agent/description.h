/* SPDX-License-Identifier: Apache-2.0 */
/* What container runtimes were told of the devices: CDI specifications that are written, looked
 * after, and compared with what is to be offered. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/repeat.h"
#include "base/err.h"
#include "core/device.h"
#include "core/held.h"
#include "core/settings.h"

enum {
	DESCRIPTION_RETRY_MS =
		1000, /* a file system that is full, a driver that is being installed */
	/* A specification that somebody removed, libraries of the driver that came after it. */
	DESCRIPTION_LOOK_MS = 30 * 1000,
};

/* Zero is the start. */
struct description {
	struct snapshot *described; /* owned; what was written last, NULL before the first time */
	char fault[ERR_TEXT_BYTES]; /* why what is told now could not be written; "" when it was */
	struct repeat repeat;
};

/**
 * Write what follows from @settings, @snapshot and @held; see cdi_write(), also for how it blocks.
 * Without a strategy of CDI nothing is written and all counts as described.
 *
 * Returns 0, or as cdi_write(); the fault is kept and logged.
 */
int description_write(struct description *description, const struct settings *settings,
		      const struct snapshot *snapshot, const struct held *held, struct err *err);

/** Whether it was written at least once, or need not be. */
static inline bool description_is_begun(const struct description *description)
{
	return description->described != NULL;
}

/**
 * Mark the devices of @snapshot that are not described as they are now as unhealthy: a container
 * could not be given them, or would be given another.
 *
 * Returns 0 or -ENOMEM.
 */
int description_mark(const struct description *description, struct snapshot *snapshot);

void description_done(struct description *description);
