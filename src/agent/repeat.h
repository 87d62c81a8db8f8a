/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps a condition that lasts from filling the log: the same words once a minute, and not more
 * than a few lines a minute when the words change all the time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
	REPEAT_TEXT_BYTES = 256,
	REPEAT_LINES_MAX = 10, /* within a minute */
};

/* Zero is the start. */
struct repeat {
	char text[REPEAT_TEXT_BYTES]; /* the last that was said */
	uint64_t last_ns;
	uint64_t minute_ns; /* when the minute that is counted in began */
	unsigned lines;     /* said in it */
};

/** Whether to say @text now (CLOCK_MONOTONIC, not 0). */
bool repeat_is_due(struct repeat *repeat, const char *text, uint64_t now_ns);
