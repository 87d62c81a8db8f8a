/* SPDX-License-Identifier: Apache-2.0 */
/* What kinds of GPU the simulated driver knows, and into what parts each can be divided: constant
 * tables. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
	MODEL_SLICES_MAX = 8, /* memory slices of a GPU in MIG mode, and so GPU instances */
};

/* One kind of GPU instance, as `nvidia-smi mig -lgip` lists it. */
struct mig_profile {
	const char *name; /* "1g.5gb+me" */
	unsigned slices;  /* of compute */
	unsigned width;   /* memory slices; it may start at each multiple of this */
	unsigned last_start;
	unsigned count_max; /* at a time on one GPU */
	unsigned memory_mib;
	unsigned multiprocessors;
	unsigned copy_engines;
	unsigned decoders;
	unsigned encoders;
	unsigned jpegs;
	unsigned ofas;
};

/* How a GPU can be divided. */
struct mig_geometry {
	const struct mig_profile *profiles;
	size_t profiles_count;
	unsigned slices;                /* of compute */
	unsigned memory_slices;         /* a power of two, 1..MODEL_SLICES_MAX */
	unsigned slice_multiprocessors; /* of a compute instance smaller than its GPU instance */
};

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
	unsigned nvlinks;               /* ports */
	const struct mig_geometry *mig; /* a constant; NULL: has no MIG */
};

/** The kind with this name. A name that is not in the table gets the figures of the first entry, a
 * T4, so that a scenario can try any name. */
const struct model *model_get(const char *name);

/** NULL when @geometry has no profile of this name. */
const struct mig_profile *model_find_profile(const struct mig_geometry *geometry, const char *name);
