/* SPDX-License-Identifier: Apache-2.0 */
/* A gRPC message on the wire: one byte "compressed", four bytes of length, then the message. Knows
 * no socket and no HTTP/2. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	ENVELOPE_PREFIX_BYTES = 5,
};

/* Zero is a valid decoder between two messages. message: owned; grows with the bytes that came, not
 * with the length that the peer claims. */
struct envelope {
	size_t limit; /* of a message; 0: RPC_MESSAGE_BYTES_MAX */
	uint8_t prefix[ENVELOPE_PREFIX_BYTES];
	size_t prefix_have;
	uint8_t *message;
	size_t length;
	size_t have;
	size_t size;
};

/**
 * Feed bytes; stops behind the end of a message.
 *
 * @ret_used  how many of @length were taken; set always.
 *
 * Returns 1 when a message is whole (envelope_take() it before the next call), 0 when more is
 * needed, -EMSGSIZE (the length exceeds the limit), -EBADMSG (flagged as compressed),
 * -EPROTO (any other flag), -ENOMEM. After a failure the decoder is fit for envelope_done() only.
 */
int envelope_decode(struct envelope *decoder, const uint8_t *bytes, size_t length,
		    size_t *ret_used);

/** The whole message, never NULL, the caller's to free(). The decoder begins the next one. */
uint8_t *envelope_take(struct envelope *decoder, size_t *ret_length);

/** Whether the bytes so far end inside a message. */
bool envelope_is_partial(const struct envelope *decoder);

void envelope_done(struct envelope *decoder);

/**
 * Prefix and message in one piece.
 *
 * @ret  malloc'ed, the caller's to free().
 *
 * Returns 0, -EMSGSIZE (over RPC_MESSAGE_BYTES_MAX), -ENOMEM.
 */
int envelope_encode(const uint8_t *message, size_t length, uint8_t **ret, size_t *ret_bytes);
