/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See link.h. Reads feed the connection; everything else happens in on_idle(), which libuv runs in
 * the next turn of the loop without sleeping before it. An idle handle and not a prepare one: it
 * may be started in its own callback and the loop still comes back at once.
 */
#include "rpc/link.h"

#include <stdio.h>

#include "base/cleanup.h"

static uv_stream_t *stream_of(struct link *link)
{
	return (uv_stream_t *)&link->pipe;
}

static void lose(struct link *link, const char *what, int status)
{
	char reason[ERR_TEXT_BYTES];
	(void)snprintf(reason, sizeof(reason), "%s: %s", what, uv_strerror(status));
	http2_break(link->http2, reason);
}

static void on_written(uv_write_t *request, int status)
{
	struct link *link = container_of(request, struct link, write);
	link->is_writing = false;
	if (link->is_closing)
		return;
	if (status < 0)
		lose(link, "cannot write", status);
	link_kick(link);
}

/* Returns whether the socket took all at once. */
static bool write_output(struct link *link, const uint8_t *bytes, size_t length)
{
	uv_buf_t buf = uv_buf_init(unconst(bytes), (unsigned)length);
	int n = uv_try_write(stream_of(link), &buf, 1);
	if (n == (int)length)
		return true;
	if (n < 0 && n != UV_EAGAIN) {
		lose(link, "cannot write", n);
		return false;
	}
	if (n > 0) {
		buf.base += n;
		buf.len -= (size_t)n;
	}
	if (link->is_closing)
		return false;
	int r = uv_write(&link->write, stream_of(link), &buf, 1, on_written);
	if (r < 0)
		lose(link, "cannot write", r);
	link->is_writing = r == 0;
	return false;
}

/* Flow control and HTTP2_PENDING_BYTES_MAX bound the loop. */
static void flush(struct link *link)
{
	bool may_write = link->is_open && !link->is_writing;
	while (may_write) {
		const uint8_t *bytes = NULL;
		size_t length = http2_output(link->http2, &bytes);
		may_write = length > 0 && write_output(link, bytes, length);
	}
}

static void on_timer(uv_timer_t *timer)
{
	struct link *link = container_of(timer, struct link, timer);
	link->armed_ms = 0;
	link->http2->now_ms = uv_now(timer->loop);
	http2_expire(link->http2);
	link_kick(link);
}

/* A timer that is too early finds nothing due and is set anew; so only earlier deadlines matter. */
static void arm(struct link *link)
{
	uint64_t deadline_ms = http2_deadline(link->http2);
	if (deadline_ms == 0 || (link->armed_ms > 0 && link->armed_ms <= deadline_ms))
		return;
	uint64_t now_ms = uv_now(link->timer.loop);
	uint64_t wait_ms = deadline_ms > now_ms ? deadline_ms - now_ms : 0;
	(void)uv_timer_start(&link->timer, on_timer, wait_ms, 0);
	link->armed_ms = deadline_ms;
}

/* What a broken connection still had to say is lost; a goodbye is waited for. */
static bool is_over(const struct link *link)
{
	bool may_end = link->http2->is_broken || (link->is_open && !link->is_writing);
	return may_end && http2_is_over(link->http2);
}

static void end(struct link *link)
{
	if (link->is_ended)
		return;
	link->is_ended = true;
	link->is_open = false;
	(void)uv_read_stop(stream_of(link));
	link->on_over(link);
}

static void on_idle(uv_idle_t *idle)
{
	struct link *link = container_of(idle, struct link, idle);
	(void)uv_idle_stop(idle);
	link->http2->now_ms = uv_now(idle->loop);
	http2_dispatch(link->http2);
	if (link->is_closing)
		return;
	flush(link);
	if (is_over(link))
		end(link);
	else
		arm(link);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	(void)suggested;
	struct link *link = container_of((uv_pipe_t *)handle, struct link, pipe);
	*buf = uv_buf_init((char *)link->read_bytes, LINK_READ_BYTES);
}

static void on_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *buf)
{
	struct link *link = container_of((uv_pipe_t *)stream, struct link, pipe);
	if (length > 0) {
		link->http2->now_ms = uv_now(stream->loop);
		http2_receive(link->http2, (const uint8_t *)buf->base, (size_t)length);
	} else if (length == UV_EOF) {
		http2_break(link->http2, "the peer closed the connection");
	} else if (length < 0) {
		lose(link, "cannot read", (int)length);
	}
}

static void on_connect(uv_connect_t *request, int status)
{
	struct link *link = container_of(request, struct link, connect);
	if (link->is_closing)
		return;
	if (status < 0)
		lose(link, "cannot connect", status);
	else
		link_open(link);
}

void link_init(struct link *link, uv_loop_t *loop)
{
	/* These cannot fail; see uv_pipe_init() and the others in libuv 1.44. */
	(void)uv_pipe_init(loop, &link->pipe, 0);
	(void)uv_timer_init(loop, &link->timer);
	(void)uv_idle_init(loop, &link->idle);
	link->handles = 3;
}

void link_connect(struct link *link, const char *path)
{
	uv_pipe_connect(&link->connect, &link->pipe, path, on_connect);
	link_kick(link); /* deadlines run while we connect */
}

void link_open(struct link *link)
{
	link->is_open = true;
	int r = uv_read_start(stream_of(link), on_alloc, on_read);
	if (r < 0)
		lose(link, "cannot read", r);
	link_kick(link);
}

void link_kick(struct link *link)
{
	if (!link->is_closing)
		(void)uv_idle_start(&link->idle, on_idle);
}

static void handle_closed(struct link *link)
{
	if (--link->handles == 0)
		link->on_closed(link);
}

static void on_pipe_closed(uv_handle_t *handle)
{
	handle_closed(container_of((uv_pipe_t *)handle, struct link, pipe));
}

static void on_timer_closed(uv_handle_t *handle)
{
	handle_closed(container_of((uv_timer_t *)handle, struct link, timer));
}

static void on_idle_closed(uv_handle_t *handle)
{
	handle_closed(container_of((uv_idle_t *)handle, struct link, idle));
}

void link_close(struct link *link)
{
	if (link->is_closing)
		return;
	link->is_closing = true;
	flush(link);
	uv_close((uv_handle_t *)&link->pipe, on_pipe_closed);
	uv_close((uv_handle_t *)&link->timer, on_timer_closed);
	uv_close((uv_handle_t *)&link->idle, on_idle_closed);
}
