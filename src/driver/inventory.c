/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NVML to snapshot, in NVML's order, each GPU with its parts behind it. A GPU that does not answer
 * is set aside with the reason, so that it does not hide the others; an NVML that has lost the
 * driver fails as a whole.
 */
#include "driver/inventory.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "driver/answer.h"
#include "driver/nvml.h"
#include "driver/parts.h"

enum {
	SYSFS_BYTES_MAX = 64,
	NODE_SET_WORDS = 16, /* 1024 NUMA nodes, the most that Linux can be built for */
	WORD_BITS = sizeof(unsigned long) * CHAR_BIT,
};

static const char nvidia_vendor[] = "0x10de\n";

/* Graphics cards of NVIDIA's own workstations, which compute nothing. */
static const char *const display_models[] = { "DGX Display", "NVIDIA DGX Display" };

struct inventory {
	const struct nvml *nvml;
	const char *root;
	struct parts *parts;
	struct answer *answer;
};

static int read_sysfs(const char *root, const char *bus_id, const char *name, char **ret)
{
	char path[PATH_MAX];
	int length = snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s/%s", root, bus_id,
			      name);
	if (length < 0 || (size_t)length >= sizeof(path))
		return -ENAMETOOLONG;
	return file_read(path, SYSFS_BYTES_MAX, ret, NULL, NULL);
}

/* NVML writes 00000000:00:1E.0 where sysfs has 0000:00:1e.0. */
static void sysfs_name(const char *bus_id, char ret[static NVML_DEVICE_PCI_BUS_ID_BUFFER_SIZE])
{
	const char *colon = strchr(bus_id, ':');
	bool is_long = colon && colon - bus_id == 8 && strncmp(bus_id, "0000", 4) == 0;
	(void)snprintf(ret, NVML_DEVICE_PCI_BUS_ID_BUFFER_SIZE, "%s", bus_id + (is_long ? 4 : 0));
	for (char *at = ret; *at; at++)
		*at = (char)tolower((unsigned char)*at);
}

/* -ENOENT where sysfs knows no such GPU; the vendor is asked since a container may see another
 * machine's sysfs, or a simulated GPU stand at a real address. */
static int numa_of_sysfs(const char *root, const char *bus_id, int32_t *ret)
{
	char name[NVML_DEVICE_PCI_BUS_ID_BUFFER_SIZE];
	cleanup_free char *vendor = NULL;
	cleanup_free char *text = NULL;
	uint64_t node = 0;
	sysfs_name(bus_id, name);
	if (read_sysfs(root, name, "vendor", &vendor) < 0 || strcmp(vendor, nvidia_vendor) != 0 ||
	    read_sysfs(root, name, "numa_node", &text) < 0)
		return -ENOENT;
	text[strcspn(text, "\n")] = '\0';
	*ret = text_parse_u64(text, 0, INT32_MAX, &node) == 0 ? (int32_t)node : NUMA_NONE;
	return 0;
}

/* A GPU near several nodes has no single one to name. */
static int32_t numa_of_nvml(const struct nvml *nvml, struct nvml_device *handle)
{
	unsigned long set[NODE_SET_WORDS] = { 0 };
	int32_t found = NUMA_NONE;
	if (!nvml->nvmlDeviceGetMemoryAffinity ||
	    nvml->nvmlDeviceGetMemoryAffinity(handle, NODE_SET_WORDS, set,
					      NVML_AFFINITY_SCOPE_NODE) != NVML_SUCCESS)
		return NUMA_NONE;
	for (unsigned i = 0; i < NODE_SET_WORDS * WORD_BITS; i++) {
		if ((set[i / WORD_BITS] >> i % WORD_BITS & 1) == 0)
			continue;
		if (found != NUMA_NONE)
			return NUMA_NONE;
		found = (int32_t)i;
	}
	return found;
}

static int32_t find_numa(const struct inventory *inventory, struct nvml_device *handle,
			 const char *bus_id)
{
	int32_t node = NUMA_NONE;
	if (numa_of_sysfs(inventory->root, bus_id, &node) == 0)
		return node;
	return numa_of_nvml(inventory->nvml, handle);
}

/* What NVML says in texts. The buffers are the largest that NVML fills. */
struct names {
	char model[NVML_DEVICE_NAME_V2_BUFFER_SIZE];
	char uuid[NVML_DEVICE_UUID_V2_BUFFER_SIZE];
	struct nvml_pci_info pci;
};

/* What a device cannot be advertised without; the rest may fail. */
static int read_names(const struct nvml *nvml, struct nvml_device *handle, struct names *names,
		      struct err *err)
{
	int r = NVML_CALL(nvml, err, nvmlDeviceGetName, handle, names->model, sizeof(names->model));
	if (r < 0)
		return r;
	r = NVML_CALL(nvml, err, nvmlDeviceGetUUID, handle, names->uuid, sizeof(names->uuid));
	if (r < 0)
		return r;
	return NVML_CALL(nvml, err, nvmlDeviceGetPciInfo_v3, handle, &names->pci);
}

static int read_figures(const struct nvml *nvml, struct nvml_device *handle, struct device *device,
			struct err *err)
{
	struct nvml_memory memory = { 0 };
	int major = 0;
	int minor = 0;
	int r = NVML_CALL(nvml, err, nvmlDeviceGetMinorNumber, handle, &device->minor);
	if (r < 0)
		return r;
	r = NVML_CALL(nvml, err, nvmlDeviceGetCudaComputeCapability, handle, &major, &minor);
	if (r < 0)
		return r;
	if (nvml->nvmlDeviceGetMemoryInfo(handle, &memory) == NVML_SUCCESS)
		device->memory_bytes = memory.total;
	device->compute_major = major > 0 ? (uint32_t)major : 0;
	device->compute_minor = minor > 0 ? (uint32_t)minor : 0;
	return 0;
}

static bool is_display(const char *model)
{
	for (size_t i = 0; i < ARRAY_LEN(display_models); i++)
		if (strcmp(model, display_models[i]) == 0)
			return true;
	return false;
}

static enum device_recovery read_recovery(const struct nvml *nvml, struct nvml_device *handle)
{
	static const enum device_recovery recoveries[] = {
		[NVML_GPU_RECOVERY_ACTION_NONE] = DEVICE_RECOVERY_NONE,
		[NVML_GPU_RECOVERY_ACTION_GPU_RESET] = DEVICE_RECOVERY_GPU_RESET,
		[NVML_GPU_RECOVERY_ACTION_NODE_REBOOT] = DEVICE_RECOVERY_NODE_REBOOT,
		[NVML_GPU_RECOVERY_ACTION_DRAIN_P2P] = DEVICE_RECOVERY_DRAIN_P2P,
		[NVML_GPU_RECOVERY_ACTION_DRAIN_AND_RESET] = DEVICE_RECOVERY_DRAIN_AND_RESET,
	};
	struct nvml_field_value field = { .field_id = NVML_FI_DEV_GET_GPU_RECOVERY_ACTION };
	if (!nvml->nvmlDeviceGetFieldValues ||
	    nvml->nvmlDeviceGetFieldValues(handle, 1, &field) != NVML_SUCCESS ||
	    field.result != NVML_SUCCESS || field.value_type != NVML_VALUE_TYPE_UNSIGNED_INT)
		return DEVICE_RECOVERY_UNKNOWN;
	return field.value.ui < ARRAY_LEN(recoveries) ? recoveries[field.value.ui]
						      : DEVICE_RECOVERY_OTHER;
}

static uint64_t read_ecc_errors(const struct nvml *nvml, struct nvml_device *handle)
{
	unsigned long long count = 0;
	if (!nvml->nvmlDeviceGetTotalEccErrors ||
	    nvml->nvmlDeviceGetTotalEccErrors(handle, NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
					      NVML_VOLATILE_ECC, &count) != NVML_SUCCESS)
		return DEVICE_ECC_UNKNOWN;
	return count;
}

/* A GPU while it is read. */
struct gpu {
	struct nvml_device *handle;
	struct names names;
	char index[16];
	struct device device; /* its texts are those above */
	unsigned places;      /* for parts */
};

/* Returns 1 for a GPU to be skipped. */
static int describe(const struct inventory *inventory, unsigned position, struct gpu *gpu,
		    struct err *err)
{
	const struct nvml *nvml = inventory->nvml;
	struct device *device = &gpu->device;
	int r = NVML_CALL(nvml, err, nvmlDeviceGetHandleByIndex_v2, position, &gpu->handle);
	if (r < 0)
		return r;
	r = read_names(nvml, gpu->handle, &gpu->names, err);
	if (r < 0)
		return r;
	if (is_display(gpu->names.model))
		return 1;
	r = read_figures(nvml, gpu->handle, device, err);
	if (r < 0)
		return r;
	device->numa_node = find_numa(inventory, gpu->handle, gpu->names.pci.bus_id);
	device->recovery = read_recovery(nvml, gpu->handle);
	device->ecc_errors = read_ecc_errors(nvml, gpu->handle);
	r = parts_find_mode(nvml, gpu->handle, &device->is_mig, err);
	if (r < 0 || !device->is_mig)
		return r;
	return NVML_CALL(nvml, err, nvmlDeviceGetMaxMigDeviceCount, gpu->handle, &gpu->places);
}

static int add_gpu(const struct inventory *inventory, const struct gpu *gpu, struct err *err)
{
	int r = answer_add(inventory->answer, &gpu->device, err);
	if (r < 0)
		return r;
	return parts_read(inventory->parts, gpu->handle, gpu->places, inventory->answer, err);
}

static int read_gpu(const struct inventory *inventory, unsigned position, struct err *err)
{
	struct err reason = ERR_INIT;
	struct gpu gpu = { 0 };
	gpu.device = (struct device){
		.uuid = gpu.names.uuid,
		.index = gpu.index,
		.model = gpu.names.model,
		.bus_id = gpu.names.pci.bus_id,
		DEVICE_WHOLE,
		.is_healthy = true,
	};
	(void)snprintf(gpu.index, sizeof(gpu.index), "%u", position);
	int r = describe(inventory, position, &gpu, &reason);
	if (r == 0)
		return add_gpu(inventory, &gpu, err);
	if (r == -EAGAIN)
		return err_set(err, r, "%s", reason.msg);
	return r < 0 ? answer_add_lost(inventory->answer, gpu.index, reason.msg, err) : 0;
}

static int read_versions(const struct nvml *nvml, struct snapshot *snapshot, struct err *err)
{
	char version[NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE] = "";
	int cuda = 0;
	int r = NVML_CALL(nvml, err, nvmlSystemGetDriverVersion, version, sizeof(version));
	if (r < 0)
		return r;
	r = NVML_CALL(nvml, err, nvmlSystemGetCudaDriverVersion_v2, &cuda);
	if (r < 0)
		return r;
	const char *copy = arena_printf(&snapshot->arena, "%s", version);
	if (!copy)
		return err_set(err, -ENOMEM, "out of memory");
	snapshot->driver_version = copy;
	snapshot->cuda_version = cuda > 0 ? (uint32_t)cuda : 0;
	return 0;
}

static int count_devices(const struct nvml *nvml, unsigned *ret, struct err *err)
{
	unsigned count = 0;
	int r = NVML_CALL(nvml, err, nvmlDeviceGetCount_v2, &count);
	if (r < 0)
		return r;
	/* cppcheck-suppress knownConditionTrueFalse ; the call above sets it */
	if (count > DEVICES_MAX)
		return err_set(err, -E2BIG, "the driver counts %u GPUs, at most %d are handled",
			       count, DEVICES_MAX);
	*ret = count;
	return 0;
}

int inventory_read(const struct nvml *nvml, const char *root, struct answer *ret, struct err *err)
{
	unsigned count = 0;
	int r = count_devices(nvml, &count, err);
	if (r < 0)
		return r;
	cleanup_answer struct answer answer = { 0 };
	if (!answer_begin(&answer))
		return err_set(err, -ENOMEM, "out of memory");

	CLEANUP(parts_done) struct parts parts = { .nvml = nvml, .root = root };
	const struct inventory inventory = { nvml, root, &parts, &answer };
	r = read_versions(nvml, answer.snapshot, err);
	for (unsigned i = 0; r == 0 && i < count; i++)
		r = read_gpu(&inventory, i, err);
	if (r < 0)
		return r;
	ret->snapshot = TAKE_PTR(answer.snapshot);
	ret->lost = answer.lost;
	ret->lost_count = answer.lost_count;
	return 0;
}

struct nvml_device *inventory_handle(const struct nvml *nvml, const struct device *gpu)
{
	struct nvml_device *handle = NULL;
	uint64_t index = 0;
	if (text_parse_u64(gpu->index, 0, UINT32_MAX, &index) < 0 ||
	    nvml->nvmlDeviceGetHandleByIndex_v2((unsigned)index, &handle) != NVML_SUCCESS)
		return NULL;
	return handle;
}
