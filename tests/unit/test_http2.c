/* SPDX-License-Identifier: Apache-2.0 */
/* Both halves of gRPC against one another in memory: sizes of reads, time, and memory that runs out
 * are ours to choose. */
#include "unit.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "rpc/calling.h"
#include "rpc/serving.h"

enum {
	TURNS_MAX = 100000,
	ALLOCATIONS_MAX = 1000,
	BIG_BYTES = 640 * 1000,
	WAITING_CALLS = 16,
	EARLY_MS = 1000,
	LATE_MS = 2000,
};

struct answer {
	struct rpc_reply reply;
	unsigned messages;
	size_t length;
	uint8_t first;
	unsigned done;
	enum rpc_status status;
};

struct pair {
	struct calling calling;
	struct serving serving;
	struct rpc_service service;
	struct rpc_call *kept[WAITING_CALLS];
	size_t kept_count;
	unsigned gone;
	size_t read_bytes; /* how much one read brings */
	unsigned outputs;  /* pieces that the server gave for writing */
};

static size_t allocations_left; /* 0: no limit */

/* Counts down to the one that fails. */
static bool fails(void)
{
	return allocations_left > 0 && --allocations_left == 0;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *pointer, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *pointer, size_t size);

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

/* --- the pair ------------------------------------------------------------------------------ */

static void kick(struct http2 *http2)
{
	(void)http2; /* pump() comes anyway */
}

static void on_echo(struct rpc_service *service, struct rpc_call *call, const uint8_t *message,
		    size_t length)
{
	(void)service;
	if (rpc_call_send(call, message, length) < 0)
		rpc_call_finish(call, RPC_RESOURCE_EXHAUSTED, "cannot send");
	else
		rpc_call_finish(call, RPC_OK, NULL);
}

static void on_fail(struct rpc_service *service, struct rpc_call *call, const uint8_t *message,
		    size_t length)
{
	(void)service;
	(void)message;
	(void)length;
	rpc_call_finish(call, RPC_NOT_FOUND, "no such thing");
}

static void on_keep(struct rpc_service *service, struct rpc_call *call, const uint8_t *message,
		    size_t length)
{
	(void)message;
	(void)length;
	struct pair *pair = container_of(service, struct pair, service);
	pair->kept[pair->kept_count++] = call;
}

static void on_gone(struct rpc_service *service, struct rpc_call *call)
{
	(void)call;
	container_of(service, struct pair, service)->gone++;
}

static const struct rpc_method methods[] = {
	{ "/test.Test/Echo", on_echo },
	{ "/test.Test/Fail", on_fail },
	{ "/test.Test/Keep", on_keep },
};

static void on_message(struct rpc_reply *reply, const uint8_t *message, size_t length)
{
	struct answer *answer = container_of(reply, struct answer, reply);
	answer->messages++;
	answer->length = length;
	answer->first = length > 0 ? message[0] : 0;
}

static void on_done(struct rpc_reply *reply, enum rpc_status status, const char *text)
{
	struct answer *answer = container_of(reply, struct answer, reply);
	assert_non_null(text);
	answer->done++;
	answer->status = status;
}

/* Returns 0 or -ENOMEM, and then there is nothing to end. */
static int pair_init(struct pair *pair, size_t read_bytes)
{
	*pair = (struct pair){ .read_bytes = read_bytes };
	pair->service = (struct rpc_service){
		.methods = methods,
		.methods_count = ARRAY_LEN(methods),
		.on_gone = on_gone,
	};
	int r = serving_init(&pair->serving, &pair->service, kick);
	if (r < 0)
		return r;
	r = calling_init(&pair->calling, kick);
	if (r < 0) {
		serving_abort(&pair->serving);
		serving_done(&pair->serving);
	}
	return r;
}

static void pair_done(struct pair *pair)
{
	serving_abort(&pair->serving);
	serving_done(&pair->serving);
	calling_stop(&pair->calling);
	calling_done(&pair->calling);
}

static bool carry(const struct pair *pair, struct http2 *from, struct http2 *to)
{
	const uint8_t *bytes = NULL;
	size_t length = http2_output(from, &bytes);
	for (size_t i = 0; i < length; i += pair->read_bytes) {
		size_t left = length - i;
		http2_receive(to, bytes + i, left < pair->read_bytes ? left : pair->read_bytes);
	}
	return length > 0;
}

/* Until neither has anything to say. */
static void pump(struct pair *pair)
{
	struct http2 *client = &pair->calling.http2;
	struct http2 *server = &pair->serving.http2;
	bool is_busy = true;
	for (unsigned i = 0; i < TURNS_MAX && is_busy; i++) {
		is_busy = carry(pair, client, server);
		http2_dispatch(server);
		bool has_answer = carry(pair, server, client);
		pair->outputs += has_answer;
		http2_dispatch(client);
		is_busy |= has_answer;
	}
	assert_false(is_busy);
}

static int start(struct pair *pair, struct answer *answer, const char *method,
		 const uint8_t *message, size_t length, uint64_t timeout_ms)
{
	*answer = (struct answer){ .reply = { .on_message = on_message, .on_done = on_done } };
	return calling_start(&pair->calling, method, message, length, timeout_ms, &answer->reply,
			     NULL);
}

static void set_clock(struct pair *pair, uint64_t now_ms)
{
	pair->calling.http2.now_ms = now_ms;
	pair->serving.http2.now_ms = now_ms;
}

/* --- tests --------------------------------------------------------------------------------- */

static void calls_survive_reads_of_any_size(void **state)
{
	(void)state;
	static const size_t sizes[] = { 1, 2, 7, 9, 64, 4096 };
	static const uint8_t message[1000] = { 'm' };
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct pair pair;
		struct answer echo;
		struct answer failed;
		assert_int_equal(pair_init(&pair, sizes[i]), 0);
		assert_int_equal(
			start(&pair, &echo, "/test.Test/Echo", message, sizeof(message), 0), 0);
		assert_int_equal(start(&pair, &failed, "/test.Test/Fail", NULL, 0, 0), 0);
		pump(&pair);
		assert_int_equal(echo.done, 1);
		assert_int_equal(echo.status, RPC_OK);
		assert_int_equal(echo.length, sizeof(message));
		assert_int_equal(echo.first, 'm');
		assert_int_equal(failed.status, RPC_NOT_FOUND);
		pair_done(&pair);
	}
}

static void large_message_takes_few_writes(void **state)
{
	(void)state;
	struct pair pair;
	struct answer answer;
	uint8_t *message = calloc(1, BIG_BYTES);
	assert_non_null(message);
	assert_int_equal(pair_init(&pair, SIZE_MAX / 2), 0);
	assert_int_equal(start(&pair, &answer, "/test.Test/Keep", NULL, 0, 0), 0);
	pump(&pair);
	assert_int_equal(pair.kept_count, 1);
	pair.outputs = 0;
	assert_int_equal(rpc_call_send(pair.kept[0], message, BIG_BYTES), 0);
	pump(&pair);
	assert_int_equal(answer.length, BIG_BYTES);
	assert_in_range(pair.outputs, 1, BIG_BYTES / HTTP2_OUTPUT_BYTES + 1);
	free(message);
	pair_done(&pair);
	assert_int_equal(pair.gone, 1);
}

static void idle_connection_keeps_little_memory(void **state)
{
	(void)state;
	struct pair pair;
	struct answer answer;
	uint8_t *message = calloc(1, BIG_BYTES);
	assert_non_null(message);
	assert_int_equal(pair_init(&pair, SIZE_MAX / 2), 0);
	assert_int_equal(start(&pair, &answer, "/test.Test/Echo", message, BIG_BYTES, 0), 0);
	pump(&pair);
	assert_int_equal(answer.length, BIG_BYTES);
	assert_in_range(pair.serving.http2.output.size, 0, HTTP2_OUTPUT_KEPT_BYTES);
	assert_int_equal(pair.serving.http2.pending, 0);
	assert_int_equal(pair.serving.http2.held, 0);
	free(message);
	pair_done(&pair);
}

static void deadlines_pass_in_order(void **state)
{
	(void)state;
	struct pair pair;
	struct answer late;
	struct answer early;
	assert_int_equal(pair_init(&pair, 4096), 0);
	set_clock(&pair, 1);
	assert_int_equal(start(&pair, &late, "/test.Test/Keep", NULL, 0, LATE_MS), 0);
	assert_int_equal(start(&pair, &early, "/test.Test/Keep", NULL, 0, EARLY_MS), 0);
	pump(&pair);
	assert_int_equal(http2_deadline(&pair.serving.http2), 1 + EARLY_MS);

	set_clock(&pair, EARLY_MS);
	http2_expire(&pair.serving.http2);
	pump(&pair);
	assert_int_equal(early.done, 0);

	set_clock(&pair, EARLY_MS + 1);
	http2_expire(&pair.serving.http2);
	pump(&pair);
	assert_int_equal(early.status, RPC_DEADLINE_EXCEEDED);
	assert_int_equal(late.done, 0);
	assert_int_equal(pair.gone, 1);
	assert_int_equal(http2_deadline(&pair.serving.http2), 1 + LATE_MS);

	set_clock(&pair, LATE_MS + 1);
	http2_expire(&pair.calling.http2);
	pump(&pair);
	assert_int_equal(late.status, RPC_DEADLINE_EXCEEDED);
	assert_int_equal(pair.gone, 2);
	pair_done(&pair);
	assert_int_equal(early.done + late.done, 2);
}

static void service_may_finish_a_call_that_just_expired(void **state)
{
	(void)state;
	struct pair pair;
	struct answer answer;
	assert_int_equal(pair_init(&pair, 4096), 0);
	set_clock(&pair, 1);
	assert_int_equal(start(&pair, &answer, "/test.Test/Keep", NULL, 0, EARLY_MS), 0);
	pump(&pair);
	set_clock(&pair, EARLY_MS + 1);
	http2_expire(&pair.serving.http2);
	assert_int_equal(rpc_call_send(pair.kept[0], NULL, 0), 0);
	rpc_call_finish(pair.kept[0], RPC_OK, NULL);
	pump(&pair);
	assert_int_equal(answer.status, RPC_DEADLINE_EXCEEDED);
	assert_int_equal(answer.messages, 0);
	assert_int_equal(pair.gone, 0);
	pair_done(&pair);
}

static void drained_server_says_goodbye_after_its_last_word(void **state)
{
	(void)state;
	struct pair pair;
	struct answer watch;
	struct answer late;
	assert_int_equal(pair_init(&pair, 4096), 0);
	assert_int_equal(start(&pair, &watch, "/test.Test/Keep", NULL, 0, 0), 0);
	pump(&pair);
	assert_int_equal(rpc_call_send(pair.kept[0], (const uint8_t *)"x", 1), 0);
	pump(&pair);
	assert_int_equal(start(&pair, &late, "/test.Test/Echo", NULL, 0, 0), 0);
	serving_stop(&pair.serving, 1000);
	assert_int_equal(pair.gone, 1);
	pump(&pair);
	assert_int_equal(watch.status, RPC_UNAVAILABLE);
	assert_int_equal(watch.messages, 1);
	assert_int_equal(late.status, RPC_UNAVAILABLE);
	assert_true(http2_is_over(&pair.serving.http2));
	assert_true(http2_is_over(&pair.calling.http2));
	assert_false(pair.serving.http2.is_broken);
	pair_done(&pair);
}

static void stop_drops_what_nobody_began_to_send(void **state)
{
	(void)state;
	struct pair pair;
	struct answer answer;
	assert_int_equal(pair_init(&pair, 4096), 0);
	assert_int_equal(start(&pair, &answer, "/test.Test/Keep", NULL, 0, 0), 0);
	pump(&pair);
	assert_int_equal(rpc_call_send(pair.kept[0], (const uint8_t *)"x", 1), 0);
	serving_stop(&pair.serving, 1000);
	pump(&pair);
	assert_int_equal(answer.status, RPC_UNAVAILABLE);
	assert_int_equal(answer.messages, 0);
	pair_done(&pair);
}

/* Everything that a connection does in its life, whatever fails on the way. */
static void live(struct pair *pair, struct answer *answers)
{
	static const uint8_t message[20000] = { 'm' };
	int r[3];
	r[0] = start(pair, &answers[0], "/test.Test/Echo", message, sizeof(message), 0);
	r[1] = start(pair, &answers[1], "/test.Test/Fail", NULL, 0, EARLY_MS);
	r[2] = start(pair, &answers[2], "/test.Test/Keep", NULL, 0, 0);
	pump(pair);
	for (size_t i = 0; i < pair->kept_count; i++)
		(void)rpc_call_send(pair->kept[i], message, sizeof(message));
	pump(pair);
	serving_stop(&pair->serving, 1000);
	pump(pair);
	pair_done(pair);
	for (size_t i = 0; i < ARRAY_LEN(r); i++)
		assert_int_equal(answers[i].done, r[i] == 0);
	assert_int_equal(pair->gone, pair->kept_count);
}

static void every_failing_allocation_is_survived(void **state)
{
	(void)state;
	size_t failed = 0;
	bool has_failed = true;
	for (size_t n = 1; n <= ALLOCATIONS_MAX && has_failed; n++) {
		struct pair pair;
		struct answer answers[3];
		allocations_left = n;
		if (pair_init(&pair, 4096) == 0)
			live(&pair, answers);
		has_failed = allocations_left == 0;
		allocations_left = 0;
		failed += has_failed;
	}
	assert_false(has_failed);
	assert_in_range(failed, 10, ALLOCATIONS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_survive_reads_of_any_size),
		cmocka_unit_test(large_message_takes_few_writes),
		cmocka_unit_test(idle_connection_keeps_little_memory),
		cmocka_unit_test(deadlines_pass_in_order),
		cmocka_unit_test(service_may_finish_a_call_that_just_expired),
		cmocka_unit_test(drained_server_says_goodbye_after_its_last_word),
		cmocka_unit_test(stop_drops_what_nobody_began_to_send),
		cmocka_unit_test(every_failing_allocation_is_survived),
	};
	return cmocka_run_group_tests_name("http2", tests, NULL, NULL);
}
