/* SPDX-License-Identifier: Apache-2.0 */
/* NVML's calls about events, and its field values, which tell what to do after one. */
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "driver/nvml_abi.h"
#include "sim/nvml/event_set.h"
#include "sim/nvml/reply.h"
#include "sim/nvml/state.h"
#include "sim/scenario.h"

enum {
	LOOK_EVERY_MS = 10,    /* how late an event may be told */
	RECOVERY_DRIVER = 570, /* the first that tells a recovery action by itself */
	FIELD_ECC_DOUBLE = 4,  /* NVML_FI_DEV_ECC_DBE_VOL_TOTAL */
};

static const unsigned long long supported_types = NVML_EVENT_TYPE_SINGLE_BIT_ECC_ERROR |
						  NVML_EVENT_TYPE_DOUBLE_BIT_ECC_ERROR |
						  NVML_EVENT_TYPE_XID_CRITICAL_ERROR;

int nvmlDeviceGetSupportedEventTypes(struct nvml_device *device, unsigned long long *types)
{
	cleanup_call struct state_call call = state_begin_on(__func__, device);
	if (call.code != NVML_SUCCESS)
		return call.code;
	if (!types)
		return NVML_ERROR_INVALID_ARGUMENT;
	*types = supported_types;
	return NVML_SUCCESS;
}

int nvmlEventSetCreate(struct nvml_event_set **set)
{
	cleanup_call struct state_call call = state_begin(__func__);
	if (call.code != NVML_SUCCESS)
		return call.code;
	if (!set)
		return NVML_ERROR_INVALID_ARGUMENT;
	struct nvml_event_set *taken = event_set_take(state_events());
	if (!taken)
		return NVML_ERROR_INSUFFICIENT_RESOURCES;
	*set = taken;
	return NVML_SUCCESS;
}

int nvmlEventSetFree(struct nvml_event_set *set)
{
	cleanup_call struct state_call call = state_begin(__func__);
	if (call.code != NVML_SUCCESS)
		return call.code;
	if (!event_set_is_known(state_events(), set))
		return NVML_ERROR_INVALID_ARGUMENT;
	event_set_give_back(set);
	return NVML_SUCCESS;
}

/* Events of a part are registered for on its GPU. */
int nvmlDeviceRegisterEvents(struct nvml_device *device, unsigned long long types,
			     struct nvml_event_set *set)
{
	cleanup_call struct state_call call = state_begin_on(__func__, device);
	if (call.code != NVML_SUCCESS)
		return call.code;
	if (types == 0 || !event_set_is_known(state_events(), set))
		return NVML_ERROR_INVALID_ARGUMENT;
	if ((types & ~supported_types) != 0)
		return NVML_ERROR_NOT_SUPPORTED;
	set->types[state_position(call.index)] |= types;
	return NVML_SUCCESS;
}

static bool has_lost_one(const struct nvml_event_set *set)
{
	for (unsigned i = 0; i < SCENARIO_GPUS_MAX; i++)
		if (set->types[i] != 0 && state_is_lost(i))
			return true;
	return false;
}

/* Called locked. NVML_ERROR_TIMEOUT: nothing yet. */
static int look(struct nvml_event_set *set, struct nvml_event_data *data)
{
	if (event_set_next(set, data))
		return NVML_SUCCESS;
	return has_lost_one(set) ? NVML_ERROR_GPU_IS_LOST : NVML_ERROR_TIMEOUT;
}

static int look_once(struct nvml_event_set *set, struct nvml_event_data *data, unsigned *generation)
{
	cleanup_call struct state_call call = state_begin("nvmlEventSetWait_v2");
	if (call.code != NVML_SUCCESS)
		return call.code;
	if (!data || !event_set_is_known(state_events(), set) ||
	    (*generation != 0 && set->generation != *generation))
		return NVML_ERROR_INVALID_ARGUMENT;
	*generation = set->generation;
	return look(set, data);
}

/* The file has to be looked at anyhow, so waiting is looking now and then, unlocked in between. */
int nvmlEventSetWait_v2(struct nvml_event_set *set, struct nvml_event_data *data,
			unsigned timeout_ms)
{
	unsigned generation = 0;
	uint64_t end_ns = clock_ns() + (uint64_t)timeout_ms * CLOCK_NS_PER_MS;
	for (;;) {
		int code = look_once(set, data, &generation);
		uint64_t now_ns = clock_ns();
		if (code != NVML_ERROR_TIMEOUT || now_ns >= end_ns)
			return code;
		uint64_t rest_ns = end_ns - now_ns;
		uint64_t most_ns = (uint64_t)LOOK_EVERY_MS * CLOCK_NS_PER_MS;
		const struct timespec nap = { .tv_nsec = (long)(rest_ns < most_ns ? rest_ns
										  : most_ns) };
		(void)nanosleep(&nap, NULL); /* woken early, it looks early */
	}
}

static unsigned major_version(const char *driver_version)
{
	return (unsigned)strtoul(driver_version, NULL, 10);
}

static int recovery_action(const struct state_call *call, unsigned *ret)
{
	*ret = NVML_GPU_RECOVERY_ACTION_NONE;
	if (call->live->recovery != SCENARIO_RECOVERY_UNSAID) {
		*ret = (unsigned)call->live->recovery;
		return NVML_SUCCESS;
	}
	return major_version(call->scenario->driver_version) < RECOVERY_DRIVER
		       ? NVML_ERROR_NOT_SUPPORTED
		       : NVML_SUCCESS;
}

static void reply_field(const struct state_call *call, struct nvml_field_value *value)
{
	value->value.ull = 0;
	value->timestamp = (long long)(clock_ns() / 1000);
	value->latency_usec = 0;
	value->value_type = NVML_VALUE_TYPE_UNSIGNED_INT;
	value->result = NVML_SUCCESS;
	switch (value->field_id) {
	case NVML_FI_DEV_GET_GPU_RECOVERY_ACTION:
		value->result = recovery_action(call, &value->value.ui);
		break;
	case FIELD_ECC_DOUBLE:
		value->value_type = NVML_VALUE_TYPE_UNSIGNED_LONG_LONG;
		value->value.ull = call->live->ecc_errors;
		break;
	default:
		value->result = NVML_ERROR_NOT_SUPPORTED;
		break;
	}
}

int nvmlDeviceGetFieldValues(struct nvml_device *device, int count, struct nvml_field_value *values)
{
	cleanup_call struct state_call call = state_begin_on(__func__, device);
	if (call.code != NVML_SUCCESS)
		return call.code;
	if (!values || count <= 0)
		return NVML_ERROR_INVALID_ARGUMENT;
	for (int i = 0; i < count; i++)
		reply_field(&call, &values[i]);
	return NVML_SUCCESS;
}
