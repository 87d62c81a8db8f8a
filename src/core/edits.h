/* SPDX-License-Identifier: Apache-2.0 */
/* What a container is given so that it can use its devices, as plain data. */
#pragma once

#include <stdbool.h>
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

struct edit_mount {
	const char *container_path;
	const char *host_path;
	bool is_read_only;
};

/* A device node, and what the container may do with it: "r", "w", "m". */
struct edit_device {
	const char *container_path;
	const char *host_path;
	const char *permissions;
};

/* Zero is "no edits". */
struct edits {
	struct arena arena;
	struct edit_env envs[EDITS_ENVS_MAX];
	size_t envs_count;
	struct edit_mount *mounts; /* mounts_max of them, of the arena */
	size_t mounts_count;
	size_t mounts_max;
	struct edit_device *devices; /* devices_max of them, of the arena */
	size_t devices_count;
	size_t devices_max;
};

/** Add a variable; @value is copied. Returns 0, -ENOSPC (more than EDITS_ENVS_MAX), -ENOMEM. */
int edits_add_env(struct edits *edits, const char *name, const char *value);

/** Make room for so many mounts and devices, once and before any is added. Returns 0, -ENOMEM. */
int edits_reserve(struct edits *edits, size_t mounts, size_t devices);

/** Add a mount or a device; texts are borrowed. Returns 0, -ENOSPC (no room was made for it). */
int edits_add_mount(struct edits *edits, const struct edit_mount *mount);
int edits_add_device(struct edits *edits, const struct edit_device *device);

void edits_done(struct edits *edits);

#define cleanup_edits CLEANUP(edits_done)
