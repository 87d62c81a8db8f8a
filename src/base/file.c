/* SPDX-License-Identifier: Apache-2.0 */
/* See file.h. Every size is checked while reading, since a file may grow (or be a pipe) under us.
 * What lies at a path may change from one read to the next, so its kind is asked of what was
 * opened. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"

enum {
	READ_BYTES = 4096,
	/* Of /dev/null, by which a file is said to be empty. */
	NULL_MAJOR = 1,
	NULL_MINOR = 3,
};

static int read_all(int fd, struct buf *buf)
{
	for (;;) {
		char chunk[READ_BYTES];
		ssize_t got = read(fd, chunk, sizeof(chunk));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			return buf_append(buf, "", 0);
		int r = buf_append(buf, chunk, (size_t)got);
		if (r < 0)
			return r;
	}
}

static int read_open(int fd, const char *path, size_t max_bytes, char **ret, size_t *ret_bytes,
		     struct err *err)
{
	cleanup_buf struct buf buf = BUF_INIT(max_bytes);
	int r = read_all(fd, &buf);
	if (r == -EMSGSIZE)
		return err_set(err, -EFBIG, "%s: larger than %zu bytes, the most that is read",
			       path, max_bytes);
	if (r < 0)
		return err_errno(err, r, "%s", path);

	if (ret_bytes)
		*ret_bytes = buf.len;
	*ret = TAKE_PTR(buf.data);
	return 0;
}

/* Whether a read ends without anybody else's doing; a folder says what it is when it is read. */
static bool has_end(const struct stat *status)
{
	return S_ISREG(status->st_mode) || S_ISDIR(status->st_mode) ||
	       (S_ISCHR(status->st_mode) && status->st_rdev == makedev(NULL_MAJOR, NULL_MINOR));
}

int file_read(const char *path, size_t max_bytes, char **ret, size_t *ret_bytes, struct err *err)
{
	/* Without O_NONBLOCK the opening of a pipe would wait for one who writes. */
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat status;
	if (fd < 0 || fstat(fd, &status) < 0)
		return err_errno(err, -errno, "%s", path);
	if (!has_end(&status))
		return err_set(err, -EOPNOTSUPP,
			       "%s: a pipe or a device, which may never end; put a regular file "
			       "there",
			       path);
	return read_open(fd, path, max_bytes, ret, ret_bytes, err);
}

int file_read_stream(const char *path, size_t max_bytes, char **ret, size_t *ret_bytes,
		     struct err *err)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return err_errno(err, -errno, "%s", path);
	return read_open(fd, path, max_bytes, ret, ret_bytes, err);
}

int file_put(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t put = write(fd, bytes, length);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		bytes += put;
		length -= (size_t)put;
	}
	return 0;
}

int file_write(const char *path, const char *bytes, size_t length, unsigned mode, struct err *err)
{
	cleanup_free char *temporary = NULL;
	if (asprintf(&temporary, "%s.%d.tmp", path, (int)getpid()) < 0)
		return err_set(err, -ENOMEM, "%s: out of memory", path);
	cleanup_close int fd = open(temporary,
				    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return err_errno(err, -errno, "%s", temporary);

	int r = file_put(fd, bytes, length);
	if (r == 0 && rename(temporary, path) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlink(temporary); /* the first failure is the one to report */
		return err_errno(err, r, "%s", path);
	}
	return 0;
}
