/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One stream of an HTTP/2 connection (http2.h): what comes in, what goes out, its deadline, its
 * event. Whoever embeds it owns its memory.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <nghttp2/nghttp2.h>

#include "base/list.h"
#include "rpc/envelope.h"

struct http2;

/* One message on its way out. bytes: owned, NULL when there is none. */
struct outgoing {
	uint8_t *bytes;
	size_t length;
	size_t sent;
};

/* Embedded in a call, which is found again by container_of. */
struct stream {
	struct http2 *http2;  /* borrowed, outlives the stream */
	struct list node;     /* on http2->streams */
	struct list event;    /* on http2->events, or alone */
	int32_t id;           /* 0: an orphan, nghttp2 does not (or no longer) know it */
	bool is_last;         /* nothing comes after what is outgoing */
	bool is_remote_ended; /* the peer half-closed */
	bool is_deaf;         /* what still comes in is dropped */
	uint64_t deadline_ms; /* on the clock of http2->now_ms; 0: none */
	struct envelope decoder;
	size_t held;              /* bytes counted against HTTP2_HELD_BYTES_MAX */
	struct outgoing outgoing; /* what the peer is being sent */
	struct outgoing waiting;  /* what comes after it; the newest wins */
};

/** Put a stream under the care of its connection. @id: 0, or what nghttp2 shall find it by. */
void stream_attach(struct stream *stream, struct http2 *http2, int32_t id);

/** The connection forgets the stream and frees what it holds; the caller frees the stream itself.
 */
void stream_detach(struct stream *stream);

/** nghttp2 finds this stream no more; its event still comes. */
void stream_orphan(struct stream *stream);

/** Nothing more is wanted from the peer; drops what came so far. */
void stream_deafen(struct stream *stream);

/** Ask for the role's event(). */
void stream_post(struct stream *stream);

/** Set the deadline, on the clock of http2->now_ms. */
void stream_expire_at(struct stream *stream, uint64_t deadline_ms);

/**
 * Queue a message; a message that nobody has begun to send is replaced.
 *
 * Returns 0, -EMSGSIZE, -ENOMEM (also when HTTP2_PENDING_BYTES_MAX would be passed).
 */
int stream_push(struct stream *stream, const uint8_t *message, size_t length);

/** Drop the messages that nobody has begun to send. */
void stream_drop_unsent(struct stream *stream);

/** There is more to send, or is_last was set: let nghttp2 ask again. */
void stream_resume(struct stream *stream);

/** Count bytes that came in. Returns 0 or -ENOBUFS: the connection holds too much. */
int stream_hold(struct stream *stream, size_t length);

/** Give back what was counted for the messages that the role has let go. */
void stream_release(struct stream *stream);

/** Reset with an HTTP/2 error code. */
void stream_reset(struct stream *stream, uint32_t error_code);

/** The stream that nghttp2 knows by this id, or NULL. */
struct stream *stream_find(nghttp2_session *session, int32_t id);

/** Where nghttp2 finds outgoing messages. */
nghttp2_data_provider stream_provider(void);
