/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of a GPU, read from an NVML that is made up here. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "core/device.h"
#include "driver/answer.h"
#include "driver/nvml.h"
#include "driver/parts.h"

enum {
	PLACES = 3
};

/* One place for a part; without a uuid it is empty. */
struct nvml_device {
	const char *uuid;
	const char *name;
	unsigned gpu_instance;
	unsigned compute_instance;
	struct nvml_device_attributes attributes;
	int find_result;
	int result; /* of nvmlDeviceGetGpuInstanceId */
};

static struct nvml_device gpu;
static struct nvml_device places[PLACES];
static unsigned mig_mode;

static int get_mode(struct nvml_device *device, unsigned *current, unsigned *pending)
{
	assert_ptr_equal(device, &gpu);
	*current = mig_mode;
	*pending = mig_mode;
	return gpu.result;
}

static int get_place(struct nvml_device *device, unsigned index, struct nvml_device **part)
{
	assert_ptr_equal(device, &gpu);
	assert_true(index < PLACES);
	*part = &places[index];
	return places[index].find_result;
}

static int get_gpu_instance(struct nvml_device *part, unsigned *id)
{
	*id = part->gpu_instance;
	return part->result;
}

static int get_compute_instance(struct nvml_device *part, unsigned *id)
{
	*id = part->compute_instance;
	return NVML_SUCCESS;
}

static int get_uuid(struct nvml_device *part, char *uuid, unsigned length)
{
	(void)snprintf(uuid, length, "%s", part->uuid);
	return NVML_SUCCESS;
}

static int get_name(struct nvml_device *part, char *name, unsigned length)
{
	(void)snprintf(name, length, "%s", part->name);
	return NVML_SUCCESS;
}

static int get_memory(struct nvml_device *part, struct nvml_memory *memory)
{
	memory->total = part->attributes.memory_size_mb << 20;
	return part->attributes.memory_size_mb > 0 ? NVML_SUCCESS : NVML_ERROR_UNKNOWN;
}

static int get_attributes(struct nvml_device *part, struct nvml_device_attributes *attributes)
{
	*attributes = part->attributes;
	return NVML_SUCCESS;
}

static int get_places(struct nvml_device *device, unsigned *count)
{
	(void)device;
	*count = PLACES;
	return NVML_SUCCESS;
}

static const char *get_words(int result)
{
	return result == NVML_ERROR_UNINITIALIZED ? "Uninitialized" : "Unknown Error";
}

static const struct nvml fake = {
	.nvmlErrorString = get_words,
	.nvmlDeviceGetName = get_name,
	.nvmlDeviceGetUUID = get_uuid,
	.nvmlDeviceGetMemoryInfo = get_memory,
	.nvmlDeviceGetMigMode = get_mode,
	.nvmlDeviceGetMaxMigDeviceCount = get_places,
	.nvmlDeviceGetMigDeviceHandleByIndex = get_place,
	.nvmlDeviceGetGpuInstanceId = get_gpu_instance,
	.nvmlDeviceGetComputeInstanceId = get_compute_instance,
	.nvmlDeviceGetAttributes_v2 = get_attributes,
};

struct fixture {
	struct nvml nvml;
	char root[64];
	struct answer answer;
	struct err err;
};

static const char *const folders[] = { "", "/proc", "/proc/driver", "/proc/driver/nvidia-caps" };

static void write_capabilities(const struct fixture *fixture, const char *text)
{
	char path[256];
	for (size_t i = 1; i < ARRAY_LEN(folders); i++) {
		(void)snprintf(path, sizeof(path), "%s%s", fixture->root, folders[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	(void)snprintf(path, sizeof(path), "%s/proc/driver/nvidia-caps/mig-minors", fixture->root);
	assert_int_equal(file_write(path, text, strlen(text), 0600, NULL), 0);
}

static void add_gpu(struct fixture *fixture)
{
	const struct device device = {
		.uuid = "GPU-a",
		.index = "4",
		.model = "NVIDIA A100-SXM4-40GB",
		.bus_id = "00000000:00:1E.0",
		DEVICE_WHOLE,
		.minor = 5,
		.numa_node = 1,
		.memory_bytes = 40536ULL << 20,
		.compute_major = 8,
		.recovery = DEVICE_RECOVERY_GPU_RESET,
		.ecc_errors = 7,
		.is_mig = true,
		.is_healthy = true,
	};
	assert_true(answer_begin(&fixture->answer));
	assert_int_equal(answer_add(&fixture->answer, &device, NULL), 0);
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	if (!fixture)
		return -1;
	*state = fixture;
	fixture->nvml = fake;
	gpu = (struct nvml_device){ .uuid = "GPU-a" };
	mig_mode = NVML_FEATURE_ENABLED;
	for (size_t i = 0; i < PLACES; i++)
		places[i] = (struct nvml_device){ .find_result = NVML_ERROR_NOT_FOUND };
	places[1] = (struct nvml_device){
		.uuid = "MIG-a",
		.name = "NVIDIA A100-SXM4-40GB MIG 1g.5gb+me",
		.gpu_instance = 7,
		.attributes = { .gpu_instance_slice_count = 1,
				.compute_instance_slice_count = 1,
				.memory_size_mb = 4864 },
	};
	(void)snprintf(fixture->root, sizeof(fixture->root), "/tmp/test_parts.XXXXXX");
	assert_non_null(mkdtemp(fixture->root));
	add_gpu(fixture);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	char path[256];
	(void)snprintf(path, sizeof(path), "%s/proc/driver/nvidia-caps/mig-minors", fixture->root);
	(void)unlink(path);
	for (size_t i = ARRAY_LEN(folders); i > 0; i--) {
		(void)snprintf(path, sizeof(path), "%s%s", fixture->root, folders[i - 1]);
		(void)rmdir(path);
	}
	answer_done(&fixture->answer);
	free(fixture);
	return 0;
}

static int read_parts(struct fixture *fixture)
{
	struct parts parts = { .nvml = &fixture->nvml, .root = fixture->root };
	int r = parts_read(&parts, &gpu, PLACES, &fixture->answer, &fixture->err);
	parts_done(&parts);
	return r;
}

/* The only part. */
static const struct device *read_one(struct fixture *fixture)
{
	assert_int_equal(read_parts(fixture), 0);
	assert_int_equal(fixture->answer.lost_count, 0);
	assert_int_equal(fixture->answer.snapshot->devices_count, 2);
	return &fixture->answer.snapshot->devices[1];
}

static const char *read_lost(struct fixture *fixture)
{
	assert_int_equal(read_parts(fixture), 0);
	assert_int_equal(fixture->answer.snapshot->devices_count, 1);
	assert_int_equal(fixture->answer.lost_count, 1);
	assert_string_equal(fixture->answer.lost[0].index, "4:1");
	return fixture->answer.lost[0].reason;
}

static void a_part_is_a_device_behind_its_gpu(void **state)
{
	const struct device *part = read_one(*state);
	assert_string_equal(part->uuid, "MIG-a");
	assert_string_equal(part->index, "4:1");
	assert_string_equal(part->profile, "1g.5gb+me");
	assert_int_equal(part->parent, 0);
	assert_int_equal(part->gpu_instance, 7);
	assert_int_equal(part->compute_instance, 0);
	assert_int_equal(part->memory_bytes, 4864ULL << 20);
	assert_false(part->is_mig);
	assert_true(part->is_healthy);
}

static void the_rest_is_that_of_its_gpu(void **state)
{
	const struct device *part = read_one(*state);
	assert_string_equal(part->model, "NVIDIA A100-SXM4-40GB");
	assert_string_equal(part->bus_id, "00000000:00:1E.0");
	assert_int_equal(part->minor, 5);
	assert_int_equal(part->numa_node, 1);
	assert_int_equal(part->compute_major, 8);
	assert_int_equal(part->recovery, DEVICE_RECOVERY_GPU_RESET);
	assert_int_equal(part->ecc_errors, 7);
}

static void its_capabilities_are_those_of_the_gpus_minor(void **state)
{
	struct fixture *fixture = *state;
	write_capabilities(fixture, "gpu4/gi7/access 1\ngpu4/gi7/ci0/access 2\n"
				    "gpu5/gi7/access 66\ngpu5/gi7/ci0/access 67\n");
	const struct device *part = read_one(fixture);
	assert_int_equal(part->gpu_capability, 66);
	assert_int_equal(part->compute_capability, 67);
}

static void without_the_list_it_has_no_capabilities(void **state)
{
	const struct device *part = read_one(*state);
	assert_int_equal(part->gpu_capability, DEVICE_NO_CAPABILITY);
	assert_int_equal(part->compute_capability, DEVICE_NO_CAPABILITY);
}

static void figures_tell_the_profile_where_the_name_does_not(void **state)
{
	places[1].name = "NVIDIA A100-SXM4-40GB";
	assert_string_equal(read_one(*state)->profile, "1g.5gb");
}

static void figures_that_make_no_sense_lose_the_part(void **state)
{
	places[1].name = "NVIDIA A100-SXM4-40GB";
	places[1].attributes.gpu_instance_slice_count = 0;
	const char *reason = read_lost(*state);
	assert_non_null(strstr(reason, "1 of 0 slices, 4864 MiB"));
	assert_non_null(strstr(reason, "nvidia-smi mig"));
}

static void a_library_without_figures_loses_a_part_without_a_profile(void **state)
{
	struct fixture *fixture = *state;
	fixture->nvml.nvmlDeviceGetAttributes_v2 = NULL;
	places[1].name = "NVIDIA A100-SXM4-40GB";
	assert_non_null(strstr(read_lost(fixture), "no profile"));
}

static void memory_that_nobody_knows_is_zero(void **state)
{
	places[1].attributes.memory_size_mb = 0;
	assert_int_equal(read_one(*state)->memory_bytes, 0);
}

static void a_part_that_does_not_answer_is_lost_and_hides_no_other(void **state)
{
	struct fixture *fixture = *state;
	places[2] = places[1];
	places[2].uuid = "MIG-b";
	places[1].result = NVML_ERROR_UNKNOWN;
	assert_int_equal(read_parts(fixture), 0);
	assert_int_equal(fixture->answer.snapshot->devices_count, 2);
	assert_string_equal(fixture->answer.snapshot->devices[1].uuid, "MIG-b");
	assert_string_equal(fixture->answer.snapshot->devices[1].index, "4:2");
	assert_int_equal(fixture->answer.lost_count, 1);
	assert_string_equal(fixture->answer.lost[0].index, "4:1");
	assert_non_null(strstr(fixture->answer.lost[0].reason, "nvmlDeviceGetGpuInstanceId"));
}

static void a_place_that_cannot_be_looked_at_is_lost(void **state)
{
	places[1].find_result = NVML_ERROR_UNKNOWN;
	assert_non_null(strstr(read_lost(*state), "nvmlDeviceGetMigDeviceHandleByIndex"));
}

static void a_driver_that_went_away_is_no_lost_part(void **state)
{
	struct fixture *fixture = *state;
	places[1].result = NVML_ERROR_UNINITIALIZED;
	assert_int_equal(read_parts(fixture), -EAGAIN);
	assert_non_null(strstr(fixture->err.msg, "Uninitialized"));
}

static void more_than_a_snapshot_holds_is_refused(void **state)
{
	struct fixture *fixture = *state;
	for (size_t i = 1; i < DEVICES_MAX; i++)
		assert_int_equal(answer_add_lost(&fixture->answer, "9", "", NULL), 0);
	assert_int_equal(read_parts(fixture), -E2BIG);
	assert_non_null(strstr(fixture->err.msg, "more than 512 GPUs and parts"));
	places[1].result = NVML_ERROR_UNKNOWN;
	assert_int_equal(read_parts(fixture), -E2BIG);
}

static bool is_in_mig_mode(struct fixture *fixture)
{
	bool is_mig = false;
	assert_int_equal(parts_find_mode(&fixture->nvml, &gpu, &is_mig, &fixture->err), 0);
	return is_mig;
}

static void mig_mode_is_what_nvml_says(void **state)
{
	assert_true(is_in_mig_mode(*state));
	mig_mode = NVML_FEATURE_DISABLED;
	assert_false(is_in_mig_mode(*state));
}

static void a_gpu_without_mig_mode_is_not_in_it(void **state)
{
	gpu.result = NVML_ERROR_NOT_SUPPORTED;
	assert_false(is_in_mig_mode(*state));
	gpu.result = NVML_ERROR_FUNCTION_NOT_FOUND;
	assert_false(is_in_mig_mode(*state));
}

static void a_mode_that_cannot_be_read_is_not_known(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		int result;
		int code;
	} failures[] = { { NVML_ERROR_UNKNOWN, -EIO },
			 { NVML_ERROR_GPU_IS_LOST, -ENXIO },
			 { NVML_ERROR_UNINITIALIZED, -EAGAIN } };
	for (size_t i = 0; i < ARRAY_LEN(failures); i++) {
		bool is_mig = true;
		gpu.result = failures[i].result;
		assert_int_equal(parts_find_mode(&fixture->nvml, &gpu, &is_mig, &fixture->err),
				 failures[i].code);
		assert_true(is_mig); /* untouched */
		assert_non_null(strstr(fixture->err.msg, "nvmlDeviceGetMigMode"));
	}
}

static void a_library_that_cannot_tell_parts_has_no_mig_mode(void **state)
{
	struct fixture *fixture = *state;
	fixture->nvml.nvmlDeviceGetMigMode = NULL;
	assert_false(is_in_mig_mode(fixture));
	fixture->nvml = fake;
	fixture->nvml.nvmlDeviceGetMaxMigDeviceCount = NULL;
	assert_false(is_in_mig_mode(fixture));
	fixture->nvml = fake;
	fixture->nvml.nvmlDeviceGetMigDeviceHandleByIndex = NULL;
	assert_false(is_in_mig_mode(fixture));
	fixture->nvml = fake;
	fixture->nvml.nvmlDeviceGetGpuInstanceId = NULL;
	assert_false(is_in_mig_mode(fixture));
	fixture->nvml = fake;
	fixture->nvml.nvmlDeviceGetComputeInstanceId = NULL;
	assert_false(is_in_mig_mode(fixture));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_part_is_a_device_behind_its_gpu),
		TEST(the_rest_is_that_of_its_gpu),
		TEST(its_capabilities_are_those_of_the_gpus_minor),
		TEST(without_the_list_it_has_no_capabilities),
		TEST(figures_tell_the_profile_where_the_name_does_not),
		TEST(figures_that_make_no_sense_lose_the_part),
		TEST(a_library_without_figures_loses_a_part_without_a_profile),
		TEST(memory_that_nobody_knows_is_zero),
		TEST(a_part_that_does_not_answer_is_lost_and_hides_no_other),
		TEST(a_place_that_cannot_be_looked_at_is_lost),
		TEST(a_driver_that_went_away_is_no_lost_part),
		TEST(more_than_a_snapshot_holds_is_refused),
		TEST(mig_mode_is_what_nvml_says),
		TEST(a_gpu_without_mig_mode_is_not_in_it),
		TEST(a_mode_that_cannot_be_read_is_not_known),
		TEST(a_library_that_cannot_tell_parts_has_no_mig_mode),
	};
	return cmocka_run_group_tests_name("parts", tests, NULL, NULL);
}
