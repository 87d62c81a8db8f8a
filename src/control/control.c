/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server side, on the agent's loop. A connection is one request and one answer; every
 * connection has a timer, so that a client that hangs costs a bounded time. Connections have fixed
 * places, so that none fails for lack of memory: libuv would not listen again after one that was
 * never accepted. A place is free when both handles are closed.
 */
#include "control/control.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/unix_socket.h"

enum {
	DIRECTORY_MODE = 0755,
	BACKLOG = 16,
	HANDLES = 2,
};

struct connection {
	uv_pipe_t pipe;
	uv_timer_t timer;
	uv_write_t write;
	struct control *control; /* borrowed, owns this place; NULL while the place is free */
	char *answer;            /* owned */
	unsigned open_handles;
	size_t length;
	char request[CONTROL_REQUEST_BYTES_MAX];
};

struct control {
	uv_pipe_t listener;
	uv_loop_t *loop;
	struct control_handler *handler; /* borrowed; NULL after control_stop() */
	struct connection places[CONTROL_CONNECTIONS_MAX];
	unsigned connections;
	bool is_waiting; /* one came while all places were taken; libuv holds it */
	bool is_closed;
	struct unix_socket socket;
};

static void accept_one(struct control *control);

static void release(struct control *control)
{
	if (control->is_closed && control->connections == 0)
		free(control);
}

static void on_handle_closed(struct connection *connection)
{
	if (--connection->open_handles > 0)
		return;
	struct control *control = connection->control;
	control->connections--;
	free(connection->answer);
	*connection = (struct connection){ .control = NULL };
	if (control->is_waiting && control->handler)
		accept_one(control);
	release(control);
}

static void on_pipe_closed(uv_handle_t *handle)
{
	on_handle_closed(container_of(handle, struct connection, pipe));
}

static void on_timer_closed(uv_handle_t *handle)
{
	on_handle_closed(container_of(handle, struct connection, timer));
}

static void connection_close(struct connection *connection)
{
	if (uv_is_closing((uv_handle_t *)&connection->pipe))
		return;
	uv_close((uv_handle_t *)&connection->pipe, on_pipe_closed);
	uv_close((uv_handle_t *)&connection->timer, on_timer_closed);
}

static void on_timeout(uv_timer_t *timer)
{
	connection_close(container_of(timer, struct connection, timer));
}

static void on_written(uv_write_t *write, int status)
{
	(void)status; /* done or gone: either way the connection ends */
	connection_close(container_of(write, struct connection, write));
}

static void answer(struct connection *connection)
{
	struct control_handler *handler = connection->control->handler;
	(void)uv_read_stop((uv_stream_t *)&connection->pipe); /* always 0 */
	connection->answer = handler ? handler->answer(handler, connection->request) : NULL;
	if (!connection->answer) {
		connection_close(connection);
		return;
	}
	uv_buf_t buf = uv_buf_init(connection->answer, (unsigned)strlen(connection->answer));
	if (uv_write(&connection->write, (uv_stream_t *)&connection->pipe, &buf, 1, on_written) < 0)
		connection_close(connection);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	(void)suggested;
	struct connection *connection = container_of(handle, struct connection, pipe);
	*buf = uv_buf_init(connection->request + connection->length,
			   (unsigned)(sizeof(connection->request) - 1 - connection->length));
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
	(void)buf;
	struct connection *connection = container_of(stream, struct connection, pipe);
	if (got < 0) { /* also UV_ENOBUFS: a request that is too long */
		connection_close(connection);
		return;
	}
	connection->length += (size_t)got;
	connection->request[connection->length] = '\0';
	char *end = strchr(connection->request, '\n');
	if (!end)
		return;
	*end = '\0';
	answer(connection);
}

static struct connection *find_place(struct control *control)
{
	for (size_t i = 0; i < ARRAY_LEN(control->places); i++)
		if (!control->places[i].control)
			return &control->places[i];
	return NULL;
}

static void accept_one(struct control *control)
{
	uv_stream_t *listener = (uv_stream_t *)&control->listener;
	struct connection *connection = find_place(control);
	control->is_waiting = !connection;
	if (!connection)
		return;
	connection->control = control;
	connection->open_handles = HANDLES;
	control->connections++;
	(void)uv_pipe_init(control->loop, &connection->pipe, 0); /* neither can fail */
	(void)uv_timer_init(control->loop, &connection->timer);
	if (uv_accept(listener, (uv_stream_t *)&connection->pipe) < 0 ||
	    uv_timer_start(&connection->timer, on_timeout, CONTROL_IDLE_MS, 0) < 0 ||
	    uv_read_start((uv_stream_t *)&connection->pipe, on_alloc, on_read) < 0)
		connection_close(connection);
}

static void on_connection(uv_stream_t *listener, int status)
{
	/* A failure (no descriptors) concerns one connection; libuv goes on listening. */
	if (status == 0)
		accept_one(container_of(listener, struct control, listener));
}

/* Connects, or says why not. The descriptor is the caller's. */
static int dial(const char *path, unsigned timeout_ms)
{
	struct sockaddr_un address;
	int r = unix_socket_address(path, &address);
	if (r < 0)
		return r;
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	struct timeval limit = {
		.tv_sec = timeout_ms / 1000,
		.tv_usec = (suseconds_t)(timeout_ms % 1000) * 1000,
	};
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0 ||
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

/* Whether somebody listens there; does not wait. -EAGAIN is one who has too much to do. */
static bool is_served(const char *path)
{
	struct sockaddr_un address;
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || unix_socket_address(path, &address) < 0)
		return false;
	return connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 ||
	       errno == EAGAIN;
}

/* Makes room for our socket: its directory exists, and what lies there is a socket that nobody
 * serves. */
static int clear_place(const char *path, struct err *err)
{
	cleanup_free char *directory = strdup(path);
	if (!directory)
		return err_set(err, -ENOMEM, "out of memory");
	char *slash = strrchr(directory, '/');
	if (slash && slash != directory) {
		*slash = '\0';
		if (mkdir(directory, DIRECTORY_MODE) < 0 && errno != EEXIST)
			return err_errno(err, -errno, "%s: cannot make the directory", directory);
	}
	struct stat status;
	if (lstat(path, &status) < 0)
		return 0;
	if (!S_ISSOCK(status.st_mode))
		return err_set(
			err, -EEXIST,
			"%s: is there and is no socket, name another place with --agent-socket",
			path);
	if (is_served(path))
		return err_set(err, -EADDRINUSE,
			       "%s: another agent answers there, stop it or use --agent-socket",
			       path);
	return unlink(path) < 0 ? err_errno(err, -errno, "%s: cannot remove", path) : 0;
}

static void on_listener_closed(uv_handle_t *handle)
{
	struct control *control = container_of(handle, struct control, listener);
	control->is_closed = true;
	release(control);
}

static int listen_on(struct control *control, int fd, struct err *err)
{
	int r = uv_pipe_open(&control->listener, fd);
	if (r < 0)
		(void)close(fd);
	else
		r = uv_listen((uv_stream_t *)&control->listener, BACKLOG, on_connection);
	return r < 0 ? err_set(err, r, "%s: cannot listen: %s", control->socket.path,
			       uv_strerror(r))
		     : 0;
}

int control_start(uv_loop_t *loop, const char *path, struct control_handler *handler,
		  struct control **ret, struct err *err)
{
	cleanup_free struct control *control = calloc(1, sizeof(*control));
	if (!control)
		return err_set(err, -ENOMEM, "out of memory");
	if (strlen(path) > UNIX_SOCKET_PATH_MAX)
		return err_set(err, -ENAMETOOLONG, "%s: a socket path has at most %d bytes", path,
			       UNIX_SOCKET_PATH_MAX);
	control->loop = loop;
	control->handler = handler;
	int fd = -1;
	int r = clear_place(path, err);
	if (r == 0)
		r = unix_socket_make(path, &control->socket, &fd, err);
	if (r < 0)
		return r;
	(void)uv_pipe_init(loop, &control->listener, 0); /* cannot fail */
	r = listen_on(control, fd, err);
	if (r < 0) {
		control_stop(TAKE_PTR(control));
		return r;
	}
	*ret = TAKE_PTR(control);
	return 0;
}

void control_stop(struct control *control)
{
	if (!control)
		return;
	control->handler = NULL;
	unix_socket_remove(&control->socket);
	uv_close((uv_handle_t *)&control->listener, on_listener_closed);
}

static int send_request(int fd, const char *request)
{
	char line[CONTROL_REQUEST_BYTES_MAX];
	size_t length = strlen(request);
	if (length + 2 > sizeof(line))
		return -EMSGSIZE;
	memcpy(line, request, length);
	line[length] = '\n';
	return send(fd, line, length + 1, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int receive_answer(int fd, struct buf *answer)
{
	for (;;) {
		char chunk[4096];
		ssize_t got = recv(fd, chunk, sizeof(chunk), 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (got == 0)
			return answer->len > 0 ? 0 : -EPIPE;
		int r = buf_append(answer, chunk, (size_t)got);
		if (r < 0)
			return r;
	}
}

int control_ask(const char *path, const char *request, unsigned timeout_ms, char **ret,
		struct err *err)
{
	cleanup_close int fd = dial(path, timeout_ms);
	if (fd == -ENOENT || fd == -ECONNREFUSED)
		return err_set(err, fd,
			       "%s: no agent answers there, start `rota agent` or name its socket "
			       "with --agent-socket",
			       path);
	if (fd < 0)
		return err_errno(err, fd, "%s", path);
	cleanup_buf struct buf answer = BUF_INIT(CONTROL_ANSWER_BYTES_MAX);
	int r = send_request(fd, request);
	if (r == 0)
		r = receive_answer(fd, &answer);
	if (r < 0)
		return err_errno(err, r, "%s: no answer", path);
	*ret = TAKE_PTR(answer.data);
	return 0;
}
