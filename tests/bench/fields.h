/* SPDX-License-Identifier: Apache-2.0 */
/* Protobuf's wire format, as much as kubelet's messages need: bytes and small numbers. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* One field. bytes: borrowed from the message; NULL for a number, which is skipped. */
struct field_view {
	unsigned number;
	const uint8_t *bytes;
	size_t length;
};

/* What is left of a message to read; borrowed. */
struct field_reader {
	const uint8_t *at;
	const uint8_t *end;
};

/** A failure is kept in @buf, as with buf_append(). */
void fields_put_bytes(struct buf *buf, unsigned number, const void *bytes, size_t length);
void fields_put_number(struct buf *buf, unsigned number, uint64_t value);

/** Read the next field: 1, 0 at the end of the message, -EBADMSG. */
int fields_next(struct field_reader *reader, struct field_view *ret);

/** How many fields @number there are, or -EBADMSG. */
int fields_count(const uint8_t *message, size_t length, unsigned number);

/** The first field @number. 0, -ENOENT, -EBADMSG. */
int fields_find(const uint8_t *message, size_t length, unsigned number, struct field_view *ret);
