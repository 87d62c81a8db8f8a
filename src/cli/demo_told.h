/* SPDX-License-Identifier: Apache-2.0 */
/* What the stand-in kubelet has told the demo so far: one JSON document a line. No I/O. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum {
	DEMO_TOLD_LINE_BYTES_MAX = 8 << 20,
	DEMO_PODS_MAX = 256,
	DEMO_PHASE_BYTES = 32,
	DEMO_REASON_BYTES = 64,
	DEMO_NAME_BYTES = 64,
};

struct demo_pod {
	char name[DEMO_NAME_BYTES];
	char phase[DEMO_PHASE_BYTES]; /* "" before kubelet told it */
	char reason[DEMO_REASON_BYTES];
	unsigned restarts;
	long long pid; /* 0 while it does not run */
	uint64_t created_ns;
	bool is_deleted; /* asked for */
};

/* Too large for a stack. */
struct demo_told {
	struct buf line;  /* that is not whole yet */
	json_t *capacity; /* owned, as are the next two; NULL: not told yet */
	json_t *allocatable;
	json_t *answer; /* to the last question */
	struct demo_pod pods[DEMO_PODS_MAX];
	size_t pods_count;
};

/** Nothing so far. */
void demo_told_init(struct demo_told *told);

/** Kubelet wrote these bytes. What is no event is passed over, as are pods that are not in
 * told->pods. Returns 0, -ENOMEM, -EMSGSIZE (over DEMO_TOLD_LINE_BYTES_MAX). */
int demo_told_take(struct demo_told *told, const char *bytes, size_t length);

/** How many of a resource the node has; 0 when it is not there. */
size_t demo_told_capacity(const struct demo_told *told, const char *resource);
size_t demo_told_allocatable(const struct demo_told *told, const char *resource);

void demo_told_done(struct demo_told *told);
