/* SPDX-License-Identifier: Apache-2.0 */
/* NVML's calls about the library, the driver and the list of GPUs, answered from the scenario. */
#include <stdio.h>
#include <string.h>

#include "driver/nvml_abi.h"
#include "sim/nvml/reply.h"
#include "sim/nvml/state.h"
#include "sim/scenario.h"

int nvmlInit_v2(void)
{
	return state_start();
}

int nvmlInit(void)
{
	return state_start();
}

int nvmlInitWithFlags(unsigned flags)
{
	if ((flags & ~(unsigned)(NVML_INIT_FLAG_NO_GPUS | NVML_INIT_FLAG_NO_ATTACH)) != 0)
		return NVML_ERROR_INVALID_ARGUMENT;
	return state_start();
}

int nvmlShutdown(void)
{
	return state_stop();
}

const char *nvmlErrorString(int result)
{
	switch (result) {
#define RETURN_TEXT(name, value, text) \
	case (value):                  \
		return text;
		/* NOLINTNEXTLINE(bugprone-branch-clone): the last is the default's too */
		NVML_RETURNS(RETURN_TEXT)
#undef RETURN_TEXT
	default:
		return "Unknown Error";
	}
}

int nvmlSystemGetDriverVersion(char *version, unsigned length)
{
	cleanup_call struct state_call call = state_begin(__func__);
	if (call.code != NVML_SUCCESS)
		return call.code;
	return reply_text(version, length, call.scenario->driver_version);
}

int nvmlSystemGetNVMLVersion(char *version, unsigned length)
{
	cleanup_call struct state_call call = state_begin(__func__);
	if (call.code != NVML_SUCCESS)
		return call.code;
	char text[NVML_SYSTEM_NVML_VERSION_BUFFER_SIZE];
	/* fits: SCENARIO_TEXT_MAX bounds the version, and a cut one would still be a text */
	(void)snprintf(text, sizeof(text), "%u.%s", call.scenario->cuda_version / 1000,
		       call.scenario->driver_version);
	return reply_text(version, length, text);
}

int nvmlSystemGetCudaDriverVersion_v2(int *version)
{
	cleanup_call struct state_call call = state_begin(__func__);
	if (call.code != NVML_SUCCESS)
		return call.code;
	if (!version)
		return NVML_ERROR_INVALID_ARGUMENT;
	*version = (int)call.scenario->cuda_version;
	return NVML_SUCCESS;
}

int nvmlSystemGetCudaDriverVersion(int *version)
{
	return nvmlSystemGetCudaDriverVersion_v2(version);
}

int nvmlDeviceGetCount_v2(unsigned *count)
{
	cleanup_call struct state_call call = state_begin(__func__);
	if (call.code != NVML_SUCCESS)
		return call.code;
	return reply_unsigned(count, state_gpus_count());
}

int nvmlDeviceGetCount(unsigned *count)
{
	return nvmlDeviceGetCount_v2(count);
}

static int reply_handle(struct state_call *call, const char *name, unsigned index,
			struct nvml_device **device)
{
	int code = state_meet_gpu(call, name, index);
	if (code == NVML_SUCCESS)
		*device = state_handle(index);
	return code;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, struct nvml_device **device)
{
	cleanup_call struct state_call call = state_begin(__func__);
	if (call.code != NVML_SUCCESS)
		return call.code;
	if (!device || !state_gpu(index))
		return NVML_ERROR_INVALID_ARGUMENT;
	return reply_handle(&call, __func__, index, device);
}

int nvmlDeviceGetHandleByIndex(unsigned index, struct nvml_device **device)
{
	return nvmlDeviceGetHandleByIndex_v2(index, device);
}

static int reply_part_handle(struct state_call *call, unsigned index, struct nvml_device *part,
			     struct nvml_device **device)
{
	int code = state_meet_gpu(call, "nvmlDeviceGetHandleByUUID", index);
	if (code == NVML_SUCCESS)
		*device = part;
	return code;
}

int nvmlDeviceGetHandleByUUID(const char *uuid, struct nvml_device **device)
{
	cleanup_call struct state_call call = state_begin(__func__);
	if (call.code != NVML_SUCCESS)
		return call.code;
	if (!uuid || !device)
		return NVML_ERROR_INVALID_ARGUMENT;
	for (unsigned i = 0; i < state_gpus_count(); i++) {
		if (strcmp(state_gpu(i)->uuid, uuid) == 0)
			return reply_handle(&call, __func__, i, device);
		struct state_part part = state_find_part(i, 0, uuid);
		if (part.compute)
			return reply_part_handle(&call, i, state_part_handle(i, &part), device);
	}
	return NVML_ERROR_NOT_FOUND;
}

int nvmlDeviceGetHandleByPciBusId_v2(const char *bus_id, struct nvml_device **device)
{
	cleanup_call struct state_call call = state_begin(__func__);
	if (call.code != NVML_SUCCESS)
		return call.code;
	if (!bus_id || !device)
		return NVML_ERROR_INVALID_ARGUMENT;
	for (unsigned i = 0; i < state_gpus_count(); i++) {
		struct nvml_pci_info pci = { 0 };
		reply_bus_id(&state_gpu(i)->pci, &pci);
		if (strcasecmp(pci.bus_id, bus_id) == 0 ||
		    strcasecmp(pci.bus_id_legacy, bus_id) == 0)
			return reply_handle(&call, __func__, i, device);
	}
	return NVML_ERROR_NOT_FOUND;
}
