/* SPDX-License-Identifier: Apache-2.0 */
/* How a scenario divides a GPU in MIG mode: the key `mig`, strictly, placed as the driver places.
 */
#pragma once

#include <stddef.h>

#include "base/cleanup.h"

struct reading;
struct scenario_compute;
struct scenario_gpu;
struct scenario_instance;
struct tree;

enum {
	/* "NVIDIA ... MIG 1c.3g.20gb": a name of a GPU and what MIG adds to it. */
	MIG_LAYOUT_NAME_BYTES = 24,
};

/**
 * Read the list of GPU instances of a GPU whose model and UUID are known; none is a GPU in MIG mode
 * without any part. A part's default UUID follows from its GPU's and from the ids of its instances.
 *
 * Returns 0, -EINVAL (a profile that the model does not have, no room), -ENOMEM.
 */
int mig_layout_read(struct reading *reading, const struct tree *node, struct scenario_gpu *gpu);

/** Refuse a part of @gpu whose UUID another part of it has, or a part of one of the @count others;
 * @gpu itself may be among them, as it was. */
int mig_layout_refuse_twins(struct reading *reading, const struct tree *node,
			    const struct scenario_gpu *gpu, const struct scenario_gpu *others,
			    size_t count);

/** The name of a compute instance's kind: "3g.20gb" when it is all of its GPU instance, else
 * "1c.3g.20gb". */
void mig_layout_name(const struct scenario_instance *instance,
		     const struct scenario_compute *compute,
		     char ret[static MIG_LAYOUT_NAME_BYTES]);
