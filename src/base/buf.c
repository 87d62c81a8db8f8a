/* SPDX-License-Identifier: Apache-2.0 */
/* See buf.h. Doubling growth; the terminator is not counted in len. */
#include "base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	BUF_FIRST_BYTES = 256
};

static int reserve(struct buf *buf, size_t more)
{
	if (buf->error)
		return buf->error;
	if (more > buf->max || buf->len > buf->max - more)
		return buf->error = -EMSGSIZE;
	size_t needed = buf->len + more + 1;
	if (needed <= buf->size)
		return 0;
	size_t size = buf->size ? buf->size : BUF_FIRST_BYTES;
	while (size < needed)
		size *= 2;
	char *data = realloc(buf->data, size);
	if (!data)
		return buf->error = -ENOMEM;
	buf->data = data;
	buf->size = size;
	return 0;
}

int buf_append(struct buf *buf, const void *bytes, size_t length)
{
	int r = reserve(buf, length);
	if (r < 0)
		return r;
	if (length > 0)
		memcpy(buf->data + buf->len, bytes, length);
	buf->len += length;
	buf->data[buf->len] = '\0';
	return 0;
}

int buf_text(struct buf *buf, const char *text)
{
	return buf_append(buf, text, strlen(text));
}

int buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length < 0)
		return buf->error = -EINVAL;
	int r = reserve(buf, (size_t)length);
	if (r < 0)
		return r;

	va_start(args, format);
	(void)vsnprintf(buf->data + buf->len, (size_t)length + 1, format, args);
	va_end(args);
	buf->len += (size_t)length;
	return 0;
}

void buf_consume(struct buf *buf, size_t length)
{
	if (length >= buf->len) {
		buf->len = 0;
	} else {
		memmove(buf->data, buf->data + length, buf->len - length);
		buf->len -= length;
	}
	if (buf->data)
		buf->data[buf->len] = '\0';
}

void buf_done(struct buf *buf)
{
	free(buf->data);
	buf->data = NULL;
	buf->len = 0;
	buf->size = 0;
}
