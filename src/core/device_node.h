/* SPDX-License-Identifier: Apache-2.0 */
/* Which device nodes below /dev a container needs for one GPU, or for a part of one. */
#pragma once

#include <stddef.h>

#include "core/device.h"

enum {
	DEVICE_NODES_MAX = 3,   /* the GPU's own, the capabilities of both instances of a part */
	DEVICE_NODE_BYTES = 40, /* "/dev/nvidia-caps/nvidia-cap" with ten digits and the end */
};

/** Their paths; a capability that the driver does not name is left out. Returns how many. */
size_t device_node_paths(const struct device *device,
			 char ret[static DEVICE_NODES_MAX][DEVICE_NODE_BYTES]);
