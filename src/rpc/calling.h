/* SPDX-License-Identifier: Apache-2.0 */
/* The client's half of gRPC on one connection, without its socket: requests become frames, frames
 * become answers (client.h). */
#pragma once

#include "rpc/client.h"
#include "rpc/http2.h"

struct outcall;

struct calling {
	struct http2 http2;
	size_t answer_bytes_max;    /* 0: RPC_MESSAGE_BYTES_MAX */
	struct outcall *delivering; /* whose answers are being handed over; NULL once it is over */
	bool is_stopped;
};

/** Returns 0 or -ENOMEM. */
int calling_init(struct calling *calling, void (*kick)(struct http2 *http2));

/** As rpc_client_call(); http2.now_ms is set. On a broken connection the call fails with its reason
 * in the next dispatch. */
int calling_start(struct calling *calling, const char *method, const uint8_t *message,
		  size_t length, uint64_t timeout_ms, struct rpc_reply *reply, struct err *err);

/** The connection is lost: every open call fails with UNAVAILABLE and http2.reason in the next
 * dispatch. */
void calling_abort(struct calling *calling);

/** Every open call ends with CANCELLED before this returns; our goodbye waits to be sent. */
void calling_stop(struct calling *calling);

/** After calling_stop(). */
void calling_done(struct calling *calling);
