/* SPDX-License-Identifier: Apache-2.0 */
/* A pod's process: its own process group and, where the system allows, its own pid namespace; with
 * mounts also its own mount namespace. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

struct sandbox_mount {
	const char *host;
	const char *container;
	bool is_read_only;
};

/* All borrowed for the call. */
struct sandbox {
	char **argv; /* ends with NULL; looked up in the PATH of env */
	char **env;  /* ends with NULL */
	const struct sandbox_mount *mounts;
	size_t mounts_count;
	int output; /* becomes stdout and stderr */
};

/**
 * Start it. Without root a pod with mounts gets a user namespace too.
 *
 * Blocks until the program runs or could not be started, at most SANDBOX_START_MS.
 *
 * Returns 0; -EPERM (mounts, and this system allows no namespaces), -ETIMEDOUT, or the errno of
 * what failed, with the step in @err. The process is a child of the caller, dies with it by
 * SIGKILL, and leads the process group *@ret.
 */
int sandbox_start(const struct sandbox *sandbox, pid_t *ret, struct err *err);

enum {
	SANDBOX_START_MS = 10 *
			   1000, /* mounts of a slow disk; a healthy start takes a millisecond */
};
