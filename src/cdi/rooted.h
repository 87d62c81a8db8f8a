/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths of another system whose root is a folder of ours: a link there means a place below that
 * root, also when it is absolute or climbs. What is found is a snapshot; nothing is opened.
 */
#pragma once

#include <stddef.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/err.h"

enum {
	ROOTED_PATH_BYTES = 512,    /* of a path below the root; with its root twice that */
	ROOTED_LINKS_MAX = 40,      /* as the kernel */
	ROOTED_ENTRIES_MAX = 65536, /* of a folder; /usr/lib/x86_64-linux-gnu has some thousands */
	ROOTED_NAMES_MAX = 256,     /* of a folder that match; a driver has some sixty libraries */
};

/* Where a path leads. */
struct rooted {
	char path[ROOTED_PATH_BYTES]; /* below the root, "/usr/lib64/libcuda.so.1"; the root is ""
				       */
	mode_t mode;
	gid_t gid;
};

/* Sorted; borrowed from an arena. */
struct rooted_names {
	const char **items;
	size_t count;
};

/**
 * Follow @path below @root.
 *
 * @root  "" is our own.
 * @path  begins with a slash.
 *
 * Returns 0, -ENOENT, -ELOOP (more than ROOTED_LINKS_MAX links), -ENAMETOOLONG, or an errno of
 * lstat(2) or readlink(2).
 */
int rooted_resolve(const char *root, const char *path, struct rooted *ret);

/**
 * The target of the link at @path, as it is written there; what comes before its last part is
 * followed.
 *
 * Returns 0, -EINVAL (no link), or as rooted_resolve().
 */
int rooted_link(const char *root, const char *path, char ret[static ROOTED_PATH_BYTES]);

/**
 * Names in @folder that match @pattern, as fnmatch(3) has it; none when there is no such folder.
 *
 * Returns 0, -E2BIG (more than ROOTED_ENTRIES_MAX entries or ROOTED_NAMES_MAX names), -ENOMEM, or
 * an errno of opendir(3) or readdir(3).
 */
int rooted_list(const char *root, const char *folder, const char *pattern, struct arena *arena,
		struct rooted_names *ret, struct err *err);
