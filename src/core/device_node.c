/* SPDX-License-Identifier: Apache-2.0 */
/* See device_node.h. The minor number names the node, not the index: they differ after a GPU was
 * taken out. */
#include "core/device_node.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"

size_t device_node_paths(const struct device *device,
			 char ret[static DEVICE_NODES_MAX][DEVICE_NODE_BYTES])
{
	const int32_t capabilities[] = { device->gpu_capability, device->compute_capability };
	size_t count = 0;
	(void)snprintf(ret[count++], DEVICE_NODE_BYTES, "/dev/nvidia%" PRIu32, device->minor);
	for (size_t i = 0; i < ARRAY_LEN(capabilities); i++)
		if (capabilities[i] != DEVICE_NO_CAPABILITY)
			(void)snprintf(ret[count++], DEVICE_NODE_BYTES,
				       "/dev/nvidia-caps/nvidia-cap%" PRId32, capabilities[i]);
	return count;
}
