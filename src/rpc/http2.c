/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See http2.h. The callbacks find a stream by stream_find() each time, and nothing when it has been
 * orphaned; http2_output() and http2_receive() are the only ones that enter nghttp2's machine.
 */
#include "rpc/http2.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
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

nghttp2_nv http2_header(const char *name, const char *value, uint8_t flags)
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

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
	(void)session;
	struct http2 *http2 = user_data;
	if (!http2->role->is_server || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	int r = http2->role->begin(http2, frame->hd.stream_id);
	return r < 0 ? NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE : 0;
}

/* The parameters are nghttp2's. */
/* NOLINTNEXTLINE(readability-function-size) */
static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_length, const uint8_t *value, size_t length, uint8_t flags,
		     void *user_data)
{
	(void)flags;
	struct http2 *http2 = user_data;
	struct stream *stream = stream_find(session, frame->hd.stream_id);
	if (!stream)
		return 0;
	const struct http2_text name_text = { (const char *)name, name_length };
	const struct http2_text value_text = { (const char *)value, length };
	http2->role->header(stream, name_text, value_text);
	return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
	struct http2 *http2 = user_data;
	if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
		return 0;
	struct stream *stream = stream_find(session, frame->hd.stream_id);
	if (!stream)
		return 0;
	bool is_end = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
	stream->is_remote_ended |= is_end;
	if (frame->hd.type == NGHTTP2_HEADERS)
		http2->role->headers_end(stream);
	if (is_end)
		http2->role->end(stream);
	return 0;
}

/* One chunk may hold the end of a message, whole ones, and the beginning of another. */
static int decode(struct stream *stream, const uint8_t *bytes, size_t length)
{
	while (length > 0 && !stream->is_deaf) {
		size_t used = 0;
		int r = envelope_decode(&stream->decoder, bytes, length, &used);
		if (r < 0)
			return r;
		bytes += used;
		length -= used;
		if (r == 0)
			continue;
		size_t message_length = 0;
		uint8_t *message = envelope_take(&stream->decoder, &message_length);
		stream->http2->role->message(stream, message, message_length);
	}
	return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
		   size_t length, void *user_data)
{
	(void)flags;
	struct http2 *http2 = user_data;
	struct stream *stream = stream_find(session, id);
	if (!stream || stream->is_deaf)
		return 0;
	int r = stream_hold(stream, length);
	if (r == 0)
		r = decode(stream, bytes, length);
	if (r < 0) {
		stream_deafen(stream);
		http2->role->garbled(stream, r);
	}
	return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t error_code, void *user_data)
{
	struct http2 *http2 = user_data;
	struct stream *stream = stream_find(session, id);
	if (!stream)
		return 0;
	stream_orphan(stream);
	http2->role->closed(stream, error_code);
	return 0;
}

/* A server that has answered wants no more of the request (RFC 9113, 8.1). */
static int on_sent(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
	struct http2 *http2 = user_data;
	if (!http2->role->is_server || frame->hd.type != NGHTTP2_HEADERS ||
	    !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		return 0;
	struct stream *stream = stream_find(session, frame->hd.stream_id);
	if (stream && !stream->is_remote_ended)
		stream_reset(stream, NGHTTP2_NO_ERROR);
	return 0;
}

/* --- the connection ------------------------------------------------------------------------ */

static int make_session(struct http2 *http2)
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
		r = http2->role->is_server
			    ? nghttp2_session_server_new2(&http2->session, callbacks, http2, option)
			    : nghttp2_session_client_new2(&http2->session, callbacks, http2,
							  option);
	}
	nghttp2_session_callbacks_del(callbacks);
	nghttp2_option_del(option);
	return r == 0 ? 0 : -ENOMEM;
}

static const nghttp2_settings_entry server_settings[] = {
	{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, RPC_CALLS_MAX },
	{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HTTP2_HEADER_BYTES_MAX },
	/* Priorities of RFC 7540 cost a tree that the peer shapes; no gRPC client uses them. */
	{ NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1 },
};

static const nghttp2_settings_entry client_settings[] = {
	{ NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
	{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, CLIENT_WINDOW_BYTES },
	{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HTTP2_HEADER_BYTES_MAX },
};

static int greet(struct http2 *http2)
{
	if (http2->role->is_server)
		return nghttp2_submit_settings(http2->session, NGHTTP2_FLAG_NONE, server_settings,
					       ARRAY_LEN(server_settings));
	int r = nghttp2_submit_settings(http2->session, NGHTTP2_FLAG_NONE, client_settings,
					ARRAY_LEN(client_settings));
	if (r != 0)
		return r;
	return nghttp2_session_set_local_window_size(http2->session, NGHTTP2_FLAG_NONE, 0,
						     CLIENT_WINDOW_BYTES);
}

int http2_init(struct http2 *http2, const struct http2_role *role,
	       void (*kick)(struct http2 *http2))
{
	*http2 = (struct http2){
		.role = role,
		.kick = kick,
		.output = BUF_INIT(HTTP2_OUTPUT_BYTES + OUTPUT_FRAME_BYTES_MAX),
	};
	list_init(&http2->streams);
	list_init(&http2->events);
	int r = make_session(http2);
	if (r < 0)
		return r;
	if (greet(http2) != 0) {
		nghttp2_session_del(http2->session);
		return -ENOMEM;
	}
	return 0;
}

void http2_done(struct http2 *http2)
{
	assert(list_is_empty(&http2->streams));
	assert(http2->held == 0 && http2->pending == 0);
	nghttp2_session_del(http2->session);
	buf_done(&http2->output);
}

void http2_break(struct http2 *http2, const char *reason)
{
	if (!http2->is_broken)
		(void)snprintf(http2->reason, sizeof(http2->reason), "%s", reason);
	http2->is_broken = true;
	http2->kick(http2);
}

void http2_receive(struct http2 *http2, const uint8_t *bytes, size_t length)
{
	if (http2->is_broken)
		return;
	ssize_t n = nghttp2_session_mem_recv(http2->session, bytes, length);
	if (n < 0)
		http2_break(http2, nghttp2_strerror((int)n));
	else if (nghttp2_session_get_outbound_queue_size(http2->session) > HTTP2_QUEUE_MAX)
		http2_break(http2, "the peer asks for more than it reads");
	http2->kick(http2);
}

/* The next frames, until there is enough for a write or nothing more. */
static int collect(struct http2 *http2)
{
	while (http2->output.len < HTTP2_OUTPUT_BYTES) {
		const uint8_t *bytes = NULL;
		ssize_t n = nghttp2_session_mem_send(http2->session, &bytes);
		if (n <= 0)
			return (int)n;
		if (buf_append(&http2->output, bytes, (size_t)n) < 0)
			return NGHTTP2_ERR_NOMEM;
	}
	return 0;
}

size_t http2_output(struct http2 *http2, const uint8_t **ret_bytes)
{
	struct buf *output = &http2->output;
	output->len = 0;
	if (http2->is_broken)
		return 0;
	int r = collect(http2);
	if (r == 0 && http2->drain_until_ms > 0 && list_is_empty(&http2->streams)) {
		http2_terminate(http2);
		r = collect(http2);
	}
	if (r < 0) {
		http2_break(http2, nghttp2_strerror(r));
		return 0;
	}
	if (output->len == 0 && output->size > HTTP2_OUTPUT_KEPT_BYTES)
		buf_done(output);
	*ret_bytes = (const uint8_t *)output->data;
	return output->len;
}

void http2_dispatch(struct http2 *http2)
{
	struct list events;
	list_move(&http2->events, &events);
	while (!list_is_empty(&events)) {
		struct stream *stream = container_of(events.next, struct stream, event);
		list_remove(&stream->event);
		http2->role->event(stream);
	}
}

void http2_expire(struct http2 *http2)
{
	if (http2->drain_until_ms > 0 && http2->now_ms >= http2->drain_until_ms)
		http2_break(http2, "the peer does not read");
	http2->deadline_ms = 0;
	list_for_each_safe (node, after, &http2->streams) {
		struct stream *stream = container_of(node, struct stream, node);
		uint64_t deadline_ms = stream->deadline_ms;
		if (deadline_ms > http2->now_ms) {
			stream_expire_at(stream, deadline_ms);
		} else if (deadline_ms > 0) {
			stream->deadline_ms = 0;
			http2->role->expired(stream);
		}
	}
	http2->kick(http2);
}

uint64_t http2_deadline(const struct http2 *http2)
{
	uint64_t drain = http2->drain_until_ms;
	uint64_t stream = http2->deadline_ms;
	if (drain == 0 || stream == 0)
		return drain + stream;
	return drain < stream ? drain : stream;
}

void http2_drain(struct http2 *http2, uint64_t until_ms)
{
	http2->drain_until_ms = until_ms;
	http2->kick(http2);
}

void http2_terminate(struct http2 *http2)
{
	if (http2->is_terminated)
		return;
	http2->is_terminated = true;
	if (nghttp2_session_terminate_session(http2->session, NGHTTP2_NO_ERROR) != 0)
		http2_break(http2, "out of memory");
	http2->kick(http2);
}

bool http2_is_over(const struct http2 *http2)
{
	return http2->is_broken || (!nghttp2_session_want_read(http2->session) &&
				    !nghttp2_session_want_write(http2->session));
}
