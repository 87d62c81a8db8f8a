/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Called at each Allocate, as NVIDIA's plugin does: /dev/nvidia-uvm is often made only after the
 * agent started. The IMEX channel is also looked for when the configuration is read.
 */
#include "kubelet/nodes.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"

/* In NVIDIA's order. */
static const char *const control_paths[] = {
	"/dev/nvidiactl",
	"/dev/nvidia-uvm",
	"/dev/nvidia-uvm-tools",
	"/dev/nvidia-modeset",
};

static_assert(ARRAY_LEN(control_paths) == ALLOCATION_CONTROL_MAX, "there is room for each");

/* The file type bits of @root@folder@path, 0 when there is no such file. */
static mode_t type_of(const char *root, const char *folder, const char *path)
{
	char whole[PATH_MAX];
	int length = snprintf(whole, sizeof(whole), "%s%s%s", root, folder, path);
	struct stat status;
	if (length < 0 || (size_t)length >= sizeof(whole) || stat(whole, &status) < 0)
		return 0;
	return status.st_mode & S_IFMT;
}

/* The node of the channel is where the driver root is mounted, or in our own /dev when a runtime
 * has put it there. */
static bool has_imex(const struct settings *settings, const char *root)
{
	const char *driver_root = settings->container_driver_root;
	bool has_dev = S_ISDIR(type_of(root, driver_root, "/dev"));
	return (has_dev && S_ISCHR(type_of(root, driver_root, ALLOCATION_IMEX_NODE))) ||
	       S_ISCHR(type_of(root, "", ALLOCATION_IMEX_NODE));
}

static unsigned find_specifications(const struct settings *settings, const char *root)
{
	unsigned wanted = cdi_class_wanted(settings);
	unsigned found = 0;
	for (unsigned i = 0; i < CDI_CLASSES; i++)
		if ((wanted & CDI_BIT(i)) &&
		    S_ISREG(type_of(root, CDI_FOLDER "/", cdi_class_file(i))))
			found |= CDI_BIT(i);
	return found;
}

void nodes_find(const struct settings *settings, const char *root, struct allocation_inputs *ret)
{
	*ret = (struct allocation_inputs){ 0 };
	for (size_t i = 0; i < ARRAY_LEN(control_paths) && settings->pass_device_specs; i++)
		if (type_of(root, "", control_paths[i]) != 0)
			ret->control[ret->control_count++] = control_paths[i];
	ret->has_imex_channel = settings->imex_channel && has_imex(settings, root);
	ret->cdi_classes = find_specifications(settings, root);
}

int nodes_check_imex(const struct settings *settings, const char *root, struct err *err)
{
	if (!settings->imex_channel || has_imex(settings, root))
		return 0;
	return err_set(err, -ENODEV,
		       "error querying IMEX channels: requested IMEX channel channel0 does not "
		       "exist, no character device " ALLOCATION_IMEX_NODE " in / or %s, mount it "
		       "there or set imex.required to false",
		       settings->container_driver_root);
}
