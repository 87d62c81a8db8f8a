/* SPDX-License-Identifier: Apache-2.0 */
/* Resource names and device references as NVIDIA's plugin takes them. Pure. */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "core/settings.h"

enum {
	NAME_LENGTH_MAX = RESOURCE_NAME_BYTES - 1, /* of a whole resource name */
	NAME_DEVICE_BYTES = 96, /* "MIG-GPU-", a UUID of 36, two numbers of 20 behind slashes */
};

/**
 * Make a full resource name: nvidia.com/ is put before a name that does not begin with it.
 *
 * Returns 0 or -EINVAL with NVIDIA's words in @err: longer than NAME_LENGTH_MAX, or what follows
 * the first slash is no RFC 1123 subdomain.
 */
int name_qualify(const char *name, char ret[static NAME_LENGTH_MAX + 1], struct err *err);

/**
 * Read a device reference: a GPU index (0), a MIG index (0:1), GPU-<uuid>, MIG-<uuid> or
 * MIG-GPU-<uuid>/<gi>/<ci>.
 *
 * @ret  the same as the driver writes it: numbers without leading zeros, UUIDs in small letters
 *       with dashes.
 *
 * Returns false, with @ret untouched, when @text is none.
 */
bool name_read_device(const char *text, char ret[static NAME_DEVICE_BYTES]);
