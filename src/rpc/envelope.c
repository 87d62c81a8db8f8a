/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See envelope.h. Invariant: have <= size <= length, and message is NULL until the prefix is whole.
 * A peer that claims 4 MiB and sends nothing costs ENVELOPE_FIRST_BYTES.
 */
#include "rpc/envelope.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/status.h"

enum {
	ENVELOPE_FIRST_BYTES = 4096,
};

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* An empty message still gets an address, so that nobody has to tell it from "none". */
static int reserve(struct envelope *decoder, size_t wanted)
{
	if (decoder->message && wanted <= decoder->size)
		return 0;
	size_t size = decoder->size ? decoder->size : ENVELOPE_FIRST_BYTES;
	while (size < wanted)
		size *= 2;
	size = smaller(size, decoder->length);
	uint8_t *message = realloc(decoder->message, size ? size : 1);
	if (!message)
		return -ENOMEM;
	decoder->message = message;
	decoder->size = size;
	return 0;
}

static int read_prefix(struct envelope *decoder)
{
	const uint8_t *prefix = decoder->prefix;
	if (prefix[0] != 0)
		return prefix[0] == 1 ? -EBADMSG : -EPROTO;
	size_t length = (size_t)prefix[1] << 24 | (size_t)prefix[2] << 16 | (size_t)prefix[3] << 8 |
			(size_t)prefix[4];
	if (length > (decoder->limit ? decoder->limit : RPC_MESSAGE_BYTES_MAX))
		return -EMSGSIZE;
	decoder->length = length;
	return 0;
}

int envelope_decode(struct envelope *decoder, const uint8_t *bytes, size_t length, size_t *ret_used)
{
	size_t used = smaller(length, ENVELOPE_PREFIX_BYTES - decoder->prefix_have);
	*ret_used = used;
	if (used > 0) {
		memcpy(decoder->prefix + decoder->prefix_have, bytes, used);
		decoder->prefix_have += used;
	}
	if (decoder->prefix_have < ENVELOPE_PREFIX_BYTES)
		return 0;
	int r = used > 0 ? read_prefix(decoder) : 0;
	if (r < 0)
		return r;

	size_t more = smaller(length - used, decoder->length - decoder->have);
	r = reserve(decoder, decoder->have + more);
	if (r < 0)
		return r;
	if (more > 0)
		memcpy(decoder->message + decoder->have, bytes + used, more);
	decoder->have += more;
	*ret_used = used + more;
	return decoder->have == decoder->length ? 1 : 0;
}

uint8_t *envelope_take(struct envelope *decoder, size_t *ret_length)
{
	uint8_t *message = decoder->message;
	*ret_length = decoder->length;
	*decoder = (struct envelope){ .limit = decoder->limit };
	return message;
}

bool envelope_is_partial(const struct envelope *decoder)
{
	return decoder->prefix_have > 0;
}

void envelope_done(struct envelope *decoder)
{
	free(decoder->message);
	*decoder = (struct envelope){ .prefix_have = 0 };
}

int envelope_encode(const uint8_t *message, size_t length, uint8_t **ret, size_t *ret_bytes)
{
	if (length > RPC_MESSAGE_BYTES_MAX)
		return -EMSGSIZE;
	uint8_t *bytes = malloc(ENVELOPE_PREFIX_BYTES + length);
	if (!bytes)
		return -ENOMEM;

	bytes[0] = 0;
	bytes[1] = (uint8_t)(length >> 24);
	bytes[2] = (uint8_t)(length >> 16);
	bytes[3] = (uint8_t)(length >> 8);
	bytes[4] = (uint8_t)length;
	if (length > 0)
		memcpy(bytes + ENVELOPE_PREFIX_BYTES, message, length);
	*ret = bytes;
	*ret_bytes = ENVELOPE_PREFIX_BYTES + length;
	return 0;
}
