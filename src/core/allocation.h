/* SPDX-License-Identifier: Apache-2.0 */
/* A request of kubelet for certain replicas: container edits, or a refusal with its reason. */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "core/edits.h"
#include "core/resource.h"
#include "core/settings.h"

/**
 * What the container that got these replicas is given.
 *
 * @ids  as kubelet sent them; unhealthy ones are not refused, as NVIDIA's plugin does not.
 * @ret  zeroed by the caller; edits_done() is the caller's, also on failure.
 *
 * Returns 0, -EINVAL (an id that is not advertised), -EPERM (several shared replicas where
 * failRequestsGreaterThanOne forbids them), -ENOMEM. Texts are NVIDIA's, since people search for
 * them.
 */
int allocation_make(const struct resource *resource, const struct settings *settings,
		    const struct id_text *ids, size_t ids_count, struct edits *ret,
		    struct err *err);
