/* SPDX-License-Identifier: Apache-2.0 */
/* Tells when a file may have been created, replaced or removed: inotify on its directory, and a
 * slow poll. */
#pragma once

#include <stdbool.h>
#include <uv.h>

#include "kubelet/registration.h"

enum {
	WATCH_POLL_MS = 2000, /* for what inotify misses: an overflow, a directory made anew */
	WATCH_PATH_BYTES = 4096,
};

/* Embedded in its owner, which is found again by container_of. */
struct watch {
	uv_fs_event_t events;
	uv_timer_t poll;
	char directory[WATCH_PATH_BYTES];
	struct socket_id armed; /* the directory that inotify watches */
	bool is_armed;
	unsigned open_handles;
	/* Something may have changed; look with watch_identify(). */
	void (*on_change)(struct watch *watch);
	/* Both handles are closed; the owner may be freed. */
	void (*on_closed)(struct watch *watch);
};

/** Watch the directory of @path. Works also while it does not exist. 0, -ENAMETOOLONG, or libuv's
 * error. */
int watch_start(struct watch *watch, uv_loop_t *loop, const char *path);

/** Begin to close; on_closed follows. */
void watch_stop(struct watch *watch);

/** Which file is at @path now; all zero when there is none. */
struct socket_id watch_identify(const char *path);
