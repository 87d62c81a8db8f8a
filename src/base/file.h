/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files in and out. All of it may block on a slow disk. */
#pragma once

#include <stddef.h>

#include "base/err.h"

/**
 * Read a regular file whole, or /dev/null. Never waits for another program: what may, such as a
 * pipe, is refused.
 *
 * @max_bytes  a larger file is refused.
 * @ret        malloc'ed, terminated behind its last byte; the caller's to free().
 * @ret_bytes  NULL is allowed.
 *
 * Returns 0, -EFBIG, -ENOMEM, -EISDIR, -EOPNOTSUPP (no file that ends) or the errno of open and
 * read; @err starts with @path.
 */
int file_read(const char *path, size_t max_bytes, char **ret, size_t *ret_bytes, struct err *err);

/** As file_read(), also from a pipe or a device; blocks for as long as who writes there does. For
 * commands, where a person waits who can end it. */
int file_read_stream(const char *path, size_t max_bytes, char **ret, size_t *ret_bytes,
		     struct err *err);

/** Write all of it, also when the kernel takes it in parts. Returns 0 or an errno of write(2). */
int file_put(int fd, const char *bytes, size_t length);

/**
 * Replace a file by rename, so that a reader sees the old one or the new one and never a half.
 *
 * @mode  of the new file, before umask.
 *
 * Returns 0 or a negative errno; on failure the old file is untouched.
 */
int file_write(const char *path, const char *bytes, size_t length, unsigned mode, struct err *err);
