/* SPDX-License-Identifier: Apache-2.0 */
/* The keys `faults` and `events` of a scenario. */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "driver/nvml_abi.h"
#include "sim/scenario.h"

static struct scenario *parse(const char *text)
{
	struct scenario *scenario = NULL;
	struct err err = ERR_INIT;
	if (scenario_parse("sim.yaml", text, strlen(text), &scenario, &err) < 0)
		fail_msg("%s", err.msg);
	return scenario;
}

static void a_fault_has_its_time(void **state)
{
	(void)state;
	struct scenario *scenario = parse(
		"faults:\n"
		"- {call: nvmlDeviceGetName, do: slow, for: 2ms, until: 1s}\n"
		"- {call: nvmlDeviceGetName, do: fail, from: 1s, until: 2s}\n"
		"- {call: nvmlDeviceGetUUID, do: hang, from: 1s}\n");
	static const uint64_t second = 1000000000;
	const int all = SCENARIO_ALL_GPUS;
	const struct scenario_fault *fault = scenario_find_fault(scenario, "nvmlDeviceGetName", all,
								 0);
	assert_int_equal(fault->action, SCENARIO_SLOW);
	assert_int_equal(fault->delay_ns, 2 * 1000 * 1000);
	fault = scenario_find_fault(scenario, "nvmlDeviceGetName", all, second);
	assert_int_equal(fault->action, SCENARIO_FAIL);
	assert_null(scenario_find_fault(scenario, "nvmlDeviceGetName", all, 2 * second));
	assert_null(scenario_find_fault(scenario, "nvmlDeviceGetUUID", all, second - 1));
	assert_non_null(scenario_find_fault(scenario, "nvmlDeviceGetUUID", all, 99 * second));
	scenario_free(scenario);
}

static void a_gpu_is_lost_for_its_time(void **state)
{
	(void)state;
	struct scenario *scenario = parse("faults: [{do: loseGpu, gpu: 1, from: 1ns, until: 3ns}]");
	assert_false(scenario_loses(scenario, 1, 0));
	assert_true(scenario_loses(scenario, 1, 1));
	assert_false(scenario_loses(scenario, 0, 1));
	assert_false(scenario_loses(scenario, 1, 3));
	assert_null(scenario_find_fault(scenario, "nvmlDeviceGetName", 1, 1));
	scenario_free(scenario);
}

static void an_event_is_of_a_gpu_or_of_a_part(void **state)
{
	(void)state;
	struct scenario *scenario = parse(
		"events:\n"
		"- {id: a, gpu: 1, xid: 79, at: 1.5s}\n"
		"- {id: b, gpu: 0, gpuInstance: 7, computeInstance: 0, xid: 94}\n"
		"- {id: c, gpu: 0, type: doubleBitEcc}\n");
	const struct scenario_event *event = scenario_find_event(scenario, "a");
	assert_true(event->has_time);
	assert_int_equal(event->at_ns, 1500 * 1000 * 1000);
	assert_int_equal(event->gpu, 1);
	assert_int_equal(event->xid, 79);
	assert_int_equal(event->type, NVML_EVENT_TYPE_XID_CRITICAL_ERROR);
	assert_int_equal(event->gpu_instance, SCENARIO_INSTANCE_NONE);
	event = scenario_find_event(scenario, "b");
	assert_false(event->has_time);
	assert_int_equal(event->gpu_instance, 7);
	assert_int_equal(event->compute_instance, 0);
	assert_int_equal(scenario_find_event(scenario, "c")->type,
			 NVML_EVENT_TYPE_DOUBLE_BIT_ECC_ERROR);
	assert_null(scenario_find_event(scenario, "d"));
	scenario_free(scenario);
}

static void a_layout_of_an_event_is_that_of_its_gpu_from_then_on(void **state)
{
	(void)state;
	struct scenario *scenario = parse(
		"events:\n" /* before the GPUs of which it speaks */
		"- {id: a, gpu: 1, type: mig, at: 2s, mig: [{profile: 1g.6gb, uuid: MIG-a}]}\n"
		"- {id: b, gpu: 1, type: mig, at: 3s, mig: []}\n"
		"- {id: c, gpu: 1, type: mig, at: 4s}\n"
		"- {id: d, gpu: 0, xid: 79}\n"
		"gpus: [{}, {uuid: GPU-a, model: NVIDIA A30, eccErrors: 3,\n"
		"mig: [{profile: 1g.6gb, uuid: MIG-a}]}]\n");
	const struct scenario_gpu *gpu = scenario_find_event(scenario, "a")->becomes;
	assert_true(gpu->is_mig);
	assert_int_equal(gpu->instances_count, 1);
	assert_string_equal(gpu->instances[0].computes[0].uuid, "MIG-a");
	assert_string_equal(gpu->uuid, "GPU-a");
	assert_int_equal(gpu->ecc_errors, 3);
	gpu = scenario_find_event(scenario, "b")->becomes;
	assert_true(gpu->is_mig);
	assert_int_equal(gpu->instances_count, 0);
	gpu = scenario_find_event(scenario, "c")->becomes;
	assert_false(gpu->is_mig);
	assert_int_equal(gpu->instances_count, 0);
	assert_null(scenario_find_event(scenario, "d")->becomes);
	scenario_free(scenario);
}

static void says_where_and_what_is_wrong(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *message;
	} cases[] = {
		{ "faults: [{call: nvmlInit_v2}]",
		  "sim.yaml:1:10: a fault needs the keys call and do" },
		{ "faults: [{do: loseGpu}]",
		  "sim.yaml:1:10: do: loseGpu needs the key gpu and has no call" },
		{ "faults: [{call: nvmlInit_v2, do: loseGpu, gpu: 0}]",
		  "sim.yaml:1:10: do: loseGpu needs the key gpu and has no call" },
		{ "faults: [{call: nvmlInit_v2, do: slow}]",
		  "sim.yaml:1:10: for goes with do: slow, which needs it" },
		{ "faults: [{call: nvmlInit_v2, do: fail, for: 1s}]",
		  "sim.yaml:1:10: for goes with do: slow, which needs it" },
		{ "faults: [{call: nvmlInit_v2, do: slow, for: 1}]",
		  "sim.yaml:1:45: for: must be a duration such as 1.5s or 300ms" },
		{ "faults: [{call: nvmlInit_v2, do: fail, from: 2s, until: 2s}]",
		  "sim.yaml:1:10: until must be later than from" },
		{ "events: [{gpu: 0, xid: 1}]",
		  "sim.yaml:1:10: an event needs the keys id and gpu" },
		{ "events: [{id: a, xid: 1}]",
		  "sim.yaml:1:10: an event needs the keys id and gpu" },
		{ "events: [{id: a, gpu: 0}]",
		  "sim.yaml:1:10: xid goes with type: xid, which needs it" },
		{ "events: [{id: a, gpu: 0, type: singleBitEcc, xid: 1}]",
		  "sim.yaml:1:10: xid goes with type: xid, which needs it" },
		{ "events: [{id: a, gpu: 0, type: ecc}]",
		  "sim.yaml:1:32: type: ecc is not xid, singleBitEcc, doubleBitEcc or mig" },
		{ "events: [{id: a, gpu: 0, xid: 1, mig: []}]",
		  "sim.yaml:1:10: mig goes with type: mig only" },
		{ "events: [{id: a, gpu: 0, type: mig, xid: 1}]",
		  "sim.yaml:1:10: xid goes with type: xid, which needs it" },
		{ "events: [{id: a, gpu: 0, type: mig, mig: []}]",
		  "sim.yaml:1:10: type: mig needs the key at; without a time, rewrite the key mig "
		  "of the GPU" },
		{ "events: [{id: a, gpu: 0, type: mig, at: 1s, gpuInstance: 1, "
		  "computeInstance: 0}]",
		  "sim.yaml:1:10: type: mig is of a whole GPU" },
		{ "events: [{id: a, gpu: 1, type: mig, at: 1s}]",
		  "sim.yaml:1:10: there is no GPU 1 in this file" },
		{ "events: [{id: a, gpu: 0, type: mig, at: 1s}]",
		  "sim.yaml:1:10: Tesla T4 has no MIG" },
		{ "{gpus: [{model: NVIDIA A30}], events: [{id: a, gpu: 0, type: mig, at: 1s, "
		  "mig: [9g]}]}",
		  "sim.yaml:1:81: this GPU has no profile 9g" },
		{ "{gpus: [{model: NVIDIA A30}, {model: NVIDIA A30, mig: [{profile: 1g.6gb, "
		  "uuid: MIG-a}]}],\n"
		  "events: [{id: a, gpu: 0, type: mig, at: 1s, mig: [{profile: 1g.6gb, "
		  "uuid: MIG-a}]}]}",
		  "sim.yaml:2:10: the uuid MIG-a stands twice" },
		{ "events: [{id: a, gpu: 0, xid: 1, gpuInstance: 1}]",
		  "sim.yaml:1:10: gpuInstance and computeInstance go together" },
		{ "events: [{id: a, gpu: 0, xid: 1, gpuInstance: 15}]",
		  "sim.yaml:1:47: gpuInstance: must be a number of 0 to 14" },
		{ "events: [{id: a, gpu: 0, xid: 1, computeInstance: 8}]",
		  "sim.yaml:1:51: computeInstance: must be a number of 0 to 7" },
		{ "events: [{id: a, gpu: 64, xid: 1}]",
		  "sim.yaml:1:23: gpu: must be a number of 0 to 63" },
		{ "events: [{id: a, gpu: 0, xid: x}]",
		  "sim.yaml:1:31: xid: must be a number of 0 to 4294967295" },
		{ "events: [{id: a, gpu: 0, xid: 1}, {id: a, gpu: 1, xid: 2}]",
		  "sim.yaml:1:35: has the id of event 0" },
		{ "events: {}", "sim.yaml:1:9: events: must be a list" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct scenario *scenario = NULL;
		struct err err = ERR_INIT;
		assert_int_equal(scenario_parse("sim.yaml", cases[i].text, strlen(cases[i].text),
						&scenario, &err),
				 -EINVAL);
		assert_string_equal(err.msg, cases[i].message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fault_has_its_time),
		cmocka_unit_test(a_gpu_is_lost_for_its_time),
		cmocka_unit_test(an_event_is_of_a_gpu_or_of_a_part),
		cmocka_unit_test(a_layout_of_an_event_is_that_of_its_gpu_from_then_on),
		cmocka_unit_test(says_where_and_what_is_wrong),
	};
	return cmocka_run_group_tests_name("incident", tests, NULL, NULL);
}
