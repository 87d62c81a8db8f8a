/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peer.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "bench/fields.h"
#include "bench/scratch.h"
#include "rpc/client.h"
#include "rpc/server.h"

static const int signal_numbers[] = { SIGINT, SIGTERM };

enum {
	SIGNALS = ARRAY_LEN(signal_numbers),
	WAIT_MS = 120000, /* under valgrind all takes long */
	LOOK_MS = 50,     /* how often the process is looked at */
	REGISTER_ENDPOINT = 2,
	LIST_DEVICES = 1,
};

/* An answer as it comes in; embedded twice, since ListAndWatch stays open beside the calls. */
struct incoming {
	struct rpc_reply reply;
	struct buf message;
	uint64_t message_ns; /* 0: none came yet */
	bool is_done;
	enum rpc_status status;
	char text[ERR_TEXT_BYTES];
};

struct peer {
	uv_loop_t loop;
	uv_timer_t look;
	uv_signal_t signals[SIGNALS];
	struct subject *subject;
	const char *directory; /* borrowed, outlives the peer */
	struct rpc_service service;
	struct rpc_server *server;  /* owned */
	struct rpc_client *client;  /* owned; NULL until the plugin called Register */
	struct rpc_call *register_; /* the call that waits for our answer */
	uint64_t registered_ns;
	struct err failure; /* of what ran on the loop */
	struct incoming call;
	struct incoming stream;
};

static void on_message(struct rpc_reply *reply, const uint8_t *message, size_t length)
{
	struct incoming *incoming = container_of(reply, struct incoming, reply);
	incoming->message_ns = clock_ns();
	buf_consume(&incoming->message, incoming->message.len);
	(void)buf_append(&incoming->message, message, length); /* read from message.error */
}

static void on_done(struct rpc_reply *reply, enum rpc_status status, const char *text)
{
	struct incoming *incoming = container_of(reply, struct incoming, reply);
	incoming->is_done = true;
	incoming->status = status;
	(void)snprintf(incoming->text, sizeof(incoming->text), "%s", text); /* enough to read */
}

static void incoming_reset(struct incoming *incoming)
{
	buf_consume(&incoming->message, incoming->message.len);
	incoming->message_ns = 0;
	incoming->is_done = false;
}

static int start_call(struct peer *peer, struct incoming *incoming, const char *method,
		      const uint8_t *message, size_t length, struct err *err)
{
	incoming_reset(incoming);
	int r = rpc_client_call(peer->client, method, message, length, 0, &incoming->reply, err);
	return r < 0 ? err_wrap(err, r, "%s", method) : 0;
}

/* As kubelet does: dial the plugin and ask for its options before Register is answered. */
static int call_back(struct peer *peer, const uint8_t *message, size_t length, struct err *err)
{
	struct field_view endpoint = { 0 };
	char path[SCRATCH_PLACE_BYTES];
	if (peer->client)
		return err_set(err, -EEXIST, "the plugin registered a second time");
	int r = fields_find(message, length, REGISTER_ENDPOINT, &endpoint);
	if (r == 0)
		r = scratch_place(peer->directory, (const char *)endpoint.bytes, endpoint.length,
				  path);
	if (r < 0)
		return err_errno(err, r, "Register: endpoint");
	r = rpc_client_open(&peer->loop, path, &peer->client, err);
	if (r < 0)
		return r;
	return start_call(peer, &peer->call, "/v1beta1.DevicePlugin/GetDevicePluginOptions", NULL,
			  0, err);
}

static void on_register(struct rpc_service *service, struct rpc_call *call, const uint8_t *message,
			size_t length)
{
	struct peer *peer = container_of(service, struct peer, service);
	int r = call_back(peer, message, length, &peer->failure);
	if (r < 0)
		rpc_call_finish(call, RPC_INTERNAL, peer->failure.msg);
	else
		peer->register_ = call;
}

/* cppcheck-suppress constParameter; the type is rpc/server.h's */
static void on_gone(struct rpc_service *service, struct rpc_call *call)
{
	struct peer *peer = container_of(service, struct peer, service);
	if (call == peer->register_)
		peer->register_ = NULL;
}

/* Only wakes the loop, so that run() looks at the process. */
static void on_look(uv_timer_t *timer)
{
	(void)timer;
}

/* The owner then ends in good order, and nothing is left behind. */
static void on_signal(uv_signal_t *handle, int number)
{
	struct peer *peer = container_of(handle->loop, struct peer, loop);
	(void)err_set(&peer->failure, -EINTR, "ended by signal %d", number);
}

static int say_ended(const struct peer *peer, struct err *err)
{
	return err_set(err, -ECHILD, "the process ended by itself, see %s/log", peer->directory);
}

/* Run the loop until @is_done says so. */
static int run(struct peer *peer, bool (*is_done)(struct peer *peer, void *wanted), void *wanted,
	       struct err *err)
{
	uint64_t until_ns = clock_ns() + WAIT_MS * (uint64_t)CLOCK_NS_PER_MS;
	while (!is_done(peer, wanted)) {
		(void)uv_run(&peer->loop, UV_RUN_ONCE); /* the timer keeps it alive */
		if (peer->failure.code < 0) {
			*err = peer->failure;
			return err->code;
		}
		if (subject_has_ended(peer->subject))
			return say_ended(peer, err);
		if (clock_ns() > until_ns)
			return err_set(err, -ETIMEDOUT, "no answer in %d s", WAIT_MS / 1000);
	}
	return 0;
}

static int check_status(const struct incoming *incoming, const char *method, struct err *err)
{
	if (incoming->message.error < 0)
		return err_errno(err, incoming->message.error, "%s", method);
	if (incoming->is_done && incoming->status != RPC_OK)
		return err_set(err, -EPROTO, "%s: %s: %s", method,
			       rpc_status_name(incoming->status), incoming->text);
	return 0;
}

static struct peer_answer take_answer(const struct incoming *incoming, uint64_t started_ns)
{
	return (struct peer_answer){
		.message = (uint8_t *)incoming->message.data,
		.length = incoming->message.len,
		.ns = incoming->message_ns - started_ns,
	};
}

static bool is_call_done(struct peer *peer, void *wanted)
{
	(void)wanted;
	return peer->call.is_done;
}

/* Register can be answered when the plugin called it and has told its options. */
static bool has_options(struct peer *peer, void *wanted)
{
	(void)wanted;
	return peer->register_ && peer->call.is_done;
}

int peer_wait_registered(struct peer *peer, uint64_t *ret_ns, struct err *err)
{
	int r = run(peer, has_options, NULL, err);
	if (r == 0)
		r = check_status(&peer->call, "GetDevicePluginOptions", err);
	if (r == 0)
		r = rpc_call_send(peer->register_, NULL, 0);
	if (r < 0)
		return r;
	rpc_call_finish(TAKE_PTR(peer->register_), RPC_OK, NULL);
	*ret_ns = clock_ns();
	return 0;
}

int peer_call(struct peer *peer, const char *method, const uint8_t *message, size_t length,
	      struct peer_answer *ret, struct err *err)
{
	uint64_t started_ns = clock_ns();
	int r = start_call(peer, &peer->call, method, message, length, err);
	if (r == 0)
		r = run(peer, is_call_done, NULL, err);
	if (r == 0)
		r = check_status(&peer->call, method, err);
	if (r == 0 && peer->call.message_ns == 0)
		r = err_set(err, -EPROTO, "%s: no answer came", method);
	if (r < 0)
		return r;
	*ret = take_answer(&peer->call, started_ns);
	return 0;
}

static bool has_list(struct peer *peer, void *wanted)
{
	const struct incoming *stream = &peer->stream;
	int count = fields_count((const uint8_t *)stream->message.data, stream->message.len,
				 LIST_DEVICES);
	return stream->is_done || count == *(const int *)wanted;
}

int peer_watch(struct peer *peer, size_t count, struct peer_answer *ret, struct err *err)
{
	static const char method[] = "/v1beta1.DevicePlugin/ListAndWatch";
	int wanted = (int)count;
	uint64_t started_ns = clock_ns();
	int r = start_call(peer, &peer->stream, method, NULL, 0, err);
	if (r == 0)
		r = run(peer, has_list, &wanted, err);
	if (r == 0)
		r = check_status(&peer->stream, method, err);
	if (r == 0 && peer->stream.is_done)
		r = err_set(err, -EPROTO, "%s: ended without a list of %zu", method, count);
	if (r < 0)
		return r;
	*ret = take_answer(&peer->stream, started_ns);
	return 0;
}

static const struct rpc_method methods[] = {
	{ "/v1beta1.Registration/Register", on_register },
};

static void incoming_init(struct incoming *incoming)
{
	incoming->reply = (struct rpc_reply){ on_message, on_done };
	incoming->message = (struct buf)BUF_INIT(RPC_MESSAGE_BYTES_MAX);
}

static int start_handles(struct peer *peer)
{
	(void)uv_timer_init(&peer->loop, &peer->look); /* cannot fail */
	int r = uv_timer_start(&peer->look, on_look, LOOK_MS, LOOK_MS);
	for (size_t i = 0; i < SIGNALS; i++) {
		(void)uv_signal_init(&peer->loop, &peer->signals[i]); /* the loop is set up */
		if (r == 0)
			r = uv_signal_start(&peer->signals[i], on_signal, signal_numbers[i]);
	}
	return r;
}

static int serve(struct peer *peer, struct err *err)
{
	static const char name[] = "kubelet.sock";
	char path[SCRATCH_PLACE_BYTES];
	int r = scratch_place(peer->directory, name, strlen(name), path);
	if (r < 0)
		return err_errno(err, r, "%s", name);
	peer->service = (struct rpc_service){ methods, ARRAY_LEN(methods), on_gone };
	return rpc_server_start(&peer->loop, path, &peer->service, &peer->server, err);
}

int peer_open(const char *directory, struct subject *subject, struct peer **ret, struct err *err)
{
	struct peer *peer = calloc(1, sizeof(*peer));
	if (!peer)
		return err_errno(err, -ENOMEM, "%s", directory);
	int r = uv_loop_init(&peer->loop);
	if (r < 0) {
		free(peer);
		return err_errno(err, r, "loop");
	}
	peer->directory = directory;
	peer->subject = subject;
	incoming_init(&peer->call);
	incoming_init(&peer->stream);
	r = start_handles(peer);
	if (r == 0)
		r = serve(peer, err);
	if (r < 0) {
		(void)peer_close(peer);
		return r;
	}
	*ret = peer;
	return 0;
}

struct peer *peer_close(struct peer *peer)
{
	if (!peer)
		return NULL;
	rpc_client_close(peer->client);
	rpc_server_stop(peer->server);
	uv_close((uv_handle_t *)&peer->look, NULL);
	for (size_t i = 0; i < SIGNALS; i++)
		uv_close((uv_handle_t *)&peer->signals[i], NULL);
	(void)uv_run(&peer->loop, UV_RUN_DEFAULT); /* until the handles are closed */
	(void)uv_loop_close(&peer->loop);          /* nothing is left open */
	buf_done(&peer->call.message);
	buf_done(&peer->stream.message);
	free(peer);
	return NULL;
}
