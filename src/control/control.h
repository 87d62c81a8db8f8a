/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's own socket for the CLI: one line in ("status"), one JSON document out, end. Root
 * only, by the socket's mode.
 */
#pragma once

#include <stdint.h>
#include <uv.h>

#include "base/err.h"

enum {
	CONTROL_CONNECTIONS_MAX = 16, /* more wait until one of them ends */
	CONTROL_REQUEST_BYTES_MAX = 256,
	CONTROL_ANSWER_BYTES_MAX = 16 << 20,
	CONTROL_IDLE_MS = 5000, /* a client that neither asks nor reads is dropped */
};

struct control;

/* Embedded in its owner, which is found again by container_of. */
struct control_handler {
	/* The JSON document for @request (one line without its end), malloc'ed; NULL when memory is
	 * out. An unknown request is answered by a document too: {"error": "..."}. */
	char *(*answer)(struct control_handler *handler, const char *request);
};

/**
 * Listen at @path; its directory is made when missing, a socket left by a killed agent is replaced.
 * Does not block.
 *
 * Returns 0, -EADDRINUSE (another agent answers there), -ENAMETOOLONG, -ENOMEM or the system's
 * errno.
 */
int control_start(uv_loop_t *loop, const char *path, struct control_handler *handler,
		  struct control **ret, struct err *err);

/** Close and remove the socket. Memory goes when the loop has closed the handles. NULL is allowed.
 */
void control_stop(struct control *control);

/**
 * Ask the agent at @path; blocks up to @timeout_ms.
 *
 * @ret  malloc'ed text, the caller's to free().
 *
 * Returns 0, -ENOENT or -ECONNREFUSED (no agent; @err names the remedy), -ETIMEDOUT, -EACCES, ...
 */
int control_ask(const char *path, const char *request, unsigned timeout_ms, char **ret,
		struct err *err);
