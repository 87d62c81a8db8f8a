/* SPDX-License-Identifier: Apache-2.0 */
/* What a container is given so that it can use its devices, as plain data. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/cleanup.h"

enum {
	EDITS_ENVS_MAX = 16,
	EDITS_ANNOTATIONS_MAX = 1, /* that of the CDI devices */
};

/* A variable or an annotation. Texts are borrowed from the arena or constants. */
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

/* How many of each there are at most. */
struct edits_room {
	size_t mounts;
	size_t devices;
	size_t cdi_devices;
};

/* Zero is "no edits". */
struct edits {
	struct arena arena;
	struct edit_env envs[EDITS_ENVS_MAX];
	size_t envs_count;
	struct edit_env annotations[EDITS_ANNOTATIONS_MAX];
	size_t annotations_count;
	struct edits_room room;
	struct edit_mount *mounts; /* room.mounts of them, of the arena; so are the others */
	size_t mounts_count;
	struct edit_device *devices;
	size_t devices_count;
	const char **cdi_devices; /* qualified names */
	size_t cdi_devices_count;
};

/** Add a variable; @value is copied. Returns 0, -ENOSPC (more than EDITS_ENVS_MAX), -ENOMEM. */
int edits_add_env(struct edits *edits, const char *name, const char *value);

/** Add the annotation @key of the container; both are copied. Returns 0, -ENOSPC (more than
 * EDITS_ANNOTATIONS_MAX), -ENOMEM. */
int edits_add_annotation(struct edits *edits, const char *key, const char *value);

/** Make room for what has no fixed bound, once and before any is added. Returns 0, -ENOMEM. */
int edits_reserve(struct edits *edits, const struct edits_room *room);

/** Add one of these; texts are borrowed. Returns 0, -ENOSPC (no room was made for it). */
int edits_add_mount(struct edits *edits, const struct edit_mount *mount);
int edits_add_device(struct edits *edits, const struct edit_device *device);
int edits_add_cdi_device(struct edits *edits, const char *name);

void edits_done(struct edits *edits);

#define cleanup_edits CLEANUP(edits_done)
