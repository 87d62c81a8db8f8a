/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Child processes that are talked to over a socket, one in service at a time, and those that were
 * killed and are not reaped yet: a process in a call of the kernel does not end when it is told to.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

enum {
	PROCESSES_FD = 3,            /* the socket in the process */
	PROCESSES_READ_BYTES = 8192, /* at most in one on_bytes */
};

struct process;

/* Embedded in its owner, which is found again by container_of and sets the loop and the functions;
 * else zero is the start. All but on_empty are of the one in service, and may give it up. */
struct processes {
	uv_loop_t *loop;         /* borrowed */
	struct process *all;     /* owned; the one in service included */
	struct process *serving; /* one of them; NULL: none */
	/* It said this; @bytes is borrowed for the call. */
	void (*on_bytes)(struct processes *processes, const char *bytes, size_t length);
	/* It closed its socket, and has not ended yet. */
	void (*on_hang_up)(struct processes *processes);
	/* It ended. @signal_number: 0 for none. */
	void (*on_end)(struct processes *processes, int64_t status, int signal_number);
	/* All handles of all processes are closed. */
	void (*on_empty)(struct processes *processes);
};

/**
 * Start one and put it in service; none may be.
 *
 * @arguments  ends with NULL; borrowed for the call, as @executable.
 *
 * Returns 0 or a negative errno, with none in service.
 */
int processes_start(struct processes *processes, const char *executable, char **arguments);

/** Send to the one in service what its socket has room for. That it is gone is told by
 * on_hang_up and on_end. */
void processes_send(struct processes *processes, const void *bytes, size_t length);

/** Kill the one in service, if any; there is none then. */
void processes_give_up(struct processes *processes);

/** How many run, or were killed and are not reaped. */
unsigned processes_unreaped(const struct processes *processes);

/** Kill all. What ends later brings on_empty. */
void processes_stop(struct processes *processes);

/** Wait no longer for those that do not end: they are left to init. */
void processes_abandon(struct processes *processes);
