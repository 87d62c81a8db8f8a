/* SPDX-License-Identifier: Apache-2.0 */
/* A node of one machine: kubelet with its device manager, a scheduler and a container runtime. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/arena.h"
#include "base/err.h"
#include "sim/kubelet/admission.h"
#include "sim/kubelet/launch.h"
#include "sim/kubelet/pod.h"
#include "sim/kubelet/registry.h"
#include "sim/kubelet/tables.h"

enum {
	SIMNODE_PODS_MAX = 1024,
};

/* Borrowed, outlive the node. */
struct simnode_options {
	const char *directory; /* of kubelet.sock and of plugins' sockets */
	struct launch_node launch;
	uint64_t grace_ms;     /* a lost plugin's devices stay in the capacity this long */
	uint64_t backoff_ms;   /* before the first restart of a pod's process */
	uint64_t terminate_ms; /* between SIGTERM and SIGKILL of a deleted pod */
	uint64_t seed;         /* of the order in which free devices are offered */
	bool is_race_of_1_36;  /* the end of an old stream takes a newer registration with it */
};

/* Visible for embedding; fields are private. */
struct simnode {
	const struct simnode_options *options;
	uv_loop_t *loop;
	struct registry *registry; /* owned; NULL while kubelet is stopped */
	struct registry_owner registry_owner;
	struct tables tables;
	struct admission admission;
	struct pod *admitting; /* borrowed from pods; NULL when it was deleted meanwhile */
	struct pod *pods;      /* owned, in order of creation */
	size_t pods_count;
	struct pod_owner pod_owner;
	char *node_text;     /* owned: capacity and allocatable as they were last told */
	uv_idle_t scheduler; /* runs once after something changed */
	uv_timer_t grace;
	uv_signal_t child;
};

/** Prepare; kubelet does not run yet. 0 or a negative errno. */
int simnode_init(struct simnode *node, uv_loop_t *loop, const struct simnode_options *options,
		 struct err *err);

/** Start kubelet: read the checkpoint, delete sockets, listen. -EALREADY when it runs. */
int simnode_start(struct simnode *node, struct err *err);

/** Stop kubelet as a service manager does: connections close, pods go on. -EALREADY. */
int simnode_stop(struct simnode *node, struct err *err);

/** Create a pod. Takes over @arena, which @spec lives in, on success only. -EEXIST, -ENOSPC,
 * -ENOMEM. */
int simnode_create(struct simnode *node, struct arena *arena, const struct pod_spec *spec,
		   struct err *err);

/** Delete a pod; it is gone later, with an event. -ENOENT. */
int simnode_delete(struct simnode *node, const char *name, struct err *err);

/** NULL when there is none. */
const struct pod *simnode_find(const struct simnode *node, const char *name);

/** End all pods and kubelet; the loop runs out after this. */
void simnode_done(struct simnode *node);
