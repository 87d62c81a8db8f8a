/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/tree.h"
#include "driver/nvml_abi.h"
#include "failing.h"
#include "sim/model.h"
#include "sim/scenario.h"

static struct scenario *parse(const char *text)
{
	struct scenario *scenario = NULL;
	struct err err = ERR_INIT;
	if (scenario_parse("sim.yaml", text, strlen(text), &scenario, &err) < 0)
		fail_msg("%s", err.msg);
	return scenario;
}

static void expect_refusal(const char *text, const char *message)
{
	struct scenario *scenario = NULL;
	struct err err = ERR_INIT;
	assert_int_equal(scenario_parse("sim.yaml", text, strlen(text), &scenario, &err), -EINVAL);
	assert_string_equal(err.msg, message);
	assert_null(scenario);
}

/* The text of a scenario with @count GPUs of which nothing is said; the caller's to buf_done(). */
static struct buf plain_gpus(unsigned count)
{
	struct buf text = BUF_INIT(TREE_BYTES_MAX);
	(void)buf_text(&text, "gpus: [");
	for (unsigned i = 0; i < count; i++)
		(void)buf_text(&text, i > 0 ? ", {}" : "{}");
	(void)buf_text(&text, "]");
	return text;
}

static void an_empty_file_is_one_t4(void **state)
{
	(void)state;
	struct scenario *scenario = parse("");
	assert_string_equal(scenario->driver_version, "550.54.15");
	assert_int_equal(scenario->cuda_version, 12040);
	assert_int_equal(scenario->gpus_count, 1);
	assert_int_equal(scenario->faults_count, 0);
	const struct scenario_gpu *gpu = &scenario->gpus[0];
	assert_string_equal(gpu->name, "Tesla T4");
	assert_string_equal(gpu->uuid, "GPU-e220a839-7b1d-4daf-a6e7-9e6aa1b965f4");
	assert_int_equal(gpu->pci.device, 0x1E);
	assert_int_equal(gpu->minor, 0);
	assert_int_equal(gpu->numa_node, 0);
	assert_int_equal(gpu->memory_bytes, 15360ULL << 20);
	assert_int_equal(gpu->capability.major, 7);
	assert_int_equal(gpu->capability.minor, 5);
	scenario_free(scenario);
}

static void no_file_is_one_t4(void **state)
{
	(void)state;
	struct scenario *scenario = NULL;
	assert_int_equal(scenario_read(NULL, &scenario, NULL), 0);
	assert_int_equal(scenario->gpus_count, 1);
	scenario_free(scenario);
}

static void says_which_file_cannot_be_read(void **state)
{
	(void)state;
	struct scenario *scenario = NULL;
	struct err err = ERR_INIT;
	assert_int_equal(scenario_read("/nonexistent/sim.yaml", &scenario, &err), -ENOENT);
	assert_string_equal(err.msg, "/nonexistent/sim.yaml: No such file or directory");
}

static void an_empty_list_is_no_gpu(void **state)
{
	(void)state;
	struct scenario *scenario = parse("gpus: []");
	assert_int_equal(scenario->gpus_count, 0);
	scenario_free(scenario);
}

static void reads_every_key(void **state)
{
	(void)state;
	struct scenario *scenario = parse(
		"driver: {version: 580.65.06, cuda: \"13.0\"}\n"
		"gpus:\n"
		"- {model: Any Name, uuid: GPU-a-1, memory: 2GiB, minor: 7,\n"
		"   busId: '0001:af:1f.0', numaNode: -1,\n"
		"   computeCapability: 8.6}\n");
	assert_string_equal(scenario->driver_version, "580.65.06");
	assert_int_equal(scenario->cuda_version, 13000);
	const struct scenario_gpu *gpu = &scenario->gpus[0];
	assert_string_equal(gpu->name, "Any Name");
	assert_string_equal(gpu->model->name, "Tesla T4");
	assert_string_equal(gpu->uuid, "GPU-a-1");
	assert_int_equal(gpu->memory_bytes, 2ULL << 30);
	assert_int_equal(gpu->minor, 7);
	assert_int_equal(gpu->pci.domain, 1);
	assert_int_equal(gpu->pci.bus, 0xAF);
	assert_int_equal(gpu->pci.device, 0x1F);
	assert_int_equal(gpu->numa_node, SCENARIO_NUMA_NONE);
	assert_int_equal(gpu->capability.major, 8);
	assert_int_equal(gpu->capability.minor, 6);
	scenario_free(scenario);
}

static void a_model_brings_its_figures(void **state)
{
	(void)state;
	struct scenario *scenario = parse("gpus: [{model: NVIDIA H200}]");
	assert_int_equal(scenario->gpus[0].memory_bytes, 143771ULL << 20);
	assert_int_equal(scenario->gpus[0].capability.major, 9);
	assert_non_null(scenario->gpus[0].model->mig);
	scenario_free(scenario);
}

/* As an EC2 g4dn.12xlarge: 1B, 1C, 1D, 1E. The 32nd from the end is on the next bus. */
static void addresses_count_up_to_the_last_slot(void **state)
{
	(void)state;
	struct buf text = plain_gpus(34);
	struct scenario *scenario = parse(text.data);
	buf_done(&text);
	assert_int_equal(scenario->gpus_count, 34);
	assert_int_equal(scenario->gpus[33].pci.device, 0x1E);
	assert_int_equal(scenario->gpus[30].pci.device, 0x1B);
	assert_int_equal(scenario->gpus[3].pci.device, 0);
	assert_int_equal(scenario->gpus[2].pci.device, 0x1E);
	assert_int_equal(scenario->gpus[2].pci.bus, 1);
	assert_int_equal(scenario->gpus[33].minor, 33);
	scenario_free(scenario);
}

static void uuids_are_the_same_at_each_run(void **state)
{
	(void)state;
	struct scenario *a = parse("gpus: [{}, {}, {}]");
	struct scenario *b = parse("gpus: [{}, {model: NVIDIA L4}, {}]");
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(a->gpus[i].uuid, b->gpus[i].uuid);
	assert_string_not_equal(a->gpus[0].uuid, a->gpus[1].uuid);
	scenario_free(a);
	scenario_free(b);
}

static void says_where_and_what_is_wrong(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *message;
	} cases[] = {
		{ "gpu: []", "sim.yaml:1:1: gpu: unknown key, did you mean gpus?" },
		{ "gpus:\n  - colour: red", "sim.yaml:2:5: colour: unknown key" },
		{ "- 1", "sim.yaml:1:1: must be a map" },
		{ "gpus: 4", "sim.yaml:1:7: gpus: must be a list" },
		{ "gpus:", "sim.yaml:1:6: gpus: has no value" },
		{ "gpus: [x]", "sim.yaml:1:8: must be a map" },
		{ "gpus: [{minor: 0, minor: 1}]",
		  "sim.yaml:1:16: minor: stands twice in this map" },
		{ "gpus: [{minor: 256}]", "sim.yaml:1:16: minor: must be a number of 0 to 255" },
		{ "gpus: [{numaNode: -2}]",
		  "sim.yaml:1:19: numaNode: must be a number of 0 to 63" },
		{ "gpus: [{memory: 15360 MiB}]",
		  "sim.yaml:1:17: memory: must be a size such as 15360MiB" },
		{ "gpus: [{memory: 0}]", "sim.yaml:1:17: memory: must be a size such as 15360MiB" },
		{ "gpus: [{uuid: MIG-1}]",
		  "sim.yaml:1:15: uuid: must be a text such as GPU-<hex digits and dashes>" },
		{ "gpus: [{uuid: GPU-a/b}]",
		  "sim.yaml:1:15: uuid: must be letters, digits and dashes only" },
		{ "gpus: [{busId: '00:1E.0'}]",
		  "sim.yaml:1:16: busId: must be a PCI address such as 00000000:00:1E.0" },
		{ "gpus: [{busId: '0000:00: 1.0'}]",
		  "sim.yaml:1:16: busId: must be a PCI address such as 00000000:00:1E.0" },
		{ "gpus: [{busId: '0000:00:20.0'}]",
		  "sim.yaml:1:16: busId: must be a PCI address such as 00000000:00:1E.0" },
		{ "gpus: [{computeCapability: 7}]",
		  "sim.yaml:1:28: computeCapability: must be two numbers such as \"7.5\"" },
		{ "gpus: [{uuid: GPU-a}, {uuid: GPU-a}]", "sim.yaml:1:23: has the uuid of GPU 0" },
		{ "gpus: [{}, {minor: 0}]", "sim.yaml:1:12: has the minor of GPU 0" },
		{ "gpus: [{}, {busId: '0000:00:1d.0'}]", "sim.yaml:1:12: has the busId of GPU 0" },
		{ "driver: {version: new}",
		  "sim.yaml:1:19: version: must be a version such as 550.54.15" },
		{ "driver: {cuda: 12}",
		  "sim.yaml:1:16: cuda: must be two numbers such as \"12.4\"" },
		{ "faults: [{do: hang}]", "sim.yaml:1:10: a fault needs the keys call and do" },
		{ "faults: [{call: nvmlInit, do: hang}]",
		  "sim.yaml:1:17: call: nvmlInit is not a call of the driver that can fail, did "
		  "you mean nvmlInit_v2?" },
		{ "faults: [{call: nvmlInit_v2, do: nothing}]",
		  "sim.yaml:1:34: do: nothing is not hang, crash, fail, slow or loseGpu" },
		{ "faults: [{call: nvmlInit_v2, do: hang, error: NVML_ERROR_UNKNOWN}]",
		  "sim.yaml:1:10: error goes with do: fail only" },
		{ "faults: [{call: nvmlInit_v2, do: fail, error: NVML_ERROR_UNKOWN}]",
		  "sim.yaml:1:47: error: NVML_ERROR_UNKOWN is not an error of NVML, did you mean "
		  "NVML_ERROR_UNKNOWN?" },
		{ "gpus: [", "sim.yaml:2:1: not YAML or JSON: did not find expected node content" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		expect_refusal(cases[i].text, cases[i].message);
}

static void refuses_more_gpus_than_it_can_show(void **state)
{
	(void)state;
	struct buf text = plain_gpus(SCENARIO_GPUS_MAX + 1);
	expect_refusal(text.data, "sim.yaml:1:7: gpus: has 65 entries, at most 64 are allowed");
	buf_done(&text);
}

static void finds_the_fault_of_a_call_and_a_gpu(void **state)
{
	(void)state;
	struct scenario *scenario = parse(
		"faults:\n"
		"- {call: nvmlDeviceGetName, do: fail, error: NVML_ERROR_GPU_IS_LOST, gpu: 1}\n"
		"- {call: nvmlInit_v2, do: crash}\n"
		"- {call: nvmlDeviceGetUUID, do: fail}\n");
	const struct scenario_fault *fault = scenario_find_fault(scenario, "nvmlDeviceGetName", 1,
								 0);
	assert_int_equal(fault->action, SCENARIO_FAIL);
	assert_int_equal(fault->error, NVML_ERROR_GPU_IS_LOST);
	assert_null(scenario_find_fault(scenario, "nvmlDeviceGetName", 0, 0));
	assert_null(scenario_find_fault(scenario, "nvmlDeviceGetName", SCENARIO_ALL_GPUS, 0));
	fault = scenario_find_fault(scenario, "nvmlInit_v2", SCENARIO_ALL_GPUS, 0);
	assert_int_equal(fault->action, SCENARIO_CRASH);
	fault = scenario_find_fault(scenario, "nvmlDeviceGetUUID", SCENARIO_ALL_GPUS, 0);
	assert_int_equal(fault->error, NVML_ERROR_UNKNOWN);
	assert_null(scenario_find_fault(scenario, "nvmlDeviceGetUUID", 5, 0));
	assert_null(scenario_find_fault(scenario, "nvmlShutdown", SCENARIO_ALL_GPUS, 0));
	scenario_free(scenario);
}

static void says_what_is_live_of_a_gpu(void **state)
{
	(void)state;
	struct scenario *scenario = parse("gpus: [{recoveryAction: drainP2P, eccErrors: 7}, {}]");
	assert_int_equal(scenario->gpus[0].recovery, NVML_GPU_RECOVERY_ACTION_DRAIN_P2P);
	assert_int_equal(scenario->gpus[0].ecc_errors, 7);
	assert_int_equal(scenario->gpus[1].recovery, SCENARIO_RECOVERY_UNSAID);
	assert_int_equal(scenario->gpus[1].ecc_errors, 0);
	scenario_free(scenario);
	expect_refusal("gpus: [{recoveryAction: reset}]",
		       "sim.yaml:1:25: recoveryAction: reset is not none, gpuReset, nodeReboot, "
		       "drainP2P or drainAndReset");
	expect_refusal("gpus: [{eccErrors: -1}]",
		       "sim.yaml:1:20: eccErrors: must be a number of 0 to 4294967295");
}

static void every_allocation_may_fail(void **state)
{
	(void)state;
	static const char text[] = "driver: {version: 580.65.06}\n"
				   "gpus: [{uuid: GPU-a}, {model: NVIDIA A30,\n"
				   "  mig: [1g.6gb, {profile: 2g.12gb, compute: [1c.2g.12gb]}]}]\n"
				   "links: {nvlink: [[0, 1, 2]]}\n"
				   "faults: [{call: nvmlInit_v2, do: hang}]\n"
				   "events: [{id: a, gpu: 0, xid: 79}]\n";
	struct scenario *scenario = NULL;
	unsigned failures = 0;
	int r = -ENOMEM;
	while (r < 0) {
		struct err err = ERR_INIT;
		failing_calloc = ++failures;
		r = scenario_parse("sim.yaml", text, strlen(text), &scenario, &err);
		assert_true(r == 0 || r == -ENOMEM);
		assert_true(r == 0 || strstr(err.msg, "out of memory"));
	}
	failing_calloc = 0;
	assert_true(failures > 3); /* the tree, the scenario and its arena failed first */
	scenario_free(scenario);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_file_is_one_t4),
		cmocka_unit_test(no_file_is_one_t4),
		cmocka_unit_test(says_which_file_cannot_be_read),
		cmocka_unit_test(an_empty_list_is_no_gpu),
		cmocka_unit_test(reads_every_key),
		cmocka_unit_test(a_model_brings_its_figures),
		cmocka_unit_test(addresses_count_up_to_the_last_slot),
		cmocka_unit_test(uuids_are_the_same_at_each_run),
		cmocka_unit_test(says_where_and_what_is_wrong),
		cmocka_unit_test(refuses_more_gpus_than_it_can_show),
		cmocka_unit_test(finds_the_fault_of_a_call_and_a_gpu),
		cmocka_unit_test(says_what_is_live_of_a_gpu),
		cmocka_unit_test(every_allocation_may_fail),
	};
	return cmocka_run_group_tests_name("scenario", tests, NULL, NULL);
}
