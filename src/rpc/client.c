/* SPDX-License-Identifier: Apache-2.0 */
/* See client.h. Puts the client's half of gRPC (calling.h) on a socket (link.h). */
#include "rpc/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/unix_socket.h"
#include "rpc/calling.h"
#include "rpc/link.h"

struct rpc_client {
	struct link link;
	struct calling calling;
	uv_loop_t *loop; /* borrowed */
	char path[UNIX_SOCKET_PATH_MAX + 1];
	uint8_t read_bytes[LINK_READ_BYTES];
};

static void kick(struct http2 *http2)
{
	struct calling *calling = container_of(http2, struct calling, http2);
	link_kick(&container_of(calling, struct rpc_client, calling)->link);
}

/* The calls hear of it in the next dispatch; calls that come later find the connection broken. */
static void on_over(struct link *link)
{
	struct rpc_client *client = container_of(link, struct rpc_client, link);
	struct http2 *http2 = &client->calling.http2;
	http2_break(http2, "the peer has ended the connection");
	struct err err = ERR_INIT;
	(void)err_set(&err, -ENOTCONN, "%s", http2->reason);
	(void)err_wrap(&err, -ENOTCONN, "%s", client->path);
	memcpy(http2->reason, err.msg, sizeof(http2->reason));
	calling_abort(&client->calling);
}

static void on_closed(struct link *link)
{
	struct rpc_client *client = container_of(link, struct rpc_client, link);
	calling_done(&client->calling);
	free(client);
}

int rpc_client_open(uv_loop_t *loop, const char *path, struct rpc_client **ret, struct err *err)
{
	if (strlen(path) > UNIX_SOCKET_PATH_MAX)
		return err_set(err, -ENAMETOOLONG,
			       "%s: a socket path has at most %d bytes; use a shorter one", path,
			       UNIX_SOCKET_PATH_MAX);
	struct rpc_client *client = calloc(1, sizeof(*client));
	if (!client)
		return err_set(err, -ENOMEM, "%s: out of memory", path);
	int r = calling_init(&client->calling, kick);
	if (r < 0) {
		free(client);
		return err_set(err, r, "%s: out of memory", path);
	}

	memcpy(client->path, path, strlen(path) + 1);
	client->loop = loop;
	client->link.http2 = &client->calling.http2;
	client->link.read_bytes = client->read_bytes;
	client->link.on_over = on_over;
	client->link.on_closed = on_closed;
	link_init(&client->link, loop);
	link_connect(&client->link, path);
	*ret = client;
	return 0;
}

void rpc_client_limit(struct rpc_client *client, size_t answer_bytes_max)
{
	client->calling.answer_bytes_max = answer_bytes_max;
}

int rpc_client_call(struct rpc_client *client, const char *method, const uint8_t *message,
		    size_t length, uint64_t deadline_ms, struct rpc_reply *reply, struct err *err)
{
	/* The loop's clock stands still while code runs; a deadline counts from now. */
	uv_update_time(client->loop);
	client->calling.http2.now_ms = uv_now(client->loop);
	return calling_start(&client->calling, method, message, length, deadline_ms, reply, err);
}

void rpc_client_close(struct rpc_client *client)
{
	if (!client)
		return;
	calling_stop(&client->calling);
	link_close(&client->link);
}
