/* SPDX-License-Identifier: Apache-2.0 */
/* Server and client against one another on one loop, over a real socket. Other stacks:
 * tests/integration/test_rpc.py. */
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/unix_socket.h"
#include "rpc/client.h"
#include "rpc/server.h"

enum {
	GUARD_MS = 30000, /* against a hang; nothing here waits that long */
	CALLS_KEPT_MAX = 512,
	MANY_CALLS = 400,
	CYCLES = 100,
	BIG_BYTES = 640 * 1000,
};

struct fixture {
	uv_loop_t loop;
	uv_timer_t guard;
	bool is_late;
	char directory[32];
	char path[64];
	struct rpc_service service;
	struct rpc_server *server;
	struct rpc_client *client;
	struct rpc_call *calls[CALLS_KEPT_MAX]; /* of Keep, in order of arrival; NULL when over */
	size_t calls_count;
	size_t gone_count;
	size_t request_length;
	bool stops_server; /* the next Keep stops the server while it is being served */
};

/* What one call has brought. */
struct answer {
	struct rpc_reply reply;
	struct fixture *fixture;
	unsigned messages;
	size_t length;
	char first[64];
	unsigned done;
	enum rpc_status status;
	char text[512];
	bool closes_client;
};

static struct fixture *fixture_of(struct rpc_service *service)
{
	return container_of(service, struct fixture, service);
}

static void on_echo(struct rpc_service *service, struct rpc_call *call, const uint8_t *message,
		    size_t length)
{
	(void)service;
	assert_int_equal(rpc_call_send(call, message, length), 0);
	rpc_call_finish(call, RPC_OK, NULL);
}

static void on_fail(struct rpc_service *service, struct rpc_call *call, const uint8_t *message,
		    size_t length)
{
	(void)service;
	(void)message;
	(void)length;
	rpc_call_finish(call, RPC_INVALID_ARGUMENT, "id \xc3\xa4 is 100% unknown\n");
}

static void on_keep(struct rpc_service *service, struct rpc_call *call, const uint8_t *message,
		    size_t length)
{
	(void)message;
	struct fixture *f = fixture_of(service);
	f->request_length = length;
	f->calls[f->calls_count++] = call;
	if (f->stops_server)
		rpc_server_stop(TAKE_PTR(f->server));
}

static void on_gone(struct rpc_service *service, struct rpc_call *call)
{
	struct fixture *f = fixture_of(service);
	f->gone_count++;
	for (size_t i = 0; i < f->calls_count; i++)
		if (f->calls[i] == call)
			f->calls[i] = NULL;
}

static const struct rpc_method methods[] = {
	{ "/test.Test/Echo", on_echo },
	{ "/test.Test/Fail", on_fail },
	{ "/test.Test/Keep", on_keep },
};

static void on_answer_message(struct rpc_reply *reply, const uint8_t *message, size_t length)
{
	struct answer *answer = container_of(reply, struct answer, reply);
	answer->messages++;
	answer->length = length;
	size_t kept = length < sizeof(answer->first) ? length : sizeof(answer->first) - 1;
	memcpy(answer->first, message, kept);
	answer->first[kept] = '\0';
	if (answer->closes_client)
		rpc_client_close(TAKE_PTR(answer->fixture->client));
}

static void on_answer_done(struct rpc_reply *reply, enum rpc_status status, const char *text)
{
	struct answer *answer = container_of(reply, struct answer, reply);
	answer->done++;
	answer->status = status;
	(void)snprintf(answer->text, sizeof(answer->text), "%s", text);
}

static void on_guard(uv_timer_t *guard)
{
	container_of(guard, struct fixture, guard)->is_late = true;
}

#define UNTIL(f, condition)                                    \
	do {                                                   \
		while (!(condition) && !(f)->is_late)          \
			(void)uv_run(&(f)->loop, UV_RUN_ONCE); \
		assert_false((f)->is_late);                    \
	} while (0)

static void start_server(struct fixture *f)
{
	struct err err = ERR_INIT;
	if (rpc_server_start(&f->loop, f->path, &f->service, &f->server, &err) < 0)
		fail_msg("%s", err.msg);
}

static void open_client(struct fixture *f)
{
	struct err err = ERR_INIT;
	if (rpc_client_open(&f->loop, f->path, &f->client, &err) < 0)
		fail_msg("%s", err.msg);
}

static void call_with(struct fixture *f, struct answer *answer, const char *method,
		      const uint8_t *message, size_t length, uint64_t deadline_ms)
{
	struct err err = ERR_INIT;
	*answer = (struct answer){
		.reply = { .on_message = on_answer_message, .on_done = on_answer_done },
		.fixture = f,
	};
	if (rpc_client_call(f->client, method, message, length, deadline_ms, &answer->reply, &err) <
	    0)
		fail_msg("%s", err.msg);
}

static void call(struct fixture *f, struct answer *answer, const char *method, const char *text)
{
	call_with(f, answer, method, (const uint8_t *)text, strlen(text), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	if (!f || uv_loop_init(&f->loop) < 0)
		return -1;
	(void)snprintf(f->directory, sizeof(f->directory), "/tmp/rota-test-XXXXXX");
	if (!mkdtemp(f->directory))
		return -1;
	(void)snprintf(f->path, sizeof(f->path), "%s/rpc.sock", f->directory);
	f->service = (struct rpc_service){
		.methods = methods,
		.methods_count = ARRAY_LEN(methods),
		.on_gone = on_gone,
	};
	(void)uv_timer_init(&f->loop, &f->guard);
	(void)uv_timer_start(&f->guard, on_guard, GUARD_MS, 0);
	*state = f;
	start_server(f);
	open_client(f);
	return 0;
}

/* Everything must come to its end by itself: what a stop leaves behind would hang here. */
static int teardown(void **state)
{
	struct fixture *f = *state;
	rpc_client_close(f->client);
	rpc_server_stop(f->server);
	uv_close((uv_handle_t *)&f->guard, NULL);
	(void)uv_run(&f->loop, UV_RUN_DEFAULT);
	int r = uv_loop_close(&f->loop);
	(void)unlink(f->path);
	(void)rmdir(f->directory);
	free(f);
	return r;
}

/* --- calls --------------------------------------------------------------------------------- */

static void unary_call_is_answered(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	call(f, &answer, "/test.Test/Echo", "hello");
	UNTIL(f, answer.done);
	assert_int_equal(answer.status, RPC_OK);
	assert_int_equal(answer.messages, 1);
	assert_string_equal(answer.first, "hello");
	assert_string_equal(answer.text, "");
}

static void empty_message_is_answered(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	call_with(f, &answer, "/test.Test/Echo", NULL, 0, 0);
	UNTIL(f, answer.done);
	assert_int_equal(answer.status, RPC_OK);
	assert_int_equal(answer.messages, 1);
	assert_int_equal(answer.length, 0);
}

static void error_arrives_with_its_text(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	call(f, &answer, "/test.Test/Fail", "x");
	UNTIL(f, answer.done);
	assert_int_equal(answer.status, RPC_INVALID_ARGUMENT);
	assert_string_equal(answer.text, "id \xc3\xa4 is 100% unknown\n");
	assert_int_equal(answer.messages, 0);
}

static void unknown_method_is_unimplemented(void **state)
{
	struct fixture *f = *state;
	static const char *const unknown[] = { "/test.Test/Ech", "/test.Test/EchoX", "/x", "/" };
	for (size_t i = 0; i < ARRAY_LEN(unknown); i++) {
		struct answer answer;
		call(f, &answer, unknown[i], "x");
		UNTIL(f, answer.done);
		assert_int_equal(answer.status, RPC_UNIMPLEMENTED);
	}
}

static void greatest_message_goes_both_ways(void **state)
{
	struct fixture *f = *state;
	uint8_t *message = calloc(1, RPC_MESSAGE_BYTES_MAX + 1);
	assert_non_null(message);
	struct answer answer;
	call_with(f, &answer, "/test.Test/Echo", message, RPC_MESSAGE_BYTES_MAX, 0);
	UNTIL(f, answer.done);
	assert_int_equal(answer.status, RPC_OK);
	assert_int_equal(answer.length, RPC_MESSAGE_BYTES_MAX);

	struct err err = ERR_INIT;
	assert_int_equal(rpc_client_call(f->client, "/test.Test/Echo", message,
					 RPC_MESSAGE_BYTES_MAX + 1, 0, &answer.reply, &err),
			 -EMSGSIZE);
	assert_non_null(strstr(err.msg, "4194305"));
	call(f, &answer, "/test.Test/Keep", "x");
	UNTIL(f, f->calls_count == 1);
	assert_int_equal(rpc_call_send(f->calls[0], message, RPC_MESSAGE_BYTES_MAX + 1), -EMSGSIZE);
	rpc_call_finish(f->calls[0], RPC_OK, NULL);
	UNTIL(f, answer.done);
	free(message);
}

static void calls_over_the_limit_of_streams_wait_their_turn(void **state)
{
	struct fixture *f = *state;
	struct answer *answers = calloc(MANY_CALLS, sizeof(*answers));
	assert_non_null(answers);
	for (size_t i = 0; i < MANY_CALLS; i++)
		call(f, &answers[i], "/test.Test/Keep", "x");
	UNTIL(f, f->calls_count == RPC_CALLS_MAX);

	size_t finished = 0;
	while (finished < MANY_CALLS) {
		UNTIL(f, f->calls_count > finished);
		rpc_call_finish(f->calls[finished++], RPC_OK, NULL);
	}
	for (size_t i = 0; i < MANY_CALLS; i++) {
		UNTIL(f, answers[i].done);
		assert_int_equal(answers[i].status, RPC_OK);
		assert_int_equal(answers[i].done, 1);
	}
	free(answers);
}

/* --- streams ------------------------------------------------------------------------------- */

static void stream_brings_what_is_sent_when_it_is_sent(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	call(f, &answer, "/test.Test/Keep", "x");
	UNTIL(f, f->calls_count == 1);
	for (unsigned i = 1; i <= 3; i++) {
		const uint8_t message[] = { (uint8_t)('0' + i) };
		assert_int_equal(rpc_call_send(f->calls[0], message, 1), 0);
		UNTIL(f, answer.messages == i);
		assert_int_equal(answer.first[0], '0' + i);
	}
	assert_int_equal(answer.done, 0);
	rpc_call_finish(f->calls[0], RPC_ABORTED, "enough");
	UNTIL(f, answer.done);
	assert_int_equal(answer.status, RPC_ABORTED);
	assert_string_equal(answer.text, "enough");
	assert_int_equal(f->gone_count, 0);
}

static void newest_of_the_waiting_messages_wins(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	call(f, &answer, "/test.Test/Keep", "x");
	UNTIL(f, f->calls_count == 1);
	assert_int_equal(rpc_call_send(f->calls[0], (const uint8_t *)"old", 3), 0);
	assert_int_equal(rpc_call_send(f->calls[0], (const uint8_t *)"older", 5), 0);
	assert_int_equal(rpc_call_send(f->calls[0], (const uint8_t *)"new", 3), 0);
	rpc_call_finish(f->calls[0], RPC_OK, NULL);
	UNTIL(f, answer.done);
	assert_int_equal(answer.messages, 1);
	assert_string_equal(answer.first, "new");
}

static void cancelled_call_is_gone_for_the_service(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	call(f, &answer, "/test.Test/Keep", "x");
	UNTIL(f, f->calls_count == 1);
	rpc_client_close(TAKE_PTR(f->client));
	assert_int_equal(answer.done, 1);
	assert_int_equal(answer.status, RPC_CANCELLED);
	UNTIL(f, f->gone_count == 1);
}

static void finish_that_crosses_a_cancel_is_harmless(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	call_with(f, &answer, "/test.Test/Keep", NULL, 0, 1);
	call(f, &answer, "/test.Test/Keep", "x");
	UNTIL(f, f->calls_count >= 1);
	rpc_client_close(TAKE_PTR(f->client));
	for (size_t i = 0; i < f->calls_count; i++)
		if (f->calls[i])
			rpc_call_finish(f->calls[i], RPC_OK, NULL);
}

/* --- deadlines ----------------------------------------------------------------------------- */

static void deadline_ends_the_call_on_both_sides(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	call_with(f, &answer, "/test.Test/Keep", NULL, 0, 50);
	UNTIL(f, answer.done && f->gone_count == 1);
	assert_int_equal(answer.status, RPC_DEADLINE_EXCEEDED);
	assert_int_equal(answer.done, 1);
}

static void deadline_runs_while_the_connection_is_missing(void **state)
{
	struct fixture *f = *state;
	rpc_client_close(TAKE_PTR(f->client));
	/* A listener that never accepts: the connection stands, but nobody answers. */
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	rpc_server_stop(TAKE_PTR(f->server));
	memcpy(address.sun_path, f->path, strlen(f->path));
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);

	open_client(f);
	struct answer answer;
	call_with(f, &answer, "/test.Test/Echo", NULL, 0, 50);
	UNTIL(f, answer.done);
	assert_int_equal(answer.status, RPC_DEADLINE_EXCEEDED);
	(void)close(fd);
}

/* --- the end of a connection --------------------------------------------------------------- */

static void stop_tells_open_streams_unavailable(void **state)
{
	struct fixture *f = *state;
	struct answer watch;
	struct answer unary;
	call(f, &watch, "/test.Test/Keep", "x");
	call(f, &unary, "/test.Test/Keep", "x");
	UNTIL(f, f->calls_count == 2);
	assert_int_equal(rpc_call_send(f->calls[0], (const uint8_t *)"1", 1), 0);
	UNTIL(f, watch.messages == 1);
	rpc_server_stop(TAKE_PTR(f->server));
	assert_int_equal(f->gone_count, 2);
	assert_int_equal(access(f->path, F_OK), -1);
	UNTIL(f, watch.done && unary.done);
	assert_int_equal(watch.status, RPC_UNAVAILABLE);
	assert_int_equal(unary.status, RPC_UNAVAILABLE);
	assert_string_equal(unary.text, "the server is stopping");
}

static void stop_inside_a_request_is_allowed(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	f->stops_server = true;
	call(f, &answer, "/test.Test/Keep", "x");
	UNTIL(f, answer.done);
	assert_int_equal(answer.status, RPC_UNAVAILABLE);
	assert_int_equal(f->gone_count, 1);
}

static void close_inside_an_answer_is_allowed(void **state)
{
	struct fixture *f = *state;
	struct answer answers[2];
	call(f, &answers[0], "/test.Test/Echo", "x");
	call(f, &answers[1], "/test.Test/Keep", "x");
	answers[0].closes_client = true;
	UNTIL(f, answers[0].done);
	assert_int_equal(answers[0].messages, 1);
	assert_int_equal(answers[0].status, RPC_CANCELLED);
	assert_int_equal(answers[1].status, RPC_CANCELLED);
	assert_int_equal(answers[0].done + answers[1].done, 2);
}

static void message_that_is_being_sent_arrives_before_the_stop(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	uint8_t *message = calloc(1, BIG_BYTES);
	assert_non_null(message);
	call(f, &answer, "/test.Test/Keep", "x");
	UNTIL(f, f->calls_count == 1);
	assert_int_equal(rpc_call_send(f->calls[0], message, BIG_BYTES), 0);
	rpc_call_finish(f->calls[0], RPC_OK, NULL);
	free(message);
	(void)uv_run(&f->loop, UV_RUN_NOWAIT);
	rpc_server_stop(TAKE_PTR(f->server));
	UNTIL(f, answer.done);
	assert_int_equal(answer.status, RPC_OK);
	assert_int_equal(answer.length, BIG_BYTES);
}

static void lost_server_fails_calls_and_all_that_follow(void **state)
{
	struct fixture *f = *state;
	rpc_client_close(TAKE_PTR(f->client));
	rpc_server_stop(TAKE_PTR(f->server));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	memcpy(address.sun_path, f->path, strlen(f->path));
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	open_client(f);
	struct answer answer;
	call(f, &answer, "/test.Test/Echo", "x");
	(void)uv_run(&f->loop, UV_RUN_NOWAIT);
	int peer = accept(fd, NULL, NULL);
	assert_true(peer >= 0);
	(void)close(peer);
	(void)close(fd);
	UNTIL(f, answer.done);
	assert_int_equal(answer.status, RPC_UNAVAILABLE);
	assert_true(strlen(answer.text) > 0);

	call(f, &answer, "/test.Test/Echo", "x");
	assert_int_equal(answer.done, 0); /* never inside the call */
	UNTIL(f, answer.done);
	assert_int_equal(answer.status, RPC_UNAVAILABLE);
}

static int raw_connect(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	memcpy(address.sun_path, path, strlen(path));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

static bool has_bytes(int fd)
{
	char byte;
	return recv(fd, &byte, 1, MSG_PEEK) == 1;
}

static bool is_at_end(int fd)
{
	char bytes[512];
	ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
	return n == 0 || (n < 0 && errno == ECONNRESET);
}

static void settings_come_before_the_peer_says_anything(void **state)
{
	struct fixture *f = *state;
	int fd = raw_connect(f->path);
	UNTIL(f, has_bytes(fd));
	uint8_t head[9];
	assert_int_equal(recv(fd, head, sizeof(head), 0), sizeof(head));
	assert_int_equal(head[3], 4); /* SETTINGS */
	(void)close(fd);
}

static void junk_ends_only_its_own_connection(void **state)
{
	struct fixture *f = *state;
	int fd = raw_connect(f->path);
	assert_int_equal(send(fd, "GET / HTTP/1.1\r\n\r\n", 18, 0), 18);
	UNTIL(f, is_at_end(fd));
	(void)close(fd);
	struct answer answer;
	call(f, &answer, "/test.Test/Echo", "x");
	UNTIL(f, answer.done);
	assert_int_equal(answer.status, RPC_OK);
}

static void connections_over_the_limit_are_closed(void **state)
{
	struct fixture *f = *state;
	struct rpc_client *first = f->client;
	struct rpc_client *others[RPC_CONNECTIONS_MAX - 1];
	struct answer *answers = calloc(RPC_CONNECTIONS_MAX, sizeof(*answers));
	assert_non_null(answers);
	call(f, &answers[0], "/test.Test/Keep", "");
	UNTIL(f, f->calls_count == 1);
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		open_client(f);
		others[i] = f->client;
		call(f, &answers[i + 1], "/test.Test/Keep", "");
		/* One without a call might end for the last. */
		UNTIL(f, f->calls_count == i + 2);
	}
	f->client = first;
	int fds[5];
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = raw_connect(f->path);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		UNTIL(f, is_at_end(fds[i]));
		(void)close(fds[i]);
	}
	assert_int_equal(f->gone_count, 0);

	rpc_client_close(others[0]);
	UNTIL(f, f->gone_count == 1);
	int fd = -1;
	bool is_served = false;
	while (!is_served && !f->is_late) {
		(void)uv_run(&f->loop, UV_RUN_NOWAIT);
		fd = raw_connect(f->path);
		while (!has_bytes(fd) && !f->is_late && !is_at_end(fd))
			(void)uv_run(&f->loop, UV_RUN_NOWAIT);
		is_served = has_bytes(fd);
		(void)close(fd);
	}
	assert_true(is_served);
	for (size_t i = 0; i < f->calls_count; i++)
		if (f->calls[i])
			rpc_call_finish(f->calls[i], RPC_OK, NULL);
	for (size_t i = 0; i < RPC_CONNECTIONS_MAX; i++)
		UNTIL(f, answers[i].done);
	for (size_t i = 1; i < ARRAY_LEN(others); i++)
		rpc_client_close(others[i]);
	free(answers);
}

/* As kubelet up to 1.36 may leave behind; nobody must be turned away for them. */
static void connections_without_a_call_make_room(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	call(f, &answer, "/test.Test/Keep", "");
	UNTIL(f, f->calls_count == 1);
	int fds[2 * RPC_CONNECTIONS_MAX];
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = raw_connect(f->path);
		UNTIL(f, has_bytes(fds[i]));
	}
	assert_int_equal(f->gone_count, 0);
	assert_int_equal(answer.done, 0);
	rpc_call_finish(f->calls[0], RPC_OK, NULL);
	UNTIL(f, answer.done);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		(void)close(fds[i]);
}

static size_t count_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	assert_non_null(directory);
	size_t count = 0;
	while (readdir(directory))
		count++;
	(void)closedir(directory);
	return count;
}

static void connections_that_come_and_go_leave_no_descriptors(void **state)
{
	struct fixture *f = *state;
	rpc_client_close(TAKE_PTR(f->client));
	size_t before = 0;
	for (size_t i = 0; i < CYCLES; i++) {
		struct answer answer;
		open_client(f);
		call(f, &answer, "/test.Test/Keep", "x");
		UNTIL(f, f->calls_count == i + 1);
		rpc_client_close(TAKE_PTR(f->client));
		UNTIL(f, f->gone_count == i + 1);
		(void)uv_run(&f->loop, UV_RUN_NOWAIT);
		if (i == 0)
			before = count_descriptors();
	}
	(void)uv_run(&f->loop, UV_RUN_NOWAIT);
	assert_in_range(count_descriptors(), 0, before);
}

/* --- the socket file ----------------------------------------------------------------------- */

static void socket_is_for_the_owner_only(void **state)
{
	struct fixture *f = *state;
	struct stat status;
	assert_int_equal(stat(f->path, &status), 0);
	assert_true(S_ISSOCK(status.st_mode));
	assert_int_equal(status.st_mode & 077, 0);
}

static void newer_socket_at_the_path_survives_the_older_server(void **state)
{
	struct fixture *f = *state;
	struct rpc_server *older = TAKE_PTR(f->server);
	assert_true(rpc_server_is_reachable(older));
	start_server(f);
	assert_false(rpc_server_is_reachable(older));
	assert_true(rpc_server_is_reachable(f->server));
	rpc_server_stop(older);
	for (int i = 0; i < 8; i++)
		(void)uv_run(&f->loop, UV_RUN_NOWAIT);
	assert_true(rpc_server_is_reachable(f->server));

	rpc_client_close(f->client);
	open_client(f);
	struct answer answer;
	call(f, &answer, "/test.Test/Echo", "x");
	UNTIL(f, answer.done);
	assert_int_equal(answer.status, RPC_OK);
}

static void removed_socket_is_noticed(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(unlink(f->path), 0);
	assert_false(rpc_server_is_reachable(f->server));
}

static int try_start(struct fixture *f, const char *path, struct err *err)
{
	struct rpc_server *server = NULL;
	int r = rpc_server_start(&f->loop, path, &f->service, &server, err);
	if (r == 0)
		rpc_server_stop(server);
	else
		assert_null(server);
	return r;
}

static void long_path_is_refused_and_not_cut(void **state)
{
	struct fixture *f = *state;
	char path[200];
	struct err err = ERR_INIT;
	memset(path, 'x', sizeof(path));
	memcpy(path, f->directory, strlen(f->directory));
	path[strlen(f->directory)] = '/';
	path[UNIX_SOCKET_PATH_MAX + 1] = '\0';
	assert_int_equal(try_start(f, path, &err), -ENAMETOOLONG);
	assert_non_null(strstr(err.msg, "at most 107 bytes"));
	path[UNIX_SOCKET_PATH_MAX] = '\0';
	assert_int_equal(try_start(f, path, &err), 0);
}

static void missing_directory_is_named_with_the_remedy(void **state)
{
	struct fixture *f = *state;
	char path[64];
	char text[256];
	struct err err = ERR_INIT;
	(void)snprintf(path, sizeof(path), "%s/none/rpc.sock", f->directory);
	assert_int_equal(try_start(f, path, &err), -ENOENT);
	(void)snprintf(text, sizeof(text),
		       "%s: the directory %s/none does not exist; create it or choose another path",
		       path, f->directory);
	assert_string_equal(err.msg, text);
	assert_int_equal(try_start(f, "", &err), -EINVAL);
}

static void directory_at_the_path_is_left_alone(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;
	assert_true(try_start(f, f->directory, &err) < 0);
	assert_non_null(strstr(err.msg, f->directory));
	assert_int_equal(access(f->directory, F_OK), 0);
}

static void file_at_the_path_is_replaced(void **state)
{
	struct fixture *f = *state;
	char path[64];
	struct err err = ERR_INIT;
	(void)snprintf(path, sizeof(path), "%s/other.sock", f->directory);
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	(void)close(fd);
	assert_int_equal(try_start(f, path, &err), 0);
	assert_int_equal(access(path, F_OK), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
		TEST(unary_call_is_answered),
		TEST(empty_message_is_answered),
		TEST(error_arrives_with_its_text),
		TEST(unknown_method_is_unimplemented),
		TEST(greatest_message_goes_both_ways),
		TEST(calls_over_the_limit_of_streams_wait_their_turn),
		TEST(stream_brings_what_is_sent_when_it_is_sent),
		TEST(newest_of_the_waiting_messages_wins),
		TEST(cancelled_call_is_gone_for_the_service),
		TEST(finish_that_crosses_a_cancel_is_harmless),
		TEST(deadline_ends_the_call_on_both_sides),
		TEST(deadline_runs_while_the_connection_is_missing),
		TEST(stop_tells_open_streams_unavailable),
		TEST(stop_inside_a_request_is_allowed),
		TEST(close_inside_an_answer_is_allowed),
		TEST(message_that_is_being_sent_arrives_before_the_stop),
		TEST(lost_server_fails_calls_and_all_that_follow),
		TEST(settings_come_before_the_peer_says_anything),
		TEST(junk_ends_only_its_own_connection),
		TEST(connections_over_the_limit_are_closed),
		TEST(connections_without_a_call_make_room),
		TEST(connections_that_come_and_go_leave_no_descriptors),
		TEST(socket_is_for_the_owner_only),
		TEST(newer_socket_at_the_path_survives_the_older_server),
		TEST(removed_socket_is_noticed),
		TEST(long_path_is_refused_and_not_cut),
		TEST(missing_directory_is_named_with_the_remedy),
		TEST(directory_at_the_path_is_left_alone),
		TEST(file_at_the_path_is_replaced),
	};
	return cmocka_run_group_tests_name("server", tests, NULL, NULL);
}
