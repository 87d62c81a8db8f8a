/* SPDX-License-Identifier: Apache-2.0 */
/* See unix_socket.h. uv_pipe_bind() does neither: it cuts long paths, and its handle removes the
 * file at its path when closed, whoever made it. */
#include "base/unix_socket.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"

enum {
	SOCKET_MODE = 0600, /* kubelet and who may ask the agent are root, as we are */
};

static_assert(sizeof(((struct sockaddr_un *)0)->sun_path) == UNIX_SOCKET_PATH_MAX + 1,
	      "the limit is sun_path");

int unix_socket_address(const char *path, struct sockaddr_un *ret)
{
	size_t length = strlen(path);
	if (length > UNIX_SOCKET_PATH_MAX)
		return -ENAMETOOLONG;
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(ret->sun_path, path, length + 1);
	return 0;
}

static int bind_to(int fd, const char *path, struct err *err)
{
	struct sockaddr_un address;
	int r = unix_socket_address(path, &address);
	if (r < 0)
		return err_errno(err, r, "%s: cannot bind a socket", path);
	/* Linux takes the mode of the file from the socket, so it is never open to others. */
	if (fchmod(fd, SOCKET_MODE) < 0)
		return err_errno(err, -errno, "%s: cannot set the mode", path);
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return err_errno(err, -errno, "%s: cannot bind a socket", path);
	return 0;
}

int unix_socket_make(const char *path, struct unix_socket *ret, int *ret_fd, struct err *err)
{
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_errno(err, -errno, "%s: cannot make a socket", path);
	int r = bind_to(fd, path, err);
	if (r < 0)
		return r;
	struct stat status;
	if (lstat(path, &status) < 0)
		return err_errno(err, -errno, "%s: cannot find our socket", path);

	*ret = (struct unix_socket){ .device = status.st_dev, .inode = status.st_ino };
	memcpy(ret->path, path, strlen(path) + 1);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

bool unix_socket_is_ours(const struct unix_socket *made)
{
	struct stat status;
	return lstat(made->path, &status) == 0 && status.st_dev == made->device &&
	       status.st_ino == made->inode;
}

bool unix_socket_is_vacant(const char *path)
{
	struct sockaddr_un address;
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || unix_socket_address(path, &address) < 0)
		return false;
	return connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 &&
	       (errno == ENOENT || errno == ECONNREFUSED);
}

void unix_socket_remove(const struct unix_socket *made)
{
	if (unix_socket_is_ours(made))
		(void)unlink(made->path); /* a path that stays is a nuisance, not a fault */
}
