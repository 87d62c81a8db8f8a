/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent starts on its loop, with each of its allocations failing in turn: the caller gets
 * -ENOMEM and nothing, and the loop is empty afterwards. Calls of a whole agent fail in tests/soak.
 */
#include "given.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/cleanup.h"
#include "control/control.h"
#include "kubelet/plugin.h"
#include "kubelet/pods.h"
#include "metrics/http.h"

enum {
	PATH_BYTES = 100,
	ALLOCATIONS_MAX = 200,
};

static unsigned allocations_left; /* 0: no limit */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *pointer, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *pointer, size_t size);

static bool fails(void)
{
	return allocations_left > 0 && --allocations_left == 0;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *pointer, size_t size)
{
	return fails() ? NULL : __real_realloc(pointer, size);
}

struct fixture {
	uv_loop_t loop;
	char directory[PATH_BYTES];
	char path[2 * PATH_BYTES];
	void *started;
};

/* Starts one thing in fixture->started; stop ends it. */
struct subject {
	int (*start)(struct fixture *fixture, struct err *err);
	void (*stop)(struct fixture *fixture);
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	assert_non_null(fixture);
	strcpy(fixture->directory, "/tmp/rota-no-memory-XXXXXX");
	assert_non_null(mkdtemp(fixture->directory));
	(void)snprintf(fixture->path, sizeof(fixture->path), "%s/a.sock", fixture->directory);
	assert_int_equal(uv_loop_init(&fixture->loop), 0);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	allocations_left = 0;
	int r = uv_loop_close(&fixture->loop);
	r = rmdir(fixture->directory) < 0 ? -errno : r;
	free(fixture);
	return r;
}

/* The number of allocations that failed before it could start. */
static unsigned sweep(struct fixture *fixture, const struct subject *subject)
{
	for (unsigned n = 1; n < ALLOCATIONS_MAX; n++) {
		struct err err = ERR_INIT;
		fixture->started = NULL;
		allocations_left = n;
		int r = subject->start(fixture, &err);
		bool has_failed = allocations_left == 0;
		allocations_left = 0;
		assert_true(r == 0 || (r == -ENOMEM && has_failed && err.msg[0] != '\0'));
		assert_true((r == 0) == (fixture->started != NULL));
		if (r == 0)
			subject->stop(fixture);
		(void)uv_run(&fixture->loop, UV_RUN_DEFAULT);
		if (!has_failed)
			return n - 1;
	}
	return ALLOCATIONS_MAX;
}

static char *no_answer(struct control_handler *handler, const char *request)
{
	(void)handler;
	(void)request;
	return NULL;
}

static struct control_handler control_handler = { no_answer };

static int start_control(struct fixture *fixture, struct err *err)
{
	return control_start(&fixture->loop, fixture->path, &control_handler,
			     (struct control **)&fixture->started, err);
}

static void stop_control(struct fixture *fixture)
{
	control_stop(fixture->started);
}

static void no_page(struct http_handler *handler, const char *path, struct http_answer *answer)
{
	(void)handler;
	(void)path;
	(void)answer;
}

static struct http_handler http_handler = { no_page };

/* One that was free a moment ago: 0 is no port to be configured. */
static unsigned free_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t length = sizeof(address);
	cleanup_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	return ntohs(address.sin_port);
}

static int start_http(struct fixture *fixture, struct err *err)
{
	char place[PATH_BYTES];
	(void)snprintf(place, sizeof(place), "127.0.0.1:%u", free_port());
	return http_start(&fixture->loop, place, &http_handler,
			  (struct http_server **)&fixture->started, err);
}

static void stop_http(struct fixture *fixture)
{
	http_stop(fixture->started);
}

static void on_held(struct pods_listener *listener, struct held *held, uint64_t asked_ns)
{
	(void)listener;
	(void)held;
	(void)asked_ns;
}

static void on_fault(struct pods_listener *listener, bool is_absent, const char *text)
{
	(void)listener;
	(void)is_absent;
	(void)text;
}

static struct pods_listener pods_listener = { on_held, on_fault };

static int start_pods(struct fixture *fixture, struct err *err)
{
	return pods_start(&fixture->loop, fixture->path, &pods_listener,
			  (struct pods **)&fixture->started, err);
}

static void stop_pods(struct fixture *fixture)
{
	pods_stop(fixture->started);
}

static void on_event(struct plugin_listener *listener, enum plugin_event event, const char *text)
{
	(void)listener;
	(void)event;
	(void)text;
}

static struct plugin_listener plugin_listener = { .on_event = on_event };

static int start_plugin(struct fixture *fixture, struct err *err)
{
	struct settings settings = { .kubelet_socket = fixture->path };
	unsigned limit = allocations_left;
	allocations_left = 0; /* the resource is the test's */
	struct resource *resource = given_resource(2, 5);
	allocations_left = limit;
	return plugin_start(&fixture->loop, &settings, resource, &plugin_listener,
			    (struct plugin **)&fixture->started, err);
}

static void stop_plugin(struct fixture *fixture)
{
	plugin_stop(fixture->started);
}

static void each_start_fails_cleanly_when_memory_is_out(void **state)
{
	static const struct subject subjects[] = {
		{ start_control, stop_control },
		{ start_http, stop_http },
		{ start_pods, stop_pods },
		{ start_plugin, stop_plugin },
	};
	for (size_t i = 0; i < ARRAY_LEN(subjects); i++) {
		unsigned failures = sweep(*state, &subjects[i]);
		assert_in_range(failures, 1, ALLOCATIONS_MAX - 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_start_fails_cleanly_when_memory_is_out, setup,
						teardown),
	};
	return cmocka_run_group_tests_name("no_memory", tests, NULL, NULL);
}
