/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NVML's calls about how GPUs are linked. A GPU's NVLinks are numbered: first the direct ones in
 * the order of the scenario's pairs, then those to switches; its other ports are not active.
 */
#include "driver/nvml_abi.h"
#include "sim/model.h"
#include "sim/nvml/reply.h"
#include "sim/nvml/state.h"
#include "sim/scenario.h"

enum {
	SWITCH_DOMAIN = 0xFFFF, /* where no scenario of a real machine has a GPU */
	SWITCHES = 4,           /* of an HGX board with Hopper GPUs */
};

/* At the other end of a link. */
struct remote {
	bool is_switch;
	unsigned gpu; /* position, or number of the switch */
};

/* False when the link is not active. */
static bool find_remote(const struct scenario *scenario, unsigned position, unsigned link,
			struct remote *ret)
{
	unsigned before = 0;
	for (size_t i = 0; i < scenario->pairs_count; i++) {
		const struct scenario_pair *pair = &scenario->pairs[i];
		if (pair->first != position && pair->second != position)
			continue;
		if (link < before + pair->nvlinks) {
			*ret = (struct remote){ .gpu = pair->first == position ? pair->second
									       : pair->first };
			return true;
		}
		before += pair->nvlinks;
	}
	*ret = (struct remote){ .is_switch = true, .gpu = (link - before) % SWITCHES };
	return link < before + scenario->switch_links[position];
}

static unsigned count_active(const struct scenario *scenario, unsigned position)
{
	struct remote remote;
	unsigned count = 0;
	while (count < NVML_NVLINK_MAX_LINKS && find_remote(scenario, position, count, &remote))
		count++;
	return count;
}

static unsigned count_ports(const struct state_call *call)
{
	unsigned active = count_active(call->scenario, state_position(call->index));
	return active > call->gpu->model->nvlinks ? active : call->gpu->model->nvlinks;
}

/* What the caller gets who asks for a link that is not there. */
static int check_link(const struct state_call *call, unsigned link)
{
	unsigned ports = count_ports(call);
	if (ports == 0)
		return NVML_ERROR_NOT_SUPPORTED;
	return link < ports ? NVML_SUCCESS : NVML_ERROR_INVALID_ARGUMENT;
}

int nvmlDeviceGetTopologyCommonAncestor(struct nvml_device *first, struct nvml_device *second,
					unsigned *level)
{
	cleanup_call struct state_call call = state_begin_on(__func__, first);
	if (call.code != NVML_SUCCESS)
		return call.code;
	unsigned other = 0;
	if (!level || !state_find_gpu(second, &other))
		return NVML_ERROR_INVALID_ARGUMENT;
	*level = (unsigned)scenario_level(call.scenario, state_position(call.index),
					  state_position(other));
	return NVML_SUCCESS;
}

int nvmlDeviceGetNvLinkState(struct nvml_device *device, unsigned link, unsigned *is_active)
{
	cleanup_call struct state_call call = state_begin_on(__func__, device);
	if (call.code != NVML_SUCCESS)
		return call.code;
	struct remote remote;
	int code = check_link(&call, link);
	if (code != NVML_SUCCESS)
		return code;
	return reply_unsigned(
		is_active, find_remote(call.scenario, state_position(call.index), link, &remote));
}

/* A switch has an address that is no GPU's. */
static void reply_remote(const struct scenario *scenario, const struct remote *remote,
			 struct nvml_pci_info *ret)
{
	struct scenario_pci pci = { .domain = SWITCH_DOMAIN, .bus = remote->gpu };
	*ret = (struct nvml_pci_info){ 0 };
	if (!remote->is_switch)
		pci = scenario->gpus[remote->gpu].pci;
	reply_bus_id(&pci, ret);
}

int nvmlDeviceGetNvLinkRemotePciInfo_v2(struct nvml_device *device, unsigned link,
					struct nvml_pci_info *pci)
{
	cleanup_call struct state_call call = state_begin_on(__func__, device);
	if (call.code != NVML_SUCCESS)
		return call.code;
	struct remote remote;
	int code = check_link(&call, link);
	if (code != NVML_SUCCESS)
		return code;
	if (!pci)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (!find_remote(call.scenario, state_position(call.index), link, &remote))
		return NVML_ERROR_NOT_SUPPORTED;
	reply_remote(call.scenario, &remote, pci);
	return NVML_SUCCESS;
}
