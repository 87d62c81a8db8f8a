/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the kinds of parts that a GPU in MIG mode can be cut into: "1g.5gb", "1c.3g.20gb+me".
 * Pure. */
#pragma once

#include <stdint.h>

enum {
	PROFILE_BYTES = 48, /* of a name and its terminator; the longest known is 16 long */
};

/* A name taken apart. */
struct profile {
	uint32_t compute_slices; /* as gpu_slices where the name does not say it */
	uint32_t gpu_slices;
	uint32_t memory_gb;
	const char *attribute; /* "+me", "-me", "+gfx"; "" for none. Borrowed from the name */
};

/* What the driver says of a part in figures. */
struct profile_sizes {
	uint32_t compute_slices;
	uint32_t gpu_slices;
	uint64_t memory_mib; /* of the part */
	uint64_t gpu_bytes;  /* memory of the whole GPU */
};

/** Take a name apart: [<C>c.]<G>g.<GB>gb[+attribute|-attribute]. 0 or -EINVAL. */
int profile_parse(const char *text, struct profile *ret);

/** The profile in a part's product name, "1g.5gb" of "NVIDIA A100-SXM4-40GB MIG 1g.5gb". Borrowed;
 * NULL when there is none. */
const char *profile_from_name(const char *name);

/**
 * The name for a part of @sizes, as NVIDIA's tools compute it: its share of the GPU's memory,
 * rounded up to eighths, of the GPU's memory in whole GiB. Figures do not tell attributes.
 *
 * Returns 0 or -EINVAL (a size is zero, or more than any GPU has).
 */
int profile_format(const struct profile_sizes *sizes, char ret[static PROFILE_BYTES]);
