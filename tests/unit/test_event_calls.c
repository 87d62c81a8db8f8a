/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated NVML's events, field values and faults with times, as a program meets them. */
#include "unit.h"

#include <pthread.h>
#include <stdbool.h>

#include "scenario_file.h"

enum {
	GUARD_MS = 60 * 1000, /* for what must happen; no test waits for it */
	SETS_MAX = 64,
	QUEUE_MAX = 64,
};

static const unsigned long long xid_type = NVML_EVENT_TYPE_XID_CRITICAL_ERROR;

static struct nvml_event_set *set;

static int setup(void **state)
{
	(void)make_scenario_file(state);
	write_scenario("gpus: [{uuid: GPU-a}, {uuid: GPU-b}]\n"
		       "events: [{id: old, gpu: 0, xid: 1}]\n");
	assert_int_equal(nvmlInit_v2(), NVML_SUCCESS);
	assert_int_equal(nvmlEventSetCreate(&set), NVML_SUCCESS);
	return nvmlDeviceRegisterEvents(get_gpu(0), xid_type, set);
}

static struct nvml_event_data wait_for_event(void)
{
	struct nvml_event_data data = { 0 };
	assert_int_equal(nvmlEventSetWait_v2(set, &data, GUARD_MS), NVML_SUCCESS);
	return data;
}

static void expect_no_event(void)
{
	struct nvml_event_data data = { .data = 7 };
	assert_int_equal(nvmlEventSetWait_v2(set, &data, 0), NVML_ERROR_TIMEOUT);
	assert_int_equal(data.data, 7);
}

static void what_stands_in_the_file_at_first_is_past(void **state)
{
	(void)state;
	expect_no_event();
}

static void a_new_entry_happens_once(void **state)
{
	(void)state;
	write_scenario("gpus: [{uuid: GPU-a}, {uuid: GPU-b}]\nevents:\n"
		       "- {id: old, gpu: 0, xid: 1}\n"
		       "- {id: new, gpu: 0, xid: 79}\n");
	struct nvml_event_data data = wait_for_event();
	assert_ptr_equal(data.device, get_gpu(0));
	assert_int_equal(data.type, NVML_EVENT_TYPE_XID_CRITICAL_ERROR);
	assert_int_equal(data.data, 79);
	assert_int_equal(data.gpu_instance_id, (unsigned)NVML_INSTANCE_NONE);
	assert_int_equal(data.compute_instance_id, (unsigned)NVML_INSTANCE_NONE);
	expect_no_event();
	write_scenario("gpus: [{uuid: GPU-a}, {uuid: GPU-b}]\nevents:\n"
		       "- {id: new, gpu: 0, xid: 79}\n");
	expect_no_event();
}

static void an_event_may_be_of_a_part(void **state)
{
	(void)state;
	write_scenario("events: [{id: p, gpu: 0, xid: 94, gpuInstance: 7, computeInstance: 1}]");
	struct nvml_event_data data = wait_for_event();
	assert_int_equal(data.data, 94);
	assert_int_equal(data.gpu_instance_id, 7);
	assert_int_equal(data.compute_instance_id, 1);
}

static void only_what_is_registered_is_told(void **state)
{
	(void)state;
	write_scenario("events: [{id: a, gpu: 1, xid: 79}, {id: b, gpu: 0, type: doubleBitEcc},\n"
		       "{id: c, gpu: 0, xid: 48}, {id: d, gpu: 9, xid: 1}]");
	assert_int_equal(wait_for_event().data, 48);
	expect_no_event();
}

static void every_set_is_told_and_none_later(void **state)
{
	(void)state;
	struct nvml_event_set *second = NULL;
	struct nvml_event_set *late = NULL;
	struct nvml_event_data data = { 0 };
	assert_int_equal(nvmlEventSetCreate(&second), NVML_SUCCESS);
	assert_int_equal(nvmlDeviceRegisterEvents(get_gpu(0), xid_type, second), NVML_SUCCESS);
	write_scenario("events: [{id: a, gpu: 0, xid: 79}]");
	assert_int_equal(wait_for_event().data, 79);
	assert_int_equal(nvmlEventSetWait_v2(second, &data, GUARD_MS), NVML_SUCCESS);
	assert_int_equal(data.data, 79);
	assert_int_equal(nvmlEventSetCreate(&late), NVML_SUCCESS);
	assert_int_equal(nvmlDeviceRegisterEvents(get_gpu(0), xid_type, late), NVML_SUCCESS);
	assert_int_equal(nvmlEventSetWait_v2(late, &data, 0), NVML_ERROR_TIMEOUT);
}

static void start_anew(const char *scenario)
{
	assert_int_equal(nvmlShutdown(), NVML_SUCCESS);
	write_scenario(scenario);
	assert_int_equal(nvmlInit_v2(), NVML_SUCCESS);
	assert_int_equal(nvmlEventSetCreate(&set), NVML_SUCCESS);
	assert_int_equal(nvmlDeviceRegisterEvents(get_gpu(0), xid_type, set), NVML_SUCCESS);
}

/* What comes later than the other would come first, if the other came again. */
static void an_event_with_a_time_happens_once_in_a_process(void **state)
{
	(void)state;
	write_scenario("gpus: [{uuid: GPU-a}]\nevents: [{id: a, gpu: 0, xid: 79, at: 1ms}]");
	assert_int_equal(wait_for_event().data, 79);
	expect_no_event();
	start_anew("gpus: [{uuid: GPU-a}]\nevents: [{id: a, gpu: 0, xid: 79, at: 100ms}]");
	write_scenario("gpus: [{uuid: GPU-a}]\nevents: [{id: a, gpu: 0, xid: 79, at: 100ms},\n"
		       "{id: b, gpu: 0, xid: 48, at: 200ms}]");
	assert_int_equal(wait_for_event().data, 48);
	expect_no_event();
}

/* The UUID of the first part of GPU 0, once it is @expected; "" for no part. */
static void wait_for_first_part(const char *expected)
{
	char uuid[NVML_DEVICE_UUID_V2_BUFFER_SIZE] = "-";
	struct nvml_device *part = NULL;
	for (int i = 0; i < GUARD_MS && strcmp(uuid, expected) != 0; i++) {
		uuid[0] = '\0';
		if (nvmlDeviceGetMigDeviceHandleByIndex(get_gpu(0), 0, &part) == NVML_SUCCESS)
			(void)nvmlDeviceGetUUID(part, uuid, sizeof(uuid));
		(void)usleep(1000);
	}
	assert_string_equal(uuid, expected);
}

static bool is_mig(void)
{
	unsigned current = 0;
	unsigned pending = 0;
	assert_int_equal(nvmlDeviceGetMigMode(get_gpu(0), &current, &pending), NVML_SUCCESS);
	return current == NVML_FEATURE_ENABLED;
}

#define A30 "gpus: [{uuid: GPU-a, model: NVIDIA A30, mig: [{profile: 4g.24gb, uuid: MIG-file}]}]\n"
#define BECOMES_EVENT \
	"{id: m, gpu: 0, type: mig, at: 100ms, mig: [{profile: 1g.6gb, uuid: MIG-event}]}"

static void an_event_gives_a_gpu_another_layout_and_tells_nobody(void **state)
{
	(void)state;
	start_anew(A30 "events: [" BECOMES_EVENT "]");
	wait_for_first_part("MIG-file");
	wait_for_first_part("MIG-event");
	expect_no_event();
	write_scenario(A30 "events: [" BECOMES_EVENT ", {id: x, gpu: 0, xid: 48}]");
	assert_int_equal(wait_for_event().data, 48);
	wait_for_first_part("MIG-event");
	write_scenario(A30);
	wait_for_first_part("MIG-file");
}

static void the_latest_layout_counts_whatever_the_order_of_the_list(void **state)
{
	(void)state;
	start_anew(A30);
	write_scenario(A30 "events: [{id: last, gpu: 0, type: mig, at: 3ms},\n"
			   "{id: first, gpu: 0, type: mig, at: 1ms, mig: []},\n"
			   "{id: told, gpu: 0, xid: 48, at: 4ms}]");
	assert_int_equal(wait_for_event().data, 48);
	assert_false(is_mig());
	write_scenario(A30 "events: [{id: none, gpu: 0, type: mig, at: 3ms},\n"
			   "{id: empty, gpu: 0, type: mig, at: 3ms, mig: []}]");
	assert_true(is_mig());
	wait_for_first_part("");
}

static void a_layout_that_has_come_stays_over_the_next_initialisation(void **state)
{
	(void)state;
	start_anew(A30 "events: [" BECOMES_EVENT "]");
	wait_for_first_part("MIG-event");
	start_anew(A30 "events: [{id: m, gpu: 0, type: mig, at: 1h}]");
	assert_false(is_mig());
}

static void refuses_what_is_no_set(void **state)
{
	(void)state;
	struct nvml_event_data data = { 0 };
	struct nvml_event_set *none = (struct nvml_event_set *)(void *)&data;
	assert_int_equal(nvmlEventSetWait_v2(none, &data, 0), NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(nvmlEventSetWait_v2(set, NULL, 0), NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(nvmlEventSetFree(NULL), NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(nvmlEventSetCreate(NULL), NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(nvmlDeviceRegisterEvents(get_gpu(0), xid_type, none),
			 NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(nvmlDeviceRegisterEvents(get_gpu(0), 0, set), NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(nvmlDeviceRegisterEvents(get_gpu(0), 1ULL << 40, set),
			 NVML_ERROR_NOT_SUPPORTED);
	assert_int_equal(nvmlEventSetFree(set), NVML_SUCCESS);
	assert_int_equal(nvmlEventSetWait_v2(set, &data, 0), NVML_ERROR_INVALID_ARGUMENT);
}

static void sets_come_to_an_end_and_are_used_again(void **state)
{
	(void)state;
	struct nvml_event_set *other = NULL;
	for (int i = 1; i < SETS_MAX; i++)
		assert_int_equal(nvmlEventSetCreate(&other), NVML_SUCCESS);
	assert_int_equal(nvmlEventSetCreate(&other), NVML_ERROR_INSUFFICIENT_RESOURCES);
	assert_int_equal(nvmlEventSetFree(set), NVML_SUCCESS);
	assert_int_equal(nvmlEventSetCreate(&set), NVML_SUCCESS);
	write_scenario("events: [{id: a, gpu: 0, xid: 79}]");
	expect_no_event(); /* what was registered before is forgotten */
}

/* The set holds what it can and drops the rest. */
static void a_full_queue_drops_what_comes(void **state)
{
	(void)state;
	char text[4096];
	struct nvml_event_data data = { 0 };
	for (int round = 0; round < 2; round++) {
		size_t used = (size_t)snprintf(text, sizeof(text), "events:\n");
		for (int i = 0; i < QUEUE_MAX; i++)
			used += (size_t)snprintf(text + used, sizeof(text) - used,
						 "- {id: r%d-%d, gpu: 0, xid: %d}\n", round, i, i);
		write_scenario(text);
		(void)get_gpu(0); /* any call notices it */
	}
	for (unsigned i = 0; i < QUEUE_MAX; i++) {
		assert_int_equal(nvmlEventSetWait_v2(set, &data, 0), NVML_SUCCESS);
		assert_int_equal(data.data, i);
	}
	expect_no_event();
}

static void *wait_in_a_thread(void *ret)
{
	*(int *)ret = nvmlEventSetWait_v2(set, &(struct nvml_event_data){ 0 }, GUARD_MS);
	return NULL;
}

/* If waiting held the lock, the calls here would come back only after the wait. */
static void other_threads_go_on_while_one_waits(void **state)
{
	(void)state;
	pthread_t thread;
	char name[NVML_DEVICE_NAME_V2_BUFFER_SIZE];
	int code = -1;
	assert_int_equal(pthread_create(&thread, NULL, wait_in_a_thread, &code), 0);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(nvmlDeviceGetName(get_gpu(1), name, sizeof(name)), NVML_SUCCESS);
	write_scenario("events: [{id: a, gpu: 0, xid: 79}]");
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(code, NVML_SUCCESS);
}

/* Walks parts that come and go; what it meets must be one of the answers that a caller may get. */
static void *walk_parts(void *ret)
{
	char name[NVML_DEVICE_NAME_V2_BUFFER_SIZE];
	struct nvml_device *part = NULL;
	unsigned id = 0;
	for (int i = 0; i < 2000; i++) {
		if (nvmlDeviceGetMigDeviceHandleByIndex(get_gpu(0), 0, &part) != NVML_SUCCESS)
			continue;
		int code = nvmlDeviceGetGpuInstanceId(part, &id);
		if (code == NVML_SUCCESS)
			code = nvmlDeviceGetName(part, name, sizeof(name));
		if (code != NVML_SUCCESS && code != NVML_ERROR_INVALID_ARGUMENT)
			*(int *)ret = code;
	}
	return NULL;
}

static void threads_may_walk_while_the_layout_changes(void **state)
{
	(void)state;
	pthread_t threads[3];
	int codes[3] = { 0 };
	assert_int_equal(nvmlShutdown(), NVML_SUCCESS);
	write_scenario("gpus: [{uuid: GPU-a, model: NVIDIA A30, mig: [4g.24gb]}]");
	assert_int_equal(nvmlInit_v2(), NVML_SUCCESS);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, walk_parts, &codes[i]), 0);
	for (int i = 0; i < 50; i++) {
		write_scenario("gpus: [{uuid: GPU-a, model: NVIDIA A30, mig: [1g.6gb, 2g.12gb]}]\n"
			       "faults: [{call: nvmlDeviceGetName, gpu: 0, do: slow, for: 1us}]");
		write_scenario("gpus: [{uuid: GPU-a, model: NVIDIA A30, mig: [4g.24gb]}]");
	}
	for (int i = 0; i < 3; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(codes[i], NVML_SUCCESS);
	}
}

static void a_wait_ends_when_nvml_is_shut_down(void **state)
{
	(void)state;
	pthread_t thread;
	int code = -1;
	assert_int_equal(pthread_create(&thread, NULL, wait_in_a_thread, &code), 0);
	assert_int_equal(nvmlShutdown(), NVML_SUCCESS);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(code, NVML_ERROR_UNINITIALIZED);
}

static void a_wait_meets_its_fault_also_later(void **state)
{
	(void)state;
	pthread_t thread;
	int code = -1;
	assert_int_equal(pthread_create(&thread, NULL, wait_in_a_thread, &code), 0);
	write_scenario("faults: [{call: nvmlEventSetWait_v2, do: fail}]");
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(code, NVML_ERROR_UNKNOWN);
}

static void a_lost_gpu_stays_lost_until_the_next_initialisation(void **state)
{
	(void)state;
	char name[NVML_DEVICE_NAME_V2_BUFFER_SIZE];
	struct nvml_event_data data = { 0 };
	struct nvml_device *device = get_gpu(0);
	struct nvml_device *other = NULL;
	write_scenario("gpus: [{uuid: GPU-a}, {uuid: GPU-b}]\nfaults: [{do: loseGpu, gpu: 0}]\n"
		       "events: [{id: a, gpu: 0, xid: 79}]");
	assert_int_equal(nvmlDeviceGetName(device, name, sizeof(name)), NVML_ERROR_GPU_IS_LOST);
	assert_int_equal(nvmlDeviceGetHandleByUUID("GPU-a", &other), NVML_ERROR_GPU_IS_LOST);
	assert_int_equal(wait_for_event().data, 79); /* what was told before comes first */
	assert_int_equal(nvmlEventSetWait_v2(set, &data, GUARD_MS), NVML_ERROR_GPU_IS_LOST);
	assert_int_equal(nvmlDeviceGetName(get_gpu(1), name, sizeof(name)), NVML_SUCCESS);
	write_scenario("gpus: [{uuid: GPU-a}, {uuid: GPU-b}]");
	assert_int_equal(nvmlDeviceGetName(device, name, sizeof(name)), NVML_ERROR_GPU_IS_LOST);
	assert_int_equal(nvmlShutdown(), NVML_SUCCESS);
	assert_int_equal(nvmlInit_v2(), NVML_SUCCESS);
	assert_int_equal(nvmlDeviceGetName(get_gpu(0), name, sizeof(name)), NVML_SUCCESS);
}

static void a_slow_call_goes_on_afterwards(void **state)
{
	(void)state;
	char name[NVML_DEVICE_NAME_V2_BUFFER_SIZE];
	write_scenario("faults: [{call: nvmlDeviceGetName, do: slow, for: 1ms},\n"
		       "{call: nvmlDeviceGetName, gpu: 0, do: slow, for: 1ms}]");
	assert_int_equal(nvmlDeviceGetName(get_gpu(0), name, sizeof(name)), NVML_SUCCESS);
	assert_string_equal(name, "Tesla T4");
}

static void a_fault_of_the_initialisation_passes_with_time(void **state)
{
	(void)state;
	assert_int_equal(nvmlShutdown(), NVML_SUCCESS);
	write_scenario("faults: [{call: nvmlInit_v2, do: fail, until: 50ms}]");
	assert_int_equal(nvmlInit_v2(), NVML_ERROR_UNKNOWN);
	while (nvmlInit_v2() != NVML_SUCCESS)
		(void)usleep(1000);
}

static struct nvml_field_value get_recovery(void)
{
	struct nvml_field_value value = { .field_id = NVML_FI_DEV_GET_GPU_RECOVERY_ACTION };
	assert_int_equal(nvmlDeviceGetFieldValues(get_gpu(0), 1, &value), NVML_SUCCESS);
	return value;
}

static void an_old_driver_knows_no_recovery_action_unless_it_is_said(void **state)
{
	(void)state;
	assert_int_equal(get_recovery().result, NVML_ERROR_NOT_SUPPORTED);
	write_scenario("gpus: [{uuid: GPU-a, recoveryAction: gpuReset}]");
	struct nvml_field_value value = get_recovery();
	assert_int_equal(value.result, NVML_SUCCESS);
	assert_int_equal(value.value_type, NVML_VALUE_TYPE_UNSIGNED_INT);
	assert_int_equal(value.value.ui, NVML_GPU_RECOVERY_ACTION_GPU_RESET);
}

static void a_driver_of_570_says_that_nothing_is_to_be_done(void **state)
{
	(void)state;
	start_anew("driver: {version: 570.10}");
	assert_int_equal(get_recovery().result, NVML_SUCCESS);
	assert_int_equal(get_recovery().value.ui, NVML_GPU_RECOVERY_ACTION_NONE);
}

static void other_fields_are_answered_one_by_one(void **state)
{
	(void)state;
	struct nvml_field_value values[2] = { { .field_id = 4 }, { .field_id = 9999 } };
	unsigned long long errors = 0;
	write_scenario("gpus: [{uuid: GPU-a, eccErrors: 3}]");
	assert_int_equal(nvmlDeviceGetFieldValues(get_gpu(0), 2, values), NVML_SUCCESS);
	assert_int_equal(values[0].result, NVML_SUCCESS);
	assert_int_equal(values[0].value.ull, 3);
	assert_int_equal(values[1].result, NVML_ERROR_NOT_SUPPORTED);
	assert_int_equal(nvmlDeviceGetFieldValues(get_gpu(0), 0, values),
			 NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(nvmlDeviceGetFieldValues(get_gpu(0), 1, NULL),
			 NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(nvmlDeviceGetTotalEccErrors(get_gpu(0), NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
						     NVML_VOLATILE_ECC, &errors),
			 NVML_SUCCESS);
	assert_int_equal(errors, 3);
	assert_int_equal(nvmlDeviceGetTotalEccErrors(get_gpu(0), NVML_MEMORY_ERROR_TYPE_CORRECTED,
						     NVML_VOLATILE_ECC, &errors),
			 NVML_SUCCESS);
	assert_int_equal(errors, 0);
}

static void tells_which_events_there_are(void **state)
{
	(void)state;
	unsigned long long types = 0;
	assert_int_equal(nvmlDeviceGetSupportedEventTypes(get_gpu(0), &types), NVML_SUCCESS);
	assert_int_equal(types, 0xB);
	assert_int_equal(nvmlDeviceGetSupportedEventTypes(get_gpu(0), NULL),
			 NVML_ERROR_INVALID_ARGUMENT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, remove_scenario_file)
	const struct CMUnitTest tests[] = {
		TEST(what_stands_in_the_file_at_first_is_past),
		TEST(a_new_entry_happens_once),
		TEST(an_event_may_be_of_a_part),
		TEST(only_what_is_registered_is_told),
		TEST(every_set_is_told_and_none_later),
		TEST(an_event_with_a_time_happens_once_in_a_process),
		TEST(an_event_gives_a_gpu_another_layout_and_tells_nobody),
		TEST(the_latest_layout_counts_whatever_the_order_of_the_list),
		TEST(a_layout_that_has_come_stays_over_the_next_initialisation),
		TEST(refuses_what_is_no_set),
		TEST(sets_come_to_an_end_and_are_used_again),
		TEST(a_full_queue_drops_what_comes),
		TEST(other_threads_go_on_while_one_waits),
		TEST(threads_may_walk_while_the_layout_changes),
		TEST(a_wait_ends_when_nvml_is_shut_down),
		TEST(a_wait_meets_its_fault_also_later),
		TEST(a_lost_gpu_stays_lost_until_the_next_initialisation),
		TEST(a_slow_call_goes_on_afterwards),
		TEST(a_fault_of_the_initialisation_passes_with_time),
		TEST(an_old_driver_knows_no_recovery_action_unless_it_is_said),
		TEST(a_driver_of_570_says_that_nothing_is_to_be_done),
		TEST(other_fields_are_answered_one_by_one),
		TEST(tells_which_events_there_are),
	};
	return cmocka_run_group_tests_name("event_calls", tests, NULL, NULL);
}
