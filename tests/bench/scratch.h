/* SPDX-License-Identifier: Apache-2.0 */
/* A directory under /tmp with what one measured process needs; removed with all that is in it. */
#pragma once

#include <stddef.h>

#include "base/err.h"

enum {
	SCRATCH_PATH_BYTES = 64,
	SCRATCH_PLACE_BYTES = 256, /* more than a socket's path may have */
};

/* Zero is a valid, empty one. */
struct scratch {
	char path[SCRATCH_PATH_BYTES];
};

/** Make it, with a scenario of @gpus Tesla T4 and a config that makes @replicas of each. */
int scratch_make(struct scratch *scratch, unsigned gpus, unsigned replicas, struct err *err);

/** "@directory/@name" with @length bytes of the name. 0 or -ENAMETOOLONG. */
int scratch_place(const char *directory, const char *name, size_t length,
		  char ret[static SCRATCH_PLACE_BYTES]);

void scratch_done(struct scratch *scratch);
