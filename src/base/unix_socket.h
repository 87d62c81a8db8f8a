/* SPDX-License-Identifier: Apache-2.0 */
/* Unix sockets by path. Who made one removes its file only while it is still his: a newer program
 * may have put its own there. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

struct sockaddr_un;

enum {
	UNIX_SOCKET_PATH_MAX = 107, /* sun_path less its terminator; libuv would cut a longer one */
};

/* The file of a socket that we made. */
struct unix_socket {
	char path[UNIX_SOCKET_PATH_MAX + 1];
	dev_t device;
	ino_t inode;
};

/** 0 or -ENAMETOOLONG. */
int unix_socket_address(const char *path, struct sockaddr_un *ret);

/**
 * Make a socket at @path, where nothing may lie. Its file is for its owner only from birth on; it
 * does not listen yet.
 *
 * @ret_fd  the caller's to close; does not block.
 *
 * Returns 0, -ENAMETOOLONG or the errno of socket and bind; @err starts with @path.
 */
int unix_socket_make(const char *path, struct unix_socket *ret, int *ret_fd, struct err *err);

/** Whether the file at the path is still the one that was made. */
bool unix_socket_is_ours(const struct unix_socket *made);

/** Whether nobody listens at @path; false also where that cannot be found out. Does not block. */
bool unix_socket_is_vacant(const char *path);

/** Remove the file if it is ours. To be called before the descriptor is closed, since its inode is
 * free for others afterwards. */
void unix_socket_remove(const struct unix_socket *made);
