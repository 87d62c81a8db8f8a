/* SPDX-License-Identifier: Apache-2.0 */
/* What a container runtime makes of an Allocation and a pod: environment and mounts. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "sim/kubelet/sandbox.h"

struct launch_pair {
	const char *name;
	const char *value;
};

/* What the node itself gives to each pod. */
struct launch_node {
	const char *tools;    /* directory of the simulated tools and libraries; NULL for none */
	const char *scenario; /* value of ROTA_SIM; NULL for none */
	const char *path;     /* PATH before the tools' directory */
};

/* What is particular to one pod; borrowed. */
struct launch_pod {
	const char *name;
	char *const *env;
	const uint8_t *allocation; /* serialized; NULL when the pod asked for no device */
	size_t allocation_length;
};

struct launch {
	char **env; /* ends with NULL */
	struct sandbox_mount *mounts;
	size_t mounts_count;
	const struct launch_pair *annotations;
	size_t annotations_count;
};

/**
 * Apply an Allocation: its environment, then the pod's own, the last of a name wins; mounts and
 * device nodes by container path, the first of a path wins.
 *
 * The last NVIDIA_VISIBLE_DEVICES is what the NVIDIA runtime would go by: the simulated driver is
 * told the same in ROTA_SIM_VISIBLE ("none" when the variable is absent).
 *
 * @ret  lives as long as @arena.
 *
 * Returns 0, -EBADMSG, -ENOMEM.
 */
int launch_prepare(const struct launch_node *node, const struct launch_pod *pod,
		   struct arena *arena, struct launch *ret, struct err *err);
