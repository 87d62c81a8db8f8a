/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP/2 connection without its socket: bytes in, bytes out, and the streams on it. What the
 * two halves of gRPC (serving.h, calling.h) share.
 *
 * nghttp2's callbacks only note what happened. Code of others runs in http2_dispatch() alone, and
 * no call here flushes: whoever makes output or events kicks, and the owner of the socket comes
 * back when the stack is flat. So nghttp2 is never fed, flushed or ended inside its own callbacks,
 * and nothing is freed under a loop that walks it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <nghttp2/nghttp2.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/list.h"
#include "rpc/stream.h"

enum {
	/* Room for a whole unix socket buffer (208 KiB by default), so that a large message takes
	 * few writes. */
	HTTP2_OUTPUT_BYTES = 256 << 10,
	/* What an idle connection keeps of its output buffer. */
	HTTP2_OUTPUT_KEPT_BYTES = 16 << 10,
	/* Told to the peer; some slack for what its own stack adds to five short headers. */
	HTTP2_HEADER_BYTES_MAX = 16 << 10,
	/* Frames that wait because the peer does not read. The calls of a whole connection need
	 * some 600, nghttp2 stops at 1000 acknowledgements of its own. */
	HTTP2_QUEUE_MAX = 4096,
	/* Request bytes that one connection may make us hold, over all its calls: four messages of
	 * the greatest size. */
	HTTP2_HELD_BYTES_MAX = 16 << 20,
	/* Message bytes that wait for one peer, over all its calls. */
	HTTP2_PENDING_BYTES_MAX = 32 << 20,
};

/* Part of a header, terminated; borrowed for the call. */
struct http2_text {
	const char *bytes;
	size_t length;
};

#define HTTP2_TEXT(literal)                                        \
	{                                                          \
		.bytes = (literal), .length = sizeof(literal) - 1, \
	}

static inline bool http2_text_equals(struct http2_text a, struct http2_text b)
{
	return a.length == b.length && memcmp(a.bytes, b.bytes, a.length) == 0;
}

static inline bool http2_text_starts(struct http2_text text, struct http2_text start)
{
	return text.length >= start.length && memcmp(text.bytes, start.bytes, start.length) == 0;
}

/*
 * The half that knows what a request or an answer is. All but event run inside nghttp2 or inside a
 * walk over the streams: they may submit, note and stream_post(), and free no other stream.
 */
struct http2_role {
	bool is_server;
	/* The peer opens a stream (server only). 0 or -ENOMEM. */
	int (*begin)(struct http2 *http2, int32_t id);
	/* One header or trailer. */
	void (*header)(struct stream *stream, struct http2_text name, struct http2_text value);
	void (*headers_end)(struct stream *stream);
	/* @message is owned by the callee. */
	void (*message)(struct stream *stream, uint8_t *message, size_t length);
	/* No more messages can be read; the stream is deaf. @error: of envelope_decode(), or
	 * -ENOBUFS when the connection holds too much. */
	void (*garbled)(struct stream *stream, int error);
	/* The peer has sent all it has to say. */
	void (*end)(struct stream *stream);
	/* The stream has left nghttp2 and is an orphan. May free it. */
	void (*closed)(struct stream *stream, uint32_t error_code);
	/* The last message is on its way (server only): submit the trailers. Returns nghttp2's
	 * code. */
	int (*trailers)(struct stream *stream);
	/* The deadline has passed; it is cleared before. */
	void (*expired)(struct stream *stream);
	/* After stream_post(), once for any number of them. May run code of others and free. */
	void (*event)(struct stream *stream);
};

struct http2 {
	const struct http2_role *role; /* borrowed, constant */
	/* Output or events wait: call http2_dispatch() and http2_output() from a flat stack. */
	void (*kick)(struct http2 *http2);
	nghttp2_session *session; /* owned */
	struct list streams;
	struct list events;
	uint64_t now_ms;         /* set by the owner before each call that may need it */
	uint64_t deadline_ms;    /* no stream's deadline is earlier; 0: none */
	uint64_t drain_until_ms; /* 0: not draining */
	bool is_terminated;      /* the final GOAWAY is submitted */
	bool is_broken;
	size_t held;    /* sum over the streams */
	size_t pending; /* bytes of outgoing and waiting, over the streams */
	struct buf output;
	char reason[ERR_TEXT_BYTES]; /* why the connection is broken; "" while it is not */
};

/** Returns 0 or -ENOMEM. The first output (our SETTINGS) waits at once. */
int http2_init(struct http2 *http2, const struct http2_role *role,
	       void (*kick)(struct http2 *http2));

/** The role has freed its streams before. */
void http2_done(struct http2 *http2);

/** Bytes from the peer. What it may not send breaks the connection. */
void http2_receive(struct http2 *http2, const uint8_t *bytes, size_t length);

/**
 * Bytes for the peer, some HTTP2_OUTPUT_BYTES at most, valid until the next call, which is made
 * when all of them are written. Returns their number, 0 when nothing waits.
 */
size_t http2_output(struct http2 *http2, const uint8_t **ret_bytes);

/** Run the events that stand now; those that they cause wait for the next call (and kick). */
void http2_dispatch(struct http2 *http2);

/** End what is due at http2->now_ms and find the next deadline. */
void http2_expire(struct http2 *http2);

/** The earliest moment at which http2_expire() is wanted, 0 for never. */
uint64_t http2_deadline(const struct http2 *http2);

/** Let the streams come to their end, then say goodbye; break off at @until_ms. */
void http2_drain(struct http2 *http2, uint64_t until_ms);

/** Say goodbye: GOAWAY after what nghttp2 can send before it. Not inside nghttp2's callbacks. */
void http2_terminate(struct http2 *http2);

/** The peer or we are at fault: nothing goes in or out any more. The first reason stays. */
void http2_break(struct http2 *http2, const char *reason);

/** Whether the connection has nothing more to read or write, for better or worse. */
bool http2_is_over(const struct http2 *http2);

/* A header for nghttp2. @name is a constant; @flags: NGHTTP2_NV_FLAG_..., NO_COPY_NAME is added. */
nghttp2_nv http2_header(const char *name, const char *value, uint8_t flags);
