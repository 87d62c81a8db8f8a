/* SPDX-License-Identifier: Apache-2.0 */
/* See extra_spec.h. */
#include "cdi/extra_spec.h"

#include <errno.h>

#include "base/cleanup.h"
#include "core/allocation.h"

enum {
	PATTERNS_MAX = 2,
	FILES_MAX = 2,
	NODES_MAX = 256, /* an InfiniBand verbs device for each port and virtual function */
	GIDS_MAX = 8,
};

/* Files are of use to those only who have the nodes. */
static const struct {
	const char *nodes[PATTERNS_MAX];
	size_t nodes_count;
	struct cdi_file files[FILES_MAX];
	size_t files_count;
} classes[CDI_CLASSES] = {
	[CDI_IMEX_CHANNEL] = { .nodes = { ALLOCATION_IMEX_NODE }, .nodes_count = 1 },
	[CDI_GDRCOPY] = { .nodes = { "/dev/gdrdrv" }, .nodes_count = 1 },
	[CDI_GDS] = { .nodes = { "/dev/nvidia-fs*" },
		      .nodes_count = 1,
		      .files = { { .place = CDI_PLACE_TOP,
				   .kind = CDI_KIND_ANY,
				   .pattern = "run/udev" },
				 { .place = CDI_PLACE_TOP, .pattern = "etc/cufile.json" } },
		      .files_count = 2 },
	[CDI_MOFED] = { .nodes = { "/dev/infiniband/uverbs*", "/dev/infiniband/rdma_cm" },
			.nodes_count = 2 },
};

int extra_spec_make(const struct cdi_search *search, enum cdi_class class, struct cdi_spec *ret,
		    struct err *err)
{
	const struct cdi_room room = { .nodes = NODES_MAX, .mounts = FILES_MAX, .gids = GIDS_MAX };
	struct cdi_device *device = arena_alloc(search->arena, sizeof(*device));
	if (!device || cdi_edits_init(search->arena, &room, &device->edits) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	device->name = cdi_class_device(class);
	int r = cdi_search_nodes(search, classes[class].nodes, classes[class].nodes_count,
				 &device->edits, err);
	if (r == 0 && class == CDI_IMEX_CHANNEL && device->edits.nodes_count == 0) {
		/* A runtime may have put the channel into our own /dev; kubelet/nodes.h looks there
		 * too. */
		struct cdi_search own = *search;
		own.dev_root = search->settings->root;
		r = cdi_search_nodes(&own, classes[class].nodes, classes[class].nodes_count,
				     &device->edits, err);
	}
	if (r == 0)
		r = cdi_search_files(search, classes[class].files, classes[class].files_count,
				     &device->edits, err);
	if (r < 0)
		return r;
	*ret = (struct cdi_spec){
		.kind = cdi_class_kind(class),
		.devices = device,
		.devices_count = device->edits.nodes_count > 0 ? 1 : 0,
	};
	return 0;
}
