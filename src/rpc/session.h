/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP/2 connection without its socket: bytes in, bytes out, and the streams on it. What the
 * two halves of gRPC (serving.h, calling.h) share.
 *
 * nghttp2's callbacks only note what happened. Code of others runs in session_dispatch() alone, and
 * no call here flushes: whoever makes output or events kicks, and the owner of the socket comes
 * back when the stack is flat. So nghttp2 is never fed, flushed or ended inside its own callbacks,
 * and nothing is freed under a loop that walks it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <nghttp2/nghttp2.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/list.h"
#include "rpc/frame.h"

enum {
	/* Room for a whole unix socket buffer (208 KiB by default), so that a large message takes
	 * few writes. */
	SESSION_OUTPUT_BYTES = 256 << 10,
	/* What an idle connection keeps of its output buffer. */
	SESSION_OUTPUT_KEPT_BYTES = 16 << 10,
	/* Told to the peer; some slack for what its own stack adds to five short headers. */
	SESSION_HEADER_BYTES_MAX = 16 << 10,
	/* Frames that wait because the peer does not read. The calls of a whole connection need
	 * some 600, nghttp2 stops at 1000 acknowledgements of its own. */
	SESSION_QUEUE_MAX = 4096,
	/* Request bytes that one connection may make us hold, over all its calls: four messages of
	 * the greatest size. */
	SESSION_HELD_BYTES_MAX = 16 << 20,
	/* Message bytes that wait for one peer, over all its calls. */
	SESSION_PENDING_BYTES_MAX = 32 << 20,
};

struct session;
struct stream;

/*
 * The half that knows what a request or an answer is. All but event run inside nghttp2 or inside a
 * walk over the streams: they may submit, note and stream_post(), and free no other stream.
 */
struct session_role {
	bool is_server;
	/* The peer opens a stream (server only). 0 or -ENOMEM. */
	int (*begin)(struct session *session, int32_t id);
	/* name and value are terminated. */
	void (*header)(struct stream *stream, const char *name, const char *value, size_t length);
	void (*headers_end)(struct stream *stream);
	/* @message is owned by the callee. */
	void (*message)(struct stream *stream, uint8_t *message, size_t length);
	/* No more messages can be read; the stream is deaf. @error: of frame_decode(), or -ENOBUFS
	 * when the connection holds too much. */
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

/* One message on its way out. bytes: owned, NULL when there is none. */
struct outgoing {
	uint8_t *bytes;
	size_t length;
	size_t sent;
};

/* Embedded in a call, which is found again by container_of. */
struct stream {
	struct session *session; /* borrowed, outlives the stream */
	struct list node;        /* on session->streams */
	struct list event;       /* on session->events, or alone */
	int32_t id;              /* 0: an orphan, nghttp2 does not (or no longer) know it */
	bool is_last;            /* nothing comes after what is outgoing */
	bool is_remote_ended;    /* the peer half-closed */
	bool is_deaf;            /* what still comes in is dropped */
	uint64_t deadline_ms;    /* on the clock of session->now_ms; 0: none */
	struct frame_decoder decoder;
	size_t held;              /* bytes counted against SESSION_HELD_BYTES_MAX */
	struct outgoing outgoing; /* what the peer is being sent */
	struct outgoing waiting;  /* what comes after it; the newest wins */
};

struct session {
	const struct session_role *role; /* borrowed, constant */
	/* Output or events wait: call session_dispatch() and session_output() from a flat stack. */
	void (*kick)(struct session *session);
	nghttp2_session *http2; /* owned */
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
	char reason[ERR_TEXT_BYTES]; /* why the session is broken; "" while it is not */
};

/** Returns 0 or -ENOMEM. The first output (our SETTINGS) waits at once. */
int session_init(struct session *session, const struct session_role *role,
		 void (*kick)(struct session *session));

/** The role has freed its streams before. */
void session_done(struct session *session);

/** Bytes from the peer. What it may not send breaks the session. */
void session_receive(struct session *session, const uint8_t *bytes, size_t length);

/**
 * Bytes for the peer, some SESSION_OUTPUT_BYTES at most, valid until the next call, which is made
 * when all of them are written. Returns their number, 0 when nothing waits.
 */
size_t session_output(struct session *session, const uint8_t **ret_bytes);

/** Run the events that stand now; those that they cause wait for the next call (and kick). */
void session_dispatch(struct session *session);

/** End what is due at session->now_ms and find the next deadline. */
void session_expire(struct session *session);

/** The earliest moment at which session_expire() is wanted, 0 for never. */
uint64_t session_deadline(const struct session *session);

/** Let the streams come to their end, then say goodbye; break off at @until_ms. */
void session_drain(struct session *session, uint64_t until_ms);

/** Say goodbye: GOAWAY after what nghttp2 can send before it. Not inside nghttp2's callbacks. */
void session_terminate(struct session *session);

/** The peer or we are at fault: nothing goes in or out any more. The first reason stays. */
void session_break(struct session *session, const char *reason);

/** Whether the connection has nothing more to read or write, for better or worse. */
bool session_is_over(const struct session *session);

/** Put a stream under the care of the session. @id: 0, or what nghttp2 shall find it by. */
void stream_attach(struct stream *stream, struct session *session, int32_t id);

/** The session forgets the stream and frees what it holds; the caller frees the stream itself. */
void stream_detach(struct stream *stream);

/** nghttp2 finds this stream no more; its event still comes. */
void stream_orphan(struct stream *stream);

/** Nothing more is wanted from the peer; drops what came so far. */
void stream_deafen(struct stream *stream);

/** Ask for the role's event(). */
void stream_post(struct stream *stream);

/** Set the deadline, on the clock of session->now_ms. */
void stream_expire_at(struct stream *stream, uint64_t deadline_ms);

/**
 * Queue a message; a message that nobody has begun to send is replaced.
 *
 * Returns 0, -EMSGSIZE, -ENOMEM (also when SESSION_PENDING_BYTES_MAX would be passed).
 */
int stream_push(struct stream *stream, const uint8_t *message, size_t length);

/** Drop the messages that nobody has begun to send. */
void stream_drop_unsent(struct stream *stream);

/** There is more to send, or is_last was set: let nghttp2 ask again. */
void stream_resume(struct stream *stream);

/** Give back what was counted for the messages that the role has let go. */
void stream_release(struct stream *stream);

/** Reset with an HTTP/2 error code. */
void stream_reset(struct stream *stream, uint32_t error_code);

/** Where nghttp2 finds outgoing messages. */
nghttp2_data_provider stream_provider(void);

/* A header for nghttp2. @name is a constant; @flags: NGHTTP2_NV_FLAG_..., NO_COPY_NAME is added. */
nghttp2_nv session_header(const char *name, const char *value, uint8_t flags);
