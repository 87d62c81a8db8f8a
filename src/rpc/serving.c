/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See serving.h. A call is freed when its stream is closed and the service has let go of it: in
 * on_closed(), or in on_event() when the service has to hear of it first; never in what the service
 * calls, so that no walk over the calls can lose its place.
 */
#include "rpc/serving.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "rpc/percent.h"
#include "rpc/timeout.h"

enum {
	STATUS_TEXT_BYTES = 12,
	ANSWER_HEADERS_MAX = 5,
	HEADER_OVERHEAD_BYTES = 32, /* what HTTP/2 counts for each field beside its text */
};

/*
 * state     the service    stream closed by the peer
 * ARRIVING  knows nothing  freed
 * READY     is told next   freed
 * SERVED    has the call   DONE, is_owed
 * DONE      has finished   freed; if is_owed, after on_gone
 */
enum call_state {
	CALL_ARRIVING, /* the request is not whole */
	CALL_READY,    /* whole; waits for the dispatch */
	CALL_SERVED,
	CALL_DONE, /* status is set, or there is nobody to tell it to */
};

struct rpc_call {
	struct stream stream;
	enum call_state state;
	bool is_owed;      /* the service still has the call and has to hear that it is gone */
	bool is_answering; /* the response headers are submitted */
	bool has_headers;  /* all of them; what comes later are trailers */
	bool is_post;
	bool is_grpc;
	bool is_encoded;
	bool is_timeout_bad;
	bool has_timeout;
	uint64_t timeout_ms;
	size_t header_bytes;
	const struct rpc_method *method; /* NULL: unknown */
	uint8_t *message;                /* owned; the request */
	size_t length;
	enum rpc_status status;
	char *text; /* owned, percent-encoded; NULL for none */
};

static struct serving *serving_of(const struct rpc_call *call)
{
	return container_of(call->stream.http2, struct serving, http2);
}

static struct rpc_call *call_of(struct stream *stream)
{
	return container_of(stream, struct rpc_call, stream);
}

static void release(struct rpc_call *call)
{
	stream_detach(&call->stream);
	free(call->message);
	free(call->text);
	free(call);
}

static void drop_request(struct rpc_call *call)
{
	stream_deafen(&call->stream);
	free(TAKE_PTR(call->message));
}

/* --- answers ------------------------------------------------------------------------------- */

static size_t put_status(const struct rpc_call *call, nghttp2_nv *headers, char *number)
{
	(void)snprintf(number, STATUS_TEXT_BYTES, "%d", (int)call->status);
	headers[0] = http2_header("grpc-status", number, NGHTTP2_NV_FLAG_NONE);
	if (!call->text)
		return 1;
	headers[1] = http2_header("grpc-message", call->text, NGHTTP2_NV_FLAG_NO_INDEX);
	return 2;
}

static int on_trailers(struct stream *stream)
{
	nghttp2_nv headers[ANSWER_HEADERS_MAX];
	char number[STATUS_TEXT_BYTES];
	size_t count = put_status(call_of(stream), headers, number);
	return nghttp2_submit_trailer(stream->http2->session, stream->id, headers, count);
}

static void submit(struct rpc_call *call, const nghttp2_nv *headers, size_t count,
		   const nghttp2_data_provider *provider)
{
	struct stream *stream = &call->stream;
	int r = nghttp2_submit_response(stream->http2->session, stream->id, headers, count,
					provider);
	if (r != 0)
		http2_break(stream->http2, nghttp2_strerror(r));
	call->is_answering = true;
	stream->http2->kick(stream->http2);
}

static void submit_headers(struct rpc_call *call)
{
	const nghttp2_nv headers[] = {
		http2_header(":status", "200", NGHTTP2_NV_FLAG_NO_COPY_VALUE),
		http2_header("content-type", "application/grpc", NGHTTP2_NV_FLAG_NO_COPY_VALUE),
	};
	nghttp2_data_provider provider = stream_provider();
	submit(call, headers, ARRAY_LEN(headers), &provider);
}

static void submit_trailers_only(struct rpc_call *call)
{
	char number[STATUS_TEXT_BYTES];
	nghttp2_nv headers[ANSWER_HEADERS_MAX] = {
		http2_header(":status", "200", NGHTTP2_NV_FLAG_NO_COPY_VALUE),
		http2_header("content-type", "application/grpc", NGHTTP2_NV_FLAG_NO_COPY_VALUE),
	};
	size_t count = 2 + put_status(call, headers + 2, number);
	if (call->is_encoded)
		headers[count++] = http2_header("grpc-accept-encoding", "identity",
						NGHTTP2_NV_FLAG_NO_COPY_VALUE);
	submit(call, headers, count, NULL);
}

/* Not gRPC, so the answer is plain HTTP. */
static void refuse_http(struct rpc_call *call, const char *http_status)
{
	call->state = CALL_DONE;
	drop_request(call);
	const nghttp2_nv header = http2_header(":status", http_status,
					       NGHTTP2_NV_FLAG_NO_COPY_VALUE);
	submit(call, &header, 1, NULL);
}

/* @call stays until its stream is closed. */
static void conclude(struct rpc_call *call, enum rpc_status status, const char *text)
{
	struct stream *stream = &call->stream;
	assert(call->state != CALL_DONE);
	call->state = CALL_DONE;
	call->status = status;
	stream->deadline_ms = 0;
	stream->is_last = true;
	drop_request(call);
	if (stream->id == 0)
		return;
	/* Without memory for the text the status alone has to do. */
	if (text && text[0] != '\0')
		call->text = percent_encode(text);
	if (call->is_answering)
		stream_resume(stream);
	else
		submit_trailers_only(call);
}

/* --- the request comes in ------------------------------------------------------------------ */

static int on_begin(struct http2 *http2, int32_t id)
{
	struct rpc_call *call = calloc(1, sizeof(*call));
	if (!call)
		return -ENOMEM;
	stream_attach(&call->stream, http2, id);
	return 0;
}

static void read_path(struct rpc_call *call, struct http2_text value)
{
	const struct rpc_service *service = serving_of(call)->service;
	for (size_t i = 0; service && i < service->methods_count; i++)
		if (strcmp(service->methods[i].path, value.bytes) == 0)
			call->method = &service->methods[i];
}

static void read_method(struct rpc_call *call, struct http2_text value)
{
	static const struct http2_text post = HTTP2_TEXT("POST");
	call->is_post = http2_text_equals(value, post);
}

/* "application/grpc", "application/grpc+proto", "application/grpc;charset=utf-8"; not grpc-web. The
 * terminator counts as one of strchr's characters. */
static void read_content_type(struct rpc_call *call, struct http2_text value)
{
	static const struct http2_text type = HTTP2_TEXT("application/grpc");
	call->is_grpc = http2_text_starts(value, type) && strchr("+;", value.bytes[type.length]);
}

static void read_timeout(struct rpc_call *call, struct http2_text value)
{
	call->has_timeout = true;
	call->is_timeout_bad = timeout_parse(value.bytes, value.length, &call->timeout_ms) < 0;
}

static void read_encoding(struct rpc_call *call, struct http2_text value)
{
	static const struct http2_text identity = HTTP2_TEXT("identity");
	call->is_encoded = !http2_text_equals(value, identity);
}

static const struct request_header {
	struct http2_text name;
	void (*read)(struct rpc_call *call, struct http2_text value);
} request_headers[] = {
	{ HTTP2_TEXT(":path"), read_path },
	{ HTTP2_TEXT(":method"), read_method },
	{ HTTP2_TEXT("content-type"), read_content_type },
	{ HTTP2_TEXT("grpc-timeout"), read_timeout },
	{ HTTP2_TEXT("grpc-encoding"), read_encoding },
};

static void on_header(struct stream *stream, struct http2_text name, struct http2_text value)
{
	struct rpc_call *call = call_of(stream);
	if (call->has_headers)
		return;
	call->header_bytes += name.length + value.length + HEADER_OVERHEAD_BYTES;
	for (size_t i = 0; i < ARRAY_LEN(request_headers); i++)
		if (http2_text_equals(request_headers[i].name, name))
			request_headers[i].read(call, value);
}

static void on_headers_end(struct stream *stream)
{
	struct rpc_call *call = call_of(stream);
	if (call->has_headers)
		return;
	call->has_headers = true;
	if (call->state != CALL_ARRIVING) /* stopped between two frames of headers */
		return;
	if (!call->is_post)
		refuse_http(call, "405");
	else if (!call->is_grpc)
		refuse_http(call, "415");
	else if (!serving_of(call)->service)
		conclude(call, RPC_UNAVAILABLE, "the server is stopping");
	else if (call->header_bytes > HTTP2_HEADER_BYTES_MAX)
		conclude(call, RPC_RESOURCE_EXHAUSTED, "the request headers exceed 16 KiB");
	else if (!call->method)
		conclude(call, RPC_UNIMPLEMENTED, "unknown method");
	else if (call->is_encoded)
		conclude(call, RPC_UNIMPLEMENTED,
			 "the request has an encoding other than identity");
	else if (call->is_timeout_bad)
		conclude(call, RPC_INTERNAL, "malformed grpc-timeout");
	else if (call->has_timeout)
		stream_expire_at(stream, stream->http2->now_ms + call->timeout_ms);
}

static void on_message(struct stream *stream, uint8_t *message, size_t length)
{
	struct rpc_call *call = call_of(stream);
	if (call->state == CALL_ARRIVING && !call->message) {
		call->message = message;
		call->length = length;
		return;
	}
	free(message);
	if (call->state == CALL_ARRIVING)
		conclude(call, RPC_UNIMPLEMENTED, "the request has more than one message");
}

static void on_garbled(struct stream *stream, int error)
{
	struct rpc_call *call = call_of(stream);
	if (call->state != CALL_ARRIVING)
		return;
	switch (error) {
	case -EMSGSIZE:
		conclude(call, RPC_RESOURCE_EXHAUSTED, "the request exceeds 4 MiB");
		break;
	case -EBADMSG:
		call->is_encoded = true; /* tells the peer what we take */
		conclude(call, RPC_INTERNAL, "the request is compressed but names no encoding");
		break;
	case -EPROTO:
		conclude(call, RPC_INTERNAL, "the request has an unknown message flag");
		break;
	case -ENOBUFS:
		conclude(call, RPC_RESOURCE_EXHAUSTED,
			 "the connection's requests exceed 16 MiB together");
		break;
	default:
		conclude(call, RPC_RESOURCE_EXHAUSTED, "out of memory");
		break;
	}
}

static void on_end(struct stream *stream)
{
	struct rpc_call *call = call_of(stream);
	if (call->state != CALL_ARRIVING)
		return;
	if (envelope_is_partial(&stream->decoder)) {
		conclude(call, RPC_INTERNAL, "the request ends inside a message");
	} else if (!call->message) {
		conclude(call, RPC_UNIMPLEMENTED, "the request has no message");
	} else {
		call->state = CALL_READY;
		stream_post(stream);
	}
}

/* --- the end of a call --------------------------------------------------------------------- */

static void on_closed(struct stream *stream, uint32_t error_code)
{
	(void)error_code;
	struct rpc_call *call = call_of(stream);
	if (call->state == CALL_SERVED) {
		call->state = CALL_DONE;
		call->is_owed = true;
	}
	if (call->is_owed)
		stream_post(stream);
	else
		release(call);
}

static void on_expired(struct stream *stream)
{
	struct rpc_call *call = call_of(stream);
	if (call->state == CALL_DONE)
		return;
	if (call->state == CALL_SERVED) {
		call->is_owed = true;
		stream_post(stream);
	}
	stream_drop_unsent(stream);
	conclude(call, RPC_DEADLINE_EXCEEDED, "the deadline of the request has passed");
}

static void tell_gone(struct rpc_call *call)
{
	struct rpc_service *service = serving_of(call)->service;
	call->is_owed = false;
	if (service->on_gone)
		service->on_gone(service, call);
}

static void serve(struct rpc_call *call)
{
	struct rpc_service *service = serving_of(call)->service;
	cleanup_free uint8_t *message = TAKE_PTR(call->message);
	call->state = CALL_SERVED;
	stream_release(&call->stream);
	call->method->on_request(service, call, message, call->length);
}

static void on_event(struct stream *stream)
{
	struct rpc_call *call = call_of(stream);
	if (call->state == CALL_READY) {
		serve(call);
		return;
	}
	if (call->is_owed)
		tell_gone(call);
	if (stream->id == 0)
		release(call);
}

int rpc_call_send(struct rpc_call *call, const uint8_t *message, size_t length)
{
	if (call->state == CALL_DONE)
		return 0;
	int r = stream_push(&call->stream, message, length);
	if (r < 0)
		return r;
	if (call->is_answering)
		stream_resume(&call->stream);
	else
		submit_headers(call);
	return 0;
}

void rpc_call_finish(struct rpc_call *call, enum rpc_status status, const char *text)
{
	if (call->state == CALL_SERVED) {
		conclude(call, status, text);
		return;
	}
	/* The peer or the deadline was quicker: on_gone waits and now need not come. */
	call->is_owed = false;
}

/* --- the connection ------------------------------------------------------------------------ */

static const struct http2_role role = {
	.is_server = true,
	.begin = on_begin,
	.header = on_header,
	.headers_end = on_headers_end,
	.message = on_message,
	.garbled = on_garbled,
	.end = on_end,
	.closed = on_closed,
	.trailers = on_trailers,
	.expired = on_expired,
	.event = on_event,
};

int serving_init(struct serving *serving, struct rpc_service *service,
		 void (*kick)(struct http2 *http2))
{
	serving->service = service;
	return http2_init(&serving->http2, &role, kick);
}

static void stop_call(struct rpc_call *call)
{
	bool is_served = call->state == CALL_SERVED;
	if (call->state != CALL_DONE) {
		stream_drop_unsent(&call->stream);
		conclude(call, RPC_UNAVAILABLE, "the server is stopping");
	}
	if (is_served || call->is_owed)
		tell_gone(call);
}

void serving_stop(struct serving *serving, uint64_t until_ms)
{
	list_for_each_safe (node, after, &serving->http2.streams)
		stop_call(call_of(container_of(node, struct stream, node)));
	serving->service = NULL;
	http2_drain(&serving->http2, until_ms);
}

void serving_abort(struct serving *serving)
{
	list_for_each_safe (node, after, &serving->http2.streams) {
		struct stream *stream = container_of(node, struct stream, node);
		stream_orphan(stream);
		on_closed(stream, NGHTTP2_CANCEL);
	}
	http2_dispatch(&serving->http2);
}

void serving_done(struct serving *serving)
{
	list_for_each_safe (node, after, &serving->http2.streams)
		release(call_of(container_of(node, struct stream, node)));
	http2_done(&serving->http2);
}
