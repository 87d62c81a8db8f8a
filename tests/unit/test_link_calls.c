/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated NVML about how GPUs are linked. */
#include "unit.h"

#include "scenario_file.h"

static int setup(void **state)
{
	(void)make_scenario_file(state);
	write_scenario(
		"gpus: [{model: Tesla V100-SXM2-16GB}, {model: Tesla V100-SXM2-16GB},\n"
		"{model: Tesla V100-SXM2-16GB}, {model: Tesla T4},\n"
		"{model: NVIDIA A100-SXM4-40GB, mig: [1g.5gb]}]\n"
		"links: {nvlink: [[0, 1, 2], [0, 2, 1]], nvswitch: {gpus: [2], links: 3}}\n");
	return nvmlInit_v2();
}

/* The address at the other end; "" when the link is not active. */
static void expect_remote(unsigned gpu, unsigned link, const char *bus_id)
{
	struct nvml_pci_info pci = { 0 };
	unsigned is_active = 9;
	assert_int_equal(nvmlDeviceGetNvLinkState(get_gpu(gpu), link, &is_active), NVML_SUCCESS);
	assert_int_equal(is_active, bus_id[0] != '\0');
	int expected = is_active ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED;
	assert_int_equal(nvmlDeviceGetNvLinkRemotePciInfo_v2(get_gpu(gpu), link, &pci), expected);
	assert_string_equal(pci.bus_id, bus_id);
}

static void direct_links_lead_to_the_other_gpu(void **state)
{
	(void)state;
	expect_remote(0, 0, "00000000:00:1B.0");
	expect_remote(0, 1, "00000000:00:1B.0");
	expect_remote(0, 2, "00000000:00:1C.0");
	expect_remote(0, 3, "");
	expect_remote(0, 5, "");
	expect_remote(1, 0, "00000000:00:1A.0");
	expect_remote(1, 2, "");
}

static void links_to_switches_lead_to_no_gpu(void **state)
{
	(void)state;
	expect_remote(2, 0, "00000000:00:1A.0");
	for (unsigned link = 1; link < 4; link++) {
		struct nvml_pci_info pci = { 0 };
		struct nvml_device *found = NULL;
		assert_int_equal(nvmlDeviceGetNvLinkRemotePciInfo_v2(get_gpu(2), link, &pci),
				 NVML_SUCCESS);
		assert_int_equal(nvmlDeviceGetHandleByPciBusId_v2(pci.bus_id, &found),
				 NVML_ERROR_NOT_FOUND);
	}
	expect_remote(2, 4, "");
}

static void a_gpu_has_only_the_links_of_its_model(void **state)
{
	(void)state;
	unsigned is_active = 9;
	struct nvml_pci_info pci = { 0 };
	assert_int_equal(nvmlDeviceGetNvLinkState(get_gpu(0), 6, &is_active),
			 NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(nvmlDeviceGetNvLinkState(get_gpu(3), 0, &is_active),
			 NVML_ERROR_NOT_SUPPORTED);
	assert_int_equal(nvmlDeviceGetNvLinkRemotePciInfo_v2(get_gpu(3), 0, &pci),
			 NVML_ERROR_NOT_SUPPORTED);
	assert_int_equal(nvmlDeviceGetNvLinkState(get_gpu(0), 0, NULL),
			 NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(nvmlDeviceGetNvLinkRemotePciInfo_v2(get_gpu(0), 0, NULL),
			 NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(is_active, 9);
}

static void tells_how_near_two_gpus_are(void **state)
{
	(void)state;
	unsigned level = 9;
	struct nvml_device *part = NULL;
	assert_int_equal(nvmlDeviceGetTopologyCommonAncestor(get_gpu(0), get_gpu(1), &level),
			 NVML_SUCCESS);
	assert_int_equal(level, NVML_TOPOLOGY_HOSTBRIDGE);
	assert_int_equal(nvmlDeviceGetTopologyCommonAncestor(get_gpu(0), get_gpu(1), NULL),
			 NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(nvmlDeviceGetTopologyCommonAncestor(get_gpu(0), NULL, &level),
			 NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(nvmlDeviceGetMigDeviceHandleByIndex(get_gpu(4), 0, &part), NVML_SUCCESS);
	assert_int_equal(nvmlDeviceGetTopologyCommonAncestor(part, get_gpu(0), &level),
			 NVML_ERROR_NOT_SUPPORTED);
}

/* Positions are those of the scenario, whatever a container sees. */
static void a_container_sees_its_own_links(void **state)
{
	(void)state;
	assert_int_equal(nvmlShutdown(), NVML_SUCCESS);
	assert_int_equal(setenv("ROTA_SIM_VISIBLE", "2,1", 1), 0);
	assert_int_equal(nvmlInit_v2(), NVML_SUCCESS);
	expect_remote(0, 1, "00000000:00:1A.0");
	expect_remote(1, 0, "00000000:00:1A.0");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, remove_scenario_file)
	const struct CMUnitTest tests[] = {
		TEST(direct_links_lead_to_the_other_gpu),    TEST(links_to_switches_lead_to_no_gpu),
		TEST(a_gpu_has_only_the_links_of_its_model), TEST(tells_how_near_two_gpus_are),
		TEST(a_container_sees_its_own_links),
	};
	return cmocka_run_group_tests_name("link_calls", tests, NULL, NULL);
}
