/* SPDX-License-Identifier: Apache-2.0 */
/* Events of an NVML that is made up here. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "driver/alarms.h"
#include "driver/nvml.h"

enum {
	GPUS = 2
};

struct nvml_device {
	unsigned long long supported;
	unsigned long long registered;
	int supported_result;
	int register_result;
	int uuid_result;
};

struct nvml_event_set {
	unsigned created;
	unsigned freed;
	unsigned waits;
	int create_result;
	int wait_result;
	struct nvml_event_data data;
};

static struct nvml_device gpus[GPUS];
static struct nvml_event_set only;
static struct alarms alarms;
/* As the last registration marked it. */
static bool is_unwatched[GPUS];

static int get_handle(unsigned index, struct nvml_device **device)
{
	if (index >= GPUS)
		return NVML_ERROR_GPU_IS_LOST;
	*device = &gpus[index];
	return NVML_SUCCESS;
}

static int get_supported(struct nvml_device *device, unsigned long long *types)
{
	*types = device->supported;
	return device->supported_result;
}

static int register_events(struct nvml_device *device, unsigned long long types,
			   struct nvml_event_set *set)
{
	assert_ptr_equal(set, &only);
	device->registered = types;
	return device->register_result;
}

static int create(struct nvml_event_set **set)
{
	only.created++;
	*set = &only;
	return only.create_result;
}

static int wait(struct nvml_event_set *set, struct nvml_event_data *data, unsigned timeout_ms)
{
	assert_ptr_equal(set, &only);
	assert_int_equal(timeout_ms, ALARMS_WAIT_MS);
	only.waits++;
	*data = only.data;
	return only.wait_result;
}

static int give_back(struct nvml_event_set *set)
{
	set->freed++;
	return NVML_SUCCESS;
}

static int get_uuid(struct nvml_device *device, char *uuid, unsigned length)
{
	(void)snprintf(uuid, length, "GPU-%d", (int)(device - gpus));
	return device->uuid_result;
}

static const char *get_words(int result)
{
	(void)result;
	return "Unknown Error";
}

static const struct nvml fake = {
	.nvmlErrorString = get_words,
	.nvmlDeviceGetUUID = get_uuid,
	.nvmlDeviceGetHandleByIndex_v2 = get_handle,
	.nvmlDeviceGetSupportedEventTypes = get_supported,
	.nvmlDeviceRegisterEvents = register_events,
	.nvmlEventSetCreate = create,
	.nvmlEventSetWait_v2 = wait,
	.nvmlEventSetFree = give_back,
};

static int setup(void **state)
{
	(void)state;
	for (size_t i = 0; i < GPUS; i++)
		gpus[i] = (struct nvml_device){ .supported = 0xFF };
	only = (struct nvml_event_set){
		.wait_result = NVML_ERROR_TIMEOUT,
		.data = { .device = &gpus[1],
			  .type = NVML_EVENT_TYPE_XID_CRITICAL_ERROR,
			  .data = 79,
			  .gpu_instance_id = UINT32_MAX,
			  .compute_instance_id = UINT32_MAX },
	};
	alarms = (struct alarms){ 0 };
	return 0;
}

/* Two GPUs, the first with a part. */
static void register_gpus(const struct nvml *nvml, uint64_t digest)
{
	struct snapshot *snapshot = snapshot_new(3);
	snapshot->devices[0].index = "0";
	snapshot->devices[1].index = "0:0";
	snapshot->devices[1].parent = 0;
	snapshot->devices[2].index = "1";
	alarms_register(&alarms, nvml, digest, snapshot);
	assert_false(snapshot->devices[1].is_unwatched);
	is_unwatched[0] = snapshot->devices[0].is_unwatched;
	is_unwatched[1] = snapshot->devices[2].is_unwatched;
	snapshot_free(snapshot);
}

static bool wait_once(uint64_t now_ns, struct alarm *told)
{
	return alarms_wait(&alarms, &fake, now_ns, told);
}

static void registers_what_matters_and_is_supported(void **state)
{
	(void)state;
	gpus[1].supported = NVML_EVENT_TYPE_XID_CRITICAL_ERROR;
	register_gpus(&fake, 5);
	assert_true(alarms_are_awaited(&alarms));
	assert_int_equal(gpus[0].registered, 0xB);
	assert_int_equal(gpus[1].registered, 0x8);
	assert_string_equal(alarms_complaint(&alarms), "");
}

static void registers_once_for_a_set_of_gpus(void **state)
{
	(void)state;
	register_gpus(&fake, 5);
	register_gpus(&fake, 5);
	assert_int_equal(only.created, 1);
	register_gpus(&fake, 6);
	assert_int_equal(only.created, 2);
	assert_int_equal(only.freed, 1);
	alarms_done(&alarms, &fake);
	assert_int_equal(only.freed, 2);
	assert_false(alarms_are_awaited(&alarms));
	register_gpus(&fake, 6);
	assert_int_equal(only.created, 3);
}

static void gpus_that_report_no_xids_are_marked(void **state)
{
	(void)state;
	gpus[0].supported_result = NVML_ERROR_NOT_SUPPORTED;
	gpus[1].supported = NVML_EVENT_TYPE_DOUBLE_BIT_ECC_ERROR;
	register_gpus(&fake, 5);
	assert_false(alarms_are_awaited(&alarms));
	assert_true(is_unwatched[0] && is_unwatched[1]);
	assert_string_equal(alarms_complaint(&alarms), "");
	assert_int_equal(only.freed, only.created);
	gpus[0].supported_result = NVML_SUCCESS;
	gpus[1].supported = 0xFF;
	gpus[1].register_result = NVML_ERROR_NOT_SUPPORTED;
	register_gpus(&fake, 6);
	assert_true(alarms_are_awaited(&alarms)); /* the other one's */
	assert_true(!is_unwatched[0] && is_unwatched[1]);
	assert_string_equal(alarms_complaint(&alarms), "");
}

static void they_stay_marked_while_they_are_the_same(void **state)
{
	(void)state;
	gpus[0].register_result = NVML_ERROR_NOT_SUPPORTED;
	register_gpus(&fake, 5);
	register_gpus(&fake, 5);
	assert_int_equal(only.created, 1);
	assert_true(is_unwatched[0] && !is_unwatched[1]);
	gpus[0].register_result = NVML_SUCCESS;
	alarms_done(&alarms, &fake);
	register_gpus(&fake, 5);
	assert_true(!is_unwatched[0] && !is_unwatched[1]);
}

static void a_gpu_that_cannot_be_registered_is_a_complaint(void **state)
{
	(void)state;
	gpus[0].register_result = NVML_ERROR_UNKNOWN;
	register_gpus(&fake, 5);
	assert_true(alarms_are_awaited(&alarms)); /* the other one's */
	assert_false(is_unwatched[0]);            /* it is told with the cause */
	assert_non_null(strstr(alarms_complaint(&alarms), "errors of GPU 0 are seen only"));
	assert_non_null(strstr(alarms_complaint(&alarms), "nvmlDeviceRegisterEvents"));
	gpus[0].register_result = NVML_SUCCESS;
	gpus[1].supported_result = NVML_ERROR_UNKNOWN;
	register_gpus(&fake, 6);
	assert_non_null(strstr(alarms_complaint(&alarms), "errors of GPU 1 are seen only"));
	gpus[1].supported_result = NVML_SUCCESS;
	register_gpus(&fake, 7);
	assert_string_equal(alarms_complaint(&alarms), "");
}

static void no_set_is_a_complaint(void **state)
{
	(void)state;
	only.create_result = NVML_ERROR_UNKNOWN;
	register_gpus(&fake, 5);
	assert_false(alarms_are_awaited(&alarms));
	assert_non_null(strstr(alarms_complaint(&alarms), "nvmlEventSetCreate"));
	alarms_done(&alarms, &fake);
	assert_int_equal(only.freed, 0);
}

static void a_library_without_events_has_none(void **state)
{
	(void)state;
	struct nvml nvml = fake;
	nvml.nvmlEventSetWait_v2 = NULL;
	register_gpus(&nvml, 5);
	assert_int_equal(only.created, 0);
	assert_false(alarms_are_awaited(&alarms));
	assert_true(is_unwatched[0] && is_unwatched[1]);
	assert_string_equal(alarms_complaint(&alarms), "");
	alarms_done(&alarms, &nvml);
}

static void an_xid_is_told(void **state)
{
	(void)state;
	struct alarm told = { 0 };
	register_gpus(&fake, 5);
	only.wait_result = NVML_SUCCESS;
	assert_true(wait_once(0, &told));
	assert_string_equal(told.event.uuid, "GPU-1");
	assert_int_equal(told.event.xid, 79);
	assert_int_equal(told.event.gpu_instance, DEVICE_NO_INSTANCE);
	assert_int_equal(told.event.compute_instance, DEVICE_NO_INSTANCE);
	only.data.gpu_instance_id = 3;
	only.data.compute_instance_id = 0;
	assert_true(wait_once(0, &told));
	assert_int_equal(told.event.gpu_instance, 3);
	assert_int_equal(told.event.compute_instance, 0);
}

static void an_xid_of_a_gpu_without_a_name_is_told_without(void **state)
{
	(void)state;
	struct alarm told = { 0 };
	register_gpus(&fake, 5);
	only.wait_result = NVML_SUCCESS;
	gpus[1].uuid_result = NVML_ERROR_GPU_IS_LOST;
	assert_true(wait_once(0, &told));
	assert_string_equal(told.event.uuid, "");
	assert_int_equal(told.event.xid, 79);
}

static void other_events_are_skipped(void **state)
{
	(void)state;
	struct alarm told = { 0 };
	register_gpus(&fake, 5);
	assert_false(wait_once(0, &told));
	only.wait_result = NVML_SUCCESS;
	only.data.type = NVML_EVENT_TYPE_DOUBLE_BIT_ECC_ERROR;
	assert_false(wait_once(0, &told));
	assert_true(alarms_are_awaited(&alarms));
}

static void a_wait_that_fails_gives_the_set_up(void **state)
{
	(void)state;
	struct alarm told = { .event.xid = 1 };
	register_gpus(&fake, 5);
	only.wait_result = NVML_ERROR_GPU_IS_LOST;
	assert_true(wait_once(0, &told)); /* the advice to look */
	assert_int_equal(told.event.xid, 0);
	assert_string_equal(told.event.uuid, "");
	assert_false(alarms_are_awaited(&alarms));
	assert_int_equal(only.freed, 1);
	assert_non_null(strstr(alarms_complaint(&alarms), "nvmlEventSetWait_v2"));
}

static void it_is_made_again_and_the_advice_is_given_once(void **state)
{
	(void)state;
	struct alarm told = { 0 };
	register_gpus(&fake, 5);
	only.wait_result = NVML_ERROR_UNKNOWN;
	assert_true(wait_once(0, &told));
	register_gpus(&fake, 5);
	assert_int_equal(only.created, 2);
	assert_true(alarms_are_awaited(&alarms));
	assert_false(wait_once(0, &told));
	assert_non_null(strstr(alarms_complaint(&alarms), "nvmlEventSetWait_v2"));
	register_gpus(&fake, 5);
	only.wait_result = NVML_ERROR_TIMEOUT;
	assert_false(wait_once(0, &told));
	assert_string_equal(alarms_complaint(&alarms), "");
	only.wait_result = NVML_ERROR_UNKNOWN;
	assert_true(wait_once(0, &told));
}

static void too_many_in_a_second_have_to_wait(void **state)
{
	(void)state;
	struct alarm told = { 0 };
	uint64_t now_ns = 10ULL * CLOCK_NS_PER_S;
	register_gpus(&fake, 5);
	only.wait_result = NVML_SUCCESS;
	for (unsigned i = 0; i < ALARMS_PER_S_MAX; i++) {
		assert_int_equal(alarms_pause_ms(&alarms, now_ns), 0);
		assert_true(wait_once(now_ns, &told));
	}
	now_ns += CLOCK_NS_PER_S / 4;
	assert_int_equal(alarms_pause_ms(&alarms, now_ns), 751);
	/* Also when NVML is opened anew. */
	alarms_done(&alarms, &fake);
	assert_int_equal(alarms_pause_ms(&alarms, now_ns), 751);
	now_ns += 3ULL * CLOCK_NS_PER_S / 4;
	assert_int_equal(alarms_pause_ms(&alarms, now_ns), 0);
	register_gpus(&fake, 5);
	assert_true(wait_once(now_ns, &told));
	assert_int_equal(alarms_pause_ms(&alarms, now_ns), 0);
}

static void a_gpu_that_went_meanwhile_is_no_complaint(void **state)
{
	(void)state;
	struct snapshot *snapshot = snapshot_new(1);
	snapshot->devices[0].index = "9";
	alarms_register(&alarms, &fake, 5, snapshot);
	assert_false(snapshot->devices[0].is_unwatched);
	snapshot_free(snapshot);
	assert_false(alarms_are_awaited(&alarms));
	assert_string_equal(alarms_complaint(&alarms), "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest tests[] = {
		TEST(registers_what_matters_and_is_supported),
		TEST(registers_once_for_a_set_of_gpus),
		TEST(gpus_that_report_no_xids_are_marked),
		TEST(they_stay_marked_while_they_are_the_same),
		TEST(a_gpu_that_cannot_be_registered_is_a_complaint),
		TEST(no_set_is_a_complaint),
		TEST(a_library_without_events_has_none),
		TEST(an_xid_is_told),
		TEST(an_xid_of_a_gpu_without_a_name_is_told_without),
		TEST(other_events_are_skipped),
		TEST(a_wait_that_fails_gives_the_set_up),
		TEST(it_is_made_again_and_the_advice_is_given_once),
		TEST(too_many_in_a_second_have_to_wait),
		TEST(a_gpu_that_went_meanwhile_is_no_complaint),
	};
	return cmocka_run_group_tests_name("alarms", tests, NULL, NULL);
}
