/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NVML's topology to links. Kept by the place of a GPU among GPUs, since parts may come and go
 * between them without a change of what is linked.
 */
#include "driver/links.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "driver/inventory.h"
#include "driver/nvml.h"

/* While links are asked for: everything by the place among GPUs. */
struct asking {
	const struct nvml *nvml;
	const struct device *gpus[LINKS_GPUS_MAX];
	struct nvml_device *handles[LINKS_GPUS_MAX]; /* NULL: it does not answer */
	unsigned nvlinks[LINKS_GPUS_MAX];            /* of one of them to each */
	size_t count;
};

struct level {
	unsigned nvml;
	enum link_level level;
};

static const struct level levels[] = {
	{ NVML_TOPOLOGY_INTERNAL, LINK_SAME_BOARD },
	{ NVML_TOPOLOGY_SINGLE, LINK_SINGLE_SWITCH },
	{ NVML_TOPOLOGY_MULTIPLE, LINK_MULTI_SWITCH },
	{ NVML_TOPOLOGY_HOSTBRIDGE, LINK_HOST_BRIDGE },
	{ NVML_TOPOLOGY_NODE, LINK_SAME_CPU },
	{ NVML_TOPOLOGY_SYSTEM, LINK_CROSS_CPU },
};

uint64_t links_digest(const struct snapshot *snapshot)
{
	uint64_t digests[2] = { 1, 0 };
	for (size_t i = 0; i < snapshot->devices_count; i++) {
		const struct device *device = &snapshot->devices[i];
		if (device_is_part(device))
			continue;
		digests[1] = text_digest(device->uuid, strlen(device->uuid));
		digests[0] = text_digest((const char *)digests, sizeof(digests));
	}
	return digests[0];
}

static enum link_level read_level(const struct asking *asking, size_t first, size_t second)
{
	const struct nvml *nvml = asking->nvml;
	unsigned told = 0;
	if (!nvml->nvmlDeviceGetTopologyCommonAncestor || !asking->handles[second] ||
	    nvml->nvmlDeviceGetTopologyCommonAncestor(
		    asking->handles[first], asking->handles[second], &told) != NVML_SUCCESS)
		return LINK_UNKNOWN;
	for (size_t i = 0; i < ARRAY_LEN(levels); i++)
		if (levels[i].nvml == told)
			return levels[i].level;
	return LINK_UNKNOWN;
}

/* The other end of an NVLink may be a switch or a CPU, whose address no GPU has. */
static void count_nvlink(struct asking *asking, const char *bus_id)
{
	for (size_t i = 0; i < asking->count; i++)
		if (strcasecmp(asking->gpus[i]->bus_id, bus_id) == 0)
			asking->nvlinks[i]++;
}

static void read_nvlinks(struct asking *asking, size_t first)
{
	const struct nvml *nvml = asking->nvml;
	struct nvml_device *handle = asking->handles[first];
	memset(asking->nvlinks, 0, sizeof(asking->nvlinks));
	if (!nvml->nvmlDeviceGetNvLinkState || !nvml->nvmlDeviceGetNvLinkRemotePciInfo_v2)
		return;
	for (unsigned i = 0; i < NVML_NVLINK_MAX_LINKS; i++) {
		struct nvml_pci_info remote = { 0 };
		unsigned is_active = NVML_FEATURE_DISABLED;
		/* A link that is not there is refused; those behind it may be there. */
		if (nvml->nvmlDeviceGetNvLinkState(handle, i, &is_active) == NVML_SUCCESS &&
		    is_active == NVML_FEATURE_ENABLED &&
		    nvml->nvmlDeviceGetNvLinkRemotePciInfo_v2(handle, i, &remote) == NVML_SUCCESS)
			count_nvlink(asking, remote.bus_id);
	}
}

static size_t read_pairs(struct asking *asking, struct link *ret)
{
	size_t count = 0;
	for (size_t first = 0; first < asking->count; first++) {
		if (!asking->handles[first])
			continue;
		read_nvlinks(asking, first);
		for (size_t second = first + 1; second < asking->count; second++) {
			enum link_level level = read_level(asking, first, second);
			if (level == LINK_UNKNOWN && asking->nvlinks[second] == 0)
				continue;
			ret[count++] = (struct link){ (uint32_t)first, (uint32_t)second, level,
						      asking->nvlinks[second] };
		}
	}
	return count;
}

/* Returns false for more GPUs than are linked. */
static bool find_gpus(struct asking *asking, const struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->devices_count; i++) {
		const struct device *device = &snapshot->devices[i];
		if (device_is_part(device))
			continue;
		if (asking->count == LINKS_GPUS_MAX)
			return false;
		asking->gpus[asking->count] = device;
		asking->handles[asking->count++] = inventory_handle(asking->nvml, device);
	}
	return true;
}

static int read_links(struct links *links, const struct nvml *nvml, const struct snapshot *snapshot,
		      struct err *err)
{
	struct asking asking = { .nvml = nvml };
	links_done(links);
	if (!find_gpus(&asking, snapshot) || asking.count < 2)
		return 0;
	size_t pairs = asking.count * (asking.count - 1) / 2;
	links->links = calloc(pairs, sizeof(*links->links));
	if (!links->links)
		return err_set(err, -ENOMEM, "out of memory");
	links->count = read_pairs(&asking, links->links);
	return 0;
}

/* Where each GPU stands in @snapshot. */
static void find_positions(const struct snapshot *snapshot, uint32_t ret[static LINKS_GPUS_MAX])
{
	size_t count = 0;
	for (size_t i = 0; i < snapshot->devices_count && count < LINKS_GPUS_MAX; i++)
		if (!device_is_part(&snapshot->devices[i]))
			ret[count++] = (uint32_t)i;
}

int links_fill(struct links *links, const struct nvml *nvml, uint64_t digest,
	       struct snapshot *snapshot, struct err *err)
{
	uint32_t positions[LINKS_GPUS_MAX] = { 0 };
	if (links->digest != digest) {
		int r = read_links(links, nvml, snapshot, err);
		if (r < 0)
			return r;
		links->digest = digest;
	}
	if (!snapshot_set_links(snapshot, links->links, links->count))
		return err_set(err, -ENOMEM, "out of memory");
	find_positions(snapshot, positions);
	for (size_t i = 0; i < snapshot->links_count; i++) {
		struct link *link = &snapshot->links[i];
		link->first = positions[link->first];
		link->second = positions[link->second];
	}
	return 0;
}

void links_done(struct links *links)
{
	free(links->links);
	*links = (struct links){ 0 };
}
