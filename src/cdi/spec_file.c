/* SPDX-License-Identifier: Apache-2.0 */
/* See spec_file.h. The name of what is half written ends neither in .json nor in .yaml, so no
 * runtime reads it. */
#include "cdi/spec_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/uuid.h"
#include "core/cdi_class.h"

/* Names of what is half written: as NVIDIA's tools have them, and with our vendor, since theirs
 * write there too. */
#define TEMPORARY_FORMAT  "spec.%s.%s.tmp"
#define TEMPORARY_PATTERN "spec." CDI_VENDOR "-*.tmp"

enum {
	FOLDER_MODE = 0755,
	FILE_MODE = 0644,
	PATH_BYTES = 1024,
};

static int join(const char *folder, const char *name, char ret[static PATH_BYTES], struct err *err)
{
	int length = snprintf(ret, PATH_BYTES, "%s/%s", folder, name);
	return length < PATH_BYTES ? 0 : err_errno(err, -ENAMETOOLONG, "%s/%s", folder, name);
}

int spec_file_make_folder(const char *folder, struct err *err)
{
	char path[PATH_BYTES];
	int r = join(folder, "", path, err);
	if (r < 0)
		return r;
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, FOLDER_MODE) < 0 && errno != EEXIST)
			return err_errno(err, -errno, "%s: cannot make this folder", path);
		*slash = '/';
	}
	return 0;
}

static int sweep(DIR *listing, const char *folder, struct err *err)
{
	int count = 0;
	while (count < SPEC_FILE_LEFTOVERS_MAX) {
		/* NOLINTNEXTLINE(concurrency-mt-unsafe): the listing is ours alone */
		const struct dirent *entry = readdir(listing);
		if (!entry)
			break;
		if (fnmatch(TEMPORARY_PATTERN, entry->d_name, 0) != 0)
			continue;
		if (unlinkat(dirfd(listing), entry->d_name, 0) < 0 && errno != ENOENT)
			return err_errno(err, -errno, "%s/%s: cannot remove", folder,
					 entry->d_name);
		count++;
	}
	return count;
}

int spec_file_sweep(const char *folder, struct err *err)
{
	DIR *listing = opendir(folder);
	if (!listing && errno == ENOENT)
		return 0;
	if (!listing)
		return err_errno(err, -errno, "%s", folder);
	int r = sweep(listing, folder, err);
	(void)closedir(listing); /* was only read */
	return r;
}

/* Whether it has this content already; a file that cannot be read has not. */
static bool is_written(const char *path, const char *text, size_t length)
{
	cleanup_free char *old = NULL;
	size_t old_length = 0;
	return file_read(path, SPEC_FILE_BYTES_MAX, &old, &old_length, NULL) == 0 &&
	       old_length == length && memcmp(old, text, length) == 0;
}

/* The mode is set after opening, since opening takes away what the umask says. */
static int write_new(const char *path, const char *text, size_t length)
{
	cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
				    FILE_MODE);
	if (fd < 0)
		return -errno;
	int r = file_put(fd, text, length);
	if (r == 0 && (fchmod(fd, FILE_MODE) < 0 || fsync(fd) < 0))
		r = -errno;
	return r;
}

static int replace(const char *path, const char *temporary, const char *text, size_t length)
{
	int r = write_new(temporary, text, length);
	if (r == 0 && rename(temporary, path) < 0)
		r = -errno;
	if (r < 0)
		(void)unlink(temporary); /* the first failure is the one to report */
	return r;
}

int spec_file_write(const char *folder, const char *name, const char *text, size_t length,
		    struct err *err)
{
	char path[PATH_BYTES];
	char half[NAME_MAX + 1];
	char temporary[PATH_BYTES];
	char unique[UUID_TEXT_BYTES];
	int r = join(folder, name, path, err);
	if (r < 0)
		return r;
	if (is_written(path, text, length))
		return 0;
	r = uuid_random(unique);
	if (r < 0)
		return err_errno(err, r, "%s: no random name for a new file", path);
	if (snprintf(half, sizeof(half), TEMPORARY_FORMAT, name, unique) > NAME_MAX)
		return err_errno(err, -ENAMETOOLONG, "%s", path);
	r = join(folder, half, temporary, err);
	if (r < 0)
		return r;
	r = replace(path, temporary, text, length);
	return r < 0 ? err_errno(err, r, "%s: cannot write", path) : 1;
}

int spec_file_remove(const char *folder, const char *name, struct err *err)
{
	char path[PATH_BYTES];
	int r = join(folder, name, path, err);
	if (r < 0)
		return r;
	if (unlink(path) == 0)
		return 1;
	return errno == ENOENT ? 0 : err_errno(err, -errno, "%s: cannot remove", path);
}
