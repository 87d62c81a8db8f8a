/* SPDX-License-Identifier: Apache-2.0 */
/* NVML's events to ours. See alerts.h. */
#include "driver/alerts.h"

#include <assert.h>

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

static void free_set(struct alerts *alerts, const struct nvml *nvml)
{
	if (alerts->set)
		(void)nvml->nvmlEventSetFree(alerts->set); /* a set that stays costs only memory */
	alerts->set = NULL;
}

/* Returns 1 when events of @gpu will come, 0 when it reports none. */
static int register_gpu(const struct alerts *alerts, const struct nvml *nvml,
			const struct device *gpu, struct err *err)
{
	unsigned long long types = 0;
	struct nvml_device *handle = inventory_handle(nvml, gpu);
	if (!handle)
		return 0; /* it went within this moment; the next snapshot says so */
	int result = nvml->nvmlDeviceGetSupportedEventTypes(handle, &types);
	if (result == NVML_ERROR_NOT_SUPPORTED)
		return 0;
	if (result != NVML_SUCCESS)
		return nvml_err(nvml, "nvmlDeviceGetSupportedEventTypes", result, err);
	if ((types & wanted_types) == 0)
		return 0;
	result = nvml->nvmlDeviceRegisterEvents(handle, types & wanted_types, alerts->set);
	if (result == NVML_ERROR_NOT_SUPPORTED)
		return 0;
	return result == NVML_SUCCESS ? 1 : nvml_err(nvml, "nvmlDeviceRegisterEvents", result, err);
}

static void register_all(struct alerts *alerts, const struct nvml *nvml,
			 const struct snapshot *snapshot)
{
	bool is_any = false;
	for (size_t i = 0; i < snapshot->devices_count; i++) {
		const struct device *device = &snapshot->devices[i];
		struct err err = ERR_INIT;
		if (device_is_part(device))
			continue; /* its events are its GPU's */
		int r = register_gpu(alerts, nvml, device, &err);
		is_any |= r > 0;
		if (r >= 0)
			continue;
		(void)err_wrap(&err, r, "errors of GPU %s are seen only when it is asked",
			       device->index);
		alerts->refusal = err;
	}
	if (!is_any)
		free_set(alerts, nvml);
}

void alerts_register(struct alerts *alerts, const struct nvml *nvml, uint64_t digest,
		     const struct snapshot *snapshot)
{
	if (alerts->digest == digest || !has_events(nvml))
		return;
	free_set(alerts, nvml);
	alerts->digest = digest;
	alerts->refusal = (struct err)ERR_INIT;
	int r = NVML_CALL(nvml, &alerts->refusal, nvmlEventSetCreate, &alerts->set);
	if (r == 0) {
		register_all(alerts, nvml, snapshot);
		return;
	}
	alerts->set = NULL;
	(void)err_wrap(&alerts->refusal, r, "errors of GPUs are seen only when they are asked");
}

unsigned alerts_pause_ms(const struct alerts *alerts, uint64_t now_ns)
{
	uint64_t passed_ns = now_ns - alerts->second_ns;
	if (alerts->count < ALERTS_PER_S_MAX || passed_ns >= CLOCK_NS_PER_S)
		return 0;
	return (unsigned)((CLOCK_NS_PER_S - passed_ns) / CLOCK_NS_PER_MS) + 1;
}

static void count_event(struct alerts *alerts, uint64_t now_ns)
{
	if (now_ns - alerts->second_ns >= CLOCK_NS_PER_S) {
		alerts->second_ns = now_ns;
		alerts->count = 0;
	}
	alerts->count++;
}

static void translate(const struct nvml *nvml, const struct nvml_event_data *data,
		      struct alerts_told *ret)
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
static bool give_up(struct alerts *alerts, const struct nvml *nvml, int result)
{
	bool is_first = alerts->failure.code == 0;
	int r = nvml_err(nvml, "nvmlEventSetWait_v2", result, &alerts->failure);
	(void)err_wrap(&alerts->failure, r, "errors of GPUs are seen only when they are asked");
	free_set(alerts, nvml);
	alerts->digest = 0;
	return is_first;
}

bool alerts_wait(struct alerts *alerts, const struct nvml *nvml, uint64_t now_ns,
		 struct alerts_told *ret)
{
	struct nvml_event_data data = { 0 };
	int result = nvml->nvmlEventSetWait_v2(alerts->set, &data, ALERTS_WAIT_MS);
	if (result != NVML_SUCCESS && result != NVML_ERROR_TIMEOUT) {
		if (!give_up(alerts, nvml, result))
			return false;
		*ret = (struct alerts_told){ 0 };
		ret->event = (struct device_event){ ret->uuid, 0, DEVICE_NO_INSTANCE,
						    DEVICE_NO_INSTANCE };
		return true;
	}
	alerts->failure = (struct err)ERR_INIT;
	if (result == NVML_ERROR_TIMEOUT)
		return false;
	count_event(alerts, now_ns);
	if (data.type != NVML_EVENT_TYPE_XID_CRITICAL_ERROR)
		return false;
	translate(nvml, &data, ret);
	return true;
}

const char *alerts_complaint(const struct alerts *alerts)
{
	return alerts->refusal.code < 0 ? alerts->refusal.msg : alerts->failure.msg;
}

void alerts_done(struct alerts *alerts, const struct nvml *nvml)
{
	free_set(alerts, nvml);
	*alerts = (struct alerts){ .second_ns = alerts->second_ns, .count = alerts->count };
}
