/* SPDX-License-Identifier: Apache-2.0 */
/* A scenario file that a test of the simulated NVML writes and rewrites. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "driver/nvml_abi.h"
#include "unit.h"

static char scenario_file[64];

/* By rename, so that no half of it is ever read. */
static void write_scenario(const char *text)
{
	char newer[sizeof(scenario_file) + 4];
	(void)snprintf(newer, sizeof(newer), "%s.new", scenario_file);
	assert_int_equal(file_write(newer, text, strlen(text), 0600, NULL), 0);
	assert_int_equal(rename(newer, scenario_file), 0);
}

static int make_scenario_file(void **state)
{
	(void)state;
	(void)snprintf(scenario_file, sizeof(scenario_file), "/tmp/rota_scenario.XXXXXX");
	int fd = mkstemp(scenario_file);
	assert_true(fd >= 0);
	(void)close(fd);
	assert_int_equal(setenv("ROTA_SIM", scenario_file, 1), 0);
	assert_int_equal(unsetenv("ROTA_SIM_VISIBLE"), 0);
	return 0;
}

static int remove_scenario_file(void **state)
{
	(void)state;
	while (nvmlShutdown() == NVML_SUCCESS)
		;
	return unlink(scenario_file);
}

static struct nvml_device *get_gpu(unsigned index)
{
	struct nvml_device *device = NULL;
	assert_int_equal(nvmlDeviceGetHandleByIndex_v2(index, &device), NVML_SUCCESS);
	return device;
}
