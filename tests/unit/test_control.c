/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's socket, both ends: the server on a loop in this thread, the blocking client in
 * another. */
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "control/control.h"

enum {
	ASK_MS = 10000,
	PATH_BYTES = 100
};

struct fixture {
	char directory[PATH_BYTES];
	char path[PATH_BYTES];
	uv_loop_t loop;
	struct control_handler handler;
	struct control *control;
};

/* One question asked from a thread of its own, since control_ask() blocks. */
struct client {
	const char *path;
	const char *request;
	char *answer;
	struct err err;
	int result;
	uv_async_t done;
	pthread_t thread;
};

static char *echo(struct control_handler *handler, const char *request)
{
	(void)handler;
	char *answer = NULL;
	return asprintf(&answer, "{\"asked\": \"%s\"}", request) < 0 ? NULL : answer;
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	assert_non_null(fixture);
	strcpy(fixture->directory, "/tmp/rota-control-XXXXXX");
	assert_non_null(mkdtemp(fixture->directory));
	(void)snprintf(fixture->path, sizeof(fixture->path), "%s/run/a.sock", fixture->directory);
	fixture->handler.answer = echo;
	assert_int_equal(uv_loop_init(&fixture->loop), 0);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	control_stop(TAKE_PTR(fixture->control));
	(void)uv_run(&fixture->loop, UV_RUN_DEFAULT);
	int r = uv_loop_close(&fixture->loop);
	char run[2 * PATH_BYTES];
	(void)snprintf(run, sizeof(run), "%s/run", fixture->directory);
	(void)unlink(fixture->path);
	(void)rmdir(run);
	(void)rmdir(fixture->directory);
	free(fixture);
	return r;
}

static void start(struct fixture *fixture)
{
	struct err err = ERR_INIT;
	assert_int_equal(control_start(&fixture->loop, fixture->path, &fixture->handler,
				       &fixture->control, &err),
			 0);
}

static void *ask(void *opaque)
{
	struct client *client = opaque;
	client->result = control_ask(client->path, client->request, ASK_MS, &client->answer,
				     &client->err);
	(void)uv_async_send(&client->done);
	return NULL;
}

static void on_done(uv_async_t *done)
{
	uv_close((uv_handle_t *)done, NULL);
	uv_stop(done->loop);
}

static void run_client(struct fixture *fixture, struct client *client)
{
	client->path = fixture->path;
	assert_int_equal(uv_async_init(&fixture->loop, &client->done, on_done), 0);
	assert_int_equal(pthread_create(&client->thread, NULL, ask, client), 0);
	(void)uv_run(&fixture->loop, UV_RUN_DEFAULT);
	(void)pthread_join(client->thread, NULL);
	(void)uv_run(&fixture->loop, UV_RUN_NOWAIT);
}

static void answers_a_line_with_a_document(void **state)
{
	struct fixture *fixture = *state;
	struct client client = { .request = "status" };
	start(fixture);

	run_client(fixture, &client);
	assert_int_equal(client.result, 0);
	assert_string_equal(client.answer, "{\"asked\": \"status\"}");
	free(client.answer);
}

static void only_its_owner_may_ask(void **state)
{
	struct fixture *fixture = *state;
	struct stat status;
	start(fixture);

	assert_int_equal(lstat(fixture->path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
}

static void replaces_a_socket_that_a_killed_agent_left(void **state)
{
	struct fixture *fixture = *state;
	start(fixture);
	control_stop(TAKE_PTR(fixture->control));
	(void)uv_run(&fixture->loop, UV_RUN_DEFAULT);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	strcpy(address.sun_path, fixture->path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	(void)close(fd);

	struct client client = { .request = "status" };
	start(fixture);
	run_client(fixture, &client);
	assert_int_equal(client.result, 0);
	free(client.answer);
}

static void leaves_a_file_that_is_no_socket_alone(void **state)
{
	struct fixture *fixture = *state;
	char run[2 * PATH_BYTES];
	(void)snprintf(run, sizeof(run), "%s/run", fixture->directory);
	assert_int_equal(mkdir(run, 0700), 0);
	assert_int_equal(file_write(fixture->path, "x", 1, 0600, NULL), 0);
	struct err err = ERR_INIT;

	assert_int_equal(control_start(&fixture->loop, fixture->path, &fixture->handler,
				       &fixture->control, &err),
			 -EEXIST);
	assert_int_equal(access(fixture->path, F_OK), 0);
}

static void does_not_take_the_place_of_another_agent(void **state)
{
	struct fixture *fixture = *state;
	struct control *second = NULL;
	struct err err = ERR_INIT;
	start(fixture);

	assert_int_equal(
		control_start(&fixture->loop, fixture->path, &fixture->handler, &second, &err),
		-EADDRINUSE);
	assert_null(second);
	assert_non_null(strstr(err.msg, "another agent answers there"));
}

static void says_when_no_agent_is_there(void **state)
{
	struct fixture *fixture = *state;
	char *answer = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(control_ask(fixture->path, "status", ASK_MS, &answer, &err), -ENOENT);
	assert_null(answer);
	assert_non_null(strstr(err.msg, "start `rota agent`"));
}

static void does_not_send_a_request_that_is_too_long(void **state)
{
	struct fixture *fixture = *state;
	char request[CONTROL_REQUEST_BYTES_MAX];
	memset(request, 'x', sizeof(request) - 1);
	request[sizeof(request) - 1] = '\0';
	char *answer = NULL;
	start(fixture);

	assert_int_equal(control_ask(fixture->path, request, ASK_MS, &answer, NULL), -EMSGSIZE);
}

static int connect_to(const struct fixture *fixture)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	strcpy(address.sun_path, fixture->path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* Turns the loop until @fd has bytes or its end. */
static ssize_t wait_for(struct fixture *fixture, int fd, char *bytes, size_t size)
{
	ssize_t got = -1;
	while (got < 0) {
		(void)uv_run(&fixture->loop, UV_RUN_ONCE);
		got = recv(fd, bytes, size, MSG_DONTWAIT);
		if (got < 0 && errno == ECONNRESET)
			got = 0;
	}
	return got;
}

static void makes_one_wait_while_all_places_are_taken(void **state)
{
	struct fixture *fixture = *state;
	int fds[CONTROL_CONNECTIONS_MAX + 1] = { 0 };
	char answer[64] = "";
	start(fixture);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = connect_to(fixture);
		(void)uv_run(&fixture->loop, UV_RUN_NOWAIT);
	}
	int last = fds[CONTROL_CONNECTIONS_MAX];
	assert_int_equal(send(last, "status\n", 7, MSG_NOSIGNAL), 7);
	(void)uv_run(&fixture->loop, UV_RUN_NOWAIT);
	assert_int_equal(recv(last, answer, sizeof(answer), MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);

	(void)close(fds[0]);
	assert_true(wait_for(fixture, last, answer, sizeof(answer) - 1) > 0);
	assert_string_equal(answer, "{\"asked\": \"status\"}");
	for (size_t i = 1; i < ARRAY_LEN(fds); i++)
		(void)close(fds[i]);
}

static void drops_a_peer_that_sends_no_end_of_line(void **state)
{
	struct fixture *fixture = *state;
	char request[2 * CONTROL_REQUEST_BYTES_MAX];
	memset(request, 'x', sizeof(request));
	start(fixture);
	int fd = connect_to(fixture);
	assert_int_equal(send(fd, request, sizeof(request), MSG_NOSIGNAL), sizeof(request));

	char byte = 0;
	assert_int_equal(wait_for(fixture, fd, &byte, 1), 0);
	(void)close(fd);
}

static void removes_its_socket(void **state)
{
	struct fixture *fixture = *state;
	start(fixture);

	control_stop(TAKE_PTR(fixture->control));
	assert_int_equal(access(fixture->path, F_OK), -1);
	assert_int_equal(errno, ENOENT);
}

/* After a roll-out the newer agent may listen under our name. */
static void does_not_remove_a_socket_that_is_another_s(void **state)
{
	struct fixture *fixture = *state;
	start(fixture);
	assert_int_equal(unlink(fixture->path), 0);
	assert_int_equal(file_write(fixture->path, "x", 1, 0600, NULL), 0);

	control_stop(TAKE_PTR(fixture->control));
	(void)uv_run(&fixture->loop, UV_RUN_DEFAULT);
	assert_int_equal(access(fixture->path, F_OK), 0);
}

static char *silence(struct control_handler *handler, const char *request)
{
	(void)handler;
	(void)request;
	return NULL;
}

static void hangs_up_when_there_is_no_answer(void **state)
{
	struct fixture *fixture = *state;
	struct client client = { .request = "status" };
	fixture->handler.answer = silence;
	start(fixture);

	run_client(fixture, &client);
	assert_int_equal(client.result, -EPIPE);
	assert_null(client.answer);
	assert_non_null(strstr(client.err.msg, "no answer"));
}

static void hangs_up_on_those_who_ask_after_its_end(void **state)
{
	struct fixture *fixture = *state;
	char byte = 0;
	start(fixture);
	int fd = connect_to(fixture);
	(void)uv_run(&fixture->loop, UV_RUN_NOWAIT);
	control_stop(TAKE_PTR(fixture->control));
	assert_int_equal(send(fd, "status\n", 7, MSG_NOSIGNAL), 7);

	assert_int_equal(wait_for(fixture, fd, &byte, 1), 0);
	(void)close(fd);
}

static void a_request_may_come_in_pieces(void **state)
{
	struct fixture *fixture = *state;
	char answer[64] = "";
	start(fixture);
	int fd = connect_to(fixture);
	assert_int_equal(send(fd, "sta", 3, MSG_NOSIGNAL), 3);
	(void)uv_run(&fixture->loop, UV_RUN_NOWAIT);
	(void)uv_run(&fixture->loop, UV_RUN_NOWAIT);
	assert_int_equal(send(fd, "tus\n", 4, MSG_NOSIGNAL), 4);

	assert_true(wait_for(fixture, fd, answer, sizeof(answer) - 1) > 0);
	assert_string_equal(answer, "{\"asked\": \"status\"}");
	(void)close(fd);
}

static void says_when_the_directory_cannot_be_made(void **state)
{
	struct fixture *fixture = *state;
	char run[2 * PATH_BYTES];
	struct err err = ERR_INIT;
	(void)snprintf(run, sizeof(run), "%s/run", fixture->directory);
	assert_int_equal(file_write(run, "x", 1, 0600, NULL), 0);
	assert_true(strlen(fixture->path) + 3 < sizeof(fixture->path));
	strcat(fixture->path, "/b");

	assert_int_equal(control_start(&fixture->loop, fixture->path, &fixture->handler,
				       &fixture->control, &err),
			 -ENOTDIR);
	assert_non_null(strstr(err.msg, "cannot make the directory"));
	assert_int_equal(unlink(run), 0);
}

static void refuses_a_path_that_no_socket_can_have(void **state)
{
	struct fixture *fixture = *state;
	char path[2 * PATH_BYTES];
	char *answer = NULL;
	struct err err = ERR_INIT;
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';

	assert_int_equal(
		control_start(&fixture->loop, path, &fixture->handler, &fixture->control, &err),
		-ENAMETOOLONG);
	assert_non_null(strstr(err.msg, "at most"));
	assert_int_equal(control_ask(path, "status", ASK_MS, &answer, &err), -ENAMETOOLONG);
}

/* A socket of which the kernel makes connections that nobody takes. */
static int listen_deaf(const struct fixture *fixture, int type)
{
	char run[2 * PATH_BYTES];
	(void)snprintf(run, sizeof(run), "%s/run", fixture->directory);
	assert_int_equal(mkdir(run, 0700), 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	strcpy(address.sun_path, fixture->path);
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static void does_not_wait_for_ever_for_an_answer(void **state)
{
	struct fixture *fixture = *state;
	char *answer = NULL;
	struct err err = ERR_INIT;
	int fd = listen_deaf(fixture, SOCK_STREAM);

	assert_int_equal(control_ask(fixture->path, "status", 1, &answer, &err), -ETIMEDOUT);
	assert_non_null(strstr(err.msg, "no answer"));
	(void)close(fd);
}

static void says_what_is_not_an_agent_s_socket(void **state)
{
	struct fixture *fixture = *state;
	char *answer = NULL;
	struct err err = ERR_INIT;
	int fd = listen_deaf(fixture, SOCK_DGRAM);

	assert_int_equal(control_ask(fixture->path, "status", ASK_MS, &answer, &err), -EPROTOTYPE);
	assert_non_null(strstr(err.msg, fixture->path));
	(void)close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(answers_a_line_with_a_document, setup, teardown),
		cmocka_unit_test_setup_teardown(only_its_owner_may_ask, setup, teardown),
		cmocka_unit_test_setup_teardown(replaces_a_socket_that_a_killed_agent_left, setup,
						teardown),
		cmocka_unit_test_setup_teardown(leaves_a_file_that_is_no_socket_alone, setup,
						teardown),
		cmocka_unit_test_setup_teardown(does_not_take_the_place_of_another_agent, setup,
						teardown),
		cmocka_unit_test_setup_teardown(says_when_no_agent_is_there, setup, teardown),
		cmocka_unit_test_setup_teardown(does_not_send_a_request_that_is_too_long, setup,
						teardown),
		cmocka_unit_test_setup_teardown(makes_one_wait_while_all_places_are_taken, setup,
						teardown),
		cmocka_unit_test_setup_teardown(drops_a_peer_that_sends_no_end_of_line, setup,
						teardown),
		cmocka_unit_test_setup_teardown(hangs_up_when_there_is_no_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(hangs_up_on_those_who_ask_after_its_end, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_request_may_come_in_pieces, setup, teardown),
		cmocka_unit_test_setup_teardown(says_when_the_directory_cannot_be_made, setup,
						teardown),
		cmocka_unit_test_setup_teardown(refuses_a_path_that_no_socket_can_have, setup,
						teardown),
		cmocka_unit_test_setup_teardown(does_not_wait_for_ever_for_an_answer, setup,
						teardown),
		cmocka_unit_test_setup_teardown(says_what_is_not_an_agent_s_socket, setup,
						teardown),
		cmocka_unit_test_setup_teardown(removes_its_socket, setup, teardown),
		cmocka_unit_test_setup_teardown(does_not_remove_a_socket_that_is_another_s, setup,
						teardown),
	};
	return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
