/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NVML as a struct of typed function pointers, loaded at run time and never linked. Only the driver
 * process may use it: any call can hang or crash.
 */
#pragma once

#include "base/err.h"
#include "driver/nvml_abi.h"

/* X(function, whether Rota cannot do without it). An optional one that is missing is NULL. */
#define NVML_USED(X)                                  \
	X(nvmlInit_v2, true)                          \
	X(nvmlShutdown, true)                         \
	X(nvmlErrorString, true)                      \
	X(nvmlSystemGetDriverVersion, true)           \
	X(nvmlSystemGetCudaDriverVersion_v2, true)    \
	X(nvmlDeviceGetCount_v2, true)                \
	X(nvmlDeviceGetHandleByIndex_v2, true)        \
	X(nvmlDeviceGetName, true)                    \
	X(nvmlDeviceGetUUID, true)                    \
	X(nvmlDeviceGetMinorNumber, true)             \
	X(nvmlDeviceGetMemoryInfo, true)              \
	X(nvmlDeviceGetPciInfo_v3, true)              \
	X(nvmlDeviceGetCudaComputeCapability, true)   \
	X(nvmlDeviceGetMemoryAffinity, false)         \
	X(nvmlDeviceGetTotalEccErrors, false)         \
	X(nvmlDeviceGetFieldValues, false)            \
	X(nvmlDeviceGetMigMode, false)                \
	X(nvmlDeviceGetMaxMigDeviceCount, false)      \
	X(nvmlDeviceGetMigDeviceHandleByIndex, false) \
	X(nvmlDeviceGetGpuInstanceId, false)          \
	X(nvmlDeviceGetComputeInstanceId, false)      \
	X(nvmlDeviceGetAttributes_v2, false)          \
	X(nvmlDeviceGetTopologyCommonAncestor, false) \
	X(nvmlDeviceGetNvLinkState, false)            \
	X(nvmlDeviceGetNvLinkRemotePciInfo_v2, false) \
	X(nvmlDeviceGetSupportedEventTypes, false)    \
	X(nvmlDeviceRegisterEvents, false)            \
	X(nvmlEventSetCreate, false)                  \
	X(nvmlEventSetWait_v2, false)                 \
	X(nvmlEventSetFree, false)

struct nvml {
	void *library; /* owned */
#define NVML_POINTER(name, is_required) __typeof__(name) *name;
	NVML_USED(NVML_POINTER)
#undef NVML_POINTER
};

/**
 * Find and load libnvidia-ml.so.1 and initialise it. May hang or crash with the driver.
 *
 * @driver_root  where the driver's files are mounted; searched first, then the loader's own path.
 * @ret          the caller's to nvml_close().
 *
 * Returns 0, -ENOENT (no library), -ELIBBAD (not one that we can use), -ENOMEM, or nvml_err()'s.
 */
int nvml_open(const char *driver_root, struct nvml **ret, struct err *err);

/** Shuts NVML down and unloads it. NULL is allowed. Returns NULL. */
struct nvml *nvml_close(struct nvml *nvml);

/* One call; its name goes into the error. A function that may be missing is asked for before. */
#define NVML_CALL(nvml, err, name, ...)                                                \
	({                                                                             \
		int result_ = (nvml)->name(__VA_ARGS__);                               \
		result_ == NVML_SUCCESS ? 0 : nvml_err((nvml), #name, result_, (err)); \
	})

/**
 * State that @call of NVML failed with @result: NVML's own text and the remedy.
 *
 * Returns the errno that fits: -ENODEV, -ENXIO (the GPU is gone), -EAGAIN (initialise anew),
 * -EACCES, -ENOTSUP, -EIO.
 */
int nvml_err(const struct nvml *nvml, const char *call, int result, struct err *err);
