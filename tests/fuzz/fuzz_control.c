/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes of a client to the real server of the agent's socket, in pieces whose sizes come from the
 * first byte. What is answered is the first line, whole and alone; whatever is sent, the connection
 * ends with the client's and nothing stays open.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/unix_socket.h"
#include "control/control.h"

enum {
	PATH_BYTES = 100,
	TURNS_MAX = 100000,
};

/* A line that begins so is one for which there is no memory. */
static const char refused = '!';

struct world {
	struct control_handler handler;
	uv_loop_t loop;
	struct control *control;
	char directory[PATH_BYTES];
	char path[PATH_BYTES];
	char asked[CONTROL_REQUEST_BYTES_MAX];
	unsigned asked_times;
};

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void check(bool holds, const char *what)
{
	if (holds)
		return;
	(void)fprintf(stderr, "fuzz_control: %s: %s\n", what, strerror(errno));
	abort();
}

static char *note(struct control_handler *handler, const char *request)
{
	struct world *world = container_of(handler, struct world, handler);
	check(strlen(request) < sizeof(world->asked), "a request that is too long");
	(void)snprintf(world->asked, sizeof(world->asked), "%s", request);
	world->asked_times++;
	return request[0] == refused ? NULL : strdup(request);
}

static void begin(struct world *world)
{
	const char *base = getenv("TMPDIR");
	world->handler.answer = note;
	(void)snprintf(world->directory, PATH_BYTES, "%.70s/rota-fuzz-XXXXXX",
		       base ? base : "/tmp");
	check(mkdtemp(world->directory) != NULL, "no directory");
	(void)snprintf(world->path, PATH_BYTES, "%.90s/a.sock", world->directory);
	check(uv_loop_init(&world->loop) == 0, "no loop");
	check(control_start(&world->loop, world->path, &world->handler, &world->control, NULL) == 0,
	      "no server");
}

static void end(struct world *world)
{
	control_stop(world->control);
	(void)uv_run(&world->loop, UV_RUN_DEFAULT);
	check(uv_loop_close(&world->loop) == 0, "a handle stays open");
	check(rmdir(world->directory) == 0, "a file stays");
}

static int dial(const struct world *world)
{
	struct sockaddr_un address;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	check(fd >= 0 && unix_socket_address(world->path, &address) == 0, "no socket");
	check(connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0, "nobody there");
	return fd;
}

/* In pieces; the server may have hung up already. */
static void send_all(struct world *world, int fd, const unsigned char *data, size_t size,
		     size_t piece)
{
	while (size > 0) {
		size_t length = size < piece ? size : piece;
		if (send(fd, data, length, MSG_NOSIGNAL) < 0)
			break;
		data += length;
		size -= length;
		(void)uv_run(&world->loop, UV_RUN_NOWAIT);
	}
	(void)shutdown(fd, SHUT_WR);
}

/* What came until the end; -1 when the connection was reset, since we sent more than one line. */
static ssize_t receive_all(struct world *world, int fd, char *answer, size_t room)
{
	size_t length = 0;
	for (unsigned turn = 0; turn < TURNS_MAX; turn++) {
		(void)uv_run(&world->loop, UV_RUN_NOWAIT);
		ssize_t got = recv(fd, answer + length, room - length, 0);
		if (got == 0)
			return (ssize_t)length;
		if (got < 0 && errno != EAGAIN)
			return -1;
		length += got > 0 ? (size_t)got : 0;
		check(length < room, "an answer that is too long");
	}
	check(false, "the connection does not end");
	return -1;
}

/* Where the first line ends, or -1: too long, cut, or no text. */
static ssize_t end_of_line(const unsigned char *data, size_t size)
{
	for (size_t i = 0; i < size && i < CONTROL_REQUEST_BYTES_MAX - 1; i++) {
		if (data[i] == '\n')
			return (ssize_t)i;
		if (data[i] == '\0')
			return -1;
	}
	return -1;
}

static void judge(const struct world *world, const unsigned char *data, size_t size,
		  const char *answer, ssize_t got)
{
	ssize_t line = end_of_line(data, size);
	check(world->asked_times == (line >= 0 ? 1 : 0), "asked without a line, or not at all");
	if (line < 0) {
		check(got <= 0, "an answer without a line");
		return;
	}
	check(strlen(world->asked) == (size_t)line && memcmp(world->asked, data, (size_t)line) == 0,
	      "another line");
	bool is_alone = (size_t)line + 1 == size;
	bool is_refused = world->asked[0] == refused;
	check(got >= 0 || !is_alone, "reset");
	check(got < 0 || (size_t)got == (is_refused ? 0 : (size_t)line), "an answer that is cut");
	check(got <= 0 || memcmp(answer, data, (size_t)got) == 0, "another answer");
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	if (size == 0)
		return 0;
	struct world world = { 0 };
	char answer[2 * CONTROL_REQUEST_BYTES_MAX];
	begin(&world);
	int fd = dial(&world);
	send_all(&world, fd, data + 1, size - 1, 1 + data[0]);
	ssize_t got = receive_all(&world, fd, answer, sizeof(answer));
	(void)close(fd);
	end(&world);
	judge(&world, data + 1, size - 1, answer, got);
	return 0;
}
