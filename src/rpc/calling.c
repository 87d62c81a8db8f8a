/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See calling.h. A call is over when its status is set; from then on it is an orphan, and its one
 * event hands over what came, tells on_done and frees it. on_done is told nowhere else but in
 * calling_stop().
 */
#include "rpc/calling.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "rpc/percent.h"
#include "rpc/timeout.h"

enum {
	HTTP_OK = 200,
	REQUEST_HEADERS_MAX = 8,
};

/* bytes: owned. */
struct answer {
	struct list node;
	uint8_t *bytes;
	size_t length;
};

struct outcall {
	struct stream stream;
	struct rpc_reply *reply; /* borrowed until on_done */
	struct list answers;     /* whole messages that wait for the dispatch */
	unsigned http_status;    /* 0 until the response headers came */
	bool is_grpc;            /* the content-type is gRPC's */
	bool has_status;         /* grpc-status came */
	enum rpc_status status;  /* the peer's; ours once is_over */
	char *message;           /* owned; grpc-message decoded, NULL for none */
	bool is_over;
	char reason[ERR_TEXT_BYTES]; /* ours; "" when the peer's message stands */
};

static struct calling *calling_of(const struct outcall *call)
{
	return container_of(call->stream.http2, struct calling, http2);
}

static struct outcall *call_of(struct stream *stream)
{
	return container_of(stream, struct outcall, stream);
}

static void answer_free(struct answer *answer)
{
	list_remove(&answer->node);
	free(answer->bytes);
	free(answer);
}

static void release(struct outcall *call)
{
	struct calling *calling = calling_of(call);
	if (calling->delivering == call)
		calling->delivering = NULL;
	stream_detach(&call->stream);
	list_for_each_safe (node, after, &call->answers)
		answer_free(container_of(node, struct answer, node));
	free(call->message);
	free(call);
}

/* The last thing that happens to a call: @call is free before its owner hears of it, so that the
 * owner may do what it likes. */
static void tell(struct outcall *call)
{
	struct rpc_reply *reply = call->reply;
	enum rpc_status status = call->status;
	cleanup_free char *message = TAKE_PTR(call->message);
	char reason[ERR_TEXT_BYTES];
	memcpy(reason, call->reason, sizeof(reason));
	release(call);
	if (reason[0] != '\0' || !message)
		reply->on_done(reply, status, reason);
	else
		reply->on_done(reply, status, message);
}

/* @reason: NULL when the peer's own words stand. */
static void conclude(struct outcall *call, enum rpc_status status, const char *reason)
{
	if (call->is_over)
		return;
	call->is_over = true;
	call->status = status;
	if (reason)
		(void)snprintf(call->reason, sizeof(call->reason), "%s", reason);
	call->stream.deadline_ms = 0;
	stream_deafen(&call->stream);
	stream_orphan(&call->stream);
	stream_post(&call->stream);
}

/* --- what the peer says -------------------------------------------------------------------- */

static void read_http_status(struct outcall *call, struct http2_text value)
{
	uint64_t status = 0;
	(void)text_parse_u64(value.bytes, 100, 999, &status); /* nghttp2 has checked it */
	call->http_status = (unsigned)status;
}

static void read_content_type(struct outcall *call, struct http2_text value)
{
	static const struct http2_text type = HTTP2_TEXT("application/grpc");
	call->is_grpc = http2_text_starts(value, type);
}

static void read_grpc_status(struct outcall *call, struct http2_text value)
{
	uint64_t status = RPC_UNKNOWN;
	if (text_parse_u64(value.bytes, RPC_OK, RPC_UNAUTHENTICATED, &status) < 0)
		status = RPC_UNKNOWN;
	call->status = (enum rpc_status)status;
	call->has_status = true;
}

static void read_grpc_message(struct outcall *call, struct http2_text value)
{
	free(call->message);
	call->message = percent_decode(value.bytes, value.length); /* NULL reads as no text */
}

static const struct answer_header {
	struct http2_text name;
	void (*read)(struct outcall *call, struct http2_text value);
} answer_headers[] = {
	{ HTTP2_TEXT(":status"), read_http_status },
	{ HTTP2_TEXT("content-type"), read_content_type },
	{ HTTP2_TEXT("grpc-status"), read_grpc_status },
	{ HTTP2_TEXT("grpc-message"), read_grpc_message },
};

static void on_header(struct stream *stream, struct http2_text name, struct http2_text value)
{
	for (size_t i = 0; i < ARRAY_LEN(answer_headers); i++)
		if (http2_text_equals(answer_headers[i].name, name))
			answer_headers[i].read(call_of(stream), value);
}

/* Whether what came is gRPC at all; a proxy or a web server is not. */
static bool is_foreign(const struct outcall *call)
{
	return call->http_status != HTTP_OK || !call->is_grpc;
}

static void on_headers_end(struct stream *stream)
{
	stream->is_deaf = is_foreign(call_of(stream));
}

static void on_message(struct stream *stream, uint8_t *message, size_t length)
{
	struct outcall *call = call_of(stream);
	struct answer *answer = malloc(sizeof(*answer));
	if (!answer) {
		free(message);
		stream_reset(stream, NGHTTP2_CANCEL);
		conclude(call, RPC_RESOURCE_EXHAUSTED, "out of memory");
		return;
	}
	answer->bytes = message;
	answer->length = length;
	list_append(&call->answers, &answer->node);
	stream_post(stream);
}

static void conclude_too_large(struct outcall *call)
{
	size_t limit = call->stream.decoder.limit;
	char reason[ERR_TEXT_BYTES];
	(void)snprintf(reason, sizeof(reason), "the answer exceeds %zu MiB",
		       (limit ? limit : RPC_MESSAGE_BYTES_MAX) >> 20);
	conclude(call, RPC_RESOURCE_EXHAUSTED, reason);
}

static void on_garbled(struct stream *stream, int error)
{
	struct outcall *call = call_of(stream);
	stream_reset(stream, NGHTTP2_CANCEL);
	if (error == -EMSGSIZE)
		conclude_too_large(call);
	else if (error == -ENOMEM)
		conclude(call, RPC_RESOURCE_EXHAUSTED, "out of memory");
	else
		conclude(call, RPC_INTERNAL, "the answer is compressed, which was not offered");
}

/* gRPC's "HTTP to gRPC Status Code Mapping"; all others read Unknown. */
static const struct http_status {
	unsigned http;
	enum rpc_status status;
} http_statuses[] = {
	{ 400, RPC_INTERNAL },      { 401, RPC_UNAUTHENTICATED }, { 403, RPC_PERMISSION_DENIED },
	{ 404, RPC_UNIMPLEMENTED }, { 429, RPC_UNAVAILABLE },     { 502, RPC_UNAVAILABLE },
	{ 503, RPC_UNAVAILABLE },   { 504, RPC_UNAVAILABLE },
};

static void conclude_foreign(struct outcall *call)
{
	enum rpc_status status = RPC_UNKNOWN;
	for (size_t i = 0; i < ARRAY_LEN(http_statuses); i++)
		if (http_statuses[i].http == call->http_status)
			status = http_statuses[i].status;
	char reason[ERR_TEXT_BYTES];
	if (call->http_status == HTTP_OK)
		(void)snprintf(reason, sizeof(reason), "the answer is not gRPC");
	else
		(void)snprintf(reason, sizeof(reason), "the answer has HTTP status %u",
			       call->http_status);
	conclude(call, status, reason);
}

static void conclude_answered(struct outcall *call)
{
	if (call->has_status && call->status == RPC_OK &&
	    envelope_is_partial(&call->stream.decoder))
		conclude(call, RPC_INTERNAL, "the answer ends inside a message");
	else if (call->has_status)
		conclude(call, call->status, NULL);
	else if (is_foreign(call))
		conclude_foreign(call);
	else
		conclude(call, RPC_INTERNAL, "the answer ends without a status");
}

static void on_end(struct stream *stream)
{
	/* A server may answer before it has read the whole request: then the rest is not wanted. */
	if (stream->outgoing.bytes)
		stream_reset(stream, NGHTTP2_NO_ERROR);
	conclude_answered(call_of(stream));
}

/* gRPC's "HTTP2 Error to gRPC Status Code Mapping"; all others read Internal. */
static enum rpc_status status_of_reset(uint32_t error_code)
{
	switch (error_code) {
	case NGHTTP2_REFUSED_STREAM:
		return RPC_UNAVAILABLE;
	case NGHTTP2_CANCEL:
		return RPC_CANCELLED;
	case NGHTTP2_ENHANCE_YOUR_CALM:
		return RPC_RESOURCE_EXHAUSTED;
	case NGHTTP2_INADEQUATE_SECURITY:
		return RPC_PERMISSION_DENIED;
	default:
		return RPC_INTERNAL;
	}
}

static void on_closed(struct stream *stream, uint32_t error_code)
{
	struct outcall *call = call_of(stream);
	if (call->has_status || error_code == NGHTTP2_NO_ERROR) {
		conclude_answered(call);
		return;
	}
	char reason[ERR_TEXT_BYTES];
	(void)snprintf(reason, sizeof(reason), "the peer has reset the call (%s)",
		       nghttp2_http2_strerror(error_code));
	conclude(call, status_of_reset(error_code), reason);
}

static void on_expired(struct stream *stream)
{
	stream_reset(stream, NGHTTP2_CANCEL);
	conclude(call_of(stream), RPC_DEADLINE_EXCEEDED, "no answer within the deadline");
}

/* Code of others runs here; @call may be over and gone after each on_message. */
static void on_event(struct stream *stream)
{
	struct outcall *call = call_of(stream);
	struct calling *calling = calling_of(call);
	calling->delivering = call;
	while (calling->delivering == call && !list_is_empty(&call->answers)) {
		struct answer *answer = container_of(call->answers.next, struct answer, node);
		list_remove(&answer->node);
		if (call->reply->on_message)
			call->reply->on_message(call->reply, answer->bytes, answer->length);
		answer_free(answer);
	}
	if (calling->delivering != call)
		return;
	calling->delivering = NULL;
	if (call->is_over)
		tell(call);
}

/* --- what we say --------------------------------------------------------------------------- */

static int submit(struct outcall *call, const char *method, uint64_t timeout_ms)
{
	const uint8_t flags = NGHTTP2_NV_FLAG_NO_COPY_VALUE;
	char timeout[TIMEOUT_TEXT_BYTES];
	nghttp2_nv headers[REQUEST_HEADERS_MAX] = {
		http2_header(":method", "POST", flags),
		http2_header(":scheme", "http", flags),
		http2_header(":path", method, NGHTTP2_NV_FLAG_NONE),
		http2_header(":authority", "localhost", flags),
		http2_header("content-type", "application/grpc", flags),
		http2_header("user-agent", "rota/" ROTA_VERSION, flags),
		http2_header("te", "trailers", flags),
	};
	size_t count = REQUEST_HEADERS_MAX - 1;
	if (timeout_ms > 0) {
		timeout_format(timeout_ms, timeout);
		headers[count++] = http2_header("grpc-timeout", timeout, NGHTTP2_NV_FLAG_NO_INDEX);
	}
	nghttp2_data_provider provider = stream_provider();
	return nghttp2_submit_request(call->stream.http2->session, NULL, headers, count, &provider,
				      &call->stream);
}

/* A call on a connection that is lost is over before it begins. */
static int begin(struct outcall *call, const char *method, uint64_t timeout_ms, struct err *err)
{
	struct http2 *http2 = call->stream.http2;
	if (http2->is_broken) {
		conclude(call, RPC_UNAVAILABLE, http2->reason);
		return 0;
	}
	call->stream.is_last = true;
	int32_t id = submit(call, method, timeout_ms);
	if (id < 0)
		return err_set(err, -ENOMEM, "%s: %s", method, nghttp2_strerror(id));
	call->stream.id = id;
	if (timeout_ms > 0)
		stream_expire_at(&call->stream, http2->now_ms + timeout_ms);
	http2->kick(http2);
	return 0;
}

int calling_start(struct calling *calling, const char *method, const uint8_t *message,
		  size_t length, uint64_t timeout_ms, struct rpc_reply *reply, struct err *err)
{
	if (calling->is_stopped)
		return err_set(err, -ECANCELED, "%s: the client is being closed", method);
	struct outcall *call = calloc(1, sizeof(*call));
	if (!call)
		return err_set(err, -ENOMEM, "%s: out of memory", method);
	call->reply = reply;
	list_init(&call->answers);
	stream_attach(&call->stream, &calling->http2, 0);
	call->stream.decoder.limit = calling->answer_bytes_max;
	int r = stream_push(&call->stream, message, length);
	if (r == -EMSGSIZE)
		(void)err_set(err, r, "%s: the request has %zu bytes, at most %d are allowed",
			      method, length, RPC_MESSAGE_BYTES_MAX);
	else if (r < 0)
		(void)err_set(err, r, "%s: no memory for a request of %zu bytes", method, length);
	if (r == 0)
		r = begin(call, method, timeout_ms, err);
	if (r < 0)
		release(call);
	return r;
}

/* --- the connection ------------------------------------------------------------------------ */

static const struct http2_role role = {
	.header = on_header,
	.headers_end = on_headers_end,
	.message = on_message,
	.garbled = on_garbled,
	.end = on_end,
	.closed = on_closed,
	.expired = on_expired,
	.event = on_event,
};

int calling_init(struct calling *calling, void (*kick)(struct http2 *http2))
{
	calling->delivering = NULL;
	calling->is_stopped = false;
	calling->answer_bytes_max = 0;
	return http2_init(&calling->http2, &role, kick);
}

void calling_abort(struct calling *calling)
{
	list_for_each_safe (node, after, &calling->http2.streams)
		conclude(call_of(container_of(node, struct stream, node)), RPC_UNAVAILABLE,
			 calling->http2.reason);
}

void calling_stop(struct calling *calling)
{
	struct http2 *http2 = &calling->http2;
	calling->is_stopped = true;
	while (!list_is_empty(&http2->streams)) {
		struct stream *stream = container_of(http2->streams.next, struct stream, node);
		struct outcall *call = call_of(stream);
		stream_reset(stream, NGHTTP2_CANCEL);
		call->is_over = false; /* what was not told yet does not count */
		conclude(call, RPC_CANCELLED, "the client was closed");
		tell(call);
	}
	http2_terminate(http2);
}

void calling_done(struct calling *calling)
{
	http2_done(&calling->http2);
}
