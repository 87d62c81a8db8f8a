/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes of a peer into one connection, ours being the server or the client. The first byte of the
 * input chooses (MODE_...), the second seeds the sizes of the reads and what the service does. No
 * socket: writes are always complete, or, with MODE_STUCK, never taken.
 */
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "rpc/calling.h"
#include "rpc/serving.h"

enum {
	MODE_CLIENT = 1,  /* we are the client */
	MODE_GREETED = 2, /* the preface and an empty SETTINGS came before the input */
	MODE_STUCK = 4,   /* the peer does not read */
	MODE_STOP = 8,    /* stop in the middle */
	MODE_CLOCK = 16,  /* deadlines pass */
	CALLS_MAX = 64,
	CHUNKS_MAX = 4096,
	OUTPUTS_MAX = 64,
	ANSWER_BYTES = 100 * 1000,
};

struct world {
	uint32_t random;
	unsigned mode;
	struct serving serving;
	struct rpc_service service;
	struct rpc_call *calls[CALLS_MAX];
	struct calling calling;
	struct rpc_reply replies[CALLS_MAX];
	size_t replies_count;
	size_t done_count;
	uint8_t answer[ANSWER_BYTES];
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t roll(struct world *world, uint32_t sides)
{
	world->random = world->random * 1664525U + 1013904223U;
	return (world->random >> 8) % sides;
}

static struct http2 *http2_of(struct world *world)
{
	return world->mode & MODE_CLIENT ? &world->calling.http2 : &world->serving.http2;
}

static void kick(struct http2 *http2)
{
	(void)http2; /* every step dispatches and flushes anyway */
}

/* --- the service --------------------------------------------------------------------------- */

static void on_echo(struct rpc_service *service, struct rpc_call *call, const uint8_t *message,
		    size_t length)
{
	(void)service;
	(void)rpc_call_send(call, message, length);
	rpc_call_finish(call, RPC_OK, NULL);
}

static void on_keep(struct rpc_service *service, struct rpc_call *call, const uint8_t *message,
		    size_t length)
{
	(void)message;
	(void)length;
	struct world *world = container_of(service, struct world, service);
	for (size_t i = 0; i < CALLS_MAX; i++) {
		if (world->calls[i])
			continue;
		world->calls[i] = call;
		return;
	}
	rpc_call_finish(call, RPC_RESOURCE_EXHAUSTED, "too many");
}

static void on_gone(struct rpc_service *service, struct rpc_call *call)
{
	struct world *world = container_of(service, struct world, service);
	for (size_t i = 0; i < CALLS_MAX; i++)
		if (world->calls[i] == call)
			world->calls[i] = NULL;
}

static const struct rpc_method methods[] = {
	{ "/a.B/Echo", on_echo },
	{ "/a.B/Keep", on_keep },
};

static void serve_some(struct world *world)
{
	struct rpc_call **call = &world->calls[roll(world, CALLS_MAX)];
	if (!*call)
		return;
	if (roll(world, 3) > 0)
		(void)rpc_call_send(*call, world->answer, roll(world, ANSWER_BYTES));
	else
		rpc_call_finish(TAKE_PTR(*call), (enum rpc_status)roll(world, 17), "\xff text %");
}

/* --- the client ---------------------------------------------------------------------------- */

static void on_message(struct rpc_reply *reply, const uint8_t *message, size_t length)
{
	(void)reply;
	assert(length <= RPC_MESSAGE_BYTES_MAX);
	/* A sanitizer sees here whether all of it may be read. */
	uint8_t sum = 0;
	for (size_t i = 0; i < length; i++)
		sum = (uint8_t)(sum + message[i]);
	if (sum == 1)
		assert(length > 0);
}

/* The owner is told once: the second time finds no struct. */
static void on_done(struct rpc_reply *reply, enum rpc_status status, const char *text)
{
	(void)status;
	assert(text && reply->on_done == on_done);
	reply->on_done = NULL;
}

static void call_some(struct world *world)
{
	if (world->replies_count == CALLS_MAX)
		return;
	struct rpc_reply *reply = &world->replies[world->replies_count];
	reply->on_message = on_message;
	reply->on_done = on_done;
	uint64_t timeout_ms = world->mode & MODE_CLOCK ? roll(world, 20) : 0;
	if (calling_start(&world->calling, "/a.B/Echo", world->answer, roll(world, 1000),
			  timeout_ms, reply, NULL) == 0)
		world->replies_count++;
}

/* --- one connection ------------------------------------------------------------------------ */

static void step(struct world *world)
{
	struct http2 *http2 = http2_of(world);
	http2_dispatch(http2);
	if (world->mode & MODE_CLIENT)
		call_some(world);
	else
		serve_some(world);
	if (world->mode & MODE_CLOCK) {
		http2->now_ms += roll(world, 10);
		http2_expire(http2);
	}
	size_t length = world->mode & MODE_STUCK ? 0 : 1;
	for (unsigned i = 0; i < OUTPUTS_MAX && length > 0; i++) {
		const uint8_t *bytes = NULL;
		length = http2_output(http2, &bytes);
	}
}

static void greet(struct world *world)
{
	static const uint8_t settings[] = { 0, 0, 0, 4, 0, 0, 0, 0, 0 };
	struct http2 *http2 = http2_of(world);
	if (!(world->mode & MODE_CLIENT))
		http2_receive(http2, (const uint8_t *)NGHTTP2_CLIENT_MAGIC,
			      NGHTTP2_CLIENT_MAGIC_LEN);
	http2_receive(http2, settings, sizeof(settings));
}

static void run(struct world *world, const uint8_t *data, size_t size)
{
	static const uint32_t sizes[] = { 1, 9, 100, 1000, 65536 };
	struct http2 *http2 = http2_of(world);
	if (world->mode & MODE_GREETED)
		greet(world);
	size_t stop_at = world->mode & MODE_STOP ? size / 2 : size + 1;
	for (unsigned i = 0; i < CHUNKS_MAX && size > 0 && !http2_is_over(http2); i++) {
		size_t chunk = 1 + roll(world, sizes[roll(world, ARRAY_LEN(sizes))]);
		if (chunk > size || i == CHUNKS_MAX - 1)
			chunk = size;
		http2_receive(http2, data, chunk);
		data += chunk;
		size -= chunk;
		step(world);
		if (size < stop_at && world->mode & MODE_STOP && !(world->mode & MODE_CLIENT))
			serving_stop(&world->serving, http2->now_ms + 10);
	}
}

static void check_service(const struct world *world)
{
	for (size_t i = 0; i < CALLS_MAX; i++)
		assert(!world->calls[i]);
}

static void check_replies(const struct world *world)
{
	for (size_t i = 0; i < world->replies_count; i++)
		assert(!world->replies[i].on_done);
}

static void finish(struct world *world)
{
	if (world->mode & MODE_CLIENT) {
		if (world->mode & MODE_STOP) {
			calling_abort(&world->calling);
			http2_dispatch(&world->calling.http2);
		}
		calling_stop(&world->calling);
		check_replies(world);
		calling_done(&world->calling);
	} else {
		serving_abort(&world->serving);
		check_service(world);
		serving_done(&world->serving);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct world *world = calloc(1, sizeof(*world));
	if (!world)
		return 0;
	world->mode = data[0];
	world->random = data[1];
	world->service = (struct rpc_service){
		.methods = methods,
		.methods_count = ARRAY_LEN(methods),
		.on_gone = on_gone,
	};
	int r = world->mode & MODE_CLIENT ? calling_init(&world->calling, kick)
					  : serving_init(&world->serving, &world->service, kick);
	if (r == 0) {
		http2_of(world)->now_ms = 1;
		step(world);
		run(world, data + 2, size - 2);
		finish(world);
	}
	free(world);
	return 0;
}
