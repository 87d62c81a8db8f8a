/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated NVML about one GPU: values, and the real library's codes for wrong arguments. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "driver/nvml_abi.h"

/* A T4 without an opinion on NUMA and a GPU with MIG on node 1. */
static const char scenario[] = SCENARIO_FOLDER "/t4-and-a100.yaml";

static struct nvml_device *t4;
static struct nvml_device *a100;

static int setup(void **state)
{
	(void)state;
	assert_int_equal(setenv("ROTA_SIM", scenario, 1), 0);
	assert_int_equal(nvmlInit_v2(), NVML_SUCCESS);
	assert_int_equal(nvmlDeviceGetHandleByIndex_v2(0, &t4), NVML_SUCCESS);
	assert_int_equal(nvmlDeviceGetHandleByIndex_v2(1, &a100), NVML_SUCCESS);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return nvmlShutdown();
}

static void a_handle_that_is_none_is_an_invalid_argument(void **state)
{
	(void)state;
	char name[NVML_DEVICE_NAME_V2_BUFFER_SIZE];
	struct nvml_device *bogus = (struct nvml_device *)(void *)name;
	struct nvml_memory memory;
	assert_int_equal(nvmlDeviceGetName(NULL, name, sizeof(name)), NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(nvmlDeviceGetName(bogus, name, sizeof(name)), NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(nvmlDeviceGetMemoryInfo(bogus, &memory), NVML_ERROR_INVALID_ARGUMENT);
}

static void names_have_the_sizes_of_the_interface(void **state)
{
	(void)state;
	char text[NVML_DEVICE_UUID_V2_BUFFER_SIZE] = "?";
	assert_int_equal(nvmlDeviceGetName(t4, text, 8), NVML_ERROR_INSUFFICIENT_SIZE);
	assert_int_equal(nvmlDeviceGetName(t4, NULL, 8), NVML_ERROR_INVALID_ARGUMENT);
	assert_string_equal(text, "?");
	assert_int_equal(nvmlDeviceGetName(t4, text, 9), NVML_SUCCESS);
	assert_string_equal(text, "Tesla T4");
	assert_int_equal(nvmlDeviceGetUUID(a100, text, sizeof(text)), NVML_SUCCESS);
	assert_string_equal(text, "GPU-a100");
}

static void memory_adds_up_in_both_versions(void **state)
{
	(void)state;
	struct nvml_memory first = { 0 };
	struct nvml_memory_v2 second = { .version = NVML_MEMORY_V2 };
	assert_int_equal(nvmlDeviceGetMemoryInfo(t4, &first), NVML_SUCCESS);
	assert_int_equal(nvmlDeviceGetMemoryInfo_v2(t4, &second), NVML_SUCCESS);
	assert_int_equal(first.total, 15360ULL << 20);
	assert_int_equal(first.free + first.used, first.total);
	assert_int_equal(second.total, first.total);
	assert_int_equal(second.reserved + second.free + second.used, second.total);
	assert_int_equal(second.used, 0);
	assert_int_equal(second.reserved, first.used);
}

static void a_wrong_version_of_a_struct_is_refused(void **state)
{
	(void)state;
	struct nvml_memory_v2 memory = { .version = NVML_MEMORY_V2 + 1, .total = 7 };
	assert_int_equal(nvmlDeviceGetMemoryInfo_v2(t4, &memory),
			 NVML_ERROR_ARGUMENT_VERSION_MISMATCH);
	assert_int_equal(memory.total, 7);
	assert_int_equal(nvmlDeviceGetMemoryInfo_v2(t4, NULL), NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(NVML_MEMORY_V2, 0x02000028);
}

static void tells_the_address(void **state)
{
	(void)state;
	struct nvml_pci_info pci = { 0 };
	assert_int_equal(nvmlDeviceGetPciInfo_v3(a100, &pci), NVML_SUCCESS);
	assert_string_equal(pci.bus_id, "0000000A:3B:00.0");
	assert_string_equal(pci.bus_id_legacy, "000A:3B:00.0");
	assert_int_equal(pci.domain, 0xA);
	assert_int_equal(pci.bus, 0x3B);
	assert_int_equal(pci.pci_device_id, 0x20B010DE);
	assert_int_equal(nvmlDeviceGetPciInfo_v3(a100, NULL), NVML_ERROR_INVALID_ARGUMENT);
}

static void tells_the_numa_node_as_a_set(void **state)
{
	(void)state;
	unsigned long set[2] = { 7, 7 };
	assert_int_equal(nvmlDeviceGetMemoryAffinity(a100, 2, set, NVML_AFFINITY_SCOPE_NODE),
			 NVML_SUCCESS);
	assert_int_equal(set[0], 1UL << 1);
	assert_int_equal(set[1], 0);
	assert_int_equal(nvmlDeviceGetMemoryAffinity(a100, 0, set, NVML_AFFINITY_SCOPE_NODE),
			 NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(nvmlDeviceGetMemoryAffinity(a100, 2, set, 9), NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(nvmlDeviceGetMemoryAffinity(t4, 2, set, NVML_AFFINITY_SCOPE_NODE),
			 NVML_ERROR_NOT_SUPPORTED);
}

static void says_what_a_t4_cannot(void **state)
{
	(void)state;
	unsigned current = 9;
	unsigned pending = 9;
	assert_int_equal(nvmlDeviceGetMigMode(t4, &current, &pending), NVML_ERROR_NOT_SUPPORTED);
	assert_int_equal(nvmlDeviceGetMigMode(t4, NULL, &pending), NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(nvmlDeviceGetMigMode(a100, &current, &pending), NVML_SUCCESS);
	assert_int_equal(current, NVML_FEATURE_DISABLED);
	assert_int_equal(nvmlDeviceGetFanSpeed(t4, &current), NVML_ERROR_NOT_SUPPORTED);
	assert_int_equal(nvmlDeviceGetFanSpeed(t4, NULL), NVML_ERROR_INVALID_ARGUMENT);
}

static void is_an_idle_gpu(void **state)
{
	(void)state;
	unsigned value = 9;
	unsigned other = 9;
	unsigned long long errors = 9;
	struct nvml_utilization utilization = { 9, 9 };
	assert_int_equal(nvmlDeviceGetUtilizationRates(t4, &utilization), NVML_SUCCESS);
	assert_int_equal(utilization.gpu, 0);
	assert_int_equal(nvmlDeviceGetComputeRunningProcesses_v3(t4, &value, NULL), NVML_SUCCESS);
	assert_int_equal(value, 0);
	assert_int_equal(nvmlDeviceGetPowerUsage(t4, &value), NVML_SUCCESS);
	assert_int_equal(nvmlDeviceGetPowerManagementLimit(t4, &other), NVML_SUCCESS);
	assert_in_range(value, 1000, other - 1);
	assert_int_equal(nvmlDeviceGetEnforcedPowerLimit(t4, &value), NVML_SUCCESS);
	assert_int_equal(value, other);
	assert_int_equal(nvmlDeviceGetTemperature(t4, NVML_TEMPERATURE_GPU, &value), NVML_SUCCESS);
	assert_int_equal(nvmlDeviceGetTemperature(t4, 1, &value), NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(nvmlDeviceGetTotalEccErrors(t4, NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
						     NVML_VOLATILE_ECC, &errors),
			 NVML_SUCCESS);
	assert_int_equal(errors, 0);
	assert_int_equal(nvmlDeviceGetTotalEccErrors(t4, 2, NVML_VOLATILE_ECC, &errors),
			 NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(nvmlDeviceGetEccMode(t4, &value, &other), NVML_SUCCESS);
	assert_int_equal(value, NVML_FEATURE_ENABLED);
	assert_int_equal(nvmlDeviceGetEccMode(t4, &value, NULL), NVML_ERROR_INVALID_ARGUMENT);
}

static void tells_its_modes_and_capability(void **state)
{
	(void)state;
	unsigned value = 9;
	int major = 0;
	int minor = 0;
	assert_int_equal(nvmlDeviceGetPerformanceState(t4, &value), NVML_SUCCESS);
	assert_int_equal(value, NVML_PSTATE_8);
	assert_int_equal(nvmlDeviceGetPersistenceMode(t4, &value), NVML_SUCCESS);
	assert_int_equal(value, NVML_FEATURE_ENABLED);
	assert_int_equal(nvmlDeviceGetDisplayActive(t4, &value), NVML_SUCCESS);
	assert_int_equal(value, NVML_FEATURE_DISABLED);
	assert_int_equal(nvmlDeviceGetComputeMode(t4, &value), NVML_SUCCESS);
	assert_int_equal(value, NVML_COMPUTEMODE_DEFAULT);
	assert_int_equal(nvmlDeviceGetBrand(t4, &value), NVML_SUCCESS);
	assert_int_equal(value, NVML_BRAND_NVIDIA);
	assert_int_equal(nvmlDeviceGetCudaComputeCapability(t4, &major, &minor), NVML_SUCCESS);
	assert_int_equal(major * 10 + minor, 75);
	assert_int_equal(nvmlDeviceGetCudaComputeCapability(t4, &major, NULL),
			 NVML_ERROR_INVALID_ARGUMENT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_handle_that_is_none_is_an_invalid_argument),
		TEST(names_have_the_sizes_of_the_interface),
		TEST(memory_adds_up_in_both_versions),
		TEST(a_wrong_version_of_a_struct_is_refused),
		TEST(tells_the_address),
		TEST(tells_the_numa_node_as_a_set),
		TEST(says_what_a_t4_cannot),
		TEST(is_an_idle_gpu),
		TEST(tells_its_modes_and_capability),
	};
	return cmocka_run_group_tests_name("device_calls", tests, NULL, NULL);
}
