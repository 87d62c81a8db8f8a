/* SPDX-License-Identifier: Apache-2.0 */
/* NVML's events to ours. See alarms.h. */
#include "driver/alarms.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "driver/inventory.h"
#include "driver/nvml.h"

static const unsigned long long wanted_types = NVML_EVENT_TYPE_XID_CRITICAL_ERROR |
					       NVML_EVENT_TYPE_DOUBLE_BIT_ECC_ERROR |
					       NVML_EVENT_TYPE_SINGLE_BIT_ECC_ERROR;

static_assert((unsigned)NVML_INSTANCE_NONE == DEVICE_NO_INSTANCE, "ids of instances are NVML's");

static bool has_events(const struct nvml *nvml)
{
	return nvml->nvmlDeviceGetSupportedEventTypes && nvml->nvmlDeviceRegisterEvents &&
	       nvml->nvmlEventSetCreate && nvml->nvmlEventSetWait_v2 && nvml->nvmlEventSetFree;
}

static void free_set(struct alarms *alarms, const struct nvml *nvml)
{
	if (alarms->set)
		(void)nvml->nvmlEventSetFree(alarms->set); /* a set that stays costs only memory */
	alarms->set = NULL;
}

/* Returns 1 when Xids of the GPU will come, 0 when the driver reports none. */
static int register_gpu(const struct alarms *alarms, const struct nvml *nvml,
			struct nvml_device *handle, struct err *err)
{
	unsigned long long types = 0;
	int result = nvml->nvmlDeviceGetSupportedEventTypes(handle, &types);
	if (result == NVML_ERROR_NOT_SUPPORTED)
		return 0;
	if (result != NVML_SUCCESS)
		return nvml_err(nvml, "nvmlDeviceGetSupportedEventTypes", result, err);
	if ((types & NVML_EVENT_TYPE_XID_CRITICAL_ERROR) == 0)
		return 0;
	result = nvml->nvmlDeviceRegisterEvents(handle, types & wanted_types, alarms->set);
	if (result == NVML_ERROR_NOT_SUPPORTED)
		return 0;
	return result == NVML_SUCCESS ? 1 : nvml_err(nvml, "nvmlDeviceRegisterEvents", result, err);
}

static void register_all(struct alarms *alarms, const struct nvml *nvml,
			 const struct snapshot *snapshot)
{
	bool is_any = false;
	size_t gpu = 0;
	for (size_t i = 0; i < snapshot->devices_count; i++) {
		const struct device *device = &snapshot->devices[i];
		struct err err = ERR_INIT;
		if (device_is_part(device))
			continue; /* its events are its GPU's */
		size_t position = gpu++;
		struct nvml_device *handle = inventory_handle(nvml, device);
		if (!handle)
			continue; /* it went within this moment; the next snapshot says so */
		int r = register_gpu(alarms, nvml, handle, &err);
		alarms->is_unwatched[position] = r == 0;
		is_any |= r > 0;
		if (r >= 0)
			continue;
		(void)err_wrap(&err, r, "errors of GPU %s are seen only when it is asked",
			       device->index);
		alarms->refusal = err;
	}
	if (!is_any)
		free_set(alarms, nvml);
}

static void begin(struct alarms *alarms, const struct nvml *nvml, const struct snapshot *snapshot)
{
	bool is_mute = !has_events(nvml);
	memset(alarms->is_unwatched, is_mute, sizeof(alarms->is_unwatched));
	if (is_mute)
		return;
	free_set(alarms, nvml);
	alarms->refusal = (struct err)ERR_INIT;
	int r = NVML_CALL(nvml, &alarms->refusal, nvmlEventSetCreate, &alarms->set);
	if (r == 0) {
		register_all(alarms, nvml, snapshot);
		return;
	}
	alarms->set = NULL;
	(void)err_wrap(&alarms->refusal, r, "errors of GPUs are seen only when they are asked");
}

void alarms_register(struct alarms *alarms, const struct nvml *nvml, uint64_t digest,
		     struct snapshot *snapshot)
{
	if (alarms->digest != digest)
		begin(alarms, nvml, snapshot);
	alarms->digest = digest;
	size_t gpu = 0;
	for (size_t i = 0; i < snapshot->devices_count; i++)
		if (!device_is_part(&snapshot->devices[i]))
			snapshot->devices[i].is_unwatched = alarms->is_unwatched[gpu++];
}

unsigned alarms_pause_ms(const struct alarms *alarms, uint64_t now_ns)
{
	uint64_t passed_ns = now_ns - alarms->second_ns;
	if (alarms->count < ALARMS_PER_S_MAX || passed_ns >= CLOCK_NS_PER_S)
		return 0;
	return (unsigned)((CLOCK_NS_PER_S - passed_ns) / CLOCK_NS_PER_MS) + 1;
}

static void count_event(struct alarms *alarms, uint64_t now_ns)
{
	if (now_ns - alarms->second_ns >= CLOCK_NS_PER_S) {
		alarms->second_ns = now_ns;
		alarms->count = 0;
	}
	alarms->count++;
}

static void translate(const struct nvml *nvml, const struct nvml_event_data *data,
		      struct alarm *ret)
{
	/* One that NVML cannot name may be any of them; the agent decides what that means. */
	if (nvml->nvmlDeviceGetUUID(data->device, ret->uuid, sizeof(ret->uuid)) != NVML_SUCCESS)
		ret->uuid[0] = '\0';
	ret->event = (struct device_event){
		.uuid = ret->uuid,
		.xid = data->data,
		.gpu_instance = data->gpu_instance_id,
		.compute_instance = data->compute_instance_id,
	};
}

/* Returns whether the wait before this one went well. */
static bool give_up(struct alarms *alarms, const struct nvml *nvml, int result)
{
	bool is_first = alarms->failure.code == 0;
	int r = nvml_err(nvml, "nvmlEventSetWait_v2", result, &alarms->failure);
	(void)err_wrap(&alarms->failure, r, "errors of GPUs are seen only when they are asked");
	free_set(alarms, nvml);
	alarms->digest = 0;
	return is_first;
}

bool alarms_wait(struct alarms *alarms, const struct nvml *nvml, uint64_t now_ns, struct alarm *ret)
{
	struct nvml_event_data data = { 0 };
	int result = nvml->nvmlEventSetWait_v2(alarms->set, &data, ALARMS_WAIT_MS);
	if (result != NVML_SUCCESS && result != NVML_ERROR_TIMEOUT) {
		if (!give_up(alarms, nvml, result))
			return false;
		*ret = (struct alarm){ 0 };
		ret->event = (struct device_event){ ret->uuid, 0, DEVICE_NO_INSTANCE,
						    DEVICE_NO_INSTANCE };
		return true;
	}
	alarms->failure = (struct err)ERR_INIT;
	if (result == NVML_ERROR_TIMEOUT)
		return false;
	count_event(alarms, now_ns);
	if (data.type != NVML_EVENT_TYPE_XID_CRITICAL_ERROR)
		return false;
	translate(nvml, &data, ret);
	return true;
}

const char *alarms_complaint(const struct alarms *alarms)
{
	return alarms->refusal.code < 0 ? alarms->refusal.msg : alarms->failure.msg;
}

void alarms_done(struct alarms *alarms, const struct nvml *nvml)
{
	free_set(alarms, nvml);
	*alarms = (struct alarms){ .second_ns = alarms->second_ns, .count = alarms->count };
}
