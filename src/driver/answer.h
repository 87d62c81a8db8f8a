/* SPDX-License-Identifier: Apache-2.0 */
/* What the driver process answers to one request. Plain data, both sides. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "core/device.h"

/* A GPU, or a part of one, that the driver counts but cannot describe. Texts are in the snapshot's
 * arena. */
struct lost_gpu {
	const char *index; /* NVML's, "2"; of a part "2:0" */
	const char *reason;
};

/* A snapshot, or the reason why there is none. */
struct answer {
	uint64_t id;               /* of the request */
	struct snapshot *snapshot; /* owned; NULL when there is none */
	struct lost_gpu *lost;     /* in the snapshot's arena */
	size_t lost_count;
	char complaint[ERR_TEXT_BYTES]; /* what does not work although there is a snapshot; "" */
	struct err fault;               /* when snapshot is NULL */
};

/** An answer with an empty snapshot and room for DEVICES_MAX devices and lost ones, together.
 * False when memory is out. */
bool answer_begin(struct answer *answer);

/** Add a copy. Returns 0, -ENOMEM, -E2BIG (more than DEVICES_MAX). */
int answer_add(struct answer *answer, const struct device *device, struct err *err);
int answer_add_lost(struct answer *answer, const char *index, const char *reason, struct err *err);

/**
 * The snapshot with what is missed since @before, as it was then but unhealthy and with the reason,
 * so that a GPU that falls ill does not vanish: lost ones, a lost GPU's parts, and GPUs that the
 * driver no longer counts. One that was not there before cannot be described and is only told of in
 * the snapshot's lost; a part that is no longer counted while its GPU answers was taken away on
 * purpose.
 *
 * @before         NULL is allowed.
 * @is_forgetting  GPUs that the driver no longer counts stay out, too.
 * @ret            in the order of index, parts behind their GPU; the caller's to snapshot_free().
 *
 * Returns 0 or -ENOMEM.
 */
int answer_merge(const struct answer *answer, const struct snapshot *before, bool is_forgetting,
		 struct snapshot **ret);

void answer_done(struct answer *answer);

#define cleanup_answer CLEANUP(answer_done)
