/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The responder. A connection reads one head, writes one answer and closes; its timer bounds a peer
 * that does neither. Connections have fixed places, so that none fails for lack of memory (libuv
 * would not listen again after one that was never accepted); a place is free when both handles are
 * closed. When all are taken, the oldest that is neither read nor written makes room: a crowd that
 * asks nothing must not keep a probe waiting, for which kubelet would kill us. The server's memory
 * goes when the listener and the last connection are.
 */
#include "metrics/http.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/cleanup.h"
#include "base/listen_address.h"
#include "metrics/http_head.h"

enum {
	BACKLOG = 32,
	HANDLES = 2,
	HEADER_BYTES = 256,
};

struct connection {
	uv_tcp_t socket;
	uv_timer_t timer;
	uv_write_t write;
	uv_shutdown_t shutdown;
	struct http_server *server; /* borrowed, owns this place; NULL while the place is free */
	unsigned open_handles;
	uint64_t number; /* of all connections since the start: the lowest is the oldest */
	bool is_written; /* the kernel has the whole answer */
	char header[HEADER_BYTES];
	struct http_answer answer;
	size_t length;
	char head[HTTP_HEAD_BYTES_MAX];
};

struct http_server {
	uv_tcp_t listener;
	uv_loop_t *loop;
	struct http_handler *handler; /* borrowed; NULL after http_stop() */
	struct connection places[HTTP_CONNECTIONS_MAX];
	unsigned connections;
	uint64_t accepted; /* since the start */
	bool is_waiting;   /* one came while all places were taken; libuv holds it */
	bool is_closed;
};

static void accept_one(struct http_server *server);

static void release(struct http_server *server)
{
	if (server->is_closed && server->connections == 0)
		free(server);
}

static void on_handle_closed(struct connection *connection)
{
	if (--connection->open_handles > 0)
		return;
	struct http_server *server = connection->server;
	server->connections--;
	buf_done(&connection->answer.body);
	connection->server = NULL;
	if (server->is_waiting && server->handler)
		accept_one(server);
	release(server);
}

static void on_socket_closed(uv_handle_t *handle)
{
	on_handle_closed(container_of(handle, struct connection, socket));
}

static void on_timer_closed(uv_handle_t *handle)
{
	on_handle_closed(container_of(handle, struct connection, timer));
}

static void connection_close(struct connection *connection)
{
	if (uv_is_closing((uv_handle_t *)&connection->socket))
		return;
	uv_close((uv_handle_t *)&connection->socket, on_socket_closed);
	uv_close((uv_handle_t *)&connection->timer, on_timer_closed);
}

static void on_timeout(uv_timer_t *timer)
{
	connection_close(container_of(timer, struct connection, timer));
}

static bool is_answered(const struct connection *connection)
{
	return connection->header[0] != '\0';
}

/* Has it a request that the loop has not come to, or an answer that the kernel has not taken? */
static bool is_busy(const struct connection *connection)
{
	if (is_answered(connection))
		return !connection->is_written;
	int fd = -1;
	int unread = 0;
	return uv_fileno((const uv_handle_t *)&connection->socket, &fd) == 0 &&
	       ioctl(fd, FIONREAD, &unread) == 0 && unread > 0;
}

/* One that waits gets the place of the oldest connection at rest, once its handles are closed. */
static void make_room(struct http_server *server)
{
	struct connection *oldest = NULL;
	for (size_t i = 0; i < ARRAY_LEN(server->places) && server->is_waiting; i++) {
		struct connection *connection = &server->places[i];
		if (!connection->server || uv_is_closing((uv_handle_t *)&connection->socket))
			return; /* a place is free soon */
		if (!is_busy(connection) && (!oldest || connection->number < oldest->number))
			oldest = connection;
	}
	if (oldest)
		connection_close(oldest);
}

/* A close while bytes of the peer lie unread would reset the connection and take the answer with
 * it, so our end is shut first and the peer's end is awaited (or the timer). */
static void on_shutdown(uv_shutdown_t *shutdown, int status)
{
	struct connection *connection = container_of(shutdown, struct connection, shutdown);
	if (status < 0)
		connection_close(connection);
}

static void on_written(uv_write_t *write, int status)
{
	struct connection *connection = container_of(write, struct connection, write);
	if (status < 0 ||
	    uv_shutdown(&connection->shutdown, (uv_stream_t *)&connection->socket, on_shutdown) < 0)
		connection_close(connection);
	connection->is_written = true;
	make_room(connection->server);
}

static const char *reason_of(unsigned status)
{
	static const struct {
		unsigned status;
		const char *reason;
	} reasons[] = {
		{ 200, "OK" },
		{ 400, "Bad Request" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 414, "URI Too Long" },
		{ 431, "Request Header Fields Too Large" },
		{ 503, "Service Unavailable" },
	};
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "";
}

static void reply(struct connection *connection, bool has_body)
{
	struct http_answer *answer = &connection->answer;
	if (answer->body.error || answer->status == 0)
		answer->status = answer->body.error ? 503 : 404;
	if (answer->body.len == 0)
		(void)buf_printf(&answer->body, "%u %s\n", answer->status,
				 reason_of(answer->status)); /* out of memory: no body */
	int header = snprintf(connection->header, sizeof(connection->header),
			      "HTTP/1.1 %u %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
			      "%sConnection: close\r\n\r\n",
			      answer->status, reason_of(answer->status),
			      answer->content_type ? answer->content_type : "text/plain",
			      answer->body.len,
			      answer->status == 405 ? "Allow: GET, HEAD\r\n" : "");
	uv_buf_t parts[] = {
		uv_buf_init(connection->header, (unsigned)header),
		uv_buf_init(answer->body.data, has_body ? (unsigned)answer->body.len : 0),
	};
	if (uv_write(&connection->write, (uv_stream_t *)&connection->socket, parts,
		     ARRAY_LEN(parts), on_written) < 0)
		connection_close(connection);
}

/* The head may be whole now. */
static void consider(struct connection *connection)
{
	struct http_head head;
	int r = http_head_parse(connection->head, connection->length, &head);
	if (r == 0 && connection->length < sizeof(connection->head))
		return;
	struct http_handler *handler = connection->server->handler;
	connection->answer.body = (struct buf)BUF_INIT(HTTP_BODY_BYTES_MAX);
	if (r > 0 && handler)
		handler->answer(handler, head.path, &connection->answer);
	else
		connection->answer.status = r < 0 ? (unsigned)-r : 431;
	reply(connection, r <= 0 || head.is_get);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	(void)suggested;
	struct connection *connection = container_of(handle, struct connection, socket);
	if (is_answered(connection))
		connection->length = 0; /* what still comes is thrown away */
	*ret = uv_buf_init(connection->head + connection->length,
			   (unsigned)(sizeof(connection->head) - connection->length));
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *chunk)
{
	(void)chunk;
	struct connection *connection = container_of(stream, struct connection, socket);
	if (got < 0) {
		connection_close(connection);
		return;
	}
	if (is_answered(connection))
		return;
	connection->length += (size_t)got;
	consider(connection);
	make_room(connection->server);
}

static struct connection *find_place(struct http_server *server)
{
	for (size_t i = 0; i < ARRAY_LEN(server->places); i++)
		if (!server->places[i].server)
			return &server->places[i];
	return NULL;
}

static void accept_one(struct http_server *server)
{
	uv_stream_t *listener = (uv_stream_t *)&server->listener;
	struct connection *connection = find_place(server);
	server->is_waiting = !connection;
	if (!connection) {
		make_room(server);
		return;
	}
	memset(connection, 0, sizeof(*connection));
	connection->server = server;
	connection->open_handles = HANDLES;
	connection->number = server->accepted++;
	server->connections++;
	(void)uv_tcp_init(server->loop, &connection->socket); /* neither can fail */
	(void)uv_timer_init(server->loop, &connection->timer);
	if (uv_accept(listener, (uv_stream_t *)&connection->socket) < 0 ||
	    uv_timer_start(&connection->timer, on_timeout, HTTP_IDLE_MS, 0) < 0 ||
	    uv_read_start((uv_stream_t *)&connection->socket, on_alloc, on_read) < 0)
		connection_close(connection);
}

static void on_connection(uv_stream_t *listener, int status)
{
	/* A failure (no descriptors) concerns one connection; libuv goes on listening. */
	if (status == 0)
		accept_one(container_of(listener, struct http_server, listener));
}

static int parse_address(const char *text, struct sockaddr_storage *ret)
{
	struct listen_address address;
	int r = listen_address_parse(text, &address);
	if (r < 0)
		return r;
	const char *host = address.host[0] != '\0' ? address.host : "::";
	return address.family == AF_INET6
		       ? uv_ip6_addr(host, address.port, (struct sockaddr_in6 *)ret)
		       : uv_ip4_addr(host, address.port, (struct sockaddr_in *)ret);
}

static void on_listener_closed(uv_handle_t *handle)
{
	struct http_server *server = container_of(handle, struct http_server, listener);
	server->is_closed = true;
	release(server);
}

static int listen_at(struct http_server *server, const struct sockaddr_storage *where)
{
	int r = uv_tcp_bind(&server->listener, (const struct sockaddr *)where, 0);
	return r < 0 ? r : uv_listen((uv_stream_t *)&server->listener, BACKLOG, on_connection);
}

int http_start(uv_loop_t *loop, const char *address, struct http_handler *handler,
	       struct http_server **ret, struct err *err)
{
	struct sockaddr_storage where = { 0 };
	if (parse_address(address, &where) < 0)
		return err_set(err, -EINVAL,
			       "%s: not an address to listen on, write :PORT or NUMBER:PORT",
			       address);
	cleanup_free struct http_server *server = calloc(1, sizeof(*server));
	if (!server)
		return err_set(err, -ENOMEM, "out of memory");
	server->loop = loop;
	server->handler = handler;
	(void)uv_tcp_init(loop, &server->listener); /* cannot fail */
	int r = listen_at(server, &where);
	if (r == UV_EAFNOSUPPORT && address[0] == ':') {
		/* A kernel without IPv6: all addresses are those of IPv4. */
		(void)uv_ip4_addr("0.0.0.0", ntohs(((struct sockaddr_in6 *)&where)->sin6_port),
				  (struct sockaddr_in *)&where);
		r = listen_at(server, &where);
	}
	if (r < 0) {
		uv_close((uv_handle_t *)&TAKE_PTR(server)->listener, on_listener_closed);
		return err_set(err, r, "%s: cannot listen: %s", address, uv_strerror(r));
	}
	*ret = TAKE_PTR(server);
	return 0;
}

void http_stop(struct http_server *server)
{
	if (!server)
		return;
	server->handler = NULL;
	uv_close((uv_handle_t *)&server->listener, on_listener_closed);
}
