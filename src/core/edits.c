/* SPDX-License-Identifier: Apache-2.0 */
/* See edits.h. */
#include "core/edits.h"

#include <errno.h>
#include <string.h>

int edits_add_env(struct edits *edits, const char *name, const char *value)
{
	if (edits->envs_count == EDITS_ENVS_MAX)
		return -ENOSPC;
	const char *copy = arena_copy(&edits->arena, value, strlen(value));
	if (!copy)
		return -ENOMEM;
	edits->envs[edits->envs_count++] = (struct edit_env){ name, copy };
	return 0;
}

void edits_done(struct edits *edits)
{
	arena_done(&edits->arena);
	edits->envs_count = 0;
}
