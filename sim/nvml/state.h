/* SPDX-License-Identifier: Apache-2.0 */
/* What the simulated NVML is between two calls: initialised how often, on which scenario. */
#pragma once

#include <stdbool.h>

#include "base/cleanup.h"

struct event_sets;
struct nvml_device;
struct nvml_event_set;
struct scenario;
struct scenario_compute;
struct scenario_gpu;
struct scenario_instance;

/* A part of a GPU in MIG mode that this process may see. Borrowed until state_end(). */
struct state_part {
	const struct scenario_instance *instance;
	const struct scenario_compute *compute; /* NULL: this is no part */
	unsigned index;                         /* among the visible ones of its GPU */
};

/* One call under way; the state is locked from state_begin() to state_end(). code is what the call
 * has to return when it is not NVML_SUCCESS. */
struct state_call {
	int code;
	const struct scenario *scenario; /* borrowed until state_end() */
	const struct scenario_gpu *gpu;  /* as it was at nvmlInit; NULL for calls on no GPU */
	const struct scenario_gpu *live; /* what follows the file, see scenario.h */
	unsigned index;                  /* of the GPU among those that this process may see */
	struct state_part part;          /* of a call on a part; gpu is then its GPU */
};

/**
 * Begin a call on no GPU: NVML_ERROR_UNINITIALIZED, or what the scenario's faults say. A fault may
 * also keep this from ever returning.
 *
 * @name  of the function, canonical.
 */
struct state_call state_begin(const char *name);

/** The same on a GPU; also NVML_ERROR_INVALID_ARGUMENT when @device is no handle of ours,
 * NVML_ERROR_GPU_IS_LOST, and NVML_ERROR_NOT_SUPPORTED for a part. */
struct state_call state_begin_on(const char *name, const struct nvml_device *device);

/** The same on a GPU or a part of one. */
struct state_call state_begin_on_any(const char *name, const struct nvml_device *device);

/** The fault of this call on the GPU that it turned out to ask for, and whether that is lost.
 * Returns what to return. */
int state_meet_gpu(struct state_call *call, const char *name, unsigned index);

/** Meet the faults of a call that goes on for long, again. Returns what to return. */
int state_meet_again(const char *name);

void state_end(struct state_call *call);

/** Handles of the GPUs that this process may see; NULL beyond their count. */
struct nvml_device *state_handle(unsigned index);
const struct scenario_gpu *state_gpu(unsigned index);
unsigned state_gpus_count(void);

/** Which of the visible GPUs @device is; false for none, or for a part. */
bool state_find_gpu(const struct nvml_device *device, unsigned *ret);

/** The visible part at @part_index of the visible GPU at @index, or with this uuid unless that is
 * NULL; compute is NULL for none. */
struct state_part state_find_part(unsigned index, unsigned part_index, const char *uuid);
struct nvml_device *state_part_handle(unsigned index, const struct state_part *part);

/** Where a visible GPU stands in the scenario. */
unsigned state_position(unsigned index);

/** The visible GPU at a position of the scenario; false when it may not be seen. */
bool state_index_of(unsigned position, unsigned *ret);

/** Whether the GPU at a position has been lost since nvmlInit. */
bool state_is_lost(unsigned position);

/** Sets of events; what is due has been added to them. */
struct event_sets *state_events(void);

/** nvmlInit_v2 and nvmlShutdown. */
int state_start(void);
int state_stop(void);

#define cleanup_call CLEANUP(state_end)
