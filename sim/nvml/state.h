/* SPDX-License-Identifier: Apache-2.0 */
/* What the simulated NVML is between two calls: initialised how often, on which scenario. */
#pragma once

#include "base/cleanup.h"

struct nvml_device;
struct scenario;
struct scenario_gpu;

/* One call under way; the state is locked from state_begin() to state_end(). code is what the call
 * has to return when it is not NVML_SUCCESS. */
struct state_call {
	int code;
	const struct scenario *scenario; /* borrowed until state_end() */
	const struct scenario_gpu *gpu;  /* NULL for calls on no GPU */
	unsigned index;                  /* of the GPU among those that this process may see */
};

/**
 * Begin a call on no GPU: NVML_ERROR_UNINITIALIZED, or what the scenario's faults say. A fault may
 * also keep this from ever returning.
 *
 * @name  of the function, canonical.
 */
struct state_call state_begin(const char *name);

/** The same on a GPU; also NVML_ERROR_INVALID_ARGUMENT when @device is no handle of ours. */
struct state_call state_begin_on(const char *name, const struct nvml_device *device);

/** The fault of this call on the GPU that it turned out to ask for. Returns what to return. */
int state_meet_gpu(struct state_call *call, const char *name, unsigned index);

void state_end(struct state_call *call);

/** Handles of the GPUs that this process may see; NULL beyond their count. */
struct nvml_device *state_handle(unsigned index);
const struct scenario_gpu *state_gpu(unsigned index);
unsigned state_gpus_count(void);

/** nvmlInit_v2 and nvmlShutdown. */
int state_start(void);
int state_stop(void);

#define cleanup_call CLEANUP(state_end)
