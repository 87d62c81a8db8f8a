/* SPDX-License-Identifier: Apache-2.0 */
/* See card.h. Only what a GPU cannot be shown without makes the reading fail. */
#include "sim/smi/card.h"

#include <limits.h>
#include <string.h>

#include "base/text.h"
#include "sim/smi/library.h"

/* One value, or CARD_UNKNOWN. */
static int known(int result, unsigned long long value)
{
	return result == NVML_SUCCESS && value <= INT_MAX ? (int)value : CARD_UNKNOWN;
}

static void read_modes(const struct library *nvml, struct nvml_device *device, struct card *card)
{
	unsigned value = 0;
	unsigned pending = 0;
	unsigned long long errors = 0;
	int r = nvml->nvmlDeviceGetPersistenceMode(device, &value);
	card->persistence = known(r, value);
	r = nvml->nvmlDeviceGetPerformanceState(device, &value);
	card->pstate = known(r, value);
	r = nvml->nvmlDeviceGetDisplayActive(device, &value);
	card->display = known(r, value);
	r = nvml->nvmlDeviceGetEccMode(device, &value, &pending);
	card->ecc = known(r, value);
	r = nvml->nvmlDeviceGetTotalEccErrors(device, NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
					      NVML_VOLATILE_ECC, &errors);
	card->ecc_errors = known(r, errors);
	r = nvml->nvmlDeviceGetComputeMode(device, &value);
	card->compute_mode = known(r, value);
	r = nvml->nvmlDeviceGetMigMode(device, &value, &pending);
	card->mig = known(r, value);
}

static void read_sensors(const struct library *nvml, struct nvml_device *device, struct card *card)
{
	unsigned value = 0;
	int r = nvml->nvmlDeviceGetTemperature(device, NVML_TEMPERATURE_GPU, &value);
	card->celsius = known(r, value);
	r = nvml->nvmlDeviceGetPowerUsage(device, &value);
	card->draw_milliwatts = known(r, value);
	r = nvml->nvmlDeviceGetEnforcedPowerLimit(device, &value);
	card->limit_milliwatts = known(r, value);
	r = nvml->nvmlDeviceGetFanSpeed(device, &value);
	card->fan_percent = known(r, value);
	struct nvml_utilization utilization = { 0 };
	r = nvml->nvmlDeviceGetUtilizationRates(device, &utilization);
	card->busy_percent = known(r, utilization.gpu);
	card->memory_busy_percent = known(r, utilization.memory);
}

static int read_part(const struct library *nvml, struct nvml_device *handle, struct card_part *part)
{
	part->memory.version = NVML_MEMORY_V2;
	int r = nvml->nvmlDeviceGetName(handle, part->name, sizeof(part->name));
	if (r == NVML_SUCCESS)
		r = nvml->nvmlDeviceGetUUID(handle, part->uuid, sizeof(part->uuid));
	if (r == NVML_SUCCESS)
		r = nvml->nvmlDeviceGetGpuInstanceId(handle, &part->gpu_instance);
	if (r == NVML_SUCCESS)
		r = nvml->nvmlDeviceGetComputeInstanceId(handle, &part->compute_instance);
	if (r == NVML_SUCCESS)
		r = nvml->nvmlDeviceGetMemoryInfo_v2(handle, &part->memory);
	if (r == NVML_SUCCESS)
		r = nvml->nvmlDeviceGetBAR1MemoryInfo(handle, &part->window);
	if (r == NVML_SUCCESS)
		r = nvml->nvmlDeviceGetAttributes_v2(handle, &part->attributes);
	return r;
}

/* One that is not there, or goes while it is read, is passed over. */
static void read_parts(const struct library *nvml, struct nvml_device *device, struct card *card)
{
	unsigned count = 0;
	if (nvml->nvmlDeviceGetMaxMigDeviceCount(device, &count) != NVML_SUCCESS)
		return;
	for (unsigned i = 0; i < count && card->parts_count < CARD_PARTS_MAX; i++) {
		struct nvml_device *handle = NULL;
		struct card_part *part = &card->parts[card->parts_count];
		int r = nvml->nvmlDeviceGetMigDeviceHandleByIndex(device, i, &handle);
		part->index = i;
		if (r == NVML_SUCCESS && read_part(nvml, handle, part) == NVML_SUCCESS)
			card->parts_count++;
	}
}

static int read_card(const struct library *nvml, struct nvml_device *device, struct card *card)
{
	struct nvml_pci_info pci = { 0 };
	int r = nvml->nvmlDeviceGetIndex(device, &card->index);
	if (r == NVML_SUCCESS)
		r = nvml->nvmlDeviceGetName(device, card->name, sizeof(card->name));
	if (r == NVML_SUCCESS)
		r = nvml->nvmlDeviceGetUUID(device, card->uuid, sizeof(card->uuid));
	if (r == NVML_SUCCESS)
		r = nvml->nvmlDeviceGetPciInfo_v3(device, &pci);
	card->memory.version = NVML_MEMORY_V2;
	if (r == NVML_SUCCESS)
		r = nvml->nvmlDeviceGetMemoryInfo_v2(device, &card->memory);
	if (r == NVML_SUCCESS)
		r = nvml->nvmlDeviceGetCudaComputeCapability(device, &card->compute_major,
							     &card->compute_minor);
	if (r != NVML_SUCCESS)
		return r;
	memcpy(card->bus_id, pci.bus_id, sizeof(card->bus_id));
	read_sensors(nvml, device, card);
	read_modes(nvml, device, card);
	read_parts(nvml, device, card);
	return NVML_SUCCESS;
}

static int add_card(const struct library *nvml, struct nvml_device *device, struct cards *cards)
{
	int r = read_card(nvml, device, &cards->items[cards->count]);
	if (r == NVML_SUCCESS)
		cards->count++;
	return r;
}

static int read_chosen(const struct library *nvml, const char *choice, struct cards *cards)
{
	struct nvml_device *device = NULL;
	uint64_t index = 0;
	int r = NVML_ERROR_NOT_FOUND;
	if (text_parse_u64(choice, 0, CARDS_MAX, &index) == 0)
		r = nvml->nvmlDeviceGetHandleByIndex_v2((unsigned)index, &device);
	else
		r = nvml->nvmlDeviceGetHandleByUUID(choice, &device);
	if (r != NVML_SUCCESS)
		r = nvml->nvmlDeviceGetHandleByPciBusId_v2(choice, &device);
	return r == NVML_SUCCESS ? add_card(nvml, device, cards) : NVML_ERROR_NOT_FOUND;
}

static int read_every(const struct library *nvml, struct cards *cards)
{
	for (unsigned i = 0; i < cards->total && i < CARDS_MAX; i++) {
		struct nvml_device *device = NULL;
		int r = nvml->nvmlDeviceGetHandleByIndex_v2(i, &device);
		if (r == NVML_SUCCESS)
			r = add_card(nvml, device, cards);
		if (r != NVML_SUCCESS)
			return r;
	}
	return NVML_SUCCESS;
}

int card_read_all(const struct library *library, const char *choice, struct cards *ret)
{
	unsigned total = 0;
	int r = library->nvmlSystemGetDriverVersion(ret->driver_version,
						    sizeof(ret->driver_version));
	if (r == NVML_SUCCESS)
		r = library->nvmlSystemGetCudaDriverVersion_v2(&ret->cuda_version);
	if (r == NVML_SUCCESS)
		r = library->nvmlDeviceGetCount_v2(&total);
	if (r != NVML_SUCCESS)
		return r;
	ret->total = total;
	return choice ? read_chosen(library, choice, ret) : read_every(library, ret);
}
