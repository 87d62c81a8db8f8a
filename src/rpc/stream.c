/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See stream.h. nghttp2 finds a stream only through its user data, never through a pointer of
 * ours, so a stream that was detached can be freed whatever nghttp2 still has queued for it.
 */
#include "rpc/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/http2.h"

struct stream *stream_find(nghttp2_session *session, int32_t id)
{
	return nghttp2_session_get_stream_user_data(session, id);
}

void stream_attach(struct stream *stream, struct http2 *http2, int32_t id)
{
	stream->http2 = http2;
	stream->id = id;
	list_append(&http2->streams, &stream->node);
	list_init(&stream->event);
	if (id > 0)
		(void)nghttp2_session_set_stream_user_data(http2->session, id, stream);
}

void stream_orphan(struct stream *stream)
{
	if (stream->id > 0)
		(void)nghttp2_session_set_stream_user_data(stream->http2->session, stream->id,
							   NULL);
	stream->id = 0;
}

static void drop(struct http2 *http2, struct outgoing *outgoing)
{
	http2->pending -= outgoing->length;
	free(outgoing->bytes);
	*outgoing = (struct outgoing){ .bytes = NULL };
}

void stream_detach(struct stream *stream)
{
	stream_orphan(stream);
	list_remove(&stream->node);
	list_remove(&stream->event);
	stream_deafen(stream);
	drop(stream->http2, &stream->outgoing);
	drop(stream->http2, &stream->waiting);
}

void stream_deafen(struct stream *stream)
{
	stream->is_deaf = true;
	envelope_done(&stream->decoder);
	stream_release(stream);
}

void stream_post(struct stream *stream)
{
	struct http2 *http2 = stream->http2;
	if (list_is_empty(&stream->event))
		list_append(&http2->events, &stream->event);
	http2->kick(http2);
}

void stream_expire_at(struct stream *stream, uint64_t deadline_ms)
{
	struct http2 *http2 = stream->http2;
	stream->deadline_ms = deadline_ms;
	if (http2->deadline_ms == 0 || deadline_ms < http2->deadline_ms)
		http2->deadline_ms = deadline_ms;
	http2->kick(http2);
}

int stream_push(struct stream *stream, const uint8_t *message, size_t length)
{
	struct http2 *http2 = stream->http2;
	struct outgoing *place = &stream->outgoing;
	if (place->sent > 0)
		place = &stream->waiting;
	struct outgoing next = { .bytes = NULL };
	int r = envelope_encode(message, length, &next.bytes, &next.length);
	if (r < 0)
		return r;
	if (http2->pending - place->length + next.length > HTTP2_PENDING_BYTES_MAX) {
		free(next.bytes);
		return -ENOMEM;
	}
	drop(http2, place);
	*place = next;
	http2->pending += next.length;
	return 0;
}

void stream_drop_unsent(struct stream *stream)
{
	drop(stream->http2, &stream->waiting);
	if (stream->outgoing.sent == 0)
		drop(stream->http2, &stream->outgoing);
}

void stream_resume(struct stream *stream)
{
	/* Fails when nghttp2 has not asked yet, and then will by itself. */
	if (stream->id > 0)
		(void)nghttp2_session_resume_data(stream->http2->session, stream->id);
	stream->http2->kick(stream->http2);
}

/* A client is bounded by its own calls; only a server has to count what strangers send. */
int stream_hold(struct stream *stream, size_t length)
{
	struct http2 *http2 = stream->http2;
	if (!http2->role->is_server)
		return 0;
	stream->held += length;
	http2->held += length;
	return http2->held > HTTP2_HELD_BYTES_MAX ? -ENOBUFS : 0;
}

void stream_release(struct stream *stream)
{
	stream->http2->held -= stream->held;
	stream->held = 0;
}

void stream_reset(struct stream *stream, uint32_t error_code)
{
	struct http2 *http2 = stream->http2;
	if (stream->id > 0 && nghttp2_submit_rst_stream(http2->session, NGHTTP2_FLAG_NONE,
							stream->id, error_code) != 0)
		http2_break(http2, "out of memory");
	http2->kick(http2);
}

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
		drop(stream->http2, outgoing);
		*outgoing = stream->waiting;
		stream->waiting = (struct outgoing){ .bytes = NULL };
	}
	return copied;
}

static ssize_t on_read(nghttp2_session *session, int32_t id, uint8_t *to, size_t room,
		       uint32_t *flags, nghttp2_data_source *source, void *user_data)
{
	(void)source;
	struct http2 *http2 = user_data;
	struct stream *stream = stream_find(session, id);
	if (!stream)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	size_t copied = copy_outgoing(stream, to, room);
	if (stream->outgoing.bytes || !stream->is_last)
		return copied > 0 ? (ssize_t)copied : NGHTTP2_ERR_DEFERRED;

	*flags |= NGHTTP2_DATA_FLAG_EOF;
	if (!http2->role->trailers)
		return (ssize_t)copied;
	*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
	if (http2->role->trailers(stream) != 0)
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	return (ssize_t)copied;
}

nghttp2_data_provider stream_provider(void)
{
	return (nghttp2_data_provider){ .read_callback = on_read };
}
