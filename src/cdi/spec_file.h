/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Specification files in the folder that container runtimes read. A runtime may read at any moment
 * and sees the old file or the new one, whole.
 *
 * The calls block as files do; the folder is in memory (/run) on every node.
 */
#pragma once

#include <stddef.h>

#include "base/err.h"

enum {
	SPEC_FILE_BYTES_MAX = 4 << 20,  /* 512 devices of two names take less than 1 MiB */
	SPEC_FILE_LEFTOVERS_MAX = 1024, /* removed by one sweep */
};

/** Make @folder and those above it where they are missing. Returns 0 or an errno of mkdir(2). */
int spec_file_make_folder(const char *folder, struct err *err);

/**
 * Remove what a crash of ours left half written in @folder. What others are writing there, under
 * names of theirs, stays. A folder that is not there has none.
 *
 * Returns how many went, or an errno of opendir(3) or unlink(2).
 */
int spec_file_sweep(const char *folder, struct err *err);

/**
 * Make @name in @folder have this content, readable by all: written beside it, brought to the disk
 * and put in its place. On failure the old file is as it was and nothing is left beside it.
 *
 * Returns 1, 0 (it had it already), or an errno of open, write, fsync, fchmod or rename.
 */
int spec_file_write(const char *folder, const char *name, const char *text, size_t length,
		    struct err *err);

/** Remove @name. Returns 1, 0 (there was none), or an errno of unlink(2). */
int spec_file_remove(const char *folder, const char *name, struct err *err);
