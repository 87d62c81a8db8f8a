/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps a condition that lasts from filling the log: the same words once a minute. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
	REPEAT_TEXT_BYTES = 256
};

/* Zero is the start. */
struct repeat {
	char text[REPEAT_TEXT_BYTES];
	uint64_t last_ns;
};

/** Whether to say @text now (CLOCK_MONOTONIC): it is new, or the last time was REPEAT_NS ago. */
bool repeat_is_due(struct repeat *repeat, const char *text, uint64_t now_ns);
