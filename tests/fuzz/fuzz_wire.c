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
	struct shared_resource shared = { "nvidia.com/gpu", 5 };
	struct settings settings = {
		.time_slicing = { .resources = &shared, .resources_count = 1 },
	};
	struct snapshot *snapshot = snapshot_new(1);
	if (!snapshot)
		abort();
	snapshot->devices[0] = (struct device){ .uuid = "GPU-0", .index = "0" };
	struct resource *resource = NULL;
	if (resource_new(&settings, snapshot, &resource, NULL) < 0)
		abort();
	return resource;
}

static void allocate(const struct resource *resource, const struct wire_ids *containers,
		     size_t count)
{
	const struct settings settings = { 0 };
	for (size_t i = 0; i < count; i++) {
		cleanup_edits struct edits edits = { 0 };
		struct err err = ERR_INIT;
		(void)allocation_make(resource, &settings, containers[i].ids, containers[i].count,
				      &edits, &err); /* only its memory safety is of interest */
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
