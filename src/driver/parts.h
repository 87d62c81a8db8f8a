/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a GPU in MIG mode, as NVML has them. Only the driver process may ask: any call can
 * hang or crash. */
#pragma once

#include <stdbool.h>

#include "base/err.h"

struct answer;
struct nvml;
struct nvml_device;

/* Where to ask; for one inventory. */
struct parts {
	const struct nvml *nvml;
	const char *root;   /* before /proc; "" is / */
	char *capabilities; /* owned; the list of mig_minors.h, once it was needed and is there */
	bool is_read;
};

/**
 * Whether @gpu is in MIG mode: false too for a GPU without such a mode, and when the library knows
 * nothing of parts.
 *
 * Returns 0 or nvml_err()'s: it is not known.
 */
int parts_find_mode(const struct nvml *nvml, struct nvml_device *gpu, bool *ret, struct err *err);

/**
 * Add the parts of @gpu, the device last added to @answer, in NVML's order; one that cannot be
 * described is added to the lost ones.
 *
 * @places  how many parts it can have, as nvmlDeviceGetMaxMigDeviceCount says.
 *
 * Returns 0, -ENOMEM, -E2BIG (more than DEVICES_MAX) or -EAGAIN, which asks for a fresh NVML.
 */
int parts_read(struct parts *parts, struct nvml_device *gpu, unsigned places, struct answer *answer,
	       struct err *err);

void parts_done(struct parts *parts);
