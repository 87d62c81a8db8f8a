/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NVML's calls about one GPU, answered from the scenario and the table of models: an idle GPU with
 * no process on it. Each checks in the library's order: initialised, handle, arguments, support.
 * A part of a GPU answers those of its own figures; for the rest NVML has the GPU asked.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "driver/nvml_abi.h"
#include "sim/mig_layout.h"
#include "sim/model.h"
#include "sim/nvml/reply.h"
#include "sim/nvml/state.h"
#include "sim/scenario.h"

enum {
	MILLIWATTS = 1000,
	RESERVED_PART = 8, /* a small GPU keeps at most this part of its memory for itself */
	/* of a GPU's name in its parts' */
	PART_NAME_CHARS = NVML_DEVICE_NAME_V2_BUFFER_SIZE - MIG_LAYOUT_NAME_BYTES - 8,
};

static int reply_part_name(const struct state_call *call, char *name, unsigned length)
{
	char kind[MIG_LAYOUT_NAME_BYTES];
	char text[NVML_DEVICE_NAME_V2_BUFFER_SIZE];
	mig_layout_name(call->part.instance, call->part.compute, kind);
	/* the longest name of a scenario is cut, as every name in this buffer */
	(void)snprintf(text, sizeof(text), "%.*s MIG %s", PART_NAME_CHARS, call->gpu->name, kind);
	return reply_text(name, length, text);
}

int nvmlDeviceGetName(struct nvml_device *device, char *name, unsigned length)
{
	cleanup_call struct state_call call = state_begin_on_any(__func__, device);
	if (call.code != NVML_SUCCESS)
		return call.code;
	if (call.part.compute)
		return reply_part_name(&call, name, length);
	return reply_text(name, length, call.gpu->name);
}

int nvmlDeviceGetUUID(struct nvml_device *device, char *uuid, unsigned length)
{
	cleanup_call struct state_call call = state_begin_on_any(__func__, device);
	if (call.code != NVML_SUCCESS)
		return call.code;
	return reply_text(uuid, length,
			  call.part.compute ? call.part.compute->uuid : call.gpu->uuid);
}

/* Of a part: the index that finds it among those of its GPU. */
int nvmlDeviceGetIndex(struct nvml_device *device, unsigned *index)
{
	cleanup_call struct state_call call = state_begin_on_any(__func__, device);
	if (call.code != NVML_SUCCESS)
		return call.code;
	return reply_unsigned(index, call.part.compute ? call.part.index : call.index);
}

int nvmlDeviceGetMinorNumber(struct nvml_device *device, unsigned *minor)
{
	cleanup_call struct state_call call = state_begin_on(__func__, device);
	if (call.code != NVML_SUCCESS)
		return call.code;
	return reply_unsigned(minor, call.gpu->minor);
}

int nvmlDeviceGetBrand(struct nvml_device *device, unsigned *brand)
{
	cleanup_call struct state_call call = state_begin_on(__func__, device);
	if (call.code != NVML_SUCCESS)
		return call.code;
	return reply_unsigned(brand, NVML_BRAND_NVIDIA);
}

/* The driver's own memory is taken from each part by its share. */
static struct nvml_memory_v2 memory_of(const struct state_call *call)
{
	unsigned long long usual = (unsigned long long)call->gpu->model->reserved_mib << 20;
	unsigned long long total = call->gpu->memory_bytes;
	if (call->part.compute) {
		total = (unsigned long long)call->part.instance->profile->memory_mib << 20;
		usual /= MODEL_SLICES_MAX;
	}
	unsigned long long most = total / RESERVED_PART;
	unsigned long long reserved = usual < most ? usual : most;
	return (struct nvml_memory_v2){ .version = NVML_MEMORY_V2,
					.total = total,
					.reserved = reserved,
					.free = total - reserved };
}

int nvmlDeviceGetMemoryInfo(struct nvml_device *device, struct nvml_memory *memory)
{
	cleanup_call struct state_call call = state_begin_on_any(__func__, device);
	if (call.code != NVML_SUCCESS)
		return call.code;
	if (!memory)
		return NVML_ERROR_INVALID_ARGUMENT;
	struct nvml_memory_v2 second = memory_of(&call);
	*memory = (struct nvml_memory){ .total = second.total,
					.free = second.free,
					.used = second.reserved };
	return NVML_SUCCESS;
}

int nvmlDeviceGetMemoryInfo_v2(struct nvml_device *device, struct nvml_memory_v2 *memory)
{
	cleanup_call struct state_call call = state_begin_on_any(__func__, device);
	if (call.code != NVML_SUCCESS)
		return call.code;
	if (!memory)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (memory->version != NVML_MEMORY_V2)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	*memory = memory_of(&call);
	return NVML_SUCCESS;
}

int nvmlDeviceGetPciInfo_v3(struct nvml_device *device, struct nvml_pci_info *pci)
{
	cleanup_call struct state_call call = state_begin_on(__func__, device);
	if (call.code != NVML_SUCCESS)
		return call.code;
	if (!pci)
		return NVML_ERROR_INVALID_ARGUMENT;
	*pci = (struct nvml_pci_info){
		.pci_device_id = call.gpu->model->pci_device_id,
		.pci_subsystem_id = call.gpu->model->pci_subsystem_id,
	};
	reply_bus_id(&call.gpu->pci, pci);
	return NVML_SUCCESS;
}

int nvmlDeviceGetCudaComputeCapability(struct nvml_device *device, int *major, int *minor)
{
	cleanup_call struct state_call call = state_begin_on(__func__, device);
	if (call.code != NVML_SUCCESS)
		return call.code;
	if (!major || !minor)
		return NVML_ERROR_INVALID_ARGUMENT;
	*major = (int)call.gpu->capability.major;
	*minor = (int)call.gpu->capability.minor;
	return NVML_SUCCESS;
}

int nvmlDeviceGetMemoryAffinity(struct nvml_device *device, unsigned node_set_size,
				unsigned long *node_set, unsigned scope)
{
	cleanup_call struct state_call call = state_begin_on(__func__, device);
	if (call.code != NVML_SUCCESS)
		return call.code;
	if (!node_set || node_set_size == 0 || scope > NVML_AFFINITY_SCOPE_SOCKET)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (call.gpu->numa_node == SCENARIO_NUMA_NONE)
		return NVML_ERROR_NOT_SUPPORTED;
	unsigned bits = sizeof(*node_set) * CHAR_BIT;
	unsigned node = (unsigned)call.gpu->numa_node;
	if (node / bits >= node_set_size)
		return NVML_ERROR_INSUFFICIENT_SIZE;
	memset(node_set, 0, node_set_size * sizeof(*node_set));
	node_set[node / bits] = 1UL << node % bits;
	return NVML_SUCCESS;
}

int nvmlDeviceGetUtilizationRates(struct nvml_device *device, struct nvml_utilization *utilization)
{
	cleanup_call struct state_call call = state_begin_on(__func__, device);
	if (call.code != NVML_SUCCESS)
		return call.code;
	if (!utilization)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (call.live->is_mig)
		return NVML_ERROR_NOT_SUPPORTED;
	*utilization = (struct nvml_utilization){ 0 };
	return NVML_SUCCESS;
}

int nvmlDeviceGetTemperature(struct nvml_device *device, unsigned sensor, unsigned *celsius)
{
	cleanup_call struct state_call call = state_begin_on(__func__, device);
	if (call.code != NVML_SUCCESS)
		return call.code;
	if (sensor != NVML_TEMPERATURE_GPU)
		return NVML_ERROR_INVALID_ARGUMENT;
	return reply_unsigned(celsius, call.gpu->model->idle_celsius);
}

int nvmlDeviceGetPowerUsage(struct nvml_device *device, unsigned *milliwatts)
{
	cleanup_call struct state_call call = state_begin_on(__func__, device);
	if (call.code != NVML_SUCCESS)
		return call.code;
	return reply_unsigned(milliwatts, call.gpu->model->idle_watts * MILLIWATTS);
}

int nvmlDeviceGetPowerManagementLimit(struct nvml_device *device, unsigned *milliwatts)
{
	cleanup_call struct state_call call = state_begin_on(__func__, device);
	if (call.code != NVML_SUCCESS)
		return call.code;
	return reply_unsigned(milliwatts, call.gpu->model->limit_watts * MILLIWATTS);
}

int nvmlDeviceGetEnforcedPowerLimit(struct nvml_device *device, unsigned *milliwatts)
{
	cleanup_call struct state_call call = state_begin_on(__func__, device);
	if (call.code != NVML_SUCCESS)
		return call.code;
	return reply_unsigned(milliwatts, call.gpu->model->limit_watts * MILLIWATTS);
}

/* All models of the table are cooled by their machine's fans. */
int nvmlDeviceGetFanSpeed(struct nvml_device *device, unsigned *percent)
{
	cleanup_call struct state_call call = state_begin_on(__func__, device);
	if (call.code != NVML_SUCCESS)
		return call.code;
	return percent ? NVML_ERROR_NOT_SUPPORTED : NVML_ERROR_INVALID_ARGUMENT;
}

int nvmlDeviceGetPersistenceMode(struct nvml_device *device, unsigned *mode)
{
	cleanup_call struct state_call call = state_begin_on(__func__, device);
	if (call.code != NVML_SUCCESS)
		return call.code;
	return reply_unsigned(mode, NVML_FEATURE_ENABLED);
}

int nvmlDeviceGetPerformanceState(struct nvml_device *device, unsigned *state)
{
	cleanup_call struct state_call call = state_begin_on(__func__, device);
	if (call.code != NVML_SUCCESS)
		return call.code;
	return reply_unsigned(state, NVML_PSTATE_8);
}

int nvmlDeviceGetDisplayActive(struct nvml_device *device, unsigned *is_active)
{
	cleanup_call struct state_call call = state_begin_on(__func__, device);
	if (call.code != NVML_SUCCESS)
		return call.code;
	return reply_unsigned(is_active, NVML_FEATURE_DISABLED);
}

int nvmlDeviceGetEccMode(struct nvml_device *device, unsigned *current, unsigned *pending)
{
	cleanup_call struct state_call call = state_begin_on(__func__, device);
	if (call.code != NVML_SUCCESS)
		return call.code;
	if (!current || !pending)
		return NVML_ERROR_INVALID_ARGUMENT;
	*current = NVML_FEATURE_ENABLED;
	*pending = NVML_FEATURE_ENABLED;
	return NVML_SUCCESS;
}

int nvmlDeviceGetTotalEccErrors(struct nvml_device *device, unsigned type, unsigned counter,
				unsigned long long *count)
{
	cleanup_call struct state_call call = state_begin_on(__func__, device);
	if (call.code != NVML_SUCCESS)
		return call.code;
	if (!count || type > NVML_MEMORY_ERROR_TYPE_UNCORRECTED || counter > NVML_AGGREGATE_ECC)
		return NVML_ERROR_INVALID_ARGUMENT;
	*count = type == NVML_MEMORY_ERROR_TYPE_UNCORRECTED ? call.live->ecc_errors : 0;
	return NVML_SUCCESS;
}

int nvmlDeviceGetComputeMode(struct nvml_device *device, unsigned *mode)
{
	cleanup_call struct state_call call = state_begin_on(__func__, device);
	if (call.code != NVML_SUCCESS)
		return call.code;
	return reply_unsigned(mode, NVML_COMPUTEMODE_DEFAULT);
}

int nvmlDeviceGetMigMode(struct nvml_device *device, unsigned *current, unsigned *pending)
{
	cleanup_call struct state_call call = state_begin_on(__func__, device);
	if (call.code != NVML_SUCCESS)
		return call.code;
	if (!current || !pending)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (!call.gpu->model->mig)
		return NVML_ERROR_NOT_SUPPORTED;
	*current = call.live->is_mig ? NVML_FEATURE_ENABLED : NVML_FEATURE_DISABLED;
	*pending = *current;
	return NVML_SUCCESS;
}

/* @infos may be NULL: there is nothing to put there. */
int nvmlDeviceGetComputeRunningProcesses_v3(struct nvml_device *device, unsigned *count,
					    struct nvml_process_info *infos)
{
	(void)infos;
	cleanup_call struct state_call call = state_begin_on_any(__func__, device);
	if (call.code != NVML_SUCCESS)
		return call.code;
	return reply_unsigned(count, 0);
}
