/* SPDX-License-Identifier: Apache-2.0 */
/* A request of kubelet for certain replicas: container edits, or a refusal with its reason. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "core/cdi_class.h"
#include "core/edits.h"
#include "core/resource.h"
#include "core/settings.h"

#define ALLOCATION_IMEX_NODE "/dev/nvidia-caps-imex-channels/channel0"

enum {
	ALLOCATION_CONTROL_MAX = 4, /* /dev/nvidiactl and its like */
};

/* What this node has at the moment; kubelet/nodes.h looks for it. */
struct allocation_inputs {
	const char *control[ALLOCATION_CONTROL_MAX]; /* device nodes of no certain GPU; constants */
	size_t control_count;
	bool has_imex_channel;
	unsigned cdi_classes; /* CDI_BIT()s of the specifications that are there */
	const char *unique;   /* that no other container has, for an annotation's key; borrowed */
};

/**
 * What the container that got these replicas is given.
 *
 * @inputs  unique is needed with DEVICE_LIST_CDI_ANNOTATIONS only.
 * @ids     as kubelet sent them; unhealthy ones are not refused, as NVIDIA's plugin does not.
 * @ret     zeroed by the caller; edits_done() is the caller's, also on failure.
 *
 * Returns 0, -EINVAL (an id that is not advertised), -EPERM (several shared replicas where
 * failRequestsGreaterThanOne forbids them), -ENOMEM. Texts are NVIDIA's, since people search for
 * them.
 */
int allocation_make(const struct resource *resource, const struct settings *settings,
		    const struct allocation_inputs *inputs, const struct id_text *ids,
		    size_t ids_count, struct edits *ret, struct err *err);
