/* SPDX-License-Identifier: Apache-2.0 */
/* NVML's calls that monitors such as nvitop cannot do without: of an idle GPU without a display. */
#include <stddef.h>

#include "driver/nvml_abi.h"
#include "sim/model.h"
#include "sim/nvml/reply.h"
#include "sim/nvml/state.h"
#include "sim/scenario.h"

enum {
	SAMPLING_US = 167000, /* as idle GPUs say it */
};

/* @infos may be NULL: there is nothing to put there. */
int nvmlDeviceGetGraphicsRunningProcesses_v3(struct nvml_device *device, unsigned *count,
					     struct nvml_process_info *infos)
{
	(void)infos;
	cleanup_call struct state_call call = state_begin_on_any(__func__, device);
	if (call.code != NVML_SUCCESS)
		return call.code;
	return reply_unsigned(count, 0);
}

static int reply_idle(const struct state_call *call, unsigned *percent, unsigned *period_us)
{
	if (!percent || !period_us)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (call->live->is_mig)
		return NVML_ERROR_NOT_SUPPORTED;
	*percent = 0;
	*period_us = SAMPLING_US;
	return NVML_SUCCESS;
}

int nvmlDeviceGetEncoderUtilization(struct nvml_device *device, unsigned *percent,
				    unsigned *period_us)
{
	cleanup_call struct state_call call = state_begin_on(__func__, device);
	if (call.code != NVML_SUCCESS)
		return call.code;
	return reply_idle(&call, percent, period_us);
}

int nvmlDeviceGetDecoderUtilization(struct nvml_device *device, unsigned *percent,
				    unsigned *period_us)
{
	cleanup_call struct state_call call = state_begin_on(__func__, device);
	if (call.code != NVML_SUCCESS)
		return call.code;
	return reply_idle(&call, percent, period_us);
}

/* The window of a data-centre GPU is the next power of two above its memory; a part has its share.
 */
static unsigned long long window_bytes(const struct state_call *call)
{
	unsigned long long total = 1ULL << 20;
	while (total < call->gpu->memory_bytes && total < 1ULL << 63)
		total <<= 1;
	if (call->part.compute)
		total = total / call->live->model->mig->memory_slices *
			call->part.instance->profile->width;
	return total;
}

int nvmlDeviceGetBAR1MemoryInfo(struct nvml_device *device, struct nvml_bar1_memory *memory)
{
	cleanup_call struct state_call call = state_begin_on_any(__func__, device);
	if (call.code != NVML_SUCCESS)
		return call.code;
	if (!memory)
		return NVML_ERROR_INVALID_ARGUMENT;
	unsigned long long total = window_bytes(&call);
	*memory = (struct nvml_bar1_memory){ .total = total, .free = total };
	return NVML_SUCCESS;
}

/* Of Windows. */
int nvmlDeviceGetDriverModel(struct nvml_device *device, unsigned *current, unsigned *pending)
{
	cleanup_call struct state_call call = state_begin_on(__func__, device);
	if (call.code != NVML_SUCCESS)
		return call.code;
	return current && pending ? NVML_ERROR_NOT_SUPPORTED : NVML_ERROR_INVALID_ARGUMENT;
}

int nvmlDeviceGetDisplayMode(struct nvml_device *device, unsigned *is_connected)
{
	cleanup_call struct state_call call = state_begin_on(__func__, device);
	if (call.code != NVML_SUCCESS)
		return call.code;
	return reply_unsigned(is_connected, NVML_FEATURE_DISABLED);
}
