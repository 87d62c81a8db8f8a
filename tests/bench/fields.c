/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/fields.h"

#include <errno.h>

enum {
	TYPE_VARINT = 0, /* so a tag of this type is only a shifted number */
	TYPE_BYTES = 2,
	TYPE_BITS = 3,
	VARINT_BYTES_MAX = 10,
};

static void put_varint(struct buf *buf, uint64_t value)
{
	uint8_t bytes[VARINT_BYTES_MAX];
	size_t length = 0;
	for (; value > 0x7F; value >>= 7)
		bytes[length++] = (uint8_t)(value | 0x80);
	bytes[length++] = (uint8_t)value;
	(void)buf_append(buf, bytes, length); /* kept in buf->error */
}

void fields_put_bytes(struct buf *buf, unsigned number, const void *bytes, size_t length)
{
	put_varint(buf, (uint64_t)number << TYPE_BITS | TYPE_BYTES);
	put_varint(buf, length);
	(void)buf_append(buf, bytes, length); /* kept in buf->error */
}

void fields_put_number(struct buf *buf, unsigned number, uint64_t value)
{
	put_varint(buf, (uint64_t)number << TYPE_BITS);
	put_varint(buf, value);
}

static bool take_varint(struct field_reader *reader, uint64_t *ret)
{
	uint64_t value = 0;
	for (unsigned i = 0; i < VARINT_BYTES_MAX && reader->at < reader->end; i++) {
		uint8_t byte = *reader->at++;
		value |= (uint64_t)(byte & 0x7F) << 7 * i;
		if (byte < 0x80) {
			*ret = value;
			return true;
		}
	}
	return false;
}

int fields_next(struct field_reader *reader, struct field_view *ret)
{
	uint64_t tag = 0;
	uint64_t value = 0;
	if (reader->at == reader->end)
		return 0;
	if (!take_varint(reader, &tag) || !take_varint(reader, &value))
		return -EBADMSG;

	*ret = (struct field_view){ .number = (unsigned)(tag >> TYPE_BITS) };
	if ((tag & 7) == TYPE_VARINT)
		return 1;
	if ((tag & 7) != TYPE_BYTES || value > (size_t)(reader->end - reader->at))
		return -EBADMSG;
	ret->bytes = reader->at;
	ret->length = (size_t)value;
	reader->at += ret->length;
	return 1;
}

int fields_count(const uint8_t *message, size_t length, unsigned number)
{
	struct field_reader reader = { message, message + length };
	struct field_view field = { 0 };
	int count = 0;
	int r = 0;
	while ((r = fields_next(&reader, &field)) > 0)
		count += field.number == number;
	return r < 0 ? r : count;
}

int fields_find(const uint8_t *message, size_t length, unsigned number, struct field_view *ret)
{
	struct field_reader reader = { message, message + length };
	struct field_view field = { 0 };
	int r = 0;
	while ((r = fields_next(&reader, &field)) > 0)
		if (field.number == number && field.bytes) {
			*ret = field;
			return 0;
		}
	return r < 0 ? r : -ENOENT;
}
