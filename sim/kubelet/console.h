/* SPDX-License-Identifier: Apache-2.0 */
/* The control interface: one JSON object a line on stdin, answers and events on stdout. */
#pragma once

#include <stdbool.h>
#include <uv.h>

#include "base/buf.h"
#include "base/err.h"
#include "sim/kubelet/simnode.h"

enum {
	CONSOLE_LINE_BYTES_MAX = 64 * 1024,
};

struct console;

/* Visible for embedding; fields are private. */
struct console {
	struct simnode *node; /* borrowed */
	uv_pipe_t input;
	struct buf line;
	bool is_skipping; /* the rest of a line that is too long */
	void (*on_end)(struct console *console);
};

/**
 * Read commands: {"command": NAME, "id": anything, ...}. Each is answered with
 * {"event": "answer", "command", "id", "ok", "error"}; commands: create {pod}, delete {name},
 * start, stop, restart, logs {name}, state.
 *
 * @on_end  stdin ended.
 *
 * Returns 0 or the errno of libuv (stdin must be a pipe, a socket or a terminal).
 */
int console_open(struct console *console, uv_loop_t *loop, struct simnode *node,
		 void (*on_end)(struct console *console), struct err *err);

void console_close(struct console *console);
