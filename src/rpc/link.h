/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An HTTP/2 connection (http2.h) on a unix socket: reads, writes, deadlines. One write is in flight
 * at a time, so the peer's pace bounds memory. Connections are dispatched and flushed once a turn
 * of the loop, from a flat stack.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "rpc/http2.h"

enum {
	LINK_READ_BYTES = 64 << 10,
};

struct link;

/* Embedded in the owner, which is found again by container_of. */
struct link {
	uv_pipe_t pipe;
	uv_timer_t timer;
	uv_idle_t idle; /* active while http2 wants to be dispatched and flushed */
	uv_write_t write;
	uv_connect_t connect;
	struct http2 *http2; /* borrowed, outlives the link */
	uint8_t *read_bytes; /* borrowed: LINK_READ_BYTES, may be shared by links of a loop */
	uint64_t armed_ms;   /* what the timer is set to; 0: not set */
	unsigned handles;    /* not yet closed */
	bool is_open;        /* connected and reading */
	bool is_writing;
	bool is_ended; /* on_over was called */
	bool is_closing;
	/* The connection is over, http2->reason says why ("" after a goodbye). Called once, from
	 * a flat stack; the link does nothing more. */
	void (*on_over)(struct link *link);
	/* The last handle is closed: the memory may go. */
	void (*on_closed)(struct link *link);
};

/** @link: http2, read_bytes, on_over and on_closed are set, all else is zero. From here on only
 * link_close() ends it. */
void link_init(struct link *link, uv_loop_t *loop);

/** Begin to connect. @path is borrowed for the call and fits (UNIX_SOCKET_PATH_MAX). */
void link_connect(struct link *link, const char *path);

/** The pipe is connected: read and write from now on. */
void link_open(struct link *link);

/** There is output or events. */
void link_kick(struct link *link);

/** Send what the socket takes at once, then close. on_closed comes from the loop. */
void link_close(struct link *link);
