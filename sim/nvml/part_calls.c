/* SPDX-License-Identifier: Apache-2.0 */
/* NVML's calls about MIG: the parts of a GPU, and what a part is. Ids and attributes are of parts
 * only. */
#include "driver/nvml_abi.h"
#include "sim/model.h"
#include "sim/nvml/reply.h"
#include "sim/nvml/state.h"
#include "sim/scenario.h"

/* Zero for a GPU that has no MIG or is not in MIG mode. */
int nvmlDeviceGetMaxMigDeviceCount(struct nvml_device *device, unsigned *count)
{
	cleanup_call struct state_call call = state_begin_on(__func__, device);
	if (call.code != NVML_SUCCESS)
		return call.code;
	return reply_unsigned(count, call.live->is_mig ? call.live->model->mig->slices : 0);
}

int nvmlDeviceGetMigDeviceHandleByIndex(struct nvml_device *device, unsigned index,
					struct nvml_device **part)
{
	cleanup_call struct state_call call = state_begin_on(__func__, device);
	if (call.code != NVML_SUCCESS)
		return call.code;
	if (!part)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (!call.live->is_mig)
		return NVML_ERROR_NOT_SUPPORTED;
	if (index >= call.live->model->mig->slices)
		return NVML_ERROR_INVALID_ARGUMENT;
	struct state_part found = state_find_part(call.index, index, NULL);
	if (!found.compute)
		return NVML_ERROR_NOT_FOUND;
	*part = state_part_handle(call.index, &found);
	return NVML_SUCCESS;
}

int nvmlDeviceIsMigDeviceHandle(struct nvml_device *device, unsigned *is_part)
{
	cleanup_call struct state_call call = state_begin_on_any(__func__, device);
	if (call.code != NVML_SUCCESS)
		return call.code;
	return reply_unsigned(is_part, call.part.compute != NULL);
}

/* As state_begin_on_any(), for a call that only a part can answer. */
static struct state_call begin_on_part(const char *name, const struct nvml_device *part)
{
	struct state_call call = state_begin_on_any(name, part);
	if (call.code == NVML_SUCCESS && !call.part.compute)
		call.code = NVML_ERROR_NOT_SUPPORTED;
	return call;
}

int nvmlDeviceGetDeviceHandleFromMigDeviceHandle(struct nvml_device *part,
						 struct nvml_device **device)
{
	cleanup_call struct state_call call = begin_on_part(__func__, part);
	if (call.code != NVML_SUCCESS)
		return call.code;
	if (!device)
		return NVML_ERROR_INVALID_ARGUMENT;
	*device = state_handle(call.index);
	return NVML_SUCCESS;
}

int nvmlDeviceGetGpuInstanceId(struct nvml_device *part, unsigned *id)
{
	cleanup_call struct state_call call = begin_on_part(__func__, part);
	if (call.code != NVML_SUCCESS)
		return call.code;
	return reply_unsigned(id, call.part.instance->id);
}

int nvmlDeviceGetComputeInstanceId(struct nvml_device *part, unsigned *id)
{
	cleanup_call struct state_call call = begin_on_part(__func__, part);
	if (call.code != NVML_SUCCESS)
		return call.code;
	return reply_unsigned(id, call.part.compute->id);
}

/* Compute instances of one GPU instance share its memory and its engines. */
int nvmlDeviceGetAttributes_v2(struct nvml_device *part, struct nvml_device_attributes *attributes)
{
	cleanup_call struct state_call call = begin_on_part(__func__, part);
	if (call.code != NVML_SUCCESS)
		return call.code;
	if (!attributes)
		return NVML_ERROR_INVALID_ARGUMENT;
	const struct mig_profile *profile = call.part.instance->profile;
	unsigned slices = call.part.compute->slices;
	bool is_whole = slices == profile->slices;
	*attributes = (struct nvml_device_attributes){
		.multiprocessor_count =
			is_whole ? profile->multiprocessors
				 : slices * call.live->model->mig->slice_multiprocessors,
		.shared_copy_engine_count = profile->copy_engines,
		.shared_decoder_count = profile->decoders,
		.shared_encoder_count = profile->encoders,
		.shared_jpeg_count = profile->jpegs,
		.shared_ofa_count = profile->ofas,
		.gpu_instance_slice_count = profile->slices,
		.compute_instance_slice_count = slices,
		.memory_size_mb = profile->memory_mib,
	};
	return NVML_SUCCESS;
}
