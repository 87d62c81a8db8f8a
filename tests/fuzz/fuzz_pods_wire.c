/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of kubelet's pod-resources API as bytes, and what core/ makes of the ids in them. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/resource.h"
#include "kubelet/pods_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void list_with(const struct held *held)
{
	const struct settings settings = { 0 };
	struct snapshot *snapshot = snapshot_new(1);
	if (!snapshot)
		abort();
	snapshot->devices[0].uuid = "GPU-0";
	snapshot->devices[0].index = "0";
	cleanup_resource struct resource *resource = NULL;
	cleanup_plan struct plan plan = { 0 };
	if (plan_make(&settings, snapshot, &plan, NULL) < 0 ||
	    resource_new(&plan, "nvidia.com/gpu", snapshot, held, &resource, NULL) < 0)
		abort();
	for (size_t i = 0; i < resource->replicas_count; i++) {
		char id[REPLICA_ID_BYTES];
		int length = replica_format("GPU-0", resource->replicas[i].ordinal, id);
		if (resource_find(resource, (struct id_text){ id, (size_t)length }) != (int)i)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_held struct held held = { 0 };
	struct err err = ERR_INIT;
	if (pods_wire_decode(data, size, &held, &err) == 0)
		list_with(&held);
	return 0;
}
