/* SPDX-License-Identifier: Apache-2.0 */
/* See incident.h. Words of the file to numbers by tables made of NVML's own. */
#include "sim/incident.h"

#include <string.h>

#include "base/tree.h"
#include "driver/nvml_abi.h"
#include "sim/mig_layout.h"
#include "sim/model.h"
#include "sim/reading.h"
#include "sim/scenario.h"

static int read_call(struct reading *reading, const struct tree *node, void *ret)
{
#define CALL_NAME(name, parameters) #name,
	static const char *const names[] = { NVML_CALLS(CALL_NAME) };
#undef CALL_NAME
	static const struct reading_words calls = { names, ARRAY_LEN(names),
						    "a call of the driver that can fail" };
	int found = 0;
	int r = reading_word(reading, node, &calls, &found);
	if (r == 0)
		*(const char **)ret = names[found];
	return r;
}

static int read_action(struct reading *reading, const struct tree *node, void *ret)
{
	static const char *const names[] = {
		[SCENARIO_HANG] = "hang", [SCENARIO_CRASH] = "crash",  [SCENARIO_FAIL] = "fail",
		[SCENARIO_SLOW] = "slow", [SCENARIO_LOSE] = "loseGpu",
	};
	static const struct reading_words actions = { names, ARRAY_LEN(names),
						      "hang, crash, fail, slow or loseGpu" };
	return reading_word(reading, node, &actions, ret);
}

static int read_error(struct reading *reading, const struct tree *node, void *ret)
{
#define ERROR_NAME(name, value, text)  #name,
#define ERROR_VALUE(name, value, text) (value),
	static const char *const names[] = { NVML_RETURNS(ERROR_NAME) };
	static const int values[] = { NVML_RETURNS(ERROR_VALUE) };
#undef ERROR_NAME
#undef ERROR_VALUE
	static const struct reading_words errors = { names, ARRAY_LEN(names), "an error of NVML" };
	int found = 0;
	int r = reading_word(reading, node, &errors, &found);
	if (r == 0)
		*(int *)ret = values[found];
	return r;
}

static const struct reading_field fault_fields[] = {
	{ "call", read_call, offsetof(struct scenario_fault, call) },
	{ "do", read_action, offsetof(struct scenario_fault, action) },
	{ "error", read_error, offsetof(struct scenario_fault, error) },
	{ "gpu", reading_gpu, offsetof(struct scenario_fault, gpu) },
	{ "for", reading_duration, offsetof(struct scenario_fault, delay_ns) },
	{ "from", reading_duration, offsetof(struct scenario_fault, from_ns) },
	{ "until", reading_duration, offsetof(struct scenario_fault, until_ns) },
};

/* What goes with what. */
static int check_fault(struct reading *reading, const struct tree *node,
		       const struct scenario_fault *fault)
{
	bool loses = fault->action == SCENARIO_LOSE;
	if (loses && (fault->call || fault->gpu == SCENARIO_ALL_GPUS))
		return reading_complain(reading, node,
					"do: loseGpu needs the key gpu and has no call");
	if (!tree_find(node, "do") || (!fault->call && !loses))
		return reading_complain(reading, node, "a fault needs the keys call and do");
	if (tree_find(node, "error") && fault->action != SCENARIO_FAIL)
		return reading_complain(reading, node, "error goes with do: fail only");
	if ((tree_find(node, "for") != NULL) != (fault->action == SCENARIO_SLOW))
		return reading_complain(reading, node, "for goes with do: slow, which needs it");
	if (fault->from_ns >= fault->until_ns)
		return reading_complain(reading, node, "until must be later than from");
	return 0;
}

static int read_fault(struct reading *reading, const struct tree *node, void *ret)
{
	struct scenario_fault *fault = ret;
	*fault = (struct scenario_fault){ .error = NVML_ERROR_UNKNOWN,
					  .gpu = SCENARIO_ALL_GPUS,
					  .until_ns = UINT64_MAX };
	int r = reading_map(reading, node, fault_fields, ARRAY_LEN(fault_fields), fault);
	return r < 0 ? r : check_fault(reading, node, fault);
}

int incident_read_faults(struct reading *reading, const struct tree *list, void *ret)
{
	struct scenario *scenario = ret;
	void *faults = NULL;
	int r = reading_array(reading, list, SCENARIO_FAULTS_MAX, sizeof(struct scenario_fault),
			      read_fault, &faults, &scenario->faults_count);
	if (r == 0)
		scenario->faults = faults;
	return r;
}

static int read_type(struct reading *reading, const struct tree *node, void *ret)
{
	static const char *const names[] = { "xid", "singleBitEcc", "doubleBitEcc", "mig" };
	static const int values[] = {
		NVML_EVENT_TYPE_XID_CRITICAL_ERROR,
		NVML_EVENT_TYPE_SINGLE_BIT_ECC_ERROR,
		NVML_EVENT_TYPE_DOUBLE_BIT_ECC_ERROR,
		SCENARIO_EVENT_MIG,
	};
	static const struct reading_words types = { names, ARRAY_LEN(names),
						    "xid, singleBitEcc, doubleBitEcc or mig" };
	int found = 0;
	int r = reading_word(reading, node, &types, &found);
	if (r == 0)
		*(int *)ret = values[found];
	return r;
}

static int read_xid(struct reading *reading, const struct tree *node, void *ret)
{
	uint64_t value = 0;
	int r = reading_number(reading, node, UINT32_MAX, &value);
	if (r == 0)
		*(uint64_t *)ret = value;
	return r;
}

static int read_gpu_instance(struct reading *reading, const struct tree *node, void *ret)
{
	uint64_t value = 0;
	int r = reading_number(reading, node, SCENARIO_INSTANCE_IDS - 1, &value);
	if (r == 0)
		*(int *)ret = (int)value;
	return r;
}

static int read_compute_instance(struct reading *reading, const struct tree *node, void *ret)
{
	uint64_t value = 0;
	int r = reading_number(reading, node, SCENARIO_COMPUTES_MAX - 1, &value);
	if (r == 0)
		*(int *)ret = (int)value;
	return r;
}

static const struct reading_field event_fields[] = {
	{ "id", reading_text, offsetof(struct scenario_event, id) },
	{ "at", reading_duration, offsetof(struct scenario_event, at_ns) },
	{ "gpu", reading_gpu, offsetof(struct scenario_event, gpu) },
	{ "gpuInstance", read_gpu_instance, offsetof(struct scenario_event, gpu_instance) },
	{ "computeInstance", read_compute_instance,
	  offsetof(struct scenario_event, compute_instance) },
	{ "type", read_type, offsetof(struct scenario_event, type) },
	{ "xid", read_xid, offsetof(struct scenario_event, xid) },
	{ "mig", reading_later, 0 },
};

/* A layout without a time is the GPU's own key, which is live. */
static int check_layout(struct reading *reading, const struct tree *node,
			const struct scenario_event *event)
{
	bool is_layout = event->type == SCENARIO_EVENT_MIG;
	if (tree_find(node, "mig") && !is_layout)
		return reading_complain(reading, node, "mig goes with type: mig only");
	if (is_layout && !event->has_time)
		return reading_complain(reading, node,
					"type: mig needs the key at; without a time, rewrite the "
					"key mig of the GPU");
	if (is_layout && event->gpu_instance >= 0)
		return reading_complain(reading, node, "type: mig is of a whole GPU");
	return 0;
}

static int check_event(struct reading *reading, const struct tree *node,
		       const struct scenario_event *event)
{
	bool is_xid = event->type == NVML_EVENT_TYPE_XID_CRITICAL_ERROR;
	if (!event->id || !tree_find(node, "gpu"))
		return reading_complain(reading, node, "an event needs the keys id and gpu");
	if ((tree_find(node, "xid") != NULL) != is_xid)
		return reading_complain(reading, node, "xid goes with type: xid, which needs it");
	if ((event->gpu_instance < 0) != (event->compute_instance < 0))
		return reading_complain(reading, node,
					"gpuInstance and computeInstance go together");
	return check_layout(reading, node, event);
}

static int read_event(struct reading *reading, const struct tree *node, void *ret)
{
	struct scenario_event *event = ret;
	*event = (struct scenario_event){ .gpu_instance = SCENARIO_INSTANCE_NONE,
					  .compute_instance = SCENARIO_INSTANCE_NONE,
					  .type = NVML_EVENT_TYPE_XID_CRITICAL_ERROR };
	int r = reading_map(reading, node, event_fields, ARRAY_LEN(event_fields), event);
	if (r < 0)
		return r;
	event->has_time = tree_find(node, "at") != NULL;
	return check_event(reading, node, event);
}

/* The events themselves are in the order of the list. */
static int refuse_twins(struct reading *reading, const struct tree *list,
			const struct scenario_event *events)
{
	const struct tree *node = list->child;
	for (size_t i = 0; node; i++, node = node->next)
		for (size_t j = 0; j < i; j++)
			if (strcmp(events[i].id, events[j].id) == 0)
				return reading_complain(reading, node, "has the id of event %zu",
							j);
	return 0;
}

/* The GPU as it is otherwise in this file. */
static int read_layout(struct reading *reading, const struct tree *node,
		       const struct scenario *scenario, struct scenario_event *event)
{
	const struct tree *mig = tree_find(node, "mig");
	if ((size_t)event->gpu >= scenario->gpus_count)
		return reading_complain(reading, node, "there is no GPU %d in this file",
					event->gpu);
	const struct scenario_gpu *before = &scenario->gpus[event->gpu];
	if (!before->model->mig)
		return reading_complain(reading, node, "%s has no MIG", before->name);
	struct scenario_gpu *gpu = arena_alloc(reading->arena, sizeof(*gpu));
	if (!gpu)
		return reading_no_memory(reading);
	*gpu = *before;
	gpu->is_mig = false;
	gpu->instances = NULL;
	gpu->instances_count = 0;
	event->becomes = gpu;
	int r = mig ? mig_layout_read(reading, mig, gpu) : 0;
	return r < 0 ? r
		     : mig_layout_refuse_twins(reading, node, gpu, scenario->gpus,
					       scenario->gpus_count);
}

static int read_layouts(struct reading *reading, const struct tree *list,
			const struct scenario *scenario)
{
	const struct tree *node = list->child;
	for (size_t i = 0; node; i++, node = node->next) {
		struct scenario_event *event = &scenario->events[i];
		int r = event->type == SCENARIO_EVENT_MIG
				? read_layout(reading, node, scenario, event)
				: 0;
		if (r < 0)
			return r;
	}
	return 0;
}

int incident_read_events(struct reading *reading, const struct tree *list,
			 struct scenario *scenario)
{
	void *events = NULL;
	int r = reading_array(reading, list, SCENARIO_EVENTS_MAX, sizeof(struct scenario_event),
			      read_event, &events, &scenario->events_count);
	if (r < 0)
		return r;
	scenario->events = events;
	r = refuse_twins(reading, list, events);
	return r < 0 ? r : read_layouts(reading, list, scenario);
}
