/* SPDX-License-Identifier: Apache-2.0 */
/* A scenario file of any bytes: read or refused with words. */
#include <stdint.h>
#include <stdlib.h>

#include "driver/nvml_abi.h"
#include "sim/model.h"
#include "sim/scenario.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool is_so)
{
	if (!is_so)
		abort();
}

/* Instances lie beside each other, and their parts inside them. */
static void check_parts(const struct scenario_gpu *gpu)
{
	unsigned taken = 0;
	expect(gpu->instances_count == 0 || (gpu->is_mig && gpu->model->mig));
	for (size_t i = 0; i < gpu->instances_count; i++) {
		const struct scenario_instance *instance = &gpu->instances[i];
		unsigned mask = ((1U << instance->profile->width) - 1) << instance->start;
		unsigned slices = 0;
		expect((taken & mask) == 0 && mask >> gpu->model->mig->memory_slices == 0);
		taken |= mask;
		expect(instance->id < SCENARIO_INSTANCE_IDS);
		expect(i == 0 || gpu->instances[i - 1].id < instance->id);
		for (size_t j = 0; j < instance->computes_count; j++) {
			expect(instance->computes[j].uuid && instance->computes[j].id == j);
			slices += instance->computes[j].slices;
		}
		expect(slices <= instance->profile->slices);
	}
}

static void check_gpus(const struct scenario *scenario)
{
	expect(scenario->gpus_count <= SCENARIO_GPUS_MAX);
	for (size_t i = 0; i < scenario->gpus_count; i++) {
		const struct scenario_gpu *gpu = &scenario->gpus[i];
		expect(gpu->uuid && gpu->model && gpu->memory_bytes > 0);
		check_parts(gpu);
		(void)scenario_level(scenario, 0, (unsigned)i);
	}
}

static void check_rest(const struct scenario *scenario)
{
	expect(scenario->faults_count <= SCENARIO_FAULTS_MAX);
	expect(scenario->events_count <= SCENARIO_EVENTS_MAX);
	expect(scenario->pairs_count <= SCENARIO_PAIRS_MAX);
	for (size_t i = 0; i < scenario->pairs_count; i++)
		expect(scenario->pairs[i].first < scenario->pairs[i].second &&
		       scenario->pairs[i].second < scenario->gpus_count);
	for (size_t i = 0; i < scenario->events_count; i++)
		expect(scenario_find_event(scenario, scenario->events[i].id) ==
		       &scenario->events[i]);
	(void)scenario_find_fault(scenario, "nvmlInit_v2", SCENARIO_ALL_GPUS, 0);
	(void)scenario_loses(scenario, 0, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_scenario struct scenario *scenario = NULL;
	struct err err = ERR_INIT;
	int r = scenario_parse("sim.yaml", (const char *)data, size, &scenario, &err);
	expect((r == 0) == (scenario != NULL) && (r == 0 || err.msg[0] != '\0'));
	if (!scenario)
		return 0;
	check_gpus(scenario);
	check_rest(scenario);
	return 0;
}
