/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of events that a program waits for. A set is found by its address, which is the handle that
 * NVML gives out. Pure; the state has the lock. */
#pragma once

#include <stdbool.h>

#include "driver/nvml_abi.h"
#include "sim/scenario.h"

enum {
	EVENT_SETS_MAX = 64,
	EVENT_QUEUE_MAX = 64, /* later ones are dropped, as by the real driver */
};

struct nvml_event_set {
	unsigned generation;                         /* counts its uses; odd while it is in use */
	unsigned long long types[SCENARIO_GPUS_MAX]; /* registered, by position of the GPU */
	struct nvml_event_data queue[EVENT_QUEUE_MAX];
	unsigned first;
	unsigned count;
};

struct event_sets {
	struct nvml_event_set sets[EVENT_SETS_MAX];
};

/** NULL when all are in use. */
struct nvml_event_set *event_set_take(struct event_sets *sets);
void event_set_give_back(struct nvml_event_set *set);
void event_set_give_back_all(struct event_sets *sets);

/** Whether this is the address of a set in use. */
bool event_set_is_known(const struct event_sets *sets, const struct nvml_event_set *set);

/** Add to every set that is registered for its type on the GPU at @position. */
void event_set_add(struct event_sets *sets, unsigned position, const struct nvml_event_data *data);

/** The oldest; false when there is none. */
bool event_set_next(struct nvml_event_set *set, struct nvml_event_data *ret);
