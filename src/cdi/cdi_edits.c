/* SPDX-License-Identifier: Apache-2.0 */
/* See cdi_edits.h. Invariant: a count never passes the room that was made. */
#include "cdi/cdi_edits.h"

#include <errno.h>
#include <string.h>

int cdi_edits_init(struct arena *arena, const struct cdi_room *room, struct cdi_edits *ret)
{
	struct cdi_edits edits = {
		.room = *room,
		.envs = arena_array(arena, room->envs, sizeof(*edits.envs)),
		.nodes = arena_array(arena, room->nodes, sizeof(*edits.nodes)),
		.hooks = arena_array(arena, room->hooks, sizeof(*edits.hooks)),
		.mounts = arena_array(arena, room->mounts, sizeof(*edits.mounts)),
		.gids = arena_array(arena, room->gids, sizeof(*edits.gids)),
	};
	if (!edits.envs || !edits.nodes || !edits.hooks || !edits.mounts || !edits.gids)
		return -ENOMEM;
	*ret = edits;
	return 0;
}

int cdi_edits_add_env(struct cdi_edits *edits, const char *env)
{
	if (edits->envs_count == edits->room.envs)
		return -E2BIG;
	edits->envs[edits->envs_count++] = env;
	return 0;
}

int cdi_edits_add_node(struct cdi_edits *edits, const struct cdi_node *node)
{
	if (edits->nodes_count == edits->room.nodes)
		return -E2BIG;
	edits->nodes[edits->nodes_count++] = *node;
	return 0;
}

int cdi_edits_add_hook(struct cdi_edits *edits, const struct cdi_hook_call *hook)
{
	if (edits->hooks_count == edits->room.hooks)
		return -E2BIG;
	edits->hooks[edits->hooks_count++] = *hook;
	return 0;
}

int cdi_edits_add_mount(struct cdi_edits *edits, const struct cdi_mount *mount)
{
	if (edits->mounts_count == edits->room.mounts)
		return -E2BIG;
	edits->mounts[edits->mounts_count++] = *mount;
	return 0;
}

int cdi_edits_add_gid(struct cdi_edits *edits, uint32_t gid)
{
	for (size_t i = 0; i < edits->gids_count; i++)
		if (edits->gids[i] == gid)
			return 0;
	if (gid == 0)
		return 0;
	if (edits->gids_count == edits->room.gids)
		return -E2BIG;
	edits->gids[edits->gids_count++] = gid;
	return 0;
}

bool cdi_edits_has_mount(const struct cdi_edits *edits, const char *container_path)
{
	for (size_t i = 0; i < edits->mounts_count; i++)
		if (strcmp(edits->mounts[i].container_path, container_path) == 0)
			return true;
	return false;
}

bool cdi_edits_are_empty(const struct cdi_edits *edits)
{
	return edits->envs_count + edits->nodes_count + edits->hooks_count + edits->mounts_count +
		       edits->gids_count ==
	       0;
}
