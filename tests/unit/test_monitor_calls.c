/* SPDX-License-Identifier: Apache-2.0 */
/* What the simulated NVML tells monitors of an idle GPU. */
#include "unit.h"

#include "scenario_file.h"

static int setup(void **state)
{
	(void)make_scenario_file(state);
	write_scenario("gpus: [{}, {model: NVIDIA A100-SXM4-40GB, mig: [2g.10gb]}]");
	return nvmlInit_v2();
}

static void nothing_runs(void **state)
{
	(void)state;
	unsigned count = 9;
	unsigned percent = 9;
	unsigned period_us = 0;
	assert_int_equal(nvmlDeviceGetGraphicsRunningProcesses_v3(get_gpu(0), &count, NULL),
			 NVML_SUCCESS);
	assert_int_equal(count, 0);
	assert_int_equal(nvmlDeviceGetEncoderUtilization(get_gpu(0), &percent, &period_us),
			 NVML_SUCCESS);
	assert_int_equal(percent, 0);
	assert_true(period_us > 0);
	assert_int_equal(nvmlDeviceGetDecoderUtilization(get_gpu(0), &percent, NULL),
			 NVML_ERROR_INVALID_ARGUMENT);
}

static void a_gpu_in_mig_mode_has_no_utilisation(void **state)
{
	(void)state;
	unsigned percent = 9;
	unsigned period_us = 9;
	struct nvml_utilization both = { 9, 9 };
	assert_int_equal(nvmlDeviceGetEncoderUtilization(get_gpu(1), &percent, &period_us),
			 NVML_ERROR_NOT_SUPPORTED);
	assert_int_equal(nvmlDeviceGetDecoderUtilization(get_gpu(1), &percent, &period_us),
			 NVML_ERROR_NOT_SUPPORTED);
	assert_int_equal(nvmlDeviceGetUtilizationRates(get_gpu(1), &both),
			 NVML_ERROR_NOT_SUPPORTED);
	assert_int_equal(percent, 9);
}

static void a_part_has_its_share_of_the_window(void **state)
{
	(void)state;
	struct nvml_bar1_memory memory = { 0 };
	struct nvml_device *part = NULL;
	assert_int_equal(nvmlDeviceGetBAR1MemoryInfo(get_gpu(1), &memory), NVML_SUCCESS);
	assert_int_equal(memory.total, 64ULL << 30);
	assert_int_equal(memory.free + memory.used, memory.total);
	assert_int_equal(nvmlDeviceGetMigDeviceHandleByIndex(get_gpu(1), 0, &part), NVML_SUCCESS);
	assert_int_equal(nvmlDeviceGetBAR1MemoryInfo(part, &memory), NVML_SUCCESS);
	assert_int_equal(memory.total, 16ULL << 30);
	assert_int_equal(nvmlDeviceGetBAR1MemoryInfo(part, NULL), NVML_ERROR_INVALID_ARGUMENT);
}

static void there_is_no_display_and_no_windows(void **state)
{
	(void)state;
	unsigned value = 9;
	assert_int_equal(nvmlDeviceGetDisplayMode(get_gpu(0), &value), NVML_SUCCESS);
	assert_int_equal(value, NVML_FEATURE_DISABLED);
	assert_int_equal(nvmlDeviceGetDriverModel(get_gpu(0), &value, &value),
			 NVML_ERROR_NOT_SUPPORTED);
	assert_int_equal(nvmlDeviceGetDriverModel(get_gpu(0), &value, NULL),
			 NVML_ERROR_INVALID_ARGUMENT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, remove_scenario_file)
	const struct CMUnitTest tests[] = {
		TEST(nothing_runs),
		TEST(a_gpu_in_mig_mode_has_no_utilisation),
		TEST(a_part_has_its_share_of_the_window),
		TEST(there_is_no_display_and_no_windows),
	};
	return cmocka_run_group_tests_name("monitor_calls", tests, NULL, NULL);
}
