/* SPDX-License-Identifier: Apache-2.0 */
/* Time for code without an event loop; where there is one, uv_hrtime() and uv_now() tell it. */
#pragma once

#include <stdint.h>
#include <time.h>

enum {
	CLOCK_NS_PER_MS = 1000 * 1000,
	CLOCK_NS_PER_S = 1000 * 1000 * 1000,
};

/** CLOCK_MONOTONIC in nanoseconds. */
static inline uint64_t clock_ns(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
	return (uint64_t)now.tv_sec * CLOCK_NS_PER_S + (uint64_t)now.tv_nsec;
}
