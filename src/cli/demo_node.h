/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated node of the demo: stand-in kubelet and agent in a directory of their own. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "cli/demo_told.h"

enum {
	DEMO_PATH_BYTES = 512,
};

/* Called while something is waited for, some ten times a second. */
struct demo_listener {
	void (*on_wait)(struct demo_listener *listener);
};

/* Visible for reading; written only by demo_node.c. Too large for a stack. */
struct demo_node {
	char directory[DEMO_PATH_BYTES]; /* "" before it is made */
	const char *sim;                 /* borrowed: directory of the simulated tools */
	struct demo_listener *listener;  /* borrowed; NULL: none */
	pid_t kubelet;                   /* 0: does not run */
	pid_t agent;
	int commands; /* to kubelet; -1: closed, as the next two */
	int events;
	int signals;
	struct demo_told told;
};

/** Make the directory and write a scenario of @gpus Tesla T4. From here on SIGINT, SIGTERM and
 * SIGHUP end a wait instead of the process. On failure demo_node_close() is due too. */
int demo_node_open(struct demo_node *node, const char *sim, unsigned gpus,
		   struct demo_listener *listener, struct err *err);

/** Start the stand-in kubelet and wait until it tells of the node. */
int demo_node_start_kubelet(struct demo_node *node, struct err *err);

/** Start the agent. @config_file: NULL for none. */
int demo_node_start_agent(struct demo_node *node, const char *config_file, struct err *err);

/** SIGTERM, and its end. */
void demo_node_stop_agent(struct demo_node *node);

/** Create one more pod that runs nvidia-smi every five seconds on one @resource. */
int demo_node_create_pod(struct demo_node *node, const char *resource, struct err *err);

/** Delete all pods and wait until they are gone. */
int demo_node_delete_pods(struct demo_node *node, struct err *err);

typedef bool demo_condition_fn(const struct demo_node *node, const void *context);

/**
 * Wait until @is_met.
 *
 * Returns 0; -ETIMEDOUT (no text in @err: the caller knows what it waited for), -EINTR (a signal),
 * -EPIPE (kubelet ended), -ECHILD (the agent ended; @err has its last words).
 */
int demo_node_wait(struct demo_node *node, demo_condition_fn *is_met, const void *context,
		   struct err *err);

/** Wait until the log of a pod has @text; @ret is the log, the caller's to free(). Fails as
 * demo_node_wait(), on -ETIMEDOUT with the end of the log in @err. */
int demo_node_wait_log(struct demo_node *node, const char *pod, const char *text, char **ret,
		       struct err *err);

/** Append the errors that the agent has logged, one a line. */
void demo_node_agent_errors(const struct demo_node *node, struct buf *out);

/** Stop what was started, by pid, and remove the directory. */
void demo_node_close(struct demo_node *node);
