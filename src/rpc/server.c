/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See server.h. Listens, and puts the server's half of gRPC (serving.h) on each connection's socket
 * (link.h).
 */
#include "rpc/server.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/unix_socket.h"
#include "rpc/link.h"
#include "rpc/serving.h"

enum {
	BACKLOG = 128,
	/* What a peer that does not read can delay our end. */
	LINGER_MS = 1000,
};

/* Freed when it is stopped and the last of its handles is closed. */
struct rpc_server {
	uv_pipe_t listener;
	uv_pipe_t refused;           /* the connection that is being turned away */
	struct rpc_service *service; /* borrowed */
	struct list connections;
	unsigned connections_count;
	bool is_refusing;
	bool is_waiting;   /* another one came while we were refusing; libuv holds it */
	bool is_listening; /* the handle is not yet closed */
	bool is_stopped;
	struct unix_socket socket;
	uint8_t read_bytes[LINK_READ_BYTES]; /* shared: a read is used up before the next */
};

struct connection {
	struct link link;
	struct serving serving;
	struct rpc_server *server; /* borrowed: lives as long as its connections */
	struct list node;
};

static void release(struct rpc_server *server)
{
	if (server->is_stopped && !server->is_listening && !server->is_refusing &&
	    list_is_empty(&server->connections))
		free(server);
}

/* --- connections --------------------------------------------------------------------------- */

static void kick(struct http2 *http2)
{
	struct serving *serving = container_of(http2, struct serving, http2);
	link_kick(&container_of(serving, struct connection, serving)->link);
}

static void on_over(struct link *link)
{
	struct connection *connection = container_of(link, struct connection, link);
	serving_abort(&connection->serving);
	link_close(link);
}

static void on_closed(struct link *link)
{
	struct connection *connection = container_of(link, struct connection, link);
	struct rpc_server *server = connection->server;
	list_remove(&connection->node);
	server->connections_count--;
	serving_done(&connection->serving);
	free(connection);
	release(server);
}

static struct connection *connection_new(struct rpc_server *server)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	if (!connection)
		return NULL;
	if (serving_init(&connection->serving, server->service, kick) < 0) {
		free(connection);
		return NULL;
	}
	connection->server = server;
	connection->link.http2 = &connection->serving.http2;
	connection->link.read_bytes = server->read_bytes;
	connection->link.on_over = on_over;
	connection->link.on_closed = on_closed;
	list_append(&server->connections, &connection->node);
	server->connections_count++;
	link_init(&connection->link, server->listener.loop);
	return connection;
}

static void accept_one(struct rpc_server *server);

static void on_refused_closed(uv_handle_t *handle)
{
	struct rpc_server *server = container_of((uv_pipe_t *)handle, struct rpc_server, refused);
	server->is_refusing = false;
	bool is_waiting = server->is_waiting && !server->is_stopped;
	server->is_waiting = false;
	if (is_waiting)
		accept_one(server);
	release(server);
}

static void refuse(struct rpc_server *server)
{
	if (server->is_refusing) {
		server->is_waiting = true;
		return;
	}
	server->is_refusing = true;
	(void)uv_pipe_init(server->listener.loop, &server->refused, 0);
	(void)uv_accept((uv_stream_t *)&server->listener, (uv_stream_t *)&server->refused);
	uv_close((uv_handle_t *)&server->refused, on_refused_closed);
}

/* Kubelet up to 1.36 may leave the connection of an earlier registration open for ever. So that
 * none of its later ones is turned away, the last place is made free again: the oldest connection
 * without a call ends. */
static void keep_a_place(struct rpc_server *server, const struct connection *newest)
{
	list_for_each_safe (node, after, &server->connections) {
		struct connection *connection = container_of(node, struct connection, node);
		if (connection == newest || !list_is_empty(&connection->serving.http2.streams))
			continue;
		serving_stop(&connection->serving, uv_now(server->listener.loop) + LINGER_MS);
		return;
	}
}

static void accept_one(struct rpc_server *server)
{
	struct connection *connection = NULL;
	if (server->connections_count < RPC_CONNECTIONS_MAX)
		connection = connection_new(server);
	if (!connection) {
		refuse(server);
		return;
	}
	struct link *link = &connection->link;
	if (uv_accept((uv_stream_t *)&server->listener, (uv_stream_t *)&link->pipe) < 0)
		link_close(link);
	else
		link_open(link);
	if (server->connections_count == RPC_CONNECTIONS_MAX)
		keep_a_place(server, connection);
}

static void on_connection(uv_stream_t *stream, int status)
{
	struct rpc_server *server = container_of((uv_pipe_t *)stream, struct rpc_server, listener);
	/* A failure (no descriptors) concerns one connection; libuv goes on listening. */
	if (status == 0)
		accept_one(server);
}

/* --- the socket file ----------------------------------------------------------------------- */

static int check_directory(const char *path, struct err *err)
{
	char directory[UNIX_SOCKET_PATH_MAX + 1];
	const char *slash = strrchr(path, '/');
	if (!slash)
		return 0;
	size_t length = slash == path ? 1 : (size_t)(slash - path);
	memcpy(directory, path, length);
	directory[length] = '\0';
	struct stat status;
	if (stat(directory, &status) == 0)
		return 0;
	int r = -errno;
	if (r == -ENOENT)
		return err_set(err, r,
			       "%s: the directory %s does not exist; create it or choose another "
			       "path",
			       path, directory);
	return err_errno(err, r, "%s: cannot look at the directory", path);
}

static int check_path(const char *path, struct err *err)
{
	size_t length = strlen(path);
	if (length == 0)
		return err_set(err, -EINVAL, "the socket path is empty");
	if (length > UNIX_SOCKET_PATH_MAX)
		return err_set(err, -ENAMETOOLONG,
			       "%s: a socket path has at most %d bytes, this one %zu; use a "
			       "shorter one",
			       path, UNIX_SOCKET_PATH_MAX, length);
	return check_directory(path, err);
}

bool rpc_server_is_reachable(const struct rpc_server *server)
{
	return unix_socket_is_ours(&server->socket);
}

/* --- start and stop ------------------------------------------------------------------------ */

static void on_listener_closed(uv_handle_t *handle)
{
	struct rpc_server *server = container_of((uv_pipe_t *)handle, struct rpc_server, listener);
	server->is_listening = false;
	release(server);
}

static int listen_on(struct rpc_server *server, int fd, struct err *err)
{
	uv_stream_t *stream = (uv_stream_t *)&server->listener;
	int r = uv_pipe_open(&server->listener, fd);
	if (r < 0)
		(void)close(fd);
	else
		r = uv_listen(stream, BACKLOG, on_connection);
	return r < 0 ? err_errno(err, r, "%s: cannot listen", server->socket.path) : 0;
}

static int server_new(uv_loop_t *loop, const char *path, struct rpc_server **ret, int *ret_fd,
		      struct err *err)
{
	cleanup_free struct rpc_server *server = calloc(1, sizeof(*server));
	if (!server)
		return err_set(err, -ENOMEM, "%s: out of memory", path);
	list_init(&server->connections);
	int r = unix_socket_make(path, &server->socket, ret_fd, err);
	if (r < 0)
		return r;
	(void)uv_pipe_init(loop, &server->listener, 0); /* cannot fail */
	server->is_listening = true;
	*ret = TAKE_PTR(server);
	return 0;
}

int rpc_server_start(uv_loop_t *loop, const char *path, struct rpc_service *service,
		     struct rpc_server **ret, struct err *err)
{
	int r = check_path(path, err);
	if (r < 0)
		return r;
	if (unlink(path) < 0 && errno != ENOENT)
		return err_errno(err, -errno, "%s: cannot remove what lies there", path);

	struct rpc_server *server = NULL;
	int fd = -1;
	r = server_new(loop, path, &server, &fd, err);
	if (r < 0)
		return r;

	server->service = service;
	r = listen_on(server, fd, err);
	if (r < 0) {
		rpc_server_stop(server);
		return r;
	}
	*ret = server;
	return 0;
}

void rpc_server_stop(struct rpc_server *server)
{
	if (!server)
		return;
	server->is_stopped = true;
	unix_socket_remove(&server->socket);
	uv_close((uv_handle_t *)&server->listener, on_listener_closed);
	uv_loop_t *loop = server->listener.loop;
	uv_update_time(loop); /* its clock stands still while code runs */
	uint64_t until_ms = uv_now(loop) + LINGER_MS;
	list_for_each_safe (node, after, &server->connections)
		serving_stop(&container_of(node, struct connection, node)->serving, until_ms);
}
