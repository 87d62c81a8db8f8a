/* SPDX-License-Identifier: Apache-2.0 */
/* A growable text or byte buffer that must be given a maximum (curl's rule: each maximum is a named
 * constant). */
#pragma once

#include <stddef.h>

#include "base/cleanup.h"

/* data is owned and, when not NULL, terminated. error: first failure, 0 while all went well. */
struct buf {
	char *data;
	size_t len;
	size_t size;
	size_t max;
	int error;
};

#define BUF_INIT(max_bytes)        \
	{                          \
		.max = (max_bytes) \
	}

/**
 * Append @length bytes.
 *
 * Returns 0, -ENOMEM, -EMSGSIZE (over max). A failure is kept in buf->error and every later append
 * returns it, so that a writer may check once at the end.
 */
int buf_append(struct buf *buf, const void *bytes, size_t length);
int buf_text(struct buf *buf, const char *text);
__attribute__((format(printf, 2, 3))) int buf_printf(struct buf *buf, const char *format, ...);

/** Drop the first @length bytes (at most len). */
void buf_consume(struct buf *buf, size_t length);

void buf_done(struct buf *buf);

#define cleanup_buf CLEANUP(buf_done)
