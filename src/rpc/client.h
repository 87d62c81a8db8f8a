/* SPDX-License-Identifier: Apache-2.0 */
/* A gRPC client on one unix socket: one connection, many calls at a time, on the caller's loop.
 * Nothing here blocks. The program ignores SIGPIPE, since libuv writes with write(2). */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "rpc/status.h"

struct rpc_client;

/*
 * Where an answer goes; embedded in its owner, which is found again by container_of. Must live
 * until on_done, which comes exactly once.
 */
struct rpc_reply {
	/* @message is borrowed for the call. May be NULL when only the end matters. */
	void (*on_message)(struct rpc_reply *reply, const uint8_t *message, size_t length);
	/* @text: the peer's grpc-message decoded, or our own reason; never NULL. */
	void (*on_done)(struct rpc_reply *reply, enum rpc_status status, const char *text);
};

/**
 * Begin to connect. Calls may be made at once; they go out when the connection stands.
 *
 * A connection that cannot be made or is lost ends every call with UNAVAILABLE and the reason; the
 * client then stays unusable until closed.
 *
 * Returns 0, -ENAMETOOLONG, -ENOMEM.
 */
int rpc_client_open(uv_loop_t *loop, const char *path, struct rpc_client **ret, struct err *err);

/** Take answers of up to @answer_bytes_max bytes in calls that begin after this, instead of
 * RPC_MESSAGE_BYTES_MAX. */
void rpc_client_limit(struct rpc_client *client, size_t answer_bytes_max);

/**
 * Start a call with one request message; answers may be one or many.
 *
 * @method       "/package.Service/Method".
 * @deadline_ms  0 for none; passed on as grpc-timeout and enforced here too.
 *
 * @reply is never called before this returns. Returns 0, -EMSGSIZE, -ENOMEM, -ECANCELED (inside
 * rpc_client_close()); on failure @reply is not called at all.
 */
int rpc_client_call(struct rpc_client *client, const char *method, const uint8_t *message,
		    size_t length, uint64_t deadline_ms, struct rpc_reply *reply, struct err *err);

/** Ends every call with CANCELLED (on_done is called before this returns), then the connection.
 * NULL is allowed. */
void rpc_client_close(struct rpc_client *client);
