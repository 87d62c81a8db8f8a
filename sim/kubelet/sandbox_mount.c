/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mounts of a pod, made by its own process between clone and exec. A pod of the simulated node
 * sees the host's files, so a mount point that the host lacks is made on a private cover and never
 * on the host. Called from sandbox.c only.
 */
#include "sim/kubelet/sandbox_mount.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/cleanup.h"

enum {
	COVER_ENTRIES_MAX = 4096, /* of the directory that is covered; /dev has some 200 */
	PLACE_BYTES = 1024,       /* a container path; longer ones are refused */
	NAME_BYTES = NAME_MAX + 2,
	OLD_BYTES = NAME_MAX + 32, /* "/proc/self/fd/N/" and a name */
	MODE_DIRECTORY = 0755,
	MODE_FILE = 0644,
};

int sandbox_mount_private(struct err *err)
{
	int r = mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ? -errno : 0;
	if (r == -EINVAL)
		return err_set(err, r,
			       "a pod with mounts needs a / that is a mount point, which "
			       "that of a chroot is not");
	if (r < 0)
		return err_errno(err, r, "private mounts");
	return 0;
}

static int make_file(const char *path)
{
	cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, MODE_FILE);
	return fd < 0 ? -errno : 0;
}

static int copy_link(int from, const char *name, const char *to)
{
	char target[PATH_MAX];
	ssize_t length = readlinkat(from, name, target, sizeof(target) - 1);
	if (length < 0)
		return -errno;
	target[length] = '\0';
	return symlink(target, to) < 0 ? -errno : 0;
}

/* Put the old entry @name of the covered directory @from (an open fd) into its cover. */
static int keep_entry(int from, const char *directory, const char *name)
{
	char old[OLD_BYTES];
	char cover[PLACE_BYTES + NAME_BYTES];
	(void)snprintf(old, sizeof(old), "/proc/self/fd/%d/%s", from, name);
	(void)snprintf(cover, sizeof(cover), "%s/%s", directory, name);

	struct stat status;
	if (fstatat(from, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno; /* gone meanwhile */
	if (S_ISLNK(status.st_mode))
		return copy_link(from, name, cover);

	int r = S_ISDIR(status.st_mode) ? mkdir(cover, MODE_DIRECTORY) < 0 ? -errno : 0
					: make_file(cover);
	if (r < 0)
		return r;
	return mount(old, cover, NULL, MS_BIND | MS_REC, NULL) < 0 ? -errno : 0;
}

static int keep_entries(DIR *old, const char *directory)
{
	const struct dirent *entry;
	for (unsigned count = 0; (entry = readdir(old)); count++) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		int r = count < COVER_ENTRIES_MAX ? keep_entry(dirfd(old), directory, entry->d_name)
						  : -E2BIG;
		if (r < 0)
			return r;
	}
	return 0;
}

/* The open descriptor keeps naming the old directory after the cover lies over it. */
static int cover_directory(const char *directory, struct err *err)
{
	DIR *old = opendir(directory);
	if (!old)
		return err_errno(err, -errno, "%s", directory);
	int r = mount("tmpfs", directory, "tmpfs", MS_NOSUID, "mode=0755") < 0
			? -errno
			: keep_entries(old, directory);
	(void)closedir(old);
	return r < 0 ? err_errno(err, r, "cover of %s", directory) : 0;
}

/* Cuts @path to its nearest existing directory. */
static void cut_to_existing(char *path)
{
	struct stat status;
	do {
		char *slash = strrchr(path, '/');
		*slash = '\0';
	} while (path[0] != '\0' && stat(path, &status) < 0);
}

/* Makes the directories of @path behind its first @existing bytes, then its last part. */
static int make_rest(const char *path, size_t existing, bool is_directory)
{
	char part[PLACE_BYTES];
	const char *slash = path + existing;
	while ((slash = strchr(slash + 1, '/'))) {
		size_t length = (size_t)(slash - path);
		memcpy(part, path, length);
		part[length] = '\0';
		if (mkdir(part, MODE_DIRECTORY) < 0 && errno != EEXIST)
			return -errno;
	}
	if (!is_directory)
		return make_file(path);
	return mkdir(path, MODE_DIRECTORY) < 0 ? -errno : 0;
}

static int make_place(const char *path, bool is_directory, struct err *err)
{
	struct stat status;
	if (stat(path, &status) == 0) {
		if (S_ISDIR(status.st_mode) == is_directory)
			return 0;
		return err_set(err, is_directory ? -ENOTDIR : -EISDIR,
			       "%s: a file and a directory cannot be mounted on one another", path);
	}
	if (errno != ENOENT)
		return err_errno(err, -errno, "%s", path);

	char parent[PLACE_BYTES];
	(void)snprintf(parent, sizeof(parent), "%s", path); /* the caller checked its length */
	cut_to_existing(parent);
	if (parent[0] == '\0')
		return err_set(
			err, -EPERM,
			"%s: the simulated node cannot add to /; mount below a directory that exists",
			path);
	int r = cover_directory(parent, err);
	if (r < 0)
		return r;
	r = make_rest(path, strlen(parent), is_directory);
	return r < 0 ? err_errno(err, r, "%s", path) : 0;
}

/* Flags that a mount in a user namespace may not drop again. */
static unsigned long kept_flags(const char *path)
{
	static const struct {
		unsigned long seen;
		unsigned long kept;
	} flags[] = {
		{ ST_NOSUID, MS_NOSUID },     { ST_NODEV, MS_NODEV },
		{ ST_NOEXEC, MS_NOEXEC },     { ST_NOATIME, MS_NOATIME },
		{ ST_RELATIME, MS_RELATIME }, { ST_NODIRATIME, MS_NODIRATIME },
	};
	struct statvfs status;
	unsigned long kept = 0;
	if (statvfs(path, &status) < 0)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (status.f_flag & flags[i].seen)
			kept |= flags[i].kept;
	return kept;
}

static bool is_plain_path(const char *path)
{
	size_t length = strlen(path);
	if (path[0] != '/' || length >= PLACE_BYTES || length < 2 || path[length - 1] == '/')
		return false;
	return !strstr(path, "/../") && strcmp(path + length - 2, "..") != 0 && !strstr(path, "//");
}

int sandbox_mount_bind(const struct sandbox_mount *place, struct err *err)
{
	if (!is_plain_path(place->container))
		return err_set(err, -EINVAL,
			       "%s: must be an absolute path of less than %d bytes without \"..\"",
			       place->container, PLACE_BYTES);
	struct stat status;
	if (stat(place->host, &status) < 0)
		return err_errno(err, -errno, "%s", place->host);

	int r = make_place(place->container, S_ISDIR(status.st_mode), err);
	if (r < 0)
		return r;
	if (mount(place->host, place->container, NULL, MS_BIND | MS_REC, NULL) < 0)
		return err_errno(err, -errno, "%s on %s", place->host, place->container);
	if (!place->is_read_only)
		return 0;

	unsigned long flags = MS_REMOUNT | MS_BIND | MS_RDONLY | kept_flags(place->container);
	if (mount(NULL, place->container, NULL, flags, NULL) < 0)
		return err_errno(err, -errno, "%s read-only", place->container);
	return 0;
}
