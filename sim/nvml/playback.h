/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a scenario changes while a program runs: the file may be rewritten, and faults and events
 * have their times. Time counts from the first nvmlInit since the library was loaded or shut down.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/err.h"
#include "sim/scenario.h"

/* Tells whether the file is the one that was read. */
struct playback_stamp {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec changed;
};

/* Zero is valid: nothing is played. */
struct playback {
	uint64_t began_ns; /* on the monotonic clock; 0: not begun */
	struct playback_stamp stamp;
	const struct scenario *hardware;        /* borrowed, outlives by playback_stop() */
	struct scenario *newer;                 /* owned; NULL: the file has not changed */
	bool is_lost[SCENARIO_GPUS_MAX];        /* by position in hardware; stays so */
	bool has_happened[SCENARIO_EVENTS_MAX]; /* by position in playback_scenario()'s events */
	uint64_t past[SCENARIO_EVENTS_MAX];     /* digests of what had happened at the last stop */
};

/** Begin time, if it has not begun, and read the file. As scenario_read(). */
int playback_load(struct playback *playback, struct playback_stamp *ret_stamp,
		  struct scenario **ret, struct err *err);

/** Play from the file that playback_load() has read; the events that @hardware has without a time
 * are past, as are those that happened before the last playback_stop(). */
void playback_start(struct playback *playback, const struct playback_stamp *stamp,
		    const struct scenario *hardware);

/** Read the file again if it has changed (a faulty one is told on stderr and passed over) and do
 * what is due. */
void playback_step(struct playback *playback);

/** Ends time, too, and forgets all but which events have happened. */
void playback_stop(struct playback *playback);

/** The next event that is due, which happens now; NULL for none. */
const struct scenario_event *playback_next_event(struct playback *playback);

/** The newest of the file. */
const struct scenario *playback_scenario(const struct playback *playback);

/** What is live of the GPU at this position of hardware, in the layout that events have given it;
 * one that the file no longer has stays as hardware has it. */
const struct scenario_gpu *playback_gpu(const struct playback *playback, unsigned position);

uint64_t playback_elapsed_ns(const struct playback *playback);
