/* SPDX-License-Identifier: Apache-2.0 */
/* A folder that stands for the root of a system, filled by a test. Files are empty; they stand for
 * libraries, and for device nodes too, which only root can make. */
#pragma once

#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	FAKE_ROOT_PATH_BYTES = 512,
	FAKE_ROOT_DESCRIPTORS = 8, /* of the folders that are open at one time */
};

struct fake_root {
	char path[64];
};

static inline int fake_root_make(struct fake_root *root)
{
	(void)umask(022);
	(void)snprintf(root->path, sizeof(root->path), "/tmp/rota-root-XXXXXX");
	return mkdtemp(root->path) ? 0 : -1;
}

static inline int fake_root_drop(const char *path, const struct stat *status, int type,
				 struct FTW *place)
{
	(void)status;
	(void)type;
	(void)place;
	return remove(path);
}

static inline int fake_root_remove(const struct fake_root *root)
{
	return nftw(root->path, fake_root_drop, FAKE_ROOT_DESCRIPTORS, FTW_DEPTH | FTW_PHYS);
}

/* The path as we see it; the folders on the way to it are made. */
static inline void fake_root_place(const struct fake_root *root, const char *path,
				   char ret[static FAKE_ROOT_PATH_BYTES])
{
	int length = snprintf(ret, FAKE_ROOT_PATH_BYTES, "%s%s", root->path, path);
	assert_true(length < FAKE_ROOT_PATH_BYTES);
	for (char *slash = ret + strlen(root->path) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		assert_true(mkdir(ret, 0755) == 0 || errno == EEXIST);
		*slash = '/';
	}
}

static inline void fake_root_file(const struct fake_root *root, const char *path, mode_t mode)
{
	char whole[FAKE_ROOT_PATH_BYTES];
	fake_root_place(root, path, whole);
	int fd = open(whole, O_WRONLY | O_CREAT | O_CLOEXEC, mode);
	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, mode), 0);
	(void)close(fd);
}

static inline void fake_root_link(const struct fake_root *root, const char *path,
				  const char *target)
{
	char whole[FAKE_ROOT_PATH_BYTES];
	fake_root_place(root, path, whole);
	assert_int_equal(symlink(target, whole), 0);
}
