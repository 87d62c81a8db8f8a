/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A gRPC server on one unix socket, on the caller's loop. No TLS, no compression, no client
 * streaming: what kubelet's plugin sockets need. Nothing here blocks. The program ignores SIGPIPE,
 * since libuv writes with write(2).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "rpc/status.h"

enum {
	/* At the last one the oldest without a call ends; more are closed at once. */
	RPC_CONNECTIONS_MAX = 64,
	RPC_CALLS_MAX =
		256, /* open calls of one connection; told to the peer, which queues the rest */
};

struct rpc_server;
struct rpc_call;
struct rpc_service;

/**
 * A request arrived whole (the client half-closed after exactly one message).
 *
 * @call     valid until rpc_call_finish() or the service's on_gone, whichever is first.
 * @message  borrowed for the call of this function.
 *
 * Ends now or later in rpc_call_finish(); a stream sends in between.
 */
typedef void rpc_request_fn(struct rpc_service *service, struct rpc_call *call,
			    const uint8_t *message, size_t length);

struct rpc_method {
	const char *path; /* "/package.Service/Method" */
	rpc_request_fn *on_request;
};

/* Embedded in its owner, which is found again by container_of; must outlive the server. */
struct rpc_service {
	const struct rpc_method *methods; /* borrowed, constant */
	size_t methods_count;
	/* The peer cancelled, left, or its deadline passed, and the call was not finished. May be
	 * NULL. */
	void (*on_gone)(struct rpc_service *service, struct rpc_call *call);
};

/**
 * Listen and serve. A file that lies at @path is removed first.
 *
 * @path  at most UNIX_SOCKET_PATH_MAX bytes.
 *
 * The file is readable and writable for its owner only.
 *
 * Returns 0, -ENAMETOOLONG, -EINVAL (empty), -ENOMEM or the errno of bind and listen (a missing
 * directory is -ENOENT).
 */
int rpc_server_start(uv_loop_t *loop, const char *path, struct rpc_service *service,
		     struct rpc_server **ret, struct err *err);

/**
 * Stop: no more connections, every open call gets on_gone and its peer UNAVAILABLE, the socket file
 * is removed if it is still ours (same inode). The loop needs up to a second more to tell peers
 * that read slowly; then the memory goes. @service is not touched after this returns. NULL is
 * allowed.
 */
void rpc_server_stop(struct rpc_server *server);

/** Whether the file at the path is still the socket that we listen on. May be asked at any time. */
bool rpc_server_is_reachable(const struct rpc_server *server);

/**
 * Send one message.
 *
 * On a stream a message that still waits for the peer is replaced by a newer one, so that a peer
 * that does not read costs one message of memory. Two messages in one callback: the first one
 * still waits.
 *
 * Returns 0, -EMSGSIZE (over RPC_MESSAGE_BYTES_MAX), -ENOMEM (also when this peer leaves too much
 * unread over all its calls). @message is copied.
 */
int rpc_call_send(struct rpc_call *call, const uint8_t *message, size_t length);

/** End the call; @text (may be NULL) goes to the peer as grpc-message, percent-encoded. @call is
 * gone. */
void rpc_call_finish(struct rpc_call *call, enum rpc_status status, const char *text);
