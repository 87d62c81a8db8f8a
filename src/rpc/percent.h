/* SPDX-License-Identifier: Apache-2.0 */
/* The header grpc-message: UTF-8 text, percent-encoded (gRPC's PROTOCOL-HTTP2, "Status-Message").
 * Pure. */
#pragma once

#include <stddef.h>

enum {
	/* grpcio refuses more than 8 KiB of headers in one block; the rest of the block needs some.
	 */
	PERCENT_BYTES_MAX = 4096,
};

/**
 * Encode a text for the wire. What is not UTF-8 becomes U+FFFD; what does not fit into
 * PERCENT_BYTES_MAX is cut between two characters.
 *
 * Returns malloc'ed text, the caller's to free(); NULL when memory is out.
 */
char *percent_encode(const char *text);

/**
 * Decode what a peer sent. A broken escape stands for itself; NUL and what is not UTF-8 become
 * U+FFFD; at most PERCENT_BYTES_MAX bytes result, cut between two characters.
 *
 * Returns malloc'ed text, the caller's to free(); NULL when memory is out.
 */
char *percent_decode(const char *value, size_t length);
