/* SPDX-License-Identifier: Apache-2.0 */
/* What a pod is, as the control interface describes it. Pure. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

enum {
	POD_NAME_BYTES_MAX = 63,
	POD_COUNT_MAX = 100 * 1000, /* devices one container asks for */
	POD_WORDS_MAX = 64,         /* of a command */
	POD_ENV_MAX = 64,
};

/* All pointers live as long as the arena that pod_spec_parse() was given. */
struct pod_spec {
	const char *name;
	const char *resource; /* NULL when no device is asked for */
	size_t count;         /* of devices; 0 without a resource */
	char **command;       /* ends with NULL */
	char **env;           /* NAME=value, ends with NULL */
	bool is_restarted;    /* when its process ends (restartPolicy Always, the default) */
};

/**
 * Read {"name", "resource", "count", "command": [...], "env": {...}, "restartPolicy"}.
 *
 * Returns 0, -EINVAL with the key and what is allowed, -ENOMEM.
 */
int pod_spec_parse(json_t *value, struct arena *arena, struct pod_spec *ret, struct err *err);
