/* SPDX-License-Identifier: Apache-2.0 */
/* One CDI specification as plain data, and as the JSON text that container runtimes read. */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "cdi/cdi_edits.h"

enum {
	CDI_VENDOR_LENGTH_MAX = 253,
	CDI_CLASS_LENGTH_MAX = 63,
};

struct cdi_annotation {
	const char *key;
	const char *value;
};

struct cdi_device {
	const char *name;
	const struct cdi_annotation *annotations;
	size_t annotations_count;
	struct cdi_edits edits; /* of this device */
};

/* Borrows all that it points to. */
struct cdi_spec {
	const char *kind; /* "vendor/class" */
	struct cdi_device *devices;
	size_t devices_count;   /* at least 1 in a file */
	struct cdi_edits edits; /* of every container that gets any of the devices */
};

/**
 * The specification as JSON without white space, its keys in a fixed order, for the oldest version
 * of CDI that knows what is used: old runtimes refuse newer versions.
 *
 * @ret  text, the caller's to free().
 *
 * Returns 0, -EINVAL (a name, path or kind that CDI does not allow, no device, a device without
 * edits, two of the same name), -ENOMEM. Does no I/O.
 */
int cdi_spec_encode(const struct cdi_spec *spec, char **ret, struct err *err);
