/* SPDX-License-Identifier: Apache-2.0 */
/* CDI's container edits as plain data: what a runtime does to a container for a device. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

/* Texts here are borrowed from the arena of the edits or constants, and never NULL unless it is
 * said. */
struct cdi_node {
	const char *path;      /* in the container */
	const char *host_path; /* NULL: the same */
};

struct cdi_mount {
	const char *host_path;
	const char *container_path;
	const char *const *options; /* ended by NULL */
};

struct cdi_hook_call {
	const char *name;        /* when: "createContainer" */
	const char *path;        /* on the host */
	const char *const *args; /* ended by NULL; the first is the program's name */
	const char *const *envs; /* "NAME=VALUE", ended by NULL */
};

/* How many of each there may be. */
struct cdi_room {
	size_t envs;
	size_t nodes;
	size_t mounts;
	size_t hooks;
	size_t gids;
};

/* Zero is "no edits", with room for none. */
struct cdi_edits {
	struct cdi_room room;
	const char **envs; /* "NAME=VALUE"; room.envs of them, of the arena; so are the others */
	size_t envs_count;
	struct cdi_node *nodes;
	size_t nodes_count;
	struct cdi_hook_call *hooks;
	size_t hooks_count;
	struct cdi_mount *mounts;
	size_t mounts_count;
	uint32_t *gids; /* groups that the process joins; each once, none is 0 */
	size_t gids_count;
};

/** No edits with room for @room. Returns 0, -ENOMEM. */
int cdi_edits_init(struct arena *arena, const struct cdi_room *room, struct cdi_edits *ret);

/** Add one of these; texts are borrowed. A group that is there or is 0 is not added again.
 * Returns 0, -E2BIG (no room for it). */
int cdi_edits_add_env(struct cdi_edits *edits, const char *env);
int cdi_edits_add_node(struct cdi_edits *edits, const struct cdi_node *node);
int cdi_edits_add_hook(struct cdi_edits *edits, const struct cdi_hook_call *hook);
int cdi_edits_add_mount(struct cdi_edits *edits, const struct cdi_mount *mount);
int cdi_edits_add_gid(struct cdi_edits *edits, uint32_t gid);

/** Whether something is mounted at this path already. */
bool cdi_edits_has_mount(const struct cdi_edits *edits, const char *container_path);

bool cdi_edits_are_empty(const struct cdi_edits *edits);
