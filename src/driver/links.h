/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How near GPUs are to each other. It changes only with the GPUs, and asking takes many calls, so
 * it is asked once for a set of GPUs. Only the driver process may ask: any call can hang or crash.
 */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "core/device.h"

struct nvml;

enum {
	LINKS_GPUS_MAX = 64 /* LINKS_MAX is each of them with each other */
};

/* What was asked last. Zero is a valid, empty one. */
struct links {
	uint64_t digest;    /* of the GPUs; 0: nothing was asked */
	struct link *links; /* owned; positions among GPUs alone, parts not counted */
	size_t count;
};

/**
 * A number that tells sets of GPUs apart, by their uuids in order; never 0. Parts do not count.
 */
uint64_t links_digest(const struct snapshot *snapshot);

/**
 * Put links into @snapshot, asking @nvml when its GPUs are others than before. Pairs of which the
 * driver says nothing are left out; so are all of more than LINKS_GPUS_MAX GPUs.
 *
 * @digest  links_digest(@snapshot).
 *
 * Returns 0 or -ENOMEM.
 */
int links_fill(struct links *links, const struct nvml *nvml, uint64_t digest,
	       struct snapshot *snapshot, struct err *err);

/** Forgets what was asked; for an NVML that is opened anew. */
void links_done(struct links *links);
