/* SPDX-License-Identifier: Apache-2.0 */
/* A child process of the demo: started with its streams, stopped by its pid. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* All borrowed for the call. */
struct demo_program {
	const char *path;
	char *const *argv; /* ends with NULL */
	char *const *env;  /* ends with NULL; all there is */
	int input;         /* descriptors; -1: /dev/null */
	int output;
	int errors;
};

/** Start it. It is killed when this process dies. 0 or a negative errno; the reason that exec fails
 * is told too. */
int demo_process_start(const struct demo_program *program, pid_t *ret, struct err *err);

/** Whether it has ended; then it is reaped and *@pid is 0. */
bool demo_process_has_ended(pid_t *pid, int *ret_status);

/** Send @signal (0: none), wait up to @wait_ms, then kill it. *@pid is 0 afterwards; 0 is allowed.
 */
void demo_process_stop(pid_t *pid, int signal, uint64_t wait_ms);
