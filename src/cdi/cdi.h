/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Describes the devices of this node to the container runtime: a CDI specification for each class,
 * by which it finds what Allocate names. Of discrete GPUs under Linux; not of Tegra, not of WSL.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "core/cdi_class.h"
#include "core/device.h"
#include "core/held.h"
#include "core/settings.h"

/* Bits are CDI_BIT()s of classes. */
struct cdi_report {
	unsigned present; /* that have a device, and a specification now */
	unsigned written; /* whose specification is new or changed */
	unsigned removed; /* whose specification went, since there is no such device any more */
};

/**
 * Write what follows from @settings, @snapshot and @held into CDI_FOLDER below the settings' root.
 * What is there already is not written again. A class that @settings do not ask for is not touched:
 * containers that were given a device of it may start once more.
 *
 * Everything is worked out before the first file is touched; then each file is replaced as a whole.
 *
 * Blocks: looks into some thirty folders of the driver (at most ROOTED_ENTRIES_MAX entries each)
 * and writes at most CDI_CLASSES files into memory; some milliseconds where the driver is on a
 * local disk.
 *
 * Returns 0 (also when no strategy of CDI is on: then nothing is done), -ENOENT (no library of the
 * driver below container_driver_root), -EINVAL (a name that CDI does not allow), -E2BIG (a bound),
 * -ENOMEM, or an errno of a folder or file, with its path in @err.
 */
int cdi_write(const struct settings *settings, const struct snapshot *snapshot,
	      const struct held *held, struct cdi_report *ret, struct err *err);

/** Whether cdi_write() describes a device, or one under a further name, because of @held. */
bool cdi_depends_on_held(const struct settings *settings, const struct snapshot *snapshot,
			 const struct held *held);
