/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of NVML's binary interface that we call and that the simulated driver answers. Names of
 * functions and constants are NVML's; structs carry its layout under our names. Pure: usable by
 * both sides, since nothing here is ever linked.
 */
#pragma once

#include <assert.h>
#include <stddef.h>

/* What every function returns: NVML's enum, read as int, since a newer library may return values
 * that have no name here. X(name, value, text as nvmlErrorString says it). */
#define NVML_RETURNS(X)                                                                       \
	X(NVML_SUCCESS, 0, "Success")                                                         \
	X(NVML_ERROR_UNINITIALIZED, 1, "Uninitialized")                                       \
	X(NVML_ERROR_INVALID_ARGUMENT, 2, "Invalid Argument")                                 \
	X(NVML_ERROR_NOT_SUPPORTED, 3, "Not Supported")                                       \
	X(NVML_ERROR_NO_PERMISSION, 4, "Insufficient Permissions")                            \
	X(NVML_ERROR_ALREADY_INITIALIZED, 5, "Already Initialized")                           \
	X(NVML_ERROR_NOT_FOUND, 6, "Not Found")                                               \
	X(NVML_ERROR_INSUFFICIENT_SIZE, 7, "Insufficient Size")                               \
	X(NVML_ERROR_INSUFFICIENT_POWER, 8, "Insufficient External Power")                    \
	X(NVML_ERROR_DRIVER_NOT_LOADED, 9, "Driver Not Loaded")                               \
	X(NVML_ERROR_TIMEOUT, 10, "Timeout")                                                  \
	X(NVML_ERROR_IRQ_ISSUE, 11, "Interrupt Request Issue")                                \
	X(NVML_ERROR_LIBRARY_NOT_FOUND, 12, "NVML Shared Library Not Found")                  \
	X(NVML_ERROR_FUNCTION_NOT_FOUND, 13, "Function Not Found")                            \
	X(NVML_ERROR_CORRUPTED_INFOROM, 14, "Corrupted infoROM")                              \
	X(NVML_ERROR_GPU_IS_LOST, 15, "GPU is lost")                                          \
	X(NVML_ERROR_RESET_REQUIRED, 16, "GPU requires reset")                                \
	X(NVML_ERROR_OPERATING_SYSTEM, 17, "GPU access blocked by the operating system")      \
	X(NVML_ERROR_LIB_RM_VERSION_MISMATCH, 18, "Driver/library version mismatch")          \
	X(NVML_ERROR_IN_USE, 19, "In use by another client")                                  \
	X(NVML_ERROR_MEMORY, 20, "Insufficient Memory")                                       \
	X(NVML_ERROR_NO_DATA, 21, "No data")                                                  \
	X(NVML_ERROR_INSUFFICIENT_RESOURCES, 23, "Insufficient Resources")                    \
	X(NVML_ERROR_ARGUMENT_VERSION_MISMATCH, 25, "The version of the argument is invalid") \
	X(NVML_ERROR_DEPRECATED, 26, "The requested functionality has been deprecated")       \
	X(NVML_ERROR_NOT_READY, 27, "System is not ready for the request")                    \
	X(NVML_ERROR_GPU_NOT_FOUND, 28, "No GPUs were found")                                 \
	X(NVML_ERROR_UNKNOWN, 999, "Unknown Error")

enum nvml_return {
#define NVML_RETURN_VALUE(name, value, text) name = (value),
	NVML_RETURNS(NVML_RETURN_VALUE)
#undef NVML_RETURN_VALUE
};

enum {
	NVML_DEVICE_UUID_V2_BUFFER_SIZE = 96,
	NVML_DEVICE_NAME_V2_BUFFER_SIZE = 96,
	NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE = 80,
	NVML_SYSTEM_NVML_VERSION_BUFFER_SIZE = 80,
	NVML_DEVICE_PCI_BUS_ID_BUFFER_SIZE = 32,
	NVML_DEVICE_PCI_BUS_ID_BUFFER_V2_SIZE = 16,

	NVML_INIT_FLAG_NO_GPUS = 1,
	NVML_INIT_FLAG_NO_ATTACH = 2,

	NVML_AFFINITY_SCOPE_NODE = 0,
	NVML_AFFINITY_SCOPE_SOCKET = 1,
	NVML_BRAND_NVIDIA = 14,
	NVML_COMPUTEMODE_DEFAULT = 0,
	NVML_FEATURE_DISABLED = 0,
	NVML_FEATURE_ENABLED = 1,
	NVML_MEMORY_ERROR_TYPE_CORRECTED = 0,
	NVML_MEMORY_ERROR_TYPE_UNCORRECTED = 1,
	NVML_PSTATE_8 = 8,
	NVML_TEMPERATURE_GPU = 0,
	NVML_VOLATILE_ECC = 0,
	NVML_AGGREGATE_ECC = 1,

	NVML_INSTANCE_NONE = -1, /* as unsigned: an event that is of no certain part */
	NVML_NVLINK_MAX_LINKS = 36,
	NVML_TOPOLOGY_INTERNAL = 0, /* on one board */
	NVML_TOPOLOGY_SINGLE = 10,  /* behind one PCIe switch */
	NVML_TOPOLOGY_MULTIPLE = 20,
	NVML_TOPOLOGY_HOSTBRIDGE = 30,
	NVML_TOPOLOGY_NODE = 40,
	NVML_TOPOLOGY_SYSTEM = 50,

	NVML_EVENT_TYPE_SINGLE_BIT_ECC_ERROR = 0x1,
	NVML_EVENT_TYPE_DOUBLE_BIT_ECC_ERROR = 0x2,
	NVML_EVENT_TYPE_XID_CRITICAL_ERROR = 0x8,

	NVML_FI_DEV_GET_GPU_RECOVERY_ACTION = 230, /* since R570; NVML_VALUE_TYPE_UNSIGNED_INT */
	NVML_GPU_RECOVERY_ACTION_NONE = 0,
	NVML_GPU_RECOVERY_ACTION_GPU_RESET = 1,
	NVML_GPU_RECOVERY_ACTION_NODE_REBOOT = 2,
	NVML_GPU_RECOVERY_ACTION_DRAIN_P2P = 3,
	NVML_GPU_RECOVERY_ACTION_DRAIN_AND_RESET = 4,

	NVML_VALUE_TYPE_DOUBLE = 0,
	NVML_VALUE_TYPE_UNSIGNED_INT = 1,
	NVML_VALUE_TYPE_UNSIGNED_LONG = 2,
	NVML_VALUE_TYPE_UNSIGNED_LONG_LONG = 3,
};

/* NVML's handle of one GPU or of a part of one; only the library knows what is behind it. */
struct nvml_device;

/* A set of events that can be waited for. */
struct nvml_event_set;

/* used includes what the driver keeps for itself. */
struct nvml_memory {
	unsigned long long total;
	unsigned long long free;
	unsigned long long used;
};

/* version: NVML_MEMORY_V2, set by the caller. */
struct nvml_memory_v2 {
	unsigned version;
	unsigned long long total;
	unsigned long long reserved;
	unsigned long long free;
	unsigned long long used;
};

/* NVML marks a struct's version as its size and the version in the top byte. */
#define NVML_MEMORY_V2 ((unsigned)(sizeof(struct nvml_memory_v2) | 2U << 24))

struct nvml_pci_info {
	char bus_id_legacy[NVML_DEVICE_PCI_BUS_ID_BUFFER_V2_SIZE]; /* "0000:00:1E.0" */
	unsigned domain;
	unsigned bus;
	unsigned device;
	unsigned pci_device_id; /* device in the upper half, vendor in the lower */
	unsigned pci_subsystem_id;
	char bus_id[NVML_DEVICE_PCI_BUS_ID_BUFFER_SIZE]; /* "00000000:00:1E.0" */
};

struct nvml_utilization {
	unsigned gpu;
	unsigned memory;
};

struct nvml_process_info {
	unsigned pid;
	unsigned long long used_gpu_memory;
	unsigned gpu_instance_id;
	unsigned compute_instance_id;
};

/* What happened: of an Xid event, data is its number. */
struct nvml_event_data {
	struct nvml_device *device;
	unsigned long long type; /* one bit of NVML_EVENT_TYPE_* */
	unsigned long long data;
	unsigned gpu_instance_id; /* NVML_INSTANCE_NONE outside MIG */
	unsigned compute_instance_id;
};

/* The caller fills field_id and scope_id. */
struct nvml_field_value {
	unsigned field_id;
	unsigned scope_id;
	long long timestamp;
	long long latency_usec;
	unsigned value_type; /* NVML_VALUE_TYPE_* */
	int result;          /* of this field: enum nvml_return */
	union {
		double d;
		unsigned ui;
		unsigned long ul;
		unsigned long long ull;
		long long sll;
	} value;
};

/* The window through which the processor sees a GPU's memory. */
struct nvml_bar1_memory {
	unsigned long long total;
	unsigned long long free;
	unsigned long long used;
};

/* Of a part. */
struct nvml_device_attributes {
	unsigned multiprocessor_count;
	unsigned shared_copy_engine_count;
	unsigned shared_decoder_count;
	unsigned shared_encoder_count;
	unsigned shared_jpeg_count;
	unsigned shared_ofa_count;
	unsigned gpu_instance_slice_count;
	unsigned compute_instance_slice_count;
	unsigned long long memory_size_mb;
};

static_assert(sizeof(struct nvml_event_data) == 32, "layout of nvmlEventData_t");
static_assert(offsetof(struct nvml_event_data, gpu_instance_id) == 24, "layout of nvmlEventData_t");
static_assert(sizeof(struct nvml_field_value) == 40, "layout of nvmlFieldValue_t");
static_assert(offsetof(struct nvml_field_value, value) == 32, "layout of nvmlFieldValue_t");
static_assert(sizeof(struct nvml_device_attributes) == 40, "layout of nvmlDeviceAttributes_t");
static_assert(sizeof(struct nvml_bar1_memory) == 24, "layout of nvmlBAR1Memory_t");
static_assert(sizeof(struct nvml_memory) == 24, "layout of nvmlMemory_t");
static_assert(sizeof(struct nvml_memory_v2) == 40, "layout of nvmlMemory_v2_t");
static_assert(offsetof(struct nvml_memory_v2, total) == 8, "layout of nvmlMemory_v2_t");
static_assert(sizeof(struct nvml_pci_info) == 68, "layout of nvmlPciInfo_t");
static_assert(offsetof(struct nvml_pci_info, domain) == 16, "layout of nvmlPciInfo_t");
static_assert(offsetof(struct nvml_pci_info, bus_id) == 36, "layout of nvmlPciInfo_t");
static_assert(sizeof(struct nvml_utilization) == 8, "layout of nvmlUtilization_t");
static_assert(sizeof(struct nvml_process_info) == 24, "layout of nvmlProcessInfo_v2_t");
static_assert(offsetof(struct nvml_process_info, gpu_instance_id) == 16,
	      "layout of nvmlProcessInfo_v2_t");

/* Other names of functions below, kept by NVML for old programs: as NVML_CALLS. */
#define NVML_ALIASES(X)                                   \
	X(nvmlInit, (void))                               \
	X(nvmlInitWithFlags, (unsigned flags))            \
	X(nvmlSystemGetCudaDriverVersion, (int *version)) \
	X(nvmlDeviceGetCount, (unsigned *count))          \
	X(nvmlDeviceGetHandleByIndex, (unsigned index, struct nvml_device **device))

/*
 * Every function of the interface: X(name, (parameters)). All return int (enum nvml_return) but
 * nvmlErrorString, which stands alone. Buffers are filled with terminated texts of at most `length`
 * bytes.
 */
#define NVML_CALLS(X)                                                                             \
	X(nvmlInit_v2, (void))                                                                    \
	X(nvmlShutdown, (void))                                                                   \
	X(nvmlSystemGetDriverVersion, (char *version, unsigned length))                           \
	X(nvmlSystemGetNVMLVersion, (char *version, unsigned length))                             \
	X(nvmlSystemGetCudaDriverVersion_v2, (int *version))                                      \
	X(nvmlDeviceGetCount_v2, (unsigned *count))                                               \
	X(nvmlDeviceGetHandleByIndex_v2, (unsigned index, struct nvml_device **device))           \
	X(nvmlDeviceGetHandleByUUID, (const char *uuid, struct nvml_device **device))             \
	X(nvmlDeviceGetHandleByPciBusId_v2, (const char *bus_id, struct nvml_device **device))    \
	X(nvmlDeviceGetName, (struct nvml_device * device, char *name, unsigned length))          \
	X(nvmlDeviceGetUUID, (struct nvml_device * device, char *uuid, unsigned length))          \
	X(nvmlDeviceGetIndex, (struct nvml_device * device, unsigned *index))                     \
	X(nvmlDeviceGetMinorNumber, (struct nvml_device * device, unsigned *minor))               \
	X(nvmlDeviceGetBrand, (struct nvml_device * device, unsigned *brand))                     \
	X(nvmlDeviceGetMemoryInfo, (struct nvml_device * device, struct nvml_memory * memory))    \
	X(nvmlDeviceGetMemoryInfo_v2,                                                             \
	  (struct nvml_device * device, struct nvml_memory_v2 * memory))                          \
	X(nvmlDeviceGetPciInfo_v3, (struct nvml_device * device, struct nvml_pci_info * pci))     \
	X(nvmlDeviceGetCudaComputeCapability,                                                     \
	  (struct nvml_device * device, int *major, int *minor))                                  \
	X(nvmlDeviceGetMemoryAffinity, (struct nvml_device * device, unsigned node_set_size,      \
					unsigned long *node_set, unsigned scope))                 \
	X(nvmlDeviceGetUtilizationRates,                                                          \
	  (struct nvml_device * device, struct nvml_utilization * utilization))                   \
	X(nvmlDeviceGetTemperature,                                                               \
	  (struct nvml_device * device, unsigned sensor, unsigned *celsius))                      \
	X(nvmlDeviceGetPowerUsage, (struct nvml_device * device, unsigned *milliwatts))           \
	X(nvmlDeviceGetPowerManagementLimit, (struct nvml_device * device, unsigned *milliwatts)) \
	X(nvmlDeviceGetEnforcedPowerLimit, (struct nvml_device * device, unsigned *milliwatts))   \
	X(nvmlDeviceGetFanSpeed, (struct nvml_device * device, unsigned *percent))                \
	X(nvmlDeviceGetPersistenceMode, (struct nvml_device * device, unsigned *mode))            \
	X(nvmlDeviceGetPerformanceState, (struct nvml_device * device, unsigned *state))          \
	X(nvmlDeviceGetDisplayActive, (struct nvml_device * device, unsigned *is_active))         \
	X(nvmlDeviceGetEccMode,                                                                   \
	  (struct nvml_device * device, unsigned *current, unsigned *pending))                    \
	X(nvmlDeviceGetTotalEccErrors, (struct nvml_device * device, unsigned type,               \
					unsigned counter, unsigned long long *count))             \
	X(nvmlDeviceGetComputeMode, (struct nvml_device * device, unsigned *mode))                \
	X(nvmlDeviceGetMigMode,                                                                   \
	  (struct nvml_device * device, unsigned *current, unsigned *pending))                    \
	X(nvmlDeviceGetComputeRunningProcesses_v3,                                                \
	  (struct nvml_device * device, unsigned *count, struct nvml_process_info *infos))        \
	X(nvmlDeviceGetMaxMigDeviceCount, (struct nvml_device * device, unsigned *count))         \
	X(nvmlDeviceGetMigDeviceHandleByIndex,                                                    \
	  (struct nvml_device * device, unsigned index, struct nvml_device **part))               \
	X(nvmlDeviceGetGpuInstanceId, (struct nvml_device * part, unsigned *id))                  \
	X(nvmlDeviceGetComputeInstanceId, (struct nvml_device * part, unsigned *id))              \
	X(nvmlDeviceGetAttributes_v2,                                                             \
	  (struct nvml_device * part, struct nvml_device_attributes * attributes))                \
	X(nvmlDeviceGetTopologyCommonAncestor,                                                    \
	  (struct nvml_device * first, struct nvml_device * second, unsigned *level))             \
	X(nvmlDeviceGetNvLinkState,                                                               \
	  (struct nvml_device * device, unsigned link, unsigned *is_active))                      \
	X(nvmlDeviceGetNvLinkRemotePciInfo_v2,                                                    \
	  (struct nvml_device * device, unsigned link, struct nvml_pci_info *pci))                \
	X(nvmlDeviceGetFieldValues,                                                               \
	  (struct nvml_device * device, int count, struct nvml_field_value *values))              \
	X(nvmlDeviceGetSupportedEventTypes,                                                       \
	  (struct nvml_device * device, unsigned long long *types))                               \
	X(nvmlDeviceRegisterEvents,                                                               \
	  (struct nvml_device * device, unsigned long long types, struct nvml_event_set *set))    \
	X(nvmlEventSetCreate, (struct nvml_event_set * *set))                                     \
	X(nvmlEventSetWait_v2,                                                                    \
	  (struct nvml_event_set * set, struct nvml_event_data * data, unsigned timeout_ms))      \
	X(nvmlEventSetFree, (struct nvml_event_set * set))                                        \
	X(nvmlDeviceIsMigDeviceHandle, (struct nvml_device * device, unsigned *is_part))          \
	X(nvmlDeviceGetDeviceHandleFromMigDeviceHandle,                                           \
	  (struct nvml_device * part, struct nvml_device * *device))                              \
	X(nvmlDeviceGetGraphicsRunningProcesses_v3,                                               \
	  (struct nvml_device * device, unsigned *count, struct nvml_process_info *infos))        \
	X(nvmlDeviceGetEncoderUtilization,                                                        \
	  (struct nvml_device * device, unsigned *percent, unsigned *period_us))                  \
	X(nvmlDeviceGetDecoderUtilization,                                                        \
	  (struct nvml_device * device, unsigned *percent, unsigned *period_us))                  \
	X(nvmlDeviceGetBAR1MemoryInfo,                                                            \
	  (struct nvml_device * device, struct nvml_bar1_memory * memory))                        \
	X(nvmlDeviceGetDriverModel,                                                               \
	  (struct nvml_device * device, unsigned *current, unsigned *pending))                    \
	X(nvmlDeviceGetDisplayMode, (struct nvml_device * device, unsigned *is_connected))

/* Visible outside the simulated library; of no effect on those who only take the types. */
#define NVML_EXPORT                      __attribute__((visibility("default")))
#define NVML_PROTOTYPE(name, parameters) NVML_EXPORT int name parameters;
NVML_ALIASES(NVML_PROTOTYPE)
NVML_CALLS(NVML_PROTOTYPE)
#undef NVML_PROTOTYPE
NVML_EXPORT const char *nvmlErrorString(int result);
