/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state behind the simulated NVML. NVML's interface has no object to keep it in, so it is the
 * one mutable variable of this library; all of it is read and written under its lock. The scenario
 * is read at an initialisation that starts from zero; its faults are read again when the file
 * changes.
 */
#include "sim/nvml/state.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "driver/nvml_abi.h"
#include "sim/scenario.h"

/* A handle is the address of one of these. */
struct nvml_device {
	char unused;
};

/* Tells whether the file is the one that was read. */
struct stamp {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec changed;
};

static struct {
	pthread_mutex_t lock;
	unsigned references;
	struct scenario *hardware; /* owned; NULL while not initialised */
	struct scenario *faults;   /* owned; newer than hardware; NULL: hardware's are in force */
	struct stamp stamp;
	unsigned visible[SCENARIO_GPUS_MAX]; /* positions in hardware */
	unsigned visible_count;
	struct nvml_device handles[SCENARIO_GPUS_MAX];
} state = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void say(const struct err *err)
{
	(void)fprintf(stderr, "simulated NVML: %s\n", err->msg);
}

/* Before the file is read, so that a change in between is seen at the next call. */
static struct stamp stamp_get(const char *path)
{
	struct stamp stamp = { 0 };
	struct stat status;
	if (path && stat(path, &status) == 0)
		stamp = (struct stamp){ status.st_dev, status.st_ino, status.st_size,
					status.st_mtim };
	return stamp;
}

static bool stamp_is_equal(const struct stamp *a, const struct stamp *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

/* A file that cannot be read now leaves the faults as they are: it may be about to be replaced. */
static void refresh_faults(void)
{
	const char *path = getenv("ROTA_SIM");
	struct stamp stamp = stamp_get(path);
	if (!path || stamp.inode == 0 || stamp_is_equal(&stamp, &state.stamp))
		return;
	struct scenario *newer = NULL;
	struct err err = ERR_INIT;
	state.stamp = stamp;
	if (scenario_read(path, &newer, &err) < 0) {
		say(&err);
		return;
	}
	(void)scenario_free(state.faults); /* returns NULL, replaced at once */
	state.faults = newer;
}

/* Never returns: as a call into a driver that waits for a lock which nobody will release. */
static void __attribute__((noreturn)) hang(void)
{
	for (;;)
		(void)pause();
}

/* Called locked; unlocked for as long as it hangs. */
static int meet_fault(const struct scenario *scenario, const char *name, int gpu)
{
	const struct scenario_fault *fault = scenario_find_fault(scenario, name, gpu);
	if (!fault)
		return NVML_SUCCESS;
	switch (fault->action) {
	case SCENARIO_HANG:
		(void)pthread_mutex_unlock(&state.lock); /* cannot fail: locked by us */
		hang();
	case SCENARIO_CRASH:
		abort();
	case SCENARIO_FAIL:
		return fault->error;
	}
	return NVML_SUCCESS;
}

static int meet_fault_now(const char *name, int gpu)
{
	refresh_faults();
	return meet_fault(state.faults ? state.faults : state.hardware, name, gpu);
}

struct state_call state_begin(const char *name)
{
	(void)pthread_mutex_lock(&state.lock); /* cannot fail: a plain mutex */
	struct state_call call = { .code = NVML_ERROR_UNINITIALIZED };
	if (state.references == 0)
		return call;
	call.code = meet_fault_now(name, SCENARIO_ALL_GPUS);
	call.scenario = state.hardware;
	return call;
}

struct state_call state_begin_on(const char *name, const struct nvml_device *device)
{
	struct state_call call = state_begin(name);
	if (call.code != NVML_SUCCESS)
		return call;
	for (unsigned i = 0; i < state.visible_count; i++)
		if (device == &state.handles[i]) {
			call.code = state_meet_gpu(&call, name, i);
			return call;
		}
	call.code = NVML_ERROR_INVALID_ARGUMENT;
	return call;
}

int state_meet_gpu(struct state_call *call, const char *name, unsigned index)
{
	call->gpu = state_gpu(index);
	call->index = index;
	return meet_fault_now(name, (int)state.visible[index]);
}

void state_end(struct state_call *call)
{
	(void)call;
	(void)pthread_mutex_unlock(&state.lock); /* cannot fail: locked by us */
}

struct nvml_device *state_handle(unsigned index)
{
	return index < state.visible_count ? &state.handles[index] : NULL;
}

const struct scenario_gpu *state_gpu(unsigned index)
{
	return index < state.visible_count ? &state.hardware->gpus[state.visible[index]] : NULL;
}

unsigned state_gpus_count(void)
{
	return state.visible_count;
}

static int find_visible(const struct scenario *scenario, const char *word, unsigned *ret)
{
	uint64_t index = 0;
	if (text_parse_u64(word, 0, SCENARIO_GPUS_MAX, &index) == 0 &&
	    index < scenario->gpus_count) {
		*ret = (unsigned)index;
		return 0;
	}
	for (size_t i = 0; i < scenario->gpus_count; i++)
		if (strcmp(scenario->gpus[i].uuid, word) == 0) {
			*ret = (unsigned)i;
			return 0;
		}
	return -ENODEV;
}

static bool is_listed(const unsigned *positions, unsigned count, unsigned position)
{
	for (unsigned i = 0; i < count; i++)
		if (positions[i] == position)
			return true;
	return false;
}

/* A list as NVIDIA_VISIBLE_DEVICES has it; the order of GPUs stays the driver's. */
static int select_listed(const struct scenario *scenario, const char *list, struct err *err)
{
	unsigned chosen[SCENARIO_GPUS_MAX];
	unsigned count = 0;
	cleanup_free char *words = strdup(list);
	if (!words)
		return err_set(err, -ENOMEM, "out of memory");
	char *rest = words;
	for (char *word = strsep(&rest, ","); word; word = strsep(&rest, ",")) {
		unsigned position = 0;
		if (find_visible(scenario, word, &position) < 0)
			return err_set(err, -ENODEV, "ROTA_SIM_VISIBLE: no GPU %s in the scenario",
				       word);
		if (!is_listed(chosen, count, position))
			chosen[count++] = position;
	}
	state.visible_count = 0;
	for (unsigned i = 0; i < scenario->gpus_count; i++)
		if (is_listed(chosen, count, i))
			state.visible[state.visible_count++] = i;
	return 0;
}

static int select_visible(const struct scenario *scenario, struct err *err)
{
	const char *list = getenv("ROTA_SIM_VISIBLE");
	state.visible_count = 0;
	if (list && (*list == '\0' || strcmp(list, "void") == 0 || strcmp(list, "none") == 0))
		return 0;
	if (list && strcmp(list, "all") != 0)
		return select_listed(scenario, list, err);
	for (unsigned i = 0; i < scenario->gpus_count; i++)
		state.visible[state.visible_count++] = i;
	return 0;
}

static int load(struct scenario **ret)
{
	const char *path = getenv("ROTA_SIM");
	struct err err = ERR_INIT;
	state.stamp = stamp_get(path);
	int r = scenario_read(path, ret, &err);
	if (r == 0)
		r = select_visible(*ret, &err);
	if (r < 0) {
		say(&err);
		return NVML_ERROR_DRIVER_NOT_LOADED;
	}
	return meet_fault(*ret, "nvmlInit_v2", SCENARIO_ALL_GPUS);
}

static int start_locked(void)
{
	if (state.references > 0) {
		int code = meet_fault_now("nvmlInit_v2", SCENARIO_ALL_GPUS);
		state.references += code == NVML_SUCCESS;
		return code;
	}
	cleanup_scenario struct scenario *scenario = NULL;
	int code = load(&scenario);
	if (code != NVML_SUCCESS)
		return code;
	state.hardware = TAKE_PTR(scenario);
	state.references = 1;
	return NVML_SUCCESS;
}

int state_start(void)
{
	(void)pthread_mutex_lock(&state.lock); /* cannot fail: a plain mutex */
	int code = start_locked();
	(void)pthread_mutex_unlock(&state.lock); /* cannot fail: locked by us */
	return code;
}

int state_stop(void)
{
	cleanup_call struct state_call call = state_begin("nvmlShutdown");
	if (call.code != NVML_SUCCESS)
		return call.code;
	if (--state.references > 0)
		return NVML_SUCCESS;
	state.hardware = scenario_free(state.hardware);
	state.faults = scenario_free(state.faults);
	state.visible_count = 0;
	return NVML_SUCCESS;
}
