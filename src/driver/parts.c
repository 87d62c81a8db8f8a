/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts of GPUs to devices of the snapshot. What is not a part's own (minor, bus, NUMA node, model,
 * health) is its GPU's.
 */
#include "driver/parts.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "core/device.h"
#include "core/profile.h"
#include "driver/answer.h"
#include "driver/mig_minors.h"
#include "driver/nvml.h"

enum {
	INDEX_BYTES = 32
};

static const char capabilities_path[] = "/proc/driver/nvidia-caps/mig-minors";

static bool can_tell_parts(const struct nvml *nvml)
{
	return nvml->nvmlDeviceGetMigMode && nvml->nvmlDeviceGetMaxMigDeviceCount &&
	       nvml->nvmlDeviceGetMigDeviceHandleByIndex && nvml->nvmlDeviceGetGpuInstanceId &&
	       nvml->nvmlDeviceGetComputeInstanceId;
}

/* Only a GPU that has no such mode refuses to tell: any other failure may hide one whose parts are
 * in use, which must not be offered whole. */
int parts_find_mode(const struct nvml *nvml, struct nvml_device *gpu, bool *ret, struct err *err)
{
	unsigned current = NVML_FEATURE_DISABLED;
	unsigned pending = NVML_FEATURE_DISABLED;
	int result = can_tell_parts(nvml) ? nvml->nvmlDeviceGetMigMode(gpu, &current, &pending)
					  : NVML_ERROR_FUNCTION_NOT_FOUND;
	bool has_none = result == NVML_ERROR_NOT_SUPPORTED ||
			result == NVML_ERROR_FUNCTION_NOT_FOUND;
	if (result != NVML_SUCCESS && !has_none)
		return nvml_err(nvml, "nvmlDeviceGetMigMode", result, err);
	*ret = !has_none && current == NVML_FEATURE_ENABLED;
	return 0;
}

/* Without the list parts are described all the same; containers then go without the nodes. */
static const char *capabilities(struct parts *parts)
{
	char path[PATH_MAX];
	if (!parts->is_read) {
		int length = snprintf(path, sizeof(path), "%s%s", parts->root, capabilities_path);
		parts->is_read = true;
		if (length > 0 && (size_t)length < sizeof(path))
			(void)file_read(path, MIG_MINORS_BYTES_MAX, &parts->capabilities, NULL,
					NULL);
	}
	return parts->capabilities ? parts->capabilities : "";
}

/* The buffers are the largest that NVML fills. */
struct texts {
	char name[NVML_DEVICE_NAME_V2_BUFFER_SIZE];
	char uuid[NVML_DEVICE_UUID_V2_BUFFER_SIZE];
	char profile[PROFILE_BYTES];
};

/* Where the product name does not say it. */
static int compute_profile(const struct nvml *nvml, struct nvml_device *handle, uint64_t gpu_bytes,
			   char ret[static PROFILE_BYTES], struct err *err)
{
	struct nvml_device_attributes attributes = { 0 };
	if (!nvml->nvmlDeviceGetAttributes_v2)
		return err_set(err, -ENOTSUP,
			       "the driver names no profile of it; at least R450 is needed");
	int r = NVML_CALL(nvml, err, nvmlDeviceGetAttributes_v2, handle, &attributes);
	if (r < 0)
		return r;
	const struct profile_sizes sizes = {
		.compute_slices = attributes.compute_instance_slice_count,
		.gpu_slices = attributes.gpu_instance_slice_count,
		.memory_mib = attributes.memory_size_mb,
		.gpu_bytes = gpu_bytes,
	};
	if (profile_format(&sizes, ret) < 0)
		return err_set(err, -ERANGE,
			       "the driver tells sizes that no part has: %u of %u slices, %llu "
			       "MiB; make it anew (`nvidia-smi mig`) or update the driver",
			       sizes.compute_slices, sizes.gpu_slices, attributes.memory_size_mb);
	return 0;
}

static int read_profile(const struct nvml *nvml, struct nvml_device *handle, uint64_t gpu_bytes,
			struct texts *texts, struct err *err)
{
	const char *named = NULL;
	if (nvml->nvmlDeviceGetName(handle, texts->name, sizeof(texts->name)) == NVML_SUCCESS)
		named = profile_from_name(texts->name);
	if (!named)
		return compute_profile(nvml, handle, gpu_bytes, texts->profile, err);
	(void)snprintf(texts->profile, sizeof(texts->profile), "%s", named);
	return 0;
}

static int describe(struct parts *parts, struct nvml_device *handle, struct texts *texts,
		    struct device *part, struct err *err)
{
	const struct nvml *nvml = parts->nvml;
	struct nvml_memory memory = { 0 };
	int r = NVML_CALL(nvml, err, nvmlDeviceGetUUID, handle, texts->uuid, sizeof(texts->uuid));
	if (r == 0)
		r = NVML_CALL(nvml, err, nvmlDeviceGetGpuInstanceId, handle, &part->gpu_instance);
	if (r == 0)
		r = NVML_CALL(nvml, err, nvmlDeviceGetComputeInstanceId, handle,
			      &part->compute_instance);
	if (r == 0)
		r = read_profile(nvml, handle, part->memory_bytes, texts, err);
	if (r < 0)
		return r;
	bool is_told = nvml->nvmlDeviceGetMemoryInfo(handle, &memory) == NVML_SUCCESS;
	part->memory_bytes = is_told ? memory.total : 0;
	part->gpu_capability = mig_minors_find(capabilities(parts), part->minor, part->gpu_instance,
					       DEVICE_NO_INSTANCE);
	part->compute_capability = mig_minors_find(capabilities(parts), part->minor,
						   part->gpu_instance, part->compute_instance);
	return 0;
}

/* NVML's places for parts have gaps: an empty one is not found. */
static int find_part(const struct nvml *nvml, struct nvml_device *gpu, unsigned place,
		     struct nvml_device **ret, struct err *err)
{
	int result = nvml->nvmlDeviceGetMigDeviceHandleByIndex(gpu, place, ret);
	if (result == NVML_SUCCESS)
		return 0;
	if (result == NVML_ERROR_NOT_FOUND || result == NVML_ERROR_INVALID_ARGUMENT)
		return -ENOENT;
	return nvml_err(nvml, "nvmlDeviceGetMigDeviceHandleByIndex", result, err);
}

static int read_part(struct parts *parts, struct nvml_device *gpu, unsigned place, int32_t parent,
		     struct answer *answer, struct err *err)
{
	struct nvml_device *handle = NULL;
	struct texts texts = { 0 };
	struct err reason = ERR_INIT;
	char index[INDEX_BYTES];
	struct device part = answer->snapshot->devices[parent];
	(void)snprintf(index, sizeof(index), "%s:%u", part.index, place);
	part.uuid = texts.uuid;
	part.index = index;
	part.profile = texts.profile;
	part.parent = parent;
	part.is_mig = false;
	int r = find_part(parts->nvml, gpu, place, &handle, &reason);
	if (r == 0)
		r = describe(parts, handle, &texts, &part, &reason);
	if (r == 0)
		return answer_add(answer, &part, err);
	if (r == -EAGAIN)
		return err_set(err, r, "%s", reason.msg);
	return r == -ENOENT ? 0 : answer_add_lost(answer, index, reason.msg, err);
}

int parts_read(struct parts *parts, struct nvml_device *gpu, unsigned places, struct answer *answer,
	       struct err *err)
{
	int32_t parent = (int32_t)answer->snapshot->devices_count - 1;
	for (unsigned i = 0; i < places && i < DEVICES_MAX; i++) {
		int r = read_part(parts, gpu, i, parent, answer, err);
		if (r < 0)
			return r;
	}
	return 0;
}

void parts_done(struct parts *parts)
{
	free(parts->capabilities);
	parts->capabilities = NULL;
}
