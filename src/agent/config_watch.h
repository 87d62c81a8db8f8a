/* SPDX-License-Identifier: Apache-2.0 */
/* Tells when the content of the configuration file is another one: written, renamed over, or behind
 * a symbolic link that was swapped, as kubelet does with a ConfigMap. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

enum {
	CONFIG_WATCH_POLL_MS =
		2000, /* for what inotify misses: an overflow, a network file system */
	/* A file that was the same for this long is taken to be written to its end. */
	CONFIG_WATCH_QUIET_MS = 250,
	/* A ConfigMap has two; links through more than these are left to the poll. */
	CONFIG_WATCH_DIRECTORIES_MAX = 8,
	CONFIG_WATCH_PATH_BYTES = 4096,
};

/* A directory on the way to the file. */
struct watched_directory {
	uv_fs_event_t events;
	struct config_watch *watch; /* borrowed, its owner */
	uint64_t device;
	uint64_t inode;
	bool is_armed;
	bool is_wanted; /* seen on the way in this look */
};

/* What stat says of the file behind all links; all zero when there is none. */
struct config_identity {
	uint64_t device;
	uint64_t inode;
	int64_t size_bytes;
	int64_t mtime_ns;
	int64_t ctime_ns;
};

/* Embedded in its owner, which is found again by container_of. */
struct config_watch {
	uv_timer_t timer; /* the next look */
	struct watched_directory directories[CONFIG_WATCH_DIRECTORIES_MAX];
	struct config_identity seen;    /* at the last look */
	struct config_identity settled; /* whose content was compared */
	uint64_t digest;                /* of the content that the owner knows */
	bool is_quiet;                  /* the next look is a poll, nothing is under way */
	bool is_started;
	char path[CONFIG_WATCH_PATH_BYTES];
	/* Another content, or another reason why the file cannot be read. */
	void (*on_change)(struct config_watch *watch);
};

/**
 * Begin to watch; on_change is set by the caller.
 *
 * @path    the file; it need not exist.
 * @digest  text_digest() of the content that the owner has read.
 *
 * Returns 0 or -ENAMETOOLONG. A directory that cannot be watched is left to the poll.
 */
int config_watch_start(struct config_watch *watch, uv_loop_t *loop, const char *path,
		       uint64_t digest);

/** The owner is about to read the file for a reason of its own: no on_change for what is in it
 * now. */
void config_watch_settle(struct config_watch *watch);

/** Close the handles; the watch must outlive the loop. One that was not started is allowed. */
void config_watch_stop(struct config_watch *watch);
