/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated NVML about parts of GPUs in MIG mode. */
#include "unit.h"

#include "scenario_file.h"

static const char two_parts[] = "gpus: [{uuid: GPU-t4}, {model: NVIDIA A100-SXM4-40GB, mig:\n"
				"[{profile: 1g.5gb+me, uuid: MIG-c},\n"
				"{profile: 3g.20gb, compute: [{profile: 1c.3g.20gb, uuid: MIG-a},"
				"{profile: 2c.3g.20gb, uuid: MIG-b}]}]}]";

static struct nvml_device *get_part(unsigned index)
{
	struct nvml_device *part = NULL;
	assert_int_equal(nvmlDeviceGetMigDeviceHandleByIndex(get_gpu(1), index, &part),
			 NVML_SUCCESS);
	return part;
}

static int setup(void **state)
{
	(void)make_scenario_file(state);
	write_scenario(two_parts);
	return nvmlInit_v2();
}

static void parts_are_in_the_order_of_their_ids(void **state)
{
	(void)state;
	static const struct {
		const char *uuid;
		unsigned gpu_instance;
		unsigned compute_instance;
	} expected[] = { { "MIG-a", 2, 0 }, { "MIG-b", 2, 1 }, { "MIG-c", 10, 0 } };
	for (unsigned i = 0; i < 3; i++) {
		char uuid[NVML_DEVICE_UUID_V2_BUFFER_SIZE];
		unsigned value = 99;
		struct nvml_device *part = get_part(i);
		assert_int_equal(nvmlDeviceGetUUID(part, uuid, sizeof(uuid)), NVML_SUCCESS);
		assert_string_equal(uuid, expected[i].uuid);
		assert_int_equal(nvmlDeviceGetGpuInstanceId(part, &value), NVML_SUCCESS);
		assert_int_equal(value, expected[i].gpu_instance);
		assert_int_equal(nvmlDeviceGetComputeInstanceId(part, &value), NVML_SUCCESS);
		assert_int_equal(value, expected[i].compute_instance);
		assert_int_equal(nvmlDeviceGetIndex(part, &value), NVML_SUCCESS);
		assert_int_equal(value, i);
	}
}

static void a_part_has_its_name_and_memory(void **state)
{
	(void)state;
	char name[NVML_DEVICE_NAME_V2_BUFFER_SIZE];
	struct nvml_memory memory = { 0 };
	struct nvml_memory_v2 second = { .version = NVML_MEMORY_V2 };
	assert_int_equal(nvmlDeviceGetName(get_part(0), name, sizeof(name)), NVML_SUCCESS);
	assert_string_equal(name, "NVIDIA A100-SXM4-40GB MIG 1c.3g.20gb");
	assert_int_equal(nvmlDeviceGetName(get_part(2), name, sizeof(name)), NVML_SUCCESS);
	assert_string_equal(name, "NVIDIA A100-SXM4-40GB MIG 1g.5gb+me");
	assert_int_equal(nvmlDeviceGetMemoryInfo(get_part(2), &memory), NVML_SUCCESS);
	assert_int_equal(memory.total, 4864ULL << 20);
	assert_int_equal(memory.free + memory.used, memory.total);
	assert_int_equal(nvmlDeviceGetMemoryInfo_v2(get_part(0), &second), NVML_SUCCESS);
	assert_int_equal(second.total, 19968ULL << 20);
}

static void attributes_are_of_the_compute_instance(void **state)
{
	(void)state;
	struct nvml_device_attributes attributes = { 0 };
	assert_int_equal(nvmlDeviceGetAttributes_v2(get_part(1), &attributes), NVML_SUCCESS);
	assert_int_equal(attributes.multiprocessor_count, 28);
	assert_int_equal(attributes.shared_copy_engine_count, 3);
	assert_int_equal(attributes.shared_decoder_count, 2);
	assert_int_equal(attributes.gpu_instance_slice_count, 3);
	assert_int_equal(attributes.compute_instance_slice_count, 2);
	assert_int_equal(attributes.memory_size_mb, 19968);
	assert_int_equal(nvmlDeviceGetAttributes_v2(get_part(2), &attributes), NVML_SUCCESS);
	assert_int_equal(attributes.multiprocessor_count, 14);
	assert_int_equal(attributes.shared_ofa_count, 1);
	assert_int_equal(nvmlDeviceGetAttributes_v2(get_part(2), NULL),
			 NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(nvmlDeviceGetAttributes_v2(get_gpu(1), &attributes),
			 NVML_ERROR_NOT_SUPPORTED);
}

static void a_part_knows_its_gpu(void **state)
{
	(void)state;
	struct nvml_device *device = NULL;
	unsigned is_part = 9;
	assert_int_equal(nvmlDeviceGetDeviceHandleFromMigDeviceHandle(get_part(1), &device),
			 NVML_SUCCESS);
	assert_ptr_equal(device, get_gpu(1));
	assert_int_equal(nvmlDeviceGetDeviceHandleFromMigDeviceHandle(get_part(1), NULL),
			 NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(nvmlDeviceGetDeviceHandleFromMigDeviceHandle(device, &device),
			 NVML_ERROR_NOT_SUPPORTED);
	assert_int_equal(nvmlDeviceIsMigDeviceHandle(get_part(1), &is_part), NVML_SUCCESS);
	assert_int_equal(is_part, 1);
	assert_int_equal(nvmlDeviceIsMigDeviceHandle(device, &is_part), NVML_SUCCESS);
	assert_int_equal(is_part, 0);
}

static void a_part_cannot_tell_what_its_gpu_tells(void **state)
{
	(void)state;
	unsigned value = 9;
	struct nvml_pci_info pci = { 0 };
	struct nvml_device *part = NULL;
	assert_int_equal(nvmlDeviceGetMinorNumber(get_part(0), &value), NVML_ERROR_NOT_SUPPORTED);
	assert_int_equal(nvmlDeviceGetPciInfo_v3(get_part(0), &pci), NVML_ERROR_NOT_SUPPORTED);
	assert_int_equal(nvmlDeviceGetTemperature(get_part(0), NVML_TEMPERATURE_GPU, &value),
			 NVML_ERROR_NOT_SUPPORTED);
	assert_int_equal(nvmlDeviceGetMigDeviceHandleByIndex(get_part(0), 0, &part),
			 NVML_ERROR_NOT_SUPPORTED);
	assert_int_equal(value, 9);
}

static void tells_the_mode_and_how_many_parts_there_can_be(void **state)
{
	(void)state;
	unsigned current = 9;
	unsigned pending = 9;
	struct nvml_device *part = NULL;
	assert_int_equal(nvmlDeviceGetMigMode(get_gpu(1), &current, &pending), NVML_SUCCESS);
	assert_int_equal(current, NVML_FEATURE_ENABLED);
	assert_int_equal(pending, NVML_FEATURE_ENABLED);
	assert_int_equal(nvmlDeviceGetMaxMigDeviceCount(get_gpu(1), &current), NVML_SUCCESS);
	assert_int_equal(current, 7);
	assert_int_equal(nvmlDeviceGetMaxMigDeviceCount(get_gpu(0), &current), NVML_SUCCESS);
	assert_int_equal(current, 0);
	assert_int_equal(nvmlDeviceGetMigDeviceHandleByIndex(get_gpu(1), 3, &part),
			 NVML_ERROR_NOT_FOUND);
	assert_int_equal(nvmlDeviceGetMigDeviceHandleByIndex(get_gpu(1), 7, &part),
			 NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(nvmlDeviceGetMigDeviceHandleByIndex(get_gpu(1), 0, NULL),
			 NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(nvmlDeviceGetMigDeviceHandleByIndex(get_gpu(0), 0, &part),
			 NVML_ERROR_NOT_SUPPORTED);
}

static void a_part_is_found_by_its_uuid(void **state)
{
	(void)state;
	struct nvml_device *part = NULL;
	assert_int_equal(nvmlDeviceGetHandleByUUID("MIG-b", &part), NVML_SUCCESS);
	assert_ptr_equal(part, get_part(1));
	assert_int_equal(nvmlDeviceGetHandleByUUID("MIG-d", &part), NVML_ERROR_NOT_FOUND);
}

static void a_new_layout_is_seen_at_once(void **state)
{
	(void)state;
	unsigned value = 0;
	struct nvml_device *before = get_part(2);
	struct nvml_device *found = NULL;
	write_scenario("gpus: [{uuid: GPU-t4}, {model: NVIDIA A100-SXM4-40GB, mig: [2g.10gb]}]");
	assert_int_equal(nvmlDeviceGetGpuInstanceId(get_part(0), &value), NVML_SUCCESS);
	assert_int_equal(value, 5);
	assert_int_equal(nvmlDeviceGetGpuInstanceId(before, &value), NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(nvmlDeviceGetHandleByUUID("MIG-c", &found), NVML_ERROR_NOT_FOUND);
	write_scenario("gpus: [{uuid: GPU-t4}, {model: NVIDIA A100-SXM4-40GB}]");
	assert_int_equal(nvmlDeviceGetMigMode(get_gpu(1), &value, &value), NVML_SUCCESS);
	assert_int_equal(value, NVML_FEATURE_DISABLED);
	write_scenario(two_parts);
	assert_ptr_equal(get_part(2), before);
}

/* The GPU is another one now, for whoever initialises anew. */
static void a_layout_stays_when_its_gpu_goes_from_the_file(void **state)
{
	(void)state;
	unsigned count = 0;
	write_scenario("gpus: [{uuid: GPU-new}]");
	assert_non_null(get_part(2));
	assert_int_equal(nvmlDeviceGetCount_v2(&count), NVML_SUCCESS);
	assert_int_equal(count, 2);
}

static void a_container_sees_only_its_parts(void **state)
{
	(void)state;
	char uuid[NVML_DEVICE_UUID_V2_BUFFER_SIZE];
	unsigned value = 9;
	struct nvml_device *part = NULL;
	assert_int_equal(nvmlShutdown(), NVML_SUCCESS);
	assert_int_equal(setenv("ROTA_SIM_VISIBLE", "MIG-c,1:1", 1), 0);
	assert_int_equal(nvmlInit_v2(), NVML_SUCCESS);
	assert_int_equal(nvmlDeviceGetCount_v2(&value), NVML_SUCCESS);
	assert_int_equal(value, 1);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(nvmlDeviceGetMigDeviceHandleByIndex(get_gpu(0), i, &part),
				 NVML_SUCCESS);
		assert_int_equal(nvmlDeviceGetUUID(part, uuid, sizeof(uuid)), NVML_SUCCESS);
		assert_string_equal(uuid, i == 0 ? "MIG-b" : "MIG-c");
	}
	assert_int_equal(nvmlDeviceGetMigDeviceHandleByIndex(get_gpu(0), 2, &part),
			 NVML_ERROR_NOT_FOUND);
	assert_int_equal(nvmlDeviceGetHandleByUUID("MIG-a", &part), NVML_ERROR_NOT_FOUND);
}

static void a_container_with_a_part_that_is_not_there_has_no_driver(void **state)
{
	(void)state;
	static const char *const lists[] = { "1:3", "0:0", "1:x", "MIG-d", "2:0" };
	assert_int_equal(nvmlShutdown(), NVML_SUCCESS);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		assert_int_equal(setenv("ROTA_SIM_VISIBLE", lists[i], 1), 0);
		assert_int_equal(nvmlInit_v2(), NVML_ERROR_DRIVER_NOT_LOADED);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, remove_scenario_file)
	const struct CMUnitTest tests[] = {
		TEST(parts_are_in_the_order_of_their_ids),
		TEST(a_part_has_its_name_and_memory),
		TEST(attributes_are_of_the_compute_instance),
		TEST(a_part_knows_its_gpu),
		TEST(a_part_cannot_tell_what_its_gpu_tells),
		TEST(tells_the_mode_and_how_many_parts_there_can_be),
		TEST(a_part_is_found_by_its_uuid),
		TEST(a_new_layout_is_seen_at_once),
		TEST(a_layout_stays_when_its_gpu_goes_from_the_file),
		TEST(a_container_sees_only_its_parts),
		TEST(a_container_with_a_part_that_is_not_there_has_no_driver),
	};
	return cmocka_run_group_tests_name("part_calls", tests, NULL, NULL);
}
