/* SPDX-License-Identifier: Apache-2.0 */
/* Resource names and device references as NVIDIA's plugin takes them. Pure. */
#pragma once

#include <stdbool.h>

#include "base/err.h"

enum {
	NAME_LENGTH_MAX = 63, /* of a whole resource name, in bytes */
};

/**
 * Make a full resource name: nvidia.com/ is put before a name that does not begin with it.
 *
 * Returns 0 or -EINVAL with NVIDIA's words in @err: longer than NAME_LENGTH_MAX, or what follows
 * the first slash is no RFC 1123 subdomain.
 */
int name_qualify(const char *name, char ret[static NAME_LENGTH_MAX + 1], struct err *err);

/** A GPU index (0), a MIG index (0:1), GPU-<uuid>, MIG-<uuid> or MIG-GPU-<uuid>/<gi>/<ci>. */
bool name_is_device(const char *text);
