/* SPDX-License-Identifier: Apache-2.0 */
/* Asks NVML what is there. Only the driver process may: any call can hang or crash. */
#pragma once

#include "base/err.h"

struct answer;
struct device;
struct nvml;
struct nvml_device;

/**
 * Read everything that a snapshot holds.
 *
 * @root  before /sys, asked for the NUMA node of each GPU, and /proc, asked for the capabilities of
 *        parts; "" is /.
 * @ret   a snapshot without links and what could not be described; the rest is not touched.
 *
 * Returns 0, -E2BIG (more than DEVICES_MAX), -ENOMEM or nvml_err()'s; -EAGAIN asks for a fresh
 * NVML.
 */
int inventory_read(const struct nvml *nvml, const char *root, struct answer *ret, struct err *err);

/** NVML's handle of a GPU that inventory_read() has just described. NULL when it does not answer.
 */
struct nvml_device *inventory_handle(const struct nvml *nvml, const struct device *gpu);
