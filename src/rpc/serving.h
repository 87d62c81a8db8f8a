/* SPDX-License-Identifier: Apache-2.0 */
/* The server's half of gRPC on one connection, without its socket: requests become calls of a
 * service (server.h), answers become frames. */
#pragma once

#include "rpc/http2.h"
#include "rpc/server.h"

struct serving {
	struct http2 http2;
	struct rpc_service *service; /* borrowed; not used after serving_stop() */
};

/** Returns 0 or -ENOMEM. */
int serving_init(struct serving *serving, struct rpc_service *service,
		 void (*kick)(struct http2 *http2));

/** Every open call gets on_gone and its peer UNAVAILABLE; new ones are refused; the connection ends
 * when all are told, at @until_ms at the latest. */
void serving_stop(struct serving *serving, uint64_t until_ms);

/** The connection is lost: every open call gets on_gone before this returns. */
void serving_abort(struct serving *serving);

/** After serving_stop() or serving_abort(). */
void serving_done(struct serving *serving);
