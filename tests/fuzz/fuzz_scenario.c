/* SPDX-License-Identifier: Apache-2.0 */
/* A scenario file of any bytes: read or refused with words. */
#include <stdint.h>
#include <stdlib.h>

#include "driver/nvml_abi.h"
#include "sim/model.h"
#include "sim/scenario.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_scenario struct scenario *scenario = NULL;
	struct err err = ERR_INIT;
	int r = scenario_parse("sim.yaml", (const char *)data, size, &scenario, &err);
	if ((r == 0) != (scenario != NULL) || (r < 0 && err.msg[0] == '\0'))
		abort();
	if (!scenario)
		return 0;
	if (scenario->gpus_count > SCENARIO_GPUS_MAX ||
	    scenario->faults_count > SCENARIO_FAULTS_MAX)
		abort();
	for (size_t i = 0; i < scenario->gpus_count; i++)
		if (!scenario->gpus[i].uuid || !scenario->gpus[i].model ||
		    scenario->gpus[i].memory_bytes == 0)
			abort();
	(void)scenario_find_fault(scenario, "nvmlInit_v2", SCENARIO_ALL_GPUS, 0);
	return 0;
}
