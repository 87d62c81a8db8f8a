/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NVML to snapshot, in NVML's order. A GPU that does not answer is set aside with the reason, so
 * that it does not hide the others; an NVML that has lost the driver fails as a whole.
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
	const char *pci_root;
	struct answer *answer;
};

/* One call; the stringified name goes into the error. */
#define CALL(nvml, err, name, ...)                                                     \
	({                                                                             \
		int result_ = (nvml)->name(__VA_ARGS__);                               \
		result_ == NVML_SUCCESS ? 0 : nvml_err((nvml), #name, result_, (err)); \
	})

static int read_sysfs(const char *pci_root, const char *bus_id, const char *name, char **ret)
{
	char path[PATH_MAX];
	int length = snprintf(path, sizeof(path), "%s/%s/%s", pci_root, bus_id, name);
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
static int numa_of_sysfs(const char *pci_root, const char *bus_id, int32_t *ret)
{
	char name[NVML_DEVICE_PCI_BUS_ID_BUFFER_SIZE];
	cleanup_free char *vendor = NULL;
	cleanup_free char *text = NULL;
	uint64_t node = 0;
	sysfs_name(bus_id, name);
	if (read_sysfs(pci_root, name, "vendor", &vendor) < 0 ||
	    strcmp(vendor, nvidia_vendor) != 0 ||
	    read_sysfs(pci_root, name, "numa_node", &text) < 0)
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
	if (numa_of_sysfs(inventory->pci_root, bus_id, &node) == 0)
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
	int r = CALL(nvml, err, nvmlDeviceGetName, handle, names->model, sizeof(names->model));
	if (r < 0)
		return r;
	r = CALL(nvml, err, nvmlDeviceGetUUID, handle, names->uuid, sizeof(names->uuid));
	if (r < 0)
		return r;
	return CALL(nvml, err, nvmlDeviceGetPciInfo_v3, handle, &names->pci);
}

static int read_figures(const struct nvml *nvml, struct nvml_device *handle, struct device *device,
			struct err *err)
{
	struct nvml_memory memory = { 0 };
	int major = 0;
	int minor = 0;
	int r = CALL(nvml, err, nvmlDeviceGetMinorNumber, handle, &device->minor);
	if (r < 0)
		return r;
	r = CALL(nvml, err, nvmlDeviceGetCudaComputeCapability, handle, &major, &minor);
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

static int add_device(struct inventory *inventory, const struct device *device, struct err *err)
{
	struct snapshot *snapshot = inventory->answer->snapshot;
	if (!device_copy(&snapshot->arena, device, &snapshot->devices[snapshot->devices_count]))
		return err_set(err, -ENOMEM, "out of memory");
	snapshot->devices_count++;
	return 0;
}

static int add_lost(struct inventory *inventory, const char *index, const char *reason,
		    struct err *err)
{
	struct answer *answer = inventory->answer;
	struct arena *arena = &answer->snapshot->arena;
	struct lost_gpu lost = {
		.index = arena_printf(arena, "%s", index),
		.reason = arena_printf(arena, "%s", reason),
	};
	if (!lost.index || !lost.reason)
		return err_set(err, -ENOMEM, "out of memory");
	answer->lost[answer->lost_count++] = lost;
	return 0;
}

/* Returns 1 for a GPU to be skipped. */
static int describe(const struct inventory *inventory, unsigned position, struct names *names,
		    struct device *device, struct err *err)
{
	const struct nvml *nvml = inventory->nvml;
	struct nvml_device *handle = NULL;
	int r = CALL(nvml, err, nvmlDeviceGetHandleByIndex_v2, position, &handle);
	if (r < 0)
		return r;
	r = read_names(nvml, handle, names, err);
	if (r < 0)
		return r;
	if (is_display(names->model))
		return 1;
	r = read_figures(nvml, handle, device, err);
	if (r < 0)
		return r;
	device->numa_node = find_numa(inventory, handle, names->pci.bus_id);
	return 0;
}

static int read_device(struct inventory *inventory, unsigned position, struct err *err)
{
	struct names names = { 0 };
	char index[16];
	struct err reason = ERR_INIT;
	struct device device = {
		.uuid = names.uuid,
		.index = index,
		.model = names.model,
		.bus_id = names.pci.bus_id,
		.profile = "",
		.reason = "",
		.parent = DEVICE_NO_PARENT,
		.gpu_capability = DEVICE_NO_CAPABILITY,
		.compute_capability = DEVICE_NO_CAPABILITY,
		.gpu_instance = DEVICE_NO_INSTANCE,
		.compute_instance = DEVICE_NO_INSTANCE,
		.is_healthy = true,
	};
	(void)snprintf(index, sizeof(index), "%u", position);
	int r = describe(inventory, position, &names, &device, &reason);
	if (r == 0)
		return add_device(inventory, &device, err);
	if (r == -EAGAIN)
		return err_set(err, r, "%s", reason.msg);
	return r < 0 ? add_lost(inventory, index, reason.msg, err) : 0;
}

static int read_versions(const struct nvml *nvml, struct snapshot *snapshot, struct err *err)
{
	char version[NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE] = "";
	int cuda = 0;
	int r = CALL(nvml, err, nvmlSystemGetDriverVersion, version, sizeof(version));
	if (r < 0)
		return r;
	r = CALL(nvml, err, nvmlSystemGetCudaDriverVersion_v2, &cuda);
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
	int r = CALL(nvml, err, nvmlDeviceGetCount_v2, &count);
	if (r < 0)
		return r;
	/* cppcheck-suppress knownConditionTrueFalse ; the call above sets it */
	if (count > DEVICES_MAX)
		return err_set(err, -E2BIG, "the driver counts %u GPUs, at most %d are handled",
			       count, DEVICES_MAX);
	*ret = count;
	return 0;
}

int inventory_read(const struct nvml *nvml, const char *pci_root, struct answer *ret,
		   struct err *err)
{
	unsigned count = 0;
	int r = count_devices(nvml, &count, err);
	if (r < 0)
		return r;
	cleanup_answer struct answer answer = { .snapshot = snapshot_new(count) };
	if (!answer.snapshot)
		return err_set(err, -ENOMEM, "out of memory");
	answer.lost = arena_array(&answer.snapshot->arena, count, sizeof(*answer.lost));
	if (!answer.lost)
		return err_set(err, -ENOMEM, "out of memory");
	answer.snapshot->devices_count = 0;

	r = read_versions(nvml, answer.snapshot, err);
	struct inventory inventory = { .nvml = nvml, .pci_root = pci_root, .answer = &answer };
	for (unsigned i = 0; r == 0 && i < count; i++)
		r = read_device(&inventory, i, err);
	if (r < 0)
		return r;
	ret->snapshot = TAKE_PTR(answer.snapshot);
	ret->lost = answer.lost;
	ret->lost_count = answer.lost_count;
	return 0;
}
