/* SPDX-License-Identifier: Apache-2.0 */
/* The NVML that nvidia-smi finds, as typed pointers. Whatever libnvidia-ml.so.1 the loader finds
 * will do, the simulated one or a real one. */
#pragma once

#include "driver/nvml_abi.h"

/* X(function) */
#define LIBRARY_CALLS(X)                       \
	X(nvmlInit_v2)                         \
	X(nvmlShutdown)                        \
	X(nvmlErrorString)                     \
	X(nvmlSystemGetDriverVersion)          \
	X(nvmlSystemGetNVMLVersion)            \
	X(nvmlSystemGetCudaDriverVersion_v2)   \
	X(nvmlDeviceGetCount_v2)               \
	X(nvmlDeviceGetHandleByIndex_v2)       \
	X(nvmlDeviceGetHandleByUUID)           \
	X(nvmlDeviceGetHandleByPciBusId_v2)    \
	X(nvmlDeviceGetName)                   \
	X(nvmlDeviceGetUUID)                   \
	X(nvmlDeviceGetIndex)                  \
	X(nvmlDeviceGetMemoryInfo_v2)          \
	X(nvmlDeviceGetPciInfo_v3)             \
	X(nvmlDeviceGetCudaComputeCapability)  \
	X(nvmlDeviceGetUtilizationRates)       \
	X(nvmlDeviceGetTemperature)            \
	X(nvmlDeviceGetPowerUsage)             \
	X(nvmlDeviceGetEnforcedPowerLimit)     \
	X(nvmlDeviceGetFanSpeed)               \
	X(nvmlDeviceGetPersistenceMode)        \
	X(nvmlDeviceGetPerformanceState)       \
	X(nvmlDeviceGetDisplayActive)          \
	X(nvmlDeviceGetEccMode)                \
	X(nvmlDeviceGetTotalEccErrors)         \
	X(nvmlDeviceGetComputeMode)            \
	X(nvmlDeviceGetMigMode)                \
	X(nvmlDeviceGetMaxMigDeviceCount)      \
	X(nvmlDeviceGetMigDeviceHandleByIndex) \
	X(nvmlDeviceGetGpuInstanceId)          \
	X(nvmlDeviceGetComputeInstanceId)      \
	X(nvmlDeviceGetAttributes_v2)          \
	X(nvmlDeviceGetBAR1MemoryInfo)

struct library {
	void *handle; /* owned */
#define LIBRARY_POINTER(name) __typeof__(name) *name;
	LIBRARY_CALLS(LIBRARY_POINTER)
#undef LIBRARY_POINTER
};

/** Load it, every call found. Returns 0, -ENOENT, -ELIBBAD. */
int library_open(struct library *library);
void library_close(struct library *library);
