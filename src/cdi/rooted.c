/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See rooted.h. The walk is done by hand, since openat2(2) with RESOLVE_IN_ROOT came with Linux 5.6
 * and nodes with 4.18 run GPUs. It is no protection from somebody who changes the tree meanwhile:
 * whoever writes below a driver root is root on the node.
 */
#include "cdi/rooted.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

enum {
	WHOLE_BYTES = 2 * ROOTED_PATH_BYTES,
};

/* Where a walk stands: @done is free of links, @todo is to be followed from there. */
struct walk {
	const char *root;
	char done[ROOTED_PATH_BYTES];
	char todo[ROOTED_PATH_BYTES];
	unsigned links;
};

static int whole_path(const char *root, const char *path, char ret[static WHOLE_BYTES])
{
	int length = snprintf(ret, WHOLE_BYTES, "%s%s", root, path[0] ? path : "/");
	return length < WHOLE_BYTES ? 0 : -ENAMETOOLONG;
}

static void climb(struct walk *walk)
{
	char *slash = strrchr(walk->done, '/');
	if (slash)
		*slash = '\0';
}

/* Put the target of the link that @done ends with before what is still to do. */
static int follow(struct walk *walk, const char *whole)
{
	char target[ROOTED_PATH_BYTES];
	if (++walk->links > ROOTED_LINKS_MAX)
		return -ELOOP;
	ssize_t got = readlink(whole, target, sizeof(target) - 1);
	if (got < 0)
		return -errno;
	target[got] = '\0';
	if (target[0] == '/')
		walk->done[0] = '\0';
	else
		climb(walk);
	size_t length = (size_t)got;
	size_t rest = strlen(walk->todo); /* empty, or begins with a slash */
	if (length + rest + 1 > sizeof(walk->todo))
		return -ENAMETOOLONG;
	memmove(walk->todo + length, walk->todo, rest + 1);
	memcpy(walk->todo, target, length);
	return 0;
}

/* Take the first part off what is to do; false when there is none. */
static bool take_part(struct walk *walk, char ret[static ROOTED_PATH_BYTES])
{
	size_t start = strspn(walk->todo, "/");
	size_t length = strcspn(walk->todo + start, "/");
	memcpy(ret, walk->todo + start, length);
	ret[length] = '\0';
	size_t rest = strlen(walk->todo + start + length);
	memmove(walk->todo, walk->todo + start + length, rest + 1);
	return length > 0;
}

static int step(struct walk *walk, const char *part, struct stat *status)
{
	char whole[WHOLE_BYTES];
	size_t length = strlen(walk->done);
	if (length + strlen(part) + 2 > sizeof(walk->done))
		return -ENAMETOOLONG;
	walk->done[length] = '/';
	memcpy(walk->done + length + 1, part, strlen(part) + 1);
	int r = whole_path(walk->root, walk->done, whole);
	if (r < 0)
		return r;
	if (lstat(whole, status) < 0)
		return -errno;
	return S_ISLNK(status->st_mode) ? follow(walk, whole) : 0;
}

int rooted_resolve(const char *root, const char *path, struct rooted *ret)
{
	struct walk walk = { .root = root };
	struct stat status;
	char part[ROOTED_PATH_BYTES];
	if (strlen(path) >= sizeof(walk.todo))
		return -ENAMETOOLONG;
	memcpy(walk.todo, path, strlen(path) + 1);
	while (take_part(&walk, part)) {
		int r = 0;
		if (strcmp(part, "..") == 0)
			climb(&walk);
		else if (strcmp(part, ".") != 0)
			r = step(&walk, part, &status);
		if (r < 0)
			return r;
	}
	char whole[WHOLE_BYTES];
	int r = whole_path(root, walk.done, whole);
	if (r < 0)
		return r;
	if (lstat(whole, &status) < 0)
		return -errno;
	memcpy(ret->path, walk.done, sizeof(ret->path));
	ret->mode = status.st_mode;
	ret->gid = status.st_gid;
	return 0;
}

int rooted_link(const char *root, const char *path, char ret[static ROOTED_PATH_BYTES])
{
	char whole[WHOLE_BYTES];
	char target[ROOTED_PATH_BYTES];
	const char *name = strrchr(path, '/');
	size_t length = (size_t)(name - path);
	if (length >= sizeof(target))
		return -ENAMETOOLONG;
	memcpy(target, path, length);
	target[length] = '\0';
	struct rooted folder;
	int r = rooted_resolve(root, target, &folder);
	if (r < 0)
		return r;
	int printed = snprintf(whole, sizeof(whole), "%s%s%s", root, folder.path, name);
	if ((size_t)printed >= sizeof(whole))
		return -ENAMETOOLONG;
	ssize_t got = readlink(whole, target, sizeof(target) - 1);
	if (got < 0)
		return -errno;
	memcpy(ret, target, (size_t)got);
	ret[got] = '\0';
	return 0;
}

static int compare_names(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static int add_name(const char *name, const char *pattern, struct arena *arena,
		    struct rooted_names *names)
{
	if (fnmatch(pattern, name, FNM_PERIOD) != 0)
		return 0;
	if (names->count == ROOTED_NAMES_MAX)
		return -E2BIG;
	const char *copy = arena_copy(arena, name, strlen(name));
	if (!copy)
		return -ENOMEM;
	names->items[names->count++] = copy;
	return 0;
}

static int read_names(DIR *listing, const char *pattern, struct arena *arena,
		      struct rooted_names *names)
{
	for (unsigned entries = 0; entries <= ROOTED_ENTRIES_MAX; entries++) {
		errno = 0;
		/* NOLINTNEXTLINE(concurrency-mt-unsafe): the listing is ours alone */
		const struct dirent *entry = readdir(listing);
		if (!entry)
			return -errno;
		int r = add_name(entry->d_name, pattern, arena, names);
		if (r < 0)
			return r;
	}
	return -E2BIG;
}

static int list(const char *whole, const char *pattern, struct arena *arena,
		struct rooted_names *ret)
{
	struct rooted_names names = {
		.items = arena_array(arena, ROOTED_NAMES_MAX, sizeof(*names.items)),
	};
	if (!names.items)
		return -ENOMEM;
	DIR *listing = opendir(whole);
	if (!listing)
		return -errno;
	int r = read_names(listing, pattern, arena, &names);
	(void)closedir(listing); /* was only read */
	if (r < 0)
		return r;
	qsort(names.items, names.count, sizeof(*names.items), compare_names);
	*ret = names;
	return 0;
}

int rooted_list(const char *root, const char *folder, const char *pattern, struct arena *arena,
		struct rooted_names *ret, struct err *err)
{
	char whole[WHOLE_BYTES];
	struct rooted place;
	int r = rooted_resolve(root, folder, &place);
	if (r == 0)
		r = whole_path(root, place.path, whole);
	if (r == 0)
		r = list(whole, pattern, arena, ret);
	if (r == -ENOENT || r == -ENOTDIR) {
		*ret = (struct rooted_names){ 0 };
		return 0;
	}
	return r < 0 ? err_errno(err, r, "%s%s: cannot look for %s", root, folder, pattern) : 0;
}
