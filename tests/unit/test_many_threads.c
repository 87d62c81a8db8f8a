/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated NVML under threads, as the real one allows them; TSan is who judges. */
#include "unit.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "driver/nvml_abi.h"

enum {
	THREADS = 4,
	ROUNDS = 200,
};

static const char scenario[] = SCENARIO_FOLDER "/one-t4.yaml";

/* cmocka's assertions are not for other threads than its own. */
static bool asks_once(void)
{
	struct nvml_device *gpu = NULL;
	char uuid[NVML_DEVICE_UUID_V2_BUFFER_SIZE] = "";
	unsigned count = 0;
	bool is_right = nvmlInit_v2() == NVML_SUCCESS &&
			nvmlDeviceGetCount_v2(&count) == NVML_SUCCESS && count == 1 &&
			nvmlDeviceGetHandleByIndex_v2(0, &gpu) == NVML_SUCCESS &&
			nvmlDeviceGetUUID(gpu, uuid, sizeof(uuid)) == NVML_SUCCESS &&
			strncmp(uuid, "GPU-", 4) == 0;
	return nvmlShutdown() == NVML_SUCCESS && is_right;
}

static void *ask_again_and_again(void *argument)
{
	bool *is_right = argument;
	*is_right = true;
	for (unsigned i = 0; i < ROUNDS && *is_right; i++)
		*is_right = asks_once();
	return NULL;
}

static void many_threads_get_the_answers_of_one(void **state)
{
	(void)state;
	pthread_t threads[THREADS];
	bool is_right[THREADS];
	assert_int_equal(setenv("ROTA_SIM", scenario, 1), 0);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, ask_again_and_again, &is_right[i]), 0);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	for (size_t i = 0; i < THREADS; i++)
		assert_true(is_right[i]);
	assert_int_equal(nvmlShutdown(), NVML_ERROR_UNINITIALIZED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_threads_get_the_answers_of_one),
	};
	return cmocka_run_group_tests_name("many_threads", tests, NULL, NULL);
}
