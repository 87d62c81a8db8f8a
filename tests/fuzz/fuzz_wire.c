/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kubelet's messages as bytes: both decoders of the device plugin, and what core/ makes of their
 * results. The first byte chooses the message.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/allocation.h"
#include "kubelet/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct resource *resource_of_five(void)
{
	struct shared_resource shared = { .name = "nvidia.com/gpu", .replicas = 5 };
	struct settings settings = {
		.time_slicing = { .resources = &shared, .resources_count = 1 },
	};
	struct snapshot *snapshot = snapshot_new(1);
	if (!snapshot)
		abort();
	snapshot->devices[0].uuid = "GPU-0";
	snapshot->devices[0].index = "0";
	struct resource *resource = NULL;
	cleanup_plan struct plan plan = { 0 };
	if (plan_make(&settings, snapshot, &plan, NULL) < 0 ||
	    resource_new(&plan, "nvidia.com/gpu", snapshot, NULL, &resource, NULL) < 0)
		abort();
	return resource;
}

static void allocate(const struct resource *resource, const struct wire_ids *containers,
		     size_t count)
{
	const struct settings settings = {
		.device_list_strategies = DEVICE_LIST_ENVVAR | DEVICE_LIST_VOLUME_MOUNTS |
					  DEVICE_LIST_CDI_ANNOTATIONS | DEVICE_LIST_CDI_CRI,
		.cdi_annotation_prefix = "cdi.k8s.io/",
		.pass_device_specs = true,
		.imex_channel = true,
		.dev_root = "/",
	};
	const struct allocation_inputs inputs = {
		.control = { "/dev/nvidiactl" },
		.control_count = 1,
		.has_imex_channel = true,
		.cdi_classes = CDI_BIT(CDI_IMEX_CHANNEL),
		.unique = "1",
	};
	for (size_t i = 0; i < count; i++) {
		cleanup_edits struct edits edits = { 0 };
		struct err err = ERR_INIT;
		int r = allocation_make(resource, &settings, &inputs, containers[i].ids,
					containers[i].count, &edits, &err);
		cleanup_wire_bytes struct wire_bytes bytes = { 0 };
		if (r == 0)
			(void)wire_encode_allocated(&edits, 1, &bytes, &err); /* may be too large */
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	cleanup_resource struct resource *resource = resource_of_five();
	cleanup_arena struct arena arena = { 0 };
	struct err err = ERR_INIT;
	size_t count = 0;
	if (data[0] % 2 == 0) {
		struct wire_ids *containers = NULL;
		if (wire_decode_allocate(data + 1, size - 1, &arena, &containers, &count, &err) ==
		    0)
			allocate(resource, containers, count);
	} else {
		struct wire_preference *preferences = NULL;
		(void)wire_decode_preferred(data + 1, size - 1, &arena, &preferences, &count, &err);
	}
	return 0;
}
