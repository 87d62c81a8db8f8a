/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A GET-only HTTP/1.1 responder on the caller's loop, for probes and Prometheus: one request a
 * connection, then it closes. No TLS, no keep-alive, no bodies in. Nothing here blocks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "base/buf.h"
#include "base/err.h"

enum {
	HTTP_CONNECTIONS_MAX = 32,     /* one more takes the place of the oldest at rest */
	HTTP_HEAD_BYTES_MAX = 8192,    /* request line and headers; more is answered with 431 */
	HTTP_BODY_BYTES_MAX = 4 << 20, /* of an answer */
	HTTP_IDLE_MS = 10000,          /* for the whole exchange */
};

/* What is answered. */
struct http_answer {
	unsigned status;          /* 200, 503; 0 reads as 404 */
	const char *content_type; /* a constant */
	struct buf body;          /* freed by the responder */
};

/* Embedded in its owner, which is found again by container_of. */
struct http_handler {
	/* Fill @answer for @path ("/metrics"), which has no query. It comes as a 404 without a
	 * body. */
	void (*answer)(struct http_handler *handler, const char *path, struct http_answer *answer);
};

struct http_server;

/**
 * Listen.
 *
 * @address  as listen_address_parse() reads it; ":port" is all addresses.
 *
 * Returns 0, -EINVAL (not an address), -ENOMEM or the errno of bind and listen; @err says where and
 * what to do.
 */
int http_start(uv_loop_t *loop, const char *address, struct http_handler *handler,
	       struct http_server **ret, struct err *err);

/** Close. Memory goes when the loop has closed the handles. NULL is allowed. */
void http_stop(struct http_server *server);
