/* SPDX-License-Identifier: Apache-2.0 */
/* Reading NVML, here a struct whose pointers are those of the simulated library. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "driver/answer.h"
#include "driver/inventory.h"
#include "driver/nvml.h"

enum {
	PATH_BYTES = 256
};

static const struct nvml simulated = {
#define POINTER(name, is_required) .name = name,
	NVML_USED(POINTER)
#undef POINTER
};

#define PCI_FOLDER  "sys/bus/pci/devices"
#define GPU_FOLDER  "sys/bus/pci/devices/0000:00:1e.0"
#define VENDOR_FILE "sys/bus/pci/devices/0000:00:1e.0/vendor"
#define NODE_FILE   "sys/bus/pci/devices/0000:00:1e.0/numa_node"

struct fixture {
	struct nvml nvml;
	char folder[64];
	struct answer answer;
	struct err err;
};

static void path_of(const struct fixture *fixture, const char *name, char ret[static PATH_BYTES])
{
	(void)snprintf(ret, PATH_BYTES, "%s/%s", fixture->folder, name);
}

static void put_file(const struct fixture *fixture, const char *name, const char *text)
{
	char path[PATH_BYTES];
	path_of(fixture, name, path);
	assert_int_equal(file_write(path, text, strlen(text), 0600, NULL), 0);
}

static void put_folders(const struct fixture *fixture, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char path[PATH_BYTES];
		path_of(fixture, names[i], path);
		assert_int_equal(mkdir(path, 0700), 0);
	}
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	if (!fixture)
		return -1;
	*state = fixture;
	fixture->nvml = simulated;
	(void)snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/test_inventory.XXXXXX");
	assert_non_null(mkdtemp(fixture->folder));
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	static const char *const names[] = {
		"sim.yaml", VENDOR_FILE,   NODE_FILE, GPU_FOLDER,
		PCI_FOLDER, "sys/bus/pci", "sys/bus", "sys",
	};
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char path[PATH_BYTES];
		path_of(fixture, names[i], path);
		(void)remove(path);
	}
	(void)rmdir(fixture->folder);
	answer_done(&fixture->answer);
	(void)nvmlShutdown();
	free(fixture);
	return 0;
}

static int read_scenario(struct fixture *fixture, const char *text)
{
	char path[PATH_BYTES];
	put_file(fixture, "sim.yaml", text);
	path_of(fixture, "sim.yaml", path);
	assert_int_equal(setenv("ROTA_SIM", path, 1), 0);
	assert_int_equal(nvmlInit_v2(), NVML_SUCCESS);
	return inventory_read(&fixture->nvml, fixture->folder, &fixture->answer, &fixture->err);
}

static void put_sysfs(struct fixture *fixture, const char *vendor, const char *node)
{
	static const char *const folders[] = { "sys", "sys/bus", "sys/bus/pci", PCI_FOLDER,
					       GPU_FOLDER };
	put_folders(fixture, folders, ARRAY_LEN(folders));
	put_file(fixture, VENDOR_FILE, vendor);
	put_file(fixture, NODE_FILE, node);
}

static int32_t numa_node(const struct fixture *fixture)
{
	return fixture->answer.snapshot->devices[0].numa_node;
}

static void describes_every_gpu(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(read_scenario(fixture, "gpus: [{uuid: GPU-a, minor: 4}, {}]"), 0);
	const struct snapshot *snapshot = fixture->answer.snapshot;
	assert_int_equal(snapshot->devices_count, 2);
	assert_int_equal(fixture->answer.lost_count, 0);
	assert_string_equal(snapshot->devices[0].uuid, "GPU-a");
	assert_string_equal(snapshot->devices[0].index, "0");
	assert_string_equal(snapshot->devices[0].model, "Tesla T4");
	assert_string_equal(snapshot->devices[0].bus_id, "00000000:00:1D.0");
	assert_int_equal(snapshot->devices[0].minor, 4);
	assert_int_equal(snapshot->devices[0].memory_bytes, 15360ULL << 20);
	assert_int_equal(snapshot->devices[0].compute_major, 7);
	assert_int_equal(snapshot->devices[0].compute_minor, 5);
	assert_true(snapshot->devices[0].is_healthy);
	assert_string_equal(snapshot->devices[1].index, "1");
}

/* The index keeps its gap: it is NVML's and goes into containers. */
static void skips_displays(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(read_scenario(fixture, "gpus: [{model: DGX Display}, {}, "
						"{model: NVIDIA DGX Display}, {}]"),
			 0);
	assert_int_equal(fixture->answer.snapshot->devices_count, 2);
	assert_string_equal(fixture->answer.snapshot->devices[0].index, "1");
	assert_string_equal(fixture->answer.snapshot->devices[1].index, "3");
	assert_int_equal(fixture->answer.lost_count, 0);
}

static void a_lost_gpu_does_not_hide_the_others(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(read_scenario(fixture,
				       "gpus: [{uuid: GPU-a}, {uuid: GPU-b}, {uuid: GPU-c}]\n"
				       "faults:\n"
				       "- {call: nvmlDeviceGetHandleByIndex_v2, gpu: 0, do: fail, "
				       "error: NVML_ERROR_GPU_IS_LOST}\n"
				       "- {call: nvmlDeviceGetUUID, gpu: 2, do: fail}\n"),
			 0);
	const struct answer *answer = &fixture->answer;
	assert_int_equal(answer->snapshot->devices_count, 1);
	assert_string_equal(answer->snapshot->devices[0].uuid, "GPU-b");
	assert_string_equal(answer->snapshot->devices[0].index, "1");
	assert_int_equal(answer->lost_count, 2);
	assert_string_equal(answer->lost[0].index, "0");
	assert_non_null(strstr(answer->lost[0].reason, "GPU is lost"));
	assert_string_equal(answer->lost[1].index, "2");
	assert_non_null(strstr(answer->lost[1].reason, "nvmlDeviceGetUUID"));
}

static void a_gpu_whose_mig_mode_is_not_told_is_lost(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(read_scenario(fixture,
				       "gpus: [{model: NVIDIA A100-SXM4-40GB, mig: [1g.5gb]}, {}]\n"
				       "faults:\n"
				       "- {call: nvmlDeviceGetMigMode, gpu: 0, do: fail}\n"),
			 0);
	const struct answer *answer = &fixture->answer;
	assert_int_equal(answer->snapshot->devices_count, 1);
	assert_string_equal(answer->snapshot->devices[0].index, "1");
	assert_int_equal(answer->lost_count, 1);
	assert_string_equal(answer->lost[0].index, "0");
	assert_non_null(strstr(answer->lost[0].reason, "nvmlDeviceGetMigMode"));
}

static void memory_that_nobody_knows_is_zero(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(
		read_scenario(fixture, "faults: [{call: nvmlDeviceGetMemoryInfo, do: fail}]"), 0);
	assert_int_equal(fixture->answer.snapshot->devices[0].memory_bytes, 0);
	assert_int_equal(fixture->answer.lost_count, 0);
}

static void a_driver_that_went_away_is_no_snapshot(void **state)
{
	struct fixture *fixture = *state;
	static const char *const calls[] = { "nvmlDeviceGetCount_v2", "nvmlSystemGetDriverVersion",
					     "nvmlDeviceGetUUID", "nvmlDeviceGetMinorNumber" };
	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		char text[PATH_BYTES];
		(void)snprintf(text, sizeof(text),
			       "faults: [{call: %s, do: fail, error: NVML_ERROR_UNINITIALIZED}]",
			       calls[i]);
		assert_int_equal(read_scenario(fixture, text), -EAGAIN);
		assert_null(fixture->answer.snapshot);
		assert_non_null(strstr(fixture->err.msg, calls[i]));
		assert_int_equal(nvmlShutdown(), NVML_SUCCESS);
	}
}

static void sysfs_tells_the_numa_node(void **state)
{
	struct fixture *fixture = *state;
	put_sysfs(fixture, "0x10de\n", "3\n");
	assert_int_equal(read_scenario(fixture, "gpus: [{numaNode: 1}]"), 0);
	assert_int_equal(numa_node(fixture), 3);
}

static void sysfs_may_say_that_there_is_none(void **state)
{
	struct fixture *fixture = *state;
	put_sysfs(fixture, "0x10de\n", "-1\n");
	assert_int_equal(read_scenario(fixture, "gpus: [{numaNode: 1}]"), 0);
	assert_int_equal(numa_node(fixture), NUMA_NONE);
}

/* As on a virtual machine, where the address of a simulated GPU is that of a disk. */
static void a_device_of_another_vendor_is_not_asked(void **state)
{
	struct fixture *fixture = *state;
	put_sysfs(fixture, "0x1af4\n", "3\n");
	assert_int_equal(read_scenario(fixture, "gpus: [{numaNode: 1}]"), 0);
	assert_int_equal(numa_node(fixture), 1);
}

static void nvml_tells_the_numa_node_where_sysfs_does_not(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(read_scenario(fixture, "gpus: [{numaNode: 63}]"), 0);
	assert_int_equal(numa_node(fixture), 63);
}

static void nobody_may_know_the_numa_node(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(read_scenario(fixture, "gpus: [{numaNode: -1}]"), 0);
	assert_int_equal(numa_node(fixture), NUMA_NONE);
}

static void an_old_library_does_not_tell_the_numa_node(void **state)
{
	struct fixture *fixture = *state;
	fixture->nvml.nvmlDeviceGetMemoryAffinity = NULL;
	assert_int_equal(read_scenario(fixture, "gpus: [{numaNode: 1}]"), 0);
	assert_int_equal(numa_node(fixture), NUMA_NONE);
}

static int two_nodes(struct nvml_device *device, unsigned size, unsigned long *set, unsigned scope)
{
	(void)device;
	(void)scope;
	assert_true(size > 1);
	set[1] = 3;
	return NVML_SUCCESS;
}

static void a_gpu_near_two_nodes_has_none(void **state)
{
	struct fixture *fixture = *state;
	fixture->nvml.nvmlDeviceGetMemoryAffinity = two_nodes;
	assert_int_equal(read_scenario(fixture, ""), 0);
	assert_int_equal(numa_node(fixture), NUMA_NONE);
}

static struct nvml_field_value told_field;

static int tell_field(struct nvml_device *device, int count, struct nvml_field_value *values)
{
	(void)device;
	assert_int_equal(count, 1);
	assert_int_equal(values[0].field_id, NVML_FI_DEV_GET_GPU_RECOVERY_ACTION);
	values[0].value_type = told_field.value_type;
	values[0].result = told_field.result;
	values[0].value = told_field.value;
	return NVML_SUCCESS;
}

static enum device_recovery recovery_of(struct fixture *fixture, struct nvml_field_value field)
{
	told_field = field;
	fixture->nvml.nvmlDeviceGetFieldValues = tell_field;
	answer_done(&fixture->answer);
	assert_int_equal(read_scenario(fixture, ""), 0);
	assert_int_equal(nvmlShutdown(), NVML_SUCCESS);
	return fixture->answer.snapshot->devices[0].recovery;
}

static void the_driver_says_what_a_gpu_needs(void **state)
{
	static const enum device_recovery expected[] = {
		DEVICE_RECOVERY_NONE,
		DEVICE_RECOVERY_GPU_RESET,
		DEVICE_RECOVERY_NODE_REBOOT,
		DEVICE_RECOVERY_DRAIN_P2P,
		DEVICE_RECOVERY_DRAIN_AND_RESET,
		DEVICE_RECOVERY_OTHER,
	};
	for (unsigned i = 0; i < ARRAY_LEN(expected); i++) {
		struct nvml_field_value field = { .value_type = NVML_VALUE_TYPE_UNSIGNED_INT };
		field.value.ui = i;
		assert_int_equal(recovery_of(*state, field), expected[i]);
	}
}

static void an_old_driver_does_not_say_what_a_gpu_needs(void **state)
{
	struct fixture *fixture = *state;
	struct nvml_field_value refused = { .result = NVML_ERROR_NOT_SUPPORTED,
					    .value_type = NVML_VALUE_TYPE_UNSIGNED_INT };
	struct nvml_field_value other = { .value_type = NVML_VALUE_TYPE_DOUBLE };
	assert_int_equal(recovery_of(fixture, refused), DEVICE_RECOVERY_UNKNOWN);
	assert_int_equal(recovery_of(fixture, other), DEVICE_RECOVERY_UNKNOWN);
	fixture->nvml.nvmlDeviceGetFieldValues = NULL;
	answer_done(&fixture->answer);
	assert_int_equal(read_scenario(fixture, ""), 0);
	assert_int_equal(fixture->answer.snapshot->devices[0].recovery, DEVICE_RECOVERY_UNKNOWN);
}

static int tell_errors(struct nvml_device *device, unsigned type, unsigned counter,
		       unsigned long long *count)
{
	(void)device;
	assert_int_equal(type, NVML_MEMORY_ERROR_TYPE_UNCORRECTED);
	assert_int_equal(counter, NVML_VOLATILE_ECC);
	*count = 3;
	return NVML_SUCCESS;
}

static void counts_errors_that_could_not_be_corrected(void **state)
{
	struct fixture *fixture = *state;
	fixture->nvml.nvmlDeviceGetTotalEccErrors = tell_errors;
	assert_int_equal(read_scenario(fixture, ""), 0);
	assert_int_equal(fixture->answer.snapshot->devices[0].ecc_errors, 3);
	answer_done(&fixture->answer);
}

static int refuse_errors(struct nvml_device *device, unsigned type, unsigned counter,
			 unsigned long long *count)
{
	(void)device;
	(void)type;
	(void)counter;
	*count = 0;
	return NVML_ERROR_UNKNOWN;
}

static void a_count_of_errors_that_cannot_be_read_is_unknown_and_not_zero(void **state)
{
	struct fixture *fixture = *state;
	fixture->nvml.nvmlDeviceGetTotalEccErrors = refuse_errors;
	assert_int_equal(read_scenario(fixture, ""), 0);
	assert_true(fixture->answer.snapshot->devices[0].ecc_errors == DEVICE_ECC_UNKNOWN);
	answer_done(&fixture->answer);
	fixture->nvml.nvmlDeviceGetTotalEccErrors = NULL;
	assert_int_equal(read_scenario(fixture, ""), 0);
	assert_true(fixture->answer.snapshot->devices[0].ecc_errors == DEVICE_ECC_UNKNOWN);
}

static int too_many(unsigned *count)
{
	*count = DEVICES_MAX + 1;
	return NVML_SUCCESS;
}

static void refuses_more_gpus_than_it_can_hold(void **state)
{
	struct fixture *fixture = *state;
	fixture->nvml.nvmlDeviceGetCount_v2 = too_many;
	assert_int_equal(read_scenario(fixture, ""), -E2BIG);
	assert_string_equal(fixture->err.msg,
			    "the driver counts 513 GPUs, at most 512 are handled");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(describes_every_gpu),
		TEST(skips_displays),
		TEST(a_lost_gpu_does_not_hide_the_others),
		TEST(a_gpu_whose_mig_mode_is_not_told_is_lost),
		TEST(memory_that_nobody_knows_is_zero),
		TEST(a_driver_that_went_away_is_no_snapshot),
		TEST(sysfs_tells_the_numa_node),
		TEST(sysfs_may_say_that_there_is_none),
		TEST(a_device_of_another_vendor_is_not_asked),
		TEST(nvml_tells_the_numa_node_where_sysfs_does_not),
		TEST(nobody_may_know_the_numa_node),
		TEST(an_old_library_does_not_tell_the_numa_node),
		TEST(a_gpu_near_two_nodes_has_none),
		TEST(the_driver_says_what_a_gpu_needs),
		TEST(an_old_driver_does_not_say_what_a_gpu_needs),
		TEST(counts_errors_that_could_not_be_corrected),
		TEST(a_count_of_errors_that_cannot_be_read_is_unknown_and_not_zero),
		TEST(refuses_more_gpus_than_it_can_hold),
	};
	return cmocka_run_group_tests_name("inventory", tests, NULL, NULL);
}
