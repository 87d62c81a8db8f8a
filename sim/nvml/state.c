/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state behind the simulated NVML. NVML's interface has no object to keep it in, so it is the
 * one mutable variable of this library; all of it is read and written under its lock. The scenario
 * is read at an initialisation that starts from zero; what follows the file later is in playback.
 */
#include "sim/nvml/state.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "driver/nvml_abi.h"
#include "sim/installed.h"
#include "sim/nvml/event_set.h"
#include "sim/nvml/playback.h"
#include "sim/nvml/visible.h"
#include "sim/scenario.h"

/* A handle is the address of one of these. */
struct nvml_device {
	char unused;
};

static struct {
	pthread_mutex_t lock;
	unsigned references;
	struct scenario *hardware; /* owned; NULL while not initialised */
	struct playback playback;
	struct visible visible;
	struct event_sets events;
	struct nvml_device handles[SCENARIO_GPUS_MAX];
	/* By index of the GPU and ids of the instances: a layout that comes back finds its own. */
	struct nvml_device parts[SCENARIO_GPUS_MAX][SCENARIO_INSTANCE_IDS][SCENARIO_COMPUTES_MAX];
} state = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Never returns: as a call into a driver that waits for a lock which nobody will release. */
static void __attribute__((noreturn)) hang(void)
{
	for (;;)
		(void)pause();
}

static void nap(uint64_t ns)
{
	struct timespec rest = { .tv_sec = (time_t)(ns / CLOCK_NS_PER_S),
				 .tv_nsec = (long)(ns % CLOCK_NS_PER_S) };
	while (nanosleep(&rest, &rest) < 0 && errno == EINTR)
		;
}

/* Called locked; unlocked for as long as it hangs or waits. */
static int meet(const struct scenario_fault *fault)
{
	switch ((enum scenario_action)fault->action) {
	case SCENARIO_HANG:
		(void)pthread_mutex_unlock(&state.lock); /* cannot fail: locked by us */
		hang();
	case SCENARIO_CRASH:
		abort();
	case SCENARIO_FAIL:
		return fault->error;
	case SCENARIO_SLOW: {
		uint64_t delay_ns = fault->delay_ns;
		(void)pthread_mutex_unlock(&state.lock); /* cannot fail: locked by us */
		nap(delay_ns);
		(void)pthread_mutex_lock(&state.lock); /* cannot fail: a plain mutex */
		return NVML_SUCCESS;
	}
	case SCENARIO_LOSE:
		return NVML_SUCCESS;
	}
	return NVML_SUCCESS;
}

static int meet_fault(const struct scenario *scenario, const char *name, int gpu)
{
	const struct scenario_fault *fault = scenario_find_fault(
		scenario, name, gpu, playback_elapsed_ns(&state.playback));
	return fault ? meet(fault) : NVML_SUCCESS;
}

static void tell_events(void)
{
	const struct scenario_event *event = NULL;
	while ((event = playback_next_event(&state.playback))) {
		unsigned index = 0;
		if (event->becomes || !state_index_of((unsigned)event->gpu, &index))
			continue; /* a new layout is told to nobody */
		const struct nvml_event_data data = {
			.device = state_handle(index),
			.type = (unsigned long long)event->type,
			.data = event->xid,
			.gpu_instance_id = (unsigned)event->gpu_instance,
			.compute_instance_id = (unsigned)event->compute_instance,
		};
		event_set_add(&state.events, (unsigned)event->gpu, &data);
	}
}

/* Whoever waited for a slow call may find that another thread has shut NVML down. */
static int meet_fault_now(const char *name, int gpu)
{
	playback_step(&state.playback);
	tell_events();
	int code = meet_fault(playback_scenario(&state.playback), name, gpu);
	return state.references > 0 ? code : NVML_ERROR_UNINITIALIZED;
}

int state_meet_again(const char *name)
{
	if (state.references == 0)
		return NVML_ERROR_UNINITIALIZED;
	return meet_fault_now(name, SCENARIO_ALL_GPUS);
}

struct state_call state_begin(const char *name)
{
	(void)pthread_mutex_lock(&state.lock); /* cannot fail: a plain mutex */
	struct state_call call = { .code = state_meet_again(name) };
	call.scenario = state.hardware;
	return call;
}

/* The part behind a handle: where it lies among all that could be. */
static bool find_part_handle(const struct nvml_device *device, struct state_call *call)
{
	for (unsigned i = 0; i < state.visible.count; i++) {
		struct state_part part = { .index = 0 };
		for (; (part = state_find_part(i, part.index, NULL)).compute; part.index++)
			if (state_part_handle(i, &part) == device) {
				call->index = i;
				call->part = part;
				return true;
			}
	}
	return false;
}

struct state_call state_begin_on_any(const char *name, const struct nvml_device *device)
{
	struct state_call call = state_begin(name);
	if (call.code != NVML_SUCCESS)
		return call;
	bool is_gpu = state_find_gpu(device, &call.index);
	if (is_gpu || find_part_handle(device, &call))
		call.code = state_meet_gpu(&call, name, call.index);
	else
		call.code = NVML_ERROR_INVALID_ARGUMENT;
	/* The layout may have changed while the call met a slow fault. */
	if (call.code == NVML_SUCCESS && !is_gpu && !find_part_handle(device, &call))
		call.code = NVML_ERROR_INVALID_ARGUMENT;
	return call;
}

struct state_call state_begin_on(const char *name, const struct nvml_device *device)
{
	struct state_call call = state_begin_on_any(name, device);
	if (call.code == NVML_SUCCESS && call.part.compute)
		call.code = NVML_ERROR_NOT_SUPPORTED;
	return call;
}

int state_meet_gpu(struct state_call *call, const char *name, unsigned index)
{
	unsigned position = state_position(index);
	int code = meet_fault_now(name, (int)position);
	if (code != NVML_SUCCESS)
		return code;
	call->gpu = state_gpu(index);
	call->live = playback_gpu(&state.playback, position);
	call->index = index;
	return state_is_lost(position) ? NVML_ERROR_GPU_IS_LOST : NVML_SUCCESS;
}

void state_end(struct state_call *call)
{
	(void)call;
	(void)pthread_mutex_unlock(&state.lock); /* cannot fail: locked by us */
}

struct nvml_device *state_handle(unsigned index)
{
	return index < state.visible.count ? &state.handles[index] : NULL;
}

const struct scenario_gpu *state_gpu(unsigned index)
{
	return index < state.visible.count ? &state.hardware->gpus[state.visible.positions[index]]
					   : NULL;
}

unsigned state_gpus_count(void)
{
	return state.visible.count;
}

bool state_find_gpu(const struct nvml_device *device, unsigned *ret)
{
	for (unsigned i = 0; i < state.visible.count; i++)
		if (device == &state.handles[i]) {
			*ret = i;
			return true;
		}
	return false;
}

struct state_part state_find_part(unsigned index, unsigned part_index, const char *uuid)
{
	unsigned position = state_position(index);
	const struct scenario_gpu *gpu = playback_gpu(&state.playback, position);
	struct state_part part = { .index = 0 };
	for (size_t i = 0; i < gpu->instances_count; i++)
		for (size_t j = 0; j < gpu->instances[i].computes_count; j++) {
			part.instance = &gpu->instances[i];
			part.compute = &part.instance->computes[j];
			if (!visible_has_part(&state.visible, position, part.instance->id,
					      part.compute->id))
				continue;
			if (uuid ? strcmp(part.compute->uuid, uuid) == 0 : part.index == part_index)
				return part;
			part.index++;
		}
	return (struct state_part){ .compute = NULL };
}

struct nvml_device *state_part_handle(unsigned index, const struct state_part *part)
{
	return &state.parts[index][part->instance->id][part->compute->id];
}

unsigned state_position(unsigned index)
{
	return state.visible.positions[index];
}

bool state_index_of(unsigned position, unsigned *ret)
{
	for (unsigned i = 0; i < state.visible.count; i++)
		if (state.visible.positions[i] == position) {
			*ret = i;
			return true;
		}
	return false;
}

bool state_is_lost(unsigned position)
{
	return state.playback.is_lost[position];
}

struct event_sets *state_events(void)
{
	return &state.events;
}

static int fail_to_load(const struct err *err)
{
	(void)fprintf(stderr, "simulated NVML: %s\n", err->msg);
	return NVML_ERROR_DRIVER_NOT_LOADED;
}

static int load(struct playback_stamp *ret_stamp, struct scenario **ret)
{
	struct err err = ERR_INIT;
	if (playback_load(&state.playback, ret_stamp, ret, &err) < 0)
		return fail_to_load(&err);
	return meet_fault(*ret, "nvmlInit_v2", SCENARIO_ALL_GPUS);
}

static int start_again(void)
{
	int code = state_meet_again("nvmlInit_v2");
	state.references += code == NVML_SUCCESS;
	return code;
}

static int start_locked(void)
{
	if (state.references > 0)
		return start_again();
	cleanup_scenario struct scenario *scenario = NULL;
	struct playback_stamp stamp = { 0 };
	struct err err = ERR_INIT;
	char buf[INSTALLED_LIST_BYTES];
	int code = load(&stamp, &scenario);
	if (code != NVML_SUCCESS)
		return code;
	if (state.references > 0) { /* another thread was here while this one met a slow fault */
		state.references++;
		return NVML_SUCCESS;
	}
	if (visible_select(scenario, installed_visible("", scenario, buf), &state.visible, &err) <
	    0)
		return fail_to_load(&err);
	state.hardware = TAKE_PTR(scenario);
	playback_start(&state.playback, &stamp, state.hardware);
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
	playback_stop(&state.playback);
	event_set_give_back_all(&state.events);
	state.hardware = scenario_free(state.hardware);
	state.visible.count = 0;
	return NVML_SUCCESS;
}
