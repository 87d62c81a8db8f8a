/* SPDX-License-Identifier: Apache-2.0 */
/* See cdi_class.h. */
#include "core/cdi_class.h"

#include <stddef.h>

#define NAMES(name) .kind = CDI_VENDOR "/" name, .file = CDI_VENDOR "-" name ".json"

static const struct {
	const char *kind;
	const char *file;
	const char *device;
} classes[CDI_CLASSES] = {
	[CDI_GPU] = { NAMES("gpu"), .device = NULL },
	[CDI_IMEX_CHANNEL] = { NAMES("imex-channel"), .device = "0" },
	[CDI_GDRCOPY] = { NAMES("gdrcopy"), .device = "all" },
	[CDI_GDS] = { NAMES("gds"), .device = "all" },
	[CDI_MOFED] = { NAMES("mofed"), .device = "all" },
};

const char *cdi_class_kind(enum cdi_class class)
{
	return classes[class].kind;
}

const char *cdi_class_file(enum cdi_class class)
{
	return classes[class].file;
}

const char *cdi_class_device(enum cdi_class class)
{
	return classes[class].device;
}

unsigned cdi_class_wanted(const struct settings *settings)
{
	const bool is_wanted[CDI_CLASSES] = {
		[CDI_GPU] = true,
		[CDI_IMEX_CHANNEL] = settings->imex_channel,
		[CDI_GDRCOPY] = settings->gdrcopy_enabled,
		[CDI_GDS] = settings->gds_enabled,
		[CDI_MOFED] = settings->mofed_enabled,
	};
	if (!(settings->device_list_strategies &
	      (DEVICE_LIST_CDI_ANNOTATIONS | DEVICE_LIST_CDI_CRI)))
		return 0;
	unsigned wanted = 0;
	for (unsigned i = 0; i < CDI_CLASSES; i++)
		wanted |= is_wanted[i] ? CDI_BIT(i) : 0;
	return wanted;
}
