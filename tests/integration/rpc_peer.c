/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A gRPC peer for test_rpc.py, steered by lines on stdin; answers are lines on stdout.
 *
 *   rpc_peer server PATH   send BYTES | stats | stop
 *   rpc_peer client PATH   call METHOD TEXT|@BYTES DEADLINE_MS | close
 *
 * Methods of /rota.test.Peer/: Echo; Fail ("CODE text" ends with that code and text); Watch (one
 * empty message, then whatever "send" says); Keep (never answers).
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/list.h"
#include "rpc/client.h"
#include "rpc/server.h"

enum {
	LINE_BYTES_MAX = 4096,
	TEXT_BYTES_MAX = 1024,
};

struct peer {
	uv_loop_t loop;
	uv_pipe_t input;
	struct buf lines;
	char read_bytes[LINE_BYTES_MAX];
	struct rpc_service service;
	struct rpc_server *server;
	struct rpc_client *client;
	struct list watchers;
	unsigned kept;
	unsigned gone;
	unsigned next_id;
};

struct watcher {
	struct list node;
	struct rpc_call *call;
};

struct outgoing_call {
	struct rpc_reply reply;
	unsigned id;
	unsigned messages;
	size_t bytes;
};

static struct peer *peer_of(struct rpc_service *service)
{
	return container_of(service, struct peer, service);
}

/* --- server -------------------------------------------------------------------------------- */

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
	char text[TEXT_BYTES_MAX];
	size_t kept = length < sizeof(text) ? length : sizeof(text) - 1;
	memcpy(text, message, kept);
	text[kept] = '\0';
	char *end = NULL;
	long code = strtol(text, &end, 10);
	rpc_call_finish(call, (enum rpc_status)code, *end == ' ' ? end + 1 : NULL);
}

static void on_watch(struct rpc_service *service, struct rpc_call *call, const uint8_t *message,
		     size_t length)
{
	(void)message;
	(void)length;
	struct watcher *watcher = calloc(1, sizeof(*watcher));
	if (!watcher || rpc_call_send(call, NULL, 0) < 0) {
		free(watcher);
		rpc_call_finish(call, RPC_RESOURCE_EXHAUSTED, "out of memory");
		return;
	}
	watcher->call = call;
	list_append(&peer_of(service)->watchers, &watcher->node);
}

static void on_keep(struct rpc_service *service, struct rpc_call *call, const uint8_t *message,
		    size_t length)
{
	(void)call;
	(void)message;
	(void)length;
	peer_of(service)->kept++;
}

static void on_gone(struct rpc_service *service, struct rpc_call *call)
{
	struct peer *peer = peer_of(service);
	peer->gone++;
	list_for_each_safe (node, after, &peer->watchers) {
		struct watcher *watcher = container_of(node, struct watcher, node);
		if (watcher->call != call)
			continue;
		list_remove(node);
		free(watcher);
	}
}

static const struct rpc_method methods[] = {
	{ "/rota.test.Peer/Echo", on_echo },
	{ "/rota.test.Peer/Fail", on_fail },
	{ "/rota.test.Peer/Watch", on_watch },
	{ "/rota.test.Peer/Keep", on_keep },
};

static void send_all(struct peer *peer, const char *words)
{
	size_t length = strtoul(words, NULL, 10);
	cleanup_free uint8_t *message = calloc(1, length + 1);
	if (!message)
		return;
	list_for_each_safe (node, after, &peer->watchers) {
		struct watcher *watcher = container_of(node, struct watcher, node);
		int r = rpc_call_send(watcher->call, message, length);
		if (r < 0)
			(void)printf("refused %d\n", r);
	}
	(void)printf("sent\n");
}

static void print_stats(struct peer *peer, const char *words)
{
	(void)words;
	size_t rss = 0;
	unsigned watchers = 0;
	(void)uv_resident_set_memory(&rss);
	list_for_each_safe (node, after, &peer->watchers)
		watchers++;
	(void)printf("stats watchers=%u kept=%u gone=%u reachable=%d rss=%zu\n", watchers,
		     peer->kept, peer->gone, rpc_server_is_reachable(peer->server), rss);
}

static void stop(struct peer *peer, const char *words)
{
	(void)words;
	rpc_server_stop(TAKE_PTR(peer->server));
	rpc_client_close(TAKE_PTR(peer->client));
	if (!uv_is_closing((uv_handle_t *)&peer->input))
		uv_close((uv_handle_t *)&peer->input, NULL);
}

/* --- client -------------------------------------------------------------------------------- */

static void on_message(struct rpc_reply *reply, const uint8_t *message, size_t length)
{
	struct outgoing_call *call = container_of(reply, struct outgoing_call, reply);
	call->messages++;
	call->bytes += length;
	(void)printf("message %u %zu %.*s\n", call->id, length, length < 64 ? (int)length : 0,
		     (const char *)message);
}

static void on_done(struct rpc_reply *reply, enum rpc_status status, const char *text)
{
	struct outgoing_call *call = container_of(reply, struct outgoing_call, reply);
	(void)printf("done %u %d %u %zu %s\n", call->id, (int)status, call->messages, call->bytes,
		     text);
	free(call);
}

static void make_call(struct peer *peer, const char *words)
{
	char method[TEXT_BYTES_MAX];
	char text[TEXT_BYTES_MAX];
	uint64_t deadline_ms = 0;
	if (sscanf(words, "%1023s %1023s %" SCNu64, method, text, &deadline_ms) != 3)
		return;
	size_t length = text[0] == '@' ? strtoul(text + 1, NULL, 10) : strlen(text);
	cleanup_free uint8_t *message = calloc(1, length + 1);
	struct outgoing_call *call = calloc(1, sizeof(*call));
	if (!message || !call) {
		free(call);
		return;
	}
	if (text[0] != '@')
		memcpy(message, text, length);
	call->id = peer->next_id++;
	call->reply = (struct rpc_reply){ .on_message = on_message, .on_done = on_done };
	struct err err = ERR_INIT;
	int r = rpc_client_call(peer->client, method, message, length, deadline_ms, &call->reply,
				&err);
	if (r < 0) {
		(void)printf("refused %d %s\n", r, err.msg);
		free(call);
	}
}

/* --- steering ------------------------------------------------------------------------------ */

static const struct command {
	const char *name;
	void (*run)(struct peer *peer, const char *words);
} commands[] = {
	{ "send", send_all },  { "stats", print_stats }, { "stop", stop },
	{ "call", make_call }, { "close", stop },
};

static void run_line(struct peer *peer, const char *line)
{
	size_t length = strcspn(line, " ");
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (strlen(commands[i].name) == length &&
		    strncmp(commands[i].name, line, length) == 0)
			commands[i].run(peer, line + length);
	(void)fflush(stdout);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	(void)suggested;
	struct peer *peer = container_of((uv_pipe_t *)handle, struct peer, input);
	*buf = uv_buf_init(peer->read_bytes, sizeof(peer->read_bytes));
}

static void on_input(uv_stream_t *stream, ssize_t length, const uv_buf_t *buf)
{
	struct peer *peer = container_of((uv_pipe_t *)stream, struct peer, input);
	if (length < 0) {
		stop(peer, "");
		return;
	}
	if (buf_append(&peer->lines, buf->base, (size_t)length) < 0)
		return;
	char *end = NULL;
	while (peer->lines.len > 0 && (end = strchr(peer->lines.data, '\n'))) {
		*end = '\0';
		run_line(peer, peer->lines.data);
		buf_consume(&peer->lines, (size_t)(end - peer->lines.data) + 1);
	}
}

static int start(struct peer *peer, const char *role, const char *path, struct err *err)
{
	peer->service = (struct rpc_service){
		.methods = methods,
		.methods_count = ARRAY_LEN(methods),
		.on_gone = on_gone,
	};
	if (strcmp(role, "server") == 0)
		return rpc_server_start(&peer->loop, path, &peer->service, &peer->server, err);
	return rpc_client_open(&peer->loop, path, &peer->client, err);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	(void)signal(SIGPIPE, SIG_IGN);
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	static struct peer peer = { .lines = BUF_INIT(1 << 20) };
	list_init(&peer.watchers);
	struct err err = ERR_INIT;
	if (uv_loop_init(&peer.loop) < 0)
		return EXIT_FAILURE;
	if (start(&peer, argv[1], argv[2], &err) < 0) {
		(void)printf("failed %s\n", err.msg);
		return EXIT_FAILURE;
	}
	(void)uv_pipe_init(&peer.loop, &peer.input, 0);
	(void)uv_pipe_open(&peer.input, 0);
	(void)uv_read_start((uv_stream_t *)&peer.input, on_alloc, on_input);
	(void)printf("ready\n");
	(void)uv_run(&peer.loop, UV_RUN_DEFAULT);
	buf_done(&peer.lines);
	return uv_loop_close(&peer.loop) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
