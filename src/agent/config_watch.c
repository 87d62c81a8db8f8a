/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An event is only a hint, as is a poll: both lead to a look at the file. A file that looks other
 * than the one whose content is known is read once two looks in a row agree, so that nobody is told
 * of one that is half written. What then counts is the content: a touch is no change.
 */
#include "agent/config_watch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "base/tree.h"

enum {
	LINKS_MAX = 40,    /* as the kernel follows */
	WALK_BYTES = 1024, /* longer paths are left to the poll */
};

/* The walk along a path: what is resolved, and what is still to come. */
struct walk {
	char done[WALK_BYTES]; /* directories without links, ends with '/', or "" */
	char rest[WALK_BYTES];
	unsigned links;
};

static int64_t to_ns(struct timespec time)
{
	return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static struct config_identity identify(const char *path)
{
	struct stat status;
	if (stat(path, &status) < 0)
		return (struct config_identity){ 0 };
	return (struct config_identity){
		.device = status.st_dev,
		.inode = status.st_ino,
		.size_bytes = status.st_size,
		.mtime_ns = to_ns(status.st_mtim),
		.ctime_ns = to_ns(status.st_ctim),
	};
}

static bool is_same(const struct config_identity *a, const struct config_identity *b)
{
	return a->device == b->device && a->inode == b->inode && a->size_bytes == b->size_bytes &&
	       a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

/* --- the directories in which a change can happen ------------------------------------------- */

static void on_event(uv_fs_event_t *handle, const char *name, int events, int status);

static struct watched_directory *find_directory(struct config_watch *watch,
						const struct stat *status)
{
	for (size_t i = 0; i < CONFIG_WATCH_DIRECTORIES_MAX; i++) {
		struct watched_directory *directory = &watch->directories[i];
		if (directory->is_armed && directory->device == status->st_dev &&
		    directory->inode == status->st_ino)
			return directory;
	}
	return NULL;
}

static void arm_free_one(struct config_watch *watch, const char *path, const struct stat *status)
{
	for (size_t i = 0; i < CONFIG_WATCH_DIRECTORIES_MAX; i++) {
		struct watched_directory *directory = &watch->directories[i];
		if (directory->is_armed)
			continue;
		directory->device = status->st_dev;
		directory->inode = status->st_ino;
		directory->is_armed = uv_fs_event_start(&directory->events, on_event, path, 0) == 0;
		return;
	}
}

/* One that was armed before stays so. */
static void want_directory(struct config_watch *watch, const char *path, bool may_arm)
{
	const char *name = path[0] != '\0' ? path : ".";
	struct stat status;
	if (stat(name, &status) < 0)
		return;
	struct watched_directory *directory = find_directory(watch, &status);
	if (directory)
		directory->is_wanted = true;
	else if (may_arm)
		arm_free_one(watch, name, &status);
}

/* Put what the link says before what is still to come. False: too long. */
static bool follow(struct walk *walk, const char *link)
{
	char target[WALK_BYTES];
	ssize_t length = readlink(link, target, sizeof(target) - 1);
	if (length <= 0 || ++walk->links > LINKS_MAX)
		return false;
	target[length] = '\0';
	char rest[2 * WALK_BYTES];
	int joined = snprintf(rest, sizeof(rest), "%s/%s", target, walk->rest);
	if (joined >= WALK_BYTES)
		return false;
	memcpy(walk->rest, rest, (size_t)joined + 1);
	if (target[0] == '/')
		memcpy(walk->done, "/", sizeof("/"));
	return true;
}

/* Take the next name of the path. False: the walk is over. */
static bool step(struct config_watch *watch, struct walk *walk, bool may_arm)
{
	size_t slashes = strspn(walk->rest, "/");
	size_t length = strcspn(walk->rest + slashes, "/");
	char next[2 * WALK_BYTES];
	int joined = snprintf(next, sizeof(next), "%s%.*s", walk->done, (int)length,
			      walk->rest + slashes);
	if (length == 0 || joined + 1 >= WALK_BYTES)
		return false;
	const char *after = walk->rest + slashes + length;
	memmove(walk->rest, after, strlen(after) + 1);
	struct stat status;
	bool is_there = lstat(next, &status) == 0;
	if (is_there && S_ISDIR(status.st_mode)) {
		memcpy(walk->done, next, (size_t)joined);
		memcpy(walk->done + joined, "/", sizeof("/"));
		return true;
	}
	/* A link that may be swapped, the file itself, or the place where it is missing. */
	want_directory(watch, walk->done, may_arm);
	return is_there && S_ISLNK(status.st_mode) && follow(walk, next);
}

static void walk_path(struct config_watch *watch, bool may_arm)
{
	struct walk walk = { .links = 0 };
	size_t length = strlen(watch->path);
	if (length >= sizeof(walk.rest))
		return;
	memcpy(walk.rest, watch->path, length + 1);
	if (watch->path[0] == '/')
		memcpy(walk.done, "/", sizeof("/"));
	while (step(watch, &walk, may_arm)) {
		/* Each step takes a name off the path, and only so many links add some. */
	}
}

/* Watch the directories that are on the way now, and no others. */
static void arm(struct config_watch *watch)
{
	for (size_t i = 0; i < CONFIG_WATCH_DIRECTORIES_MAX; i++)
		watch->directories[i].is_wanted = false;
	walk_path(watch, false);
	for (size_t i = 0; i < CONFIG_WATCH_DIRECTORIES_MAX; i++) {
		struct watched_directory *directory = &watch->directories[i];
		if (!directory->is_armed || directory->is_wanted)
			continue;
		(void)uv_fs_event_stop(&directory->events); /* cannot fail */
		directory->is_armed = false;
	}
	walk_path(watch, true);
}

/* --- looks ---------------------------------------------------------------------------------- */

/* Of what cannot be read that of the reason: a file that is gone and then a directory are a change,
 * since the owner says why it keeps the old content. */
static uint64_t digest_of(const char *path)
{
	cleanup_free char *text = NULL;
	size_t length = 0;
	struct err err = ERR_INIT;
	if (file_read(path, TREE_BYTES_MAX, &text, &length, &err) < 0)
		return text_digest(err.msg, strlen(err.msg));
	return text_digest(text, length);
}

static void look(uv_timer_t *timer);

static void look_again(struct config_watch *watch, bool is_quiet)
{
	watch->is_quiet = is_quiet;
	(void)uv_timer_start(&watch->timer, look, /* fails only while closing */
			     is_quiet ? CONFIG_WATCH_POLL_MS : CONFIG_WATCH_QUIET_MS, 0);
}

static void on_event(uv_fs_event_t *handle, const char *name, int events, int status)
{
	(void)name;
	(void)events;
	(void)status;
	struct config_watch *watch = container_of(handle, struct watched_directory, events)->watch;
	if (watch->is_quiet)
		look_again(watch, false);
}

static void look(uv_timer_t *timer)
{
	struct config_watch *watch = container_of(timer, struct config_watch, timer);
	arm(watch);
	struct config_identity now = identify(watch->path);
	bool is_still = is_same(&now, &watch->seen);
	bool is_known = is_same(&now, &watch->settled);
	watch->seen = now;
	look_again(watch, is_still || is_known);
	if (!is_still || is_known)
		return;
	watch->settled = now;
	uint64_t digest = digest_of(watch->path);
	if (digest == watch->digest)
		return;
	watch->digest = digest;
	watch->on_change(watch);
}

int config_watch_start(struct config_watch *watch, uv_loop_t *loop, const char *path,
		       uint64_t digest)
{
	size_t length = strlen(path);
	if (length >= sizeof(watch->path))
		return -ENAMETOOLONG;
	memcpy(watch->path, path, length + 1);
	watch->digest = digest;
	watch->settled.device = UINT64_MAX;       /* of no file: the first look compares contents */
	(void)uv_timer_init(loop, &watch->timer); /* cannot fail */
	for (size_t i = 0; i < CONFIG_WATCH_DIRECTORIES_MAX; i++) {
		watch->directories[i].watch = watch;
		(void)uv_fs_event_init(loop, &watch->directories[i].events); /* cannot fail */
	}
	watch->is_started = true;
	arm(watch);
	look_again(watch, false);
	return 0;
}

void config_watch_settle(struct config_watch *watch)
{
	if (!watch->is_started)
		return;
	watch->seen = identify(watch->path);
	watch->settled = watch->seen;
	watch->digest = digest_of(watch->path);
}

void config_watch_stop(struct config_watch *watch)
{
	if (!watch->is_started)
		return;
	watch->is_started = false;
	uv_close((uv_handle_t *)&watch->timer, NULL);
	for (size_t i = 0; i < CONFIG_WATCH_DIRECTORIES_MAX; i++)
		uv_close((uv_handle_t *)&watch->directories[i].events, NULL);
}
