/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See session.h. nghttp2 finds a stream only through its user data, never through a pointer of
 * ours, so a stream that was detached can be freed whatever nghttp2 still has queued for it.
 */
#include "rpc/session.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "rpc/server.h"
#include "rpc/status.h"

enum {
	/* A message of the greatest size flows to a client without a stop for window updates. */
	CLIENT_WINDOW_BYTES = RPC_MESSAGE_BYTES_MAX + (1 << 20),
	/* nghttp2 gives one frame at a time; ours are far below this. */
	OUTPUT_FRAME_BYTES_MAX = 128 << 10,
};

/* --- streams ------------------------------------------------------------------------------- */

static struct stream *find_stream(nghttp2_session *http2, int32_t id)
{
	return nghttp2_session_get_stream_user_data(http2, id);
}

void stream_attach(struct stream *stream, struct session *session, int32_t id)
{
	stream->session = session;
	stream->id = id;
	list_append(&session->streams, &stream->node);
	list_init(&stream->event);
	if (id > 0)
		(void)nghttp2_session_set_stream_user_data(session->http2, id, stream);
}

void stream_orphan(struct stream *stream)
{
	if (stream->id > 0)
		(void)nghttp2_session_set_stream_user_data(stream->session->http2, stream->id,
							   NULL);
	stream->id = 0;
}

static void drop(struct session *session, struct outgoing *outgoing)
{
	session->pending -= outgoing->length;
	free(outgoing->bytes);
	*outgoing = (struct outgoing){ .bytes = NULL };
}

void stream_detach(struct stream *stream)
{
	stream_orphan(stream);
	list_remove(&stream->node);
	list_remove(&stream->event);
	stream_deafen(stream);
	drop(stream->session, &stream->outgoing);
	drop(stream->session, &stream->waiting);
}

void stream_deafen(struct stream *stream)
{
	stream->is_deaf = true;
	frame_done(&stream->decoder);
	stream_release(stream);
}

void stream_post(struct stream *stream)
{
	struct session *session = stream->session;
	if (list_is_empty(&stream->event))
		list_append(&session->events, &stream->event);
	session->kick(session);
}

void stream_expire_at(struct stream *stream, uint64_t deadline_ms)
{
	struct session *session = stream->session;
	stream->deadline_ms = deadline_ms;
	if (session->deadline_ms == 0 || deadline_ms < session->deadline_ms)
		session->deadline_ms = deadline_ms;
	session->kick(session);
}

int stream_push(struct stream *stream, const uint8_t *message, size_t length)
{
	struct session *session = stream->session;
	struct outgoing *place = &stream->outgoing;
	if (place->sent > 0)
		place = &stream->waiting;
	struct outgoing next = { .bytes = NULL };
	int r = frame_encode(message, length, &next.bytes, &next.length);
	if (r < 0)
		return r;
	if (session->pending - place->length + next.length > SESSION_PENDING_BYTES_MAX) {
		free(next.bytes);
		return -ENOMEM;
	}
	drop(session, place);
	*place = next;
	session->pending += next.length;
	return 0;
}

void stream_drop_unsent(struct stream *stream)
{
	drop(stream->session, &stream->waiting);
	if (stream->outgoing.sent == 0)
		drop(stream->session, &stream->outgoing);
}

void stream_resume(struct stream *stream)
{
	/* Fails when nghttp2 has not asked yet, and then will by itself. */
	if (stream->id > 0)
		(void)nghttp2_session_resume_data(stream->session->http2, stream->id);
	stream->session->kick(stream->session);
}

void stream_release(struct stream *stream)
{
	stream->session->held -= stream->held;
	stream->held = 0;
}

void stream_reset(struct stream *stream, uint32_t error_code)
{
	struct session *session = stream->session;
	if (stream->id > 0 && nghttp2_submit_rst_stream(session->http2, NGHTTP2_FLAG_NONE,
							stream->id, error_code) != 0)
		session_break(session, "out of memory");
	session->kick(session);
}

/* --- nghttp2 takes messages ---------------------------------------------------------------- */

static size_t copy_outgoing(struct stream *stream, uint8_t *to, size_t room)
{
	struct outgoing *outgoing = &stream->outgoing;
	size_t copied = 0;
	while (outgoing->bytes && copied < room) {
		size_t n = outgoing->length - outgoing->sent;
		if (n > room - copied)
			n = room - copied;
		memcpy(to + copied, outgoing->bytes + outgoing->sent, n);
		copied += n;
		outgoing->sent += n;
		if (outgoing->sent < outgoing->length)
			break;
		drop(stream->session, outgoing);
		*outgoing = stream->waiting;
		stream->waiting = (struct outgoing){ .bytes = NULL };
	}
	return copied;
}

static ssize_t on_read(nghttp2_session *http2, int32_t id, uint8_t *to, size_t room,
		       uint32_t *flags, nghttp2_data_source *source, void *user_data)
{
	(void)source;
	struct session *session = user_data;
	struct stream *stream = find_stream(http2, id);
	if (!stream)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	size_t copied = copy_outgoing(stream, to, room);
	if (stream->outgoing.bytes || !stream->is_last)
		return copied > 0 ? (ssize_t)copied : NGHTTP2_ERR_DEFERRED;

	*flags |= NGHTTP2_DATA_FLAG_EOF;
	if (!session->role->trailers)
		return (ssize_t)copied;
	*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
	if (session->role->trailers(stream) != 0)
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	return (ssize_t)copied;
}

nghttp2_data_provider stream_provider(void)
{
	return (nghttp2_data_provider){ .read_callback = on_read };
}

nghttp2_nv session_header(const char *name, const char *value, uint8_t flags)
{
	return (nghttp2_nv){
		.name = unconst(name),
		.value = unconst(value),
		.namelen = strlen(name),
		.valuelen = strlen(value),
		.flags = (uint8_t)(flags | NGHTTP2_NV_FLAG_NO_COPY_NAME),
	};
}

/* --- nghttp2 says what happened ------------------------------------------------------------ */

static int on_begin_headers(nghttp2_session *http2, const nghttp2_frame *frame, void *user_data)
{
	(void)http2;
	struct session *session = user_data;
	if (!session->role->is_server || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	int r = session->role->begin(session, frame->hd.stream_id);
	return r < 0 ? NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE : 0;
}

/* The parameters are nghttp2's. */
/* NOLINTNEXTLINE(readability-function-size) */
static int on_header(nghttp2_session *http2, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_length, const uint8_t *value, size_t length, uint8_t flags,
		     void *user_data)
{
	(void)name_length;
	(void)flags;
	struct session *session = user_data;
	struct stream *stream = find_stream(http2, frame->hd.stream_id);
	if (stream)
		session->role->header(stream, (const char *)name, (const char *)value, length);
	return 0;
}

static int on_frame(nghttp2_session *http2, const nghttp2_frame *frame, void *user_data)
{
	struct session *session = user_data;
	if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
		return 0;
	struct stream *stream = find_stream(http2, frame->hd.stream_id);
	if (!stream)
		return 0;
	bool is_end = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
	stream->is_remote_ended = is_end;
	if (frame->hd.type == NGHTTP2_HEADERS)
		session->role->headers_end(stream);
	if (is_end)
		session->role->end(stream);
	return 0;
}

/* One chunk may hold the end of a message, whole ones, and the beginning of another. */
static int decode(struct stream *stream, const uint8_t *bytes, size_t length)
{
	while (length > 0 && !stream->is_deaf) {
		size_t used = 0;
		int r = frame_decode(&stream->decoder, bytes, length, &used);
		if (r < 0)
			return r;
		bytes += used;
		length -= used;
		if (r == 0)
			continue;
		size_t message_length = 0;
		uint8_t *message = frame_take(&stream->decoder, &message_length);
		stream->session->role->message(stream, message, message_length);
	}
	return 0;
}

/* A client is bounded by its own calls; only a server has to count what strangers send. */
static int hold(struct stream *stream, size_t length)
{
	struct session *session = stream->session;
	if (!session->role->is_server)
		return 0;
	stream->held += length;
	session->held += length;
	return session->held > SESSION_HELD_BYTES_MAX ? -ENOBUFS : 0;
}

static int on_data(nghttp2_session *http2, uint8_t flags, int32_t id, const uint8_t *bytes,
		   size_t length, void *user_data)
{
	(void)flags;
	struct session *session = user_data;
	struct stream *stream = find_stream(http2, id);
	if (!stream || stream->is_deaf)
		return 0;
	int r = hold(stream, length);
	if (r == 0)
		r = decode(stream, bytes, length);
	if (r < 0) {
		stream_deafen(stream);
		session->role->garbled(stream, r);
	}
	return 0;
}

static int on_close(nghttp2_session *http2, int32_t id, uint32_t error_code, void *user_data)
{
	struct session *session = user_data;
	struct stream *stream = find_stream(http2, id);
	if (!stream)
		return 0;
	stream_orphan(stream);
	session->role->closed(stream, error_code);
	return 0;
}

/* A server that has answered wants no more of the request (RFC 9113, 8.1). */
static int on_sent(nghttp2_session *http2, const nghttp2_frame *frame, void *user_data)
{
	struct session *session = user_data;
	if (!session->role->is_server || frame->hd.type != NGHTTP2_HEADERS ||
	    !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		return 0;
	struct stream *stream = find_stream(http2, frame->hd.stream_id);
	if (stream && !stream->is_remote_ended)
		stream_reset(stream, NGHTTP2_NO_ERROR);
	return 0;
}

/* --- the session --------------------------------------------------------------------------- */

static int make_http2(struct session *session)
{
	nghttp2_session_callbacks *callbacks = NULL;
	nghttp2_option *option = NULL;
	int r = nghttp2_session_callbacks_new(&callbacks);
	if (r == 0)
		r = nghttp2_option_new(&option);
	if (r == 0) {
		nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks,
									on_begin_headers);
		nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
		nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
		nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
		nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
		nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_sent);
		nghttp2_option_set_no_closed_streams(option, 1);
		r = session->role->is_server
			    ? nghttp2_session_server_new2(&session->http2, callbacks, session,
							  option)
			    : nghttp2_session_client_new2(&session->http2, callbacks, session,
							  option);
	}
	nghttp2_session_callbacks_del(callbacks);
	nghttp2_option_del(option);
	return r == 0 ? 0 : -ENOMEM;
}

static const nghttp2_settings_entry server_settings[] = {
	{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, RPC_CALLS_MAX },
	{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, SESSION_HEADER_BYTES_MAX },
	/* Priorities of RFC 7540 cost a tree that the peer shapes; no gRPC client uses them. */
	{ NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1 },
};

static const nghttp2_settings_entry client_settings[] = {
	{ NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
	{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, CLIENT_WINDOW_BYTES },
	{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, SESSION_HEADER_BYTES_MAX },
};

static int greet(struct session *session)
{
	if (session->role->is_server)
		return nghttp2_submit_settings(session->http2, NGHTTP2_FLAG_NONE, server_settings,
					       ARRAY_LEN(server_settings));
	int r = nghttp2_submit_settings(session->http2, NGHTTP2_FLAG_NONE, client_settings,
					ARRAY_LEN(client_settings));
	if (r != 0)
		return r;
	return nghttp2_session_set_local_window_size(session->http2, NGHTTP2_FLAG_NONE, 0,
						     CLIENT_WINDOW_BYTES);
}

int session_init(struct session *session, const struct session_role *role,
		 void (*kick)(struct session *session))
{
	*session = (struct session){
		.role = role,
		.kick = kick,
		.output = BUF_INIT(SESSION_OUTPUT_BYTES + OUTPUT_FRAME_BYTES_MAX),
	};
	list_init(&session->streams);
	list_init(&session->events);
	int r = make_http2(session);
	if (r < 0)
		return r;
	if (greet(session) != 0) {
		nghttp2_session_del(session->http2);
		return -ENOMEM;
	}
	return 0;
}

void session_done(struct session *session)
{
	assert(list_is_empty(&session->streams));
	nghttp2_session_del(session->http2);
	buf_done(&session->output);
}

void session_break(struct session *session, const char *reason)
{
	if (!session->is_broken)
		(void)snprintf(session->reason, sizeof(session->reason), "%s", reason);
	session->is_broken = true;
	session->kick(session);
}

void session_receive(struct session *session, const uint8_t *bytes, size_t length)
{
	if (session->is_broken)
		return;
	ssize_t n = nghttp2_session_mem_recv(session->http2, bytes, length);
	if (n < 0)
		session_break(session, nghttp2_strerror((int)n));
	else if (nghttp2_session_get_outbound_queue_size(session->http2) > SESSION_QUEUE_MAX)
		session_break(session, "the peer asks for more than it reads");
	session->kick(session);
}

/* The next frames, until there is enough for a write or nothing more. */
static int collect(struct session *session)
{
	while (session->output.len < SESSION_OUTPUT_BYTES) {
		const uint8_t *bytes = NULL;
		ssize_t n = nghttp2_session_mem_send(session->http2, &bytes);
		if (n <= 0)
			return (int)n;
		if (buf_append(&session->output, bytes, (size_t)n) < 0)
			return NGHTTP2_ERR_NOMEM;
	}
	return 0;
}

size_t session_output(struct session *session, const uint8_t **ret_bytes)
{
	struct buf *output = &session->output;
	output->len = 0;
	if (session->is_broken)
		return 0;
	int r = collect(session);
	if (r == 0 && session->drain_until_ms > 0 && list_is_empty(&session->streams)) {
		session_terminate(session);
		r = collect(session);
	}
	if (r < 0) {
		session_break(session, nghttp2_strerror(r));
		return 0;
	}
	if (output->len == 0 && output->size > SESSION_OUTPUT_KEPT_BYTES)
		buf_done(output);
	*ret_bytes = (const uint8_t *)output->data;
	return output->len;
}

void session_dispatch(struct session *session)
{
	struct list events;
	list_move(&session->events, &events);
	while (!list_is_empty(&events)) {
		struct stream *stream = container_of(events.next, struct stream, event);
		list_remove(&stream->event);
		session->role->event(stream);
	}
}

void session_expire(struct session *session)
{
	if (session->drain_until_ms > 0 && session->now_ms >= session->drain_until_ms)
		session_break(session, "the peer does not read");
	session->deadline_ms = 0;
	list_for_each_safe (node, after, &session->streams) {
		struct stream *stream = container_of(node, struct stream, node);
		uint64_t deadline_ms = stream->deadline_ms;
		if (deadline_ms > session->now_ms) {
			stream_expire_at(stream, deadline_ms);
		} else if (deadline_ms > 0) {
			stream->deadline_ms = 0;
			session->role->expired(stream);
		}
	}
	session->kick(session);
}

uint64_t session_deadline(const struct session *session)
{
	uint64_t drain = session->drain_until_ms;
	uint64_t stream = session->deadline_ms;
	if (drain == 0 || stream == 0)
		return drain + stream;
	return drain < stream ? drain : stream;
}

void session_drain(struct session *session, uint64_t until_ms)
{
	session->drain_until_ms = until_ms;
	session->kick(session);
}

void session_terminate(struct session *session)
{
	if (session->is_terminated)
		return;
	session->is_terminated = true;
	if (nghttp2_session_terminate_session(session->http2, NGHTTP2_NO_ERROR) != 0)
		session_break(session, "out of memory");
	session->kick(session);
}

bool session_is_over(const struct session *session)
{
	return session->is_broken || (!nghttp2_session_want_read(session->http2) &&
				      !nghttp2_session_want_write(session->http2));
}
