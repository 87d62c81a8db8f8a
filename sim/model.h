/* SPDX-License-Identifier: Apache-2.0 */
/* What kinds of GPU the simulated driver knows: one constant table. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* An idle GPU of this kind, as its driver shows it. */
struct model {
	const char *name; /* NVML's product name */
	unsigned memory_mib;
	unsigned reserved_mib; /* of memory_mib; the driver's own */
	unsigned compute_major;
	unsigned compute_minor;
	unsigned idle_watts;
	unsigned limit_watts;
	unsigned idle_celsius;
	uint32_t pci_device_id; /* device in the upper half, vendor in the lower */
	uint32_t pci_subsystem_id;
	bool has_mig;
};

/** The kind with this name. A name that is not in the table gets the figures of the first entry, a
 * T4, so that a scenario can try any name. */
const struct model *model_get(const char *name);
