/* SPDX-License-Identifier: Apache-2.0 */
/* What a container is given so that it can use its devices, as plain data. */
#pragma once

#include <stddef.h>

#include "base/arena.h"
#include "base/cleanup.h"

enum {
	EDITS_ENVS_MAX = 16
};

/* Texts are borrowed from the arena or constants. */
struct edit_env {
	const char *name;
	const char *value;
};

/* Zero is "no edits". */
struct edits {
	struct arena arena;
	struct edit_env envs[EDITS_ENVS_MAX];
	size_t envs_count;
};

/** Add a variable; @value is copied. Returns 0, -ENOSPC (more than EDITS_ENVS_MAX), -ENOMEM. */
int edits_add_env(struct edits *edits, const char *name, const char *value);

void edits_done(struct edits *edits);

#define cleanup_edits CLEANUP(edits_done)
