/* SPDX-License-Identifier: Apache-2.0 */
/* A request of kubelet for certain replicas: container edits, or a refusal with its reason. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "core/edits.h"
#include "core/resource.h"
#include "core/settings.h"

#define ALLOCATION_IMEX_NODE "/dev/nvidia-caps-imex-channels/channel0"

enum {
	ALLOCATION_CONTROL_MAX = 4, /* /dev/nvidiactl and its like */
};

/* Device nodes that this node has; kubelet/nodes.h looks for them. */
struct allocation_nodes {
	const char *control[ALLOCATION_CONTROL_MAX]; /* of no certain GPU; paths, constants */
	size_t control_count;
	bool has_imex_channel;
};

/**
 * What the container that got these replicas is given.
 *
 * @nodes  only looked at with pass_device_specs or imex_channel.
 * @ids    as kubelet sent them; unhealthy ones are not refused, as NVIDIA's plugin does not.
 * @ret    zeroed by the caller; edits_done() is the caller's, also on failure.
 *
 * Returns 0, -EINVAL (an id that is not advertised), -EPERM (several shared replicas where
 * failRequestsGreaterThanOne forbids them), -ENOMEM. Texts are NVIDIA's, since people search for
 * them.
 */
int allocation_make(const struct resource *resource, const struct settings *settings,
		    const struct allocation_nodes *nodes, const struct id_text *ids,
		    size_t ids_count, struct edits *ret, struct err *err);
