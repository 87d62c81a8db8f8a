/* SPDX-License-Identifier: Apache-2.0 */
/* NVML's events to ours. See events.h. */
#include "driver/events.h"

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

static void free_set(struct events *events, const struct nvml *nvml)
{
	if (events->set)
		(void)nvml->nvmlEventSetFree(events->set); /* a set that stays costs only memory */
	events->set = NULL;
}

/* Returns 1 when events of @gpu will come, 0 when it reports none. */
static int register_gpu(const struct events *events, const struct nvml *nvml,
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
	result = nvml->nvmlDeviceRegisterEvents(handle, types & wanted_types, events->set);
	if (result == NVML_ERROR_NOT_SUPPORTED)
		return 0;
	return result == NVML_SUCCESS ? 1 : nvml_err(nvml, "nvmlDeviceRegisterEvents", result, err);
}

static void register_all(struct events *events, const struct nvml *nvml,
			 const struct snapshot *snapshot)
{
	bool is_any = false;
	for (size_t i = 0; i < snapshot->devices_count; i++) {
		const struct device *device = &snapshot->devices[i];
		struct err err = ERR_INIT;
		if (device_is_part(device))
			continue; /* its events are its GPU's */
		int r = register_gpu(events, nvml, device, &err);
		is_any |= r > 0;
		if (r >= 0)
			continue;
		(void)err_wrap(&err, r, "errors of GPU %s are seen only when it is asked",
			       device->index);
		events->refusal = err;
	}
	if (!is_any)
		free_set(events, nvml);
}

void events_register(struct events *events, const struct nvml *nvml, uint64_t digest,
		     const struct snapshot *snapshot)
{
	if (events->digest == digest || !has_events(nvml))
		return;
	free_set(events, nvml);
	events->digest = digest;
	events->refusal = (struct err)ERR_INIT;
	int r = NVML_CALL(nvml, &events->refusal, nvmlEventSetCreate, &events->set);
	if (r == 0) {
		register_all(events, nvml, snapshot);
		return;
	}
	events->set = NULL;
	(void)err_wrap(&events->refusal, r, "errors of GPUs are seen only when they are asked");
}

unsigned events_pause_ms(const struct events *events, uint64_t now_ns)
{
	uint64_t passed_ns = now_ns - events->second_ns;
	if (events->count < EVENTS_PER_S_MAX || passed_ns >= CLOCK_NS_PER_S)
		return 0;
	return (unsigned)((CLOCK_NS_PER_S - passed_ns) / CLOCK_NS_PER_MS) + 1;
}

static void count_event(struct events *events, uint64_t now_ns)
{
	if (now_ns - events->second_ns >= CLOCK_NS_PER_S) {
		events->second_ns = now_ns;
		events->count = 0;
	}
	events->count++;
}

static void translate(const struct nvml *nvml, const struct nvml_event_data *data,
		      struct events_told *ret)
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
static bool give_up(struct events *events, const struct nvml *nvml, int result)
{
	bool is_first = events->failure.code == 0;
	int r = nvml_err(nvml, "nvmlEventSetWait_v2", result, &events->failure);
	(void)err_wrap(&events->failure, r, "errors of GPUs are seen only when they are asked");
	free_set(events, nvml);
	events->digest = 0;
	return is_first;
}

bool events_wait(struct events *events, const struct nvml *nvml, uint64_t now_ns,
		 struct events_told *ret)
{
	struct nvml_event_data data = { 0 };
	int result = nvml->nvmlEventSetWait_v2(events->set, &data, EVENTS_WAIT_MS);
	if (result != NVML_SUCCESS && result != NVML_ERROR_TIMEOUT) {
		if (!give_up(events, nvml, result))
			return false;
		*ret = (struct events_told){ 0 };
		ret->event = (struct device_event){ ret->uuid, 0, DEVICE_NO_INSTANCE,
						    DEVICE_NO_INSTANCE };
		return true;
	}
	events->failure = (struct err)ERR_INIT;
	if (result == NVML_ERROR_TIMEOUT)
		return false;
	count_event(events, now_ns);
	if (data.type != NVML_EVENT_TYPE_XID_CRITICAL_ERROR)
		return false;
	translate(nvml, &data, ret);
	return true;
}

const char *events_complaint(const struct events *events)
{
	return events->refusal.code < 0 ? events->refusal.msg : events->failure.msg;
}

void events_done(struct events *events, const struct nvml *nvml)
{
	free_set(events, nvml);
	*events = (struct events){ .second_ns = events->second_ns, .count = events->count };
}
