/* SPDX-License-Identifier: Apache-2.0 */
/* The head of an HTTP/1.x request, as far as a GET-only responder reads it (RFC 9112, 2 and 3). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum {
	HTTP_PATH_BYTES = 256,
};

struct http_head {
	bool is_get;                /* else HEAD */
	char path[HTTP_PATH_BYTES]; /* without query; begins with '/' */
};

/**
 * Read the head of a request.
 *
 * Returns 0 (it is not whole yet), 1 (@ret is set), or a negative HTTP status: -400 not HTTP/1.x,
 * -405 neither GET nor HEAD, -414 a path that is too long.
 */
int http_head_parse(const char *bytes, size_t length, struct http_head *ret);
