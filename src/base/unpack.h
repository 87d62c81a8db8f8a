/* SPDX-License-Identifier: Apache-2.0 */
/* Protobuf messages from outside, decoded into an arena within a budget. */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

enum {
	/* What one message may take in memory. protobuf-c also keeps fields that it does not know,
	 * and an empty message of two bytes takes some 60: so much for the 4 MiB of a request. */
	UNPACK_BYTES_MAX = 128 << 20,
};

/**
 * Decode @length bytes as a message of @type.
 *
 * @arena  holds the message, and what is left of one that is refused; arena_done() is the caller's.
 * @ret    a pointer to a pointer to the message's struct.
 *
 * Returns 0, -EBADMSG (not this message), -E2BIG (over UNPACK_BYTES_MAX), -ENOMEM.
 */
int unpack_message(const ProtobufCMessageDescriptor *type, const uint8_t *bytes, size_t length,
		   struct arena *arena, void *ret, struct err *err);
