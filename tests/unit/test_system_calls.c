/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated NVML as a program that is linked to it meets it: its life and its list of GPUs. */
#include "unit.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "driver/nvml_abi.h"

static char scenario[64];

static void write_scenario(const char *text)
{
	assert_int_equal(file_write(scenario, text, strlen(text), 0600, NULL), 0);
}

static int setup(void **state)
{
	(void)state;
	(void)snprintf(scenario, sizeof(scenario), "/tmp/test_system_calls.XXXXXX");
	int fd = mkstemp(scenario);
	assert_true(fd >= 0);
	(void)close(fd);
	write_scenario("gpus: [{uuid: GPU-a}, {uuid: GPU-b}, {uuid: GPU-c}]");
	assert_int_equal(setenv("ROTA_SIM", scenario, 1), 0);
	assert_int_equal(unsetenv("ROTA_SIM_VISIBLE"), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	while (nvmlShutdown() == NVML_SUCCESS)
		;
	return unlink(scenario);
}

static void answers_nothing_before_it_is_initialised(void **state)
{
	(void)state;
	unsigned count = 7;
	struct nvml_device *device = NULL;
	assert_int_equal(nvmlDeviceGetCount_v2(&count), NVML_ERROR_UNINITIALIZED);
	assert_int_equal(nvmlDeviceGetHandleByIndex_v2(0, &device), NVML_ERROR_UNINITIALIZED);
	assert_int_equal(nvmlDeviceGetName(NULL, NULL, 0), NVML_ERROR_UNINITIALIZED);
	assert_int_equal(nvmlShutdown(), NVML_ERROR_UNINITIALIZED);
	assert_int_equal(count, 7);
}

static void counts_its_initialisations(void **state)
{
	(void)state;
	unsigned count = 0;
	assert_int_equal(nvmlInit_v2(), NVML_SUCCESS);
	assert_int_equal(nvmlInit(), NVML_SUCCESS);
	assert_int_equal(nvmlInitWithFlags(NVML_INIT_FLAG_NO_GPUS), NVML_SUCCESS);
	assert_int_equal(nvmlInitWithFlags(4), NVML_ERROR_INVALID_ARGUMENT);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(nvmlDeviceGetCount(&count), NVML_SUCCESS);
		assert_int_equal(nvmlShutdown(), NVML_SUCCESS);
	}
	assert_int_equal(count, 3);
	assert_int_equal(nvmlDeviceGetCount(&count), NVML_ERROR_UNINITIALIZED);
}

static void tells_versions(void **state)
{
	(void)state;
	char text[NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE];
	int cuda = 0;
	assert_int_equal(nvmlInit_v2(), NVML_SUCCESS);
	assert_int_equal(nvmlSystemGetDriverVersion(text, sizeof(text)), NVML_SUCCESS);
	assert_string_equal(text, "550.54.15");
	assert_int_equal(nvmlSystemGetNVMLVersion(text, sizeof(text)), NVML_SUCCESS);
	assert_string_equal(text, "12.550.54.15");
	assert_int_equal(nvmlSystemGetCudaDriverVersion(&cuda), NVML_SUCCESS);
	assert_int_equal(cuda, 12040);
	assert_int_equal(nvmlSystemGetCudaDriverVersion_v2(NULL), NVML_ERROR_INVALID_ARGUMENT);
}

static void checks_buffers_as_the_real_library_does(void **state)
{
	(void)state;
	char text[sizeof("550.54.15")] = "?";
	assert_int_equal(nvmlInit_v2(), NVML_SUCCESS);
	assert_int_equal(nvmlSystemGetDriverVersion(NULL, 80), NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(nvmlSystemGetDriverVersion(text, sizeof(text) - 1),
			 NVML_ERROR_INSUFFICIENT_SIZE);
	assert_string_equal(text, "?");
	assert_int_equal(nvmlSystemGetDriverVersion(text, sizeof(text)), NVML_SUCCESS);
}

static void finds_gpus_by_index_uuid_and_address(void **state)
{
	(void)state;
	struct nvml_device *device = NULL;
	struct nvml_device *same = NULL;
	assert_int_equal(nvmlInit_v2(), NVML_SUCCESS);
	assert_int_equal(nvmlDeviceGetHandleByIndex_v2(1, &device), NVML_SUCCESS);
	assert_int_equal(nvmlDeviceGetHandleByUUID("GPU-b", &same), NVML_SUCCESS);
	assert_ptr_equal(device, same);
	assert_int_equal(nvmlDeviceGetHandleByPciBusId_v2("0000:00:1d.0", &same), NVML_SUCCESS);
	assert_ptr_equal(device, same);

	assert_int_equal(nvmlDeviceGetHandleByIndex(3, &same), NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(nvmlDeviceGetHandleByIndex_v2(0, NULL), NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(nvmlDeviceGetHandleByUUID(NULL, &same), NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(nvmlDeviceGetHandleByUUID("GPU-d", &same), NVML_ERROR_NOT_FOUND);
	assert_int_equal(nvmlDeviceGetHandleByPciBusId_v2("0000:00:00.0", &same),
			 NVML_ERROR_NOT_FOUND);
}

static void a_container_sees_only_its_gpus_with_their_minors(void **state)
{
	(void)state;
	unsigned value = 0;
	struct nvml_device *device = NULL;
	assert_int_equal(setenv("ROTA_SIM_VISIBLE", "GPU-c,1", 1), 0);
	assert_int_equal(nvmlInit_v2(), NVML_SUCCESS);
	assert_int_equal(nvmlDeviceGetCount_v2(&value), NVML_SUCCESS);
	assert_int_equal(value, 2);
	assert_int_equal(nvmlDeviceGetHandleByUUID("GPU-a", &device), NVML_ERROR_NOT_FOUND);
	assert_int_equal(nvmlDeviceGetHandleByIndex_v2(1, &device), NVML_SUCCESS);
	assert_int_equal(nvmlDeviceGetIndex(device, &value), NVML_SUCCESS);
	assert_int_equal(value, 1);
	assert_int_equal(nvmlDeviceGetMinorNumber(device, &value), NVML_SUCCESS);
	assert_int_equal(value, 2);
}

static void a_container_with_a_gpu_that_is_not_there_has_no_driver(void **state)
{
	(void)state;
	assert_int_equal(setenv("ROTA_SIM_VISIBLE", "GPU-d", 1), 0);
	assert_int_equal(nvmlInit_v2(), NVML_ERROR_DRIVER_NOT_LOADED);
	assert_int_equal(nvmlShutdown(), NVML_ERROR_UNINITIALIZED);
}

static void a_faulty_scenario_is_a_missing_driver(void **state)
{
	(void)state;
	write_scenario("gpus: 1");
	assert_int_equal(nvmlInit_v2(), NVML_ERROR_DRIVER_NOT_LOADED);
	write_scenario("gpus: []");
	assert_int_equal(nvmlInit_v2(), NVML_SUCCESS);
}

static void faults_follow_the_file_while_it_runs_and_gpus_do_not(void **state)
{
	(void)state;
	unsigned count = 0;
	assert_int_equal(nvmlInit_v2(), NVML_SUCCESS);
	write_scenario("faults: [{call: nvmlDeviceGetCount_v2, do: fail, "
		       "error: NVML_ERROR_GPU_IS_LOST}]");
	assert_int_equal(nvmlDeviceGetCount_v2(&count), NVML_ERROR_GPU_IS_LOST);
	assert_int_equal(nvmlDeviceGetCount(&count), NVML_ERROR_GPU_IS_LOST);
	write_scenario("gpus: [");
	assert_int_equal(nvmlDeviceGetCount(&count), NVML_ERROR_GPU_IS_LOST);
	write_scenario("gpus: []");
	assert_int_equal(nvmlDeviceGetCount_v2(&count), NVML_SUCCESS);
	assert_int_equal(count, 3);
	assert_int_equal(nvmlShutdown(), NVML_SUCCESS);
	assert_int_equal(nvmlInit_v2(), NVML_SUCCESS);
	assert_int_equal(nvmlDeviceGetCount_v2(&count), NVML_SUCCESS);
	assert_int_equal(count, 0);
}

static void a_fault_may_be_of_one_gpu(void **state)
{
	(void)state;
	struct nvml_device *device = NULL;
	struct nvml_device *lost = NULL;
	char name[NVML_DEVICE_NAME_V2_BUFFER_SIZE];
	assert_int_equal(setenv("ROTA_SIM_VISIBLE", "1,2", 1), 0);
	assert_int_equal(nvmlInit_v2(), NVML_SUCCESS);
	assert_int_equal(nvmlDeviceGetHandleByUUID("GPU-c", &lost), NVML_SUCCESS);
	write_scenario("faults: [{call: nvmlDeviceGetName, gpu: 2, do: fail},\n"
		       "{call: nvmlDeviceGetHandleByIndex_v2, gpu: 2, do: fail}]");
	assert_int_equal(nvmlDeviceGetHandleByIndex_v2(0, &device), NVML_SUCCESS);
	assert_int_equal(nvmlDeviceGetHandleByIndex_v2(1, &device), NVML_ERROR_UNKNOWN);
	assert_int_equal(nvmlDeviceGetName(device, name, sizeof(name)), NVML_SUCCESS);
	assert_int_equal(nvmlDeviceGetName(lost, name, sizeof(name)), NVML_ERROR_UNKNOWN);
}

static void *initialise(void *ret)
{
	*(int *)ret = nvmlInit_v2();
	return NULL;
}

/* Each has to be counted, also when both found it not yet initialised. */
static void two_threads_may_initialise_at_once(void **state)
{
	(void)state;
	pthread_t threads[2];
	int codes[2] = { -1, -1 };
	write_scenario("faults: [{call: nvmlInit_v2, do: slow, for: 20ms}]");
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, initialise, &codes[i]), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(codes[i], NVML_SUCCESS);
	}
	assert_int_equal(nvmlShutdown(), NVML_SUCCESS);
	assert_int_equal(nvmlShutdown(), NVML_SUCCESS);
	assert_int_equal(nvmlShutdown(), NVML_ERROR_UNINITIALIZED);
}

static void has_a_text_for_every_error(void **state)
{
	(void)state;
	assert_string_equal(nvmlErrorString(NVML_SUCCESS), "Success");
	assert_string_equal(nvmlErrorString(NVML_ERROR_LIB_RM_VERSION_MISMATCH),
			    "Driver/library version mismatch");
	assert_string_equal(nvmlErrorString(-5), "Unknown Error");
	assert_string_equal(nvmlErrorString(12345), "Unknown Error");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(answers_nothing_before_it_is_initialised),
		TEST(counts_its_initialisations),
		TEST(tells_versions),
		TEST(checks_buffers_as_the_real_library_does),
		TEST(finds_gpus_by_index_uuid_and_address),
		TEST(a_container_sees_only_its_gpus_with_their_minors),
		TEST(a_container_with_a_gpu_that_is_not_there_has_no_driver),
		TEST(a_faulty_scenario_is_a_missing_driver),
		TEST(faults_follow_the_file_while_it_runs_and_gpus_do_not),
		TEST(a_fault_may_be_of_one_gpu),
		TEST(two_threads_may_initialise_at_once),
		TEST(has_a_text_for_every_error),
	};
	return cmocka_run_group_tests_name("system_calls", tests, NULL, NULL);
}
