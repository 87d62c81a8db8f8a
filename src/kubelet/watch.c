/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libuv reports create, unlink and rename alike and says nothing more once the directory itself was
 * replaced. So an event is only a hint, the truth is lstat, and each poll checks that the directory
 * under inotify is still the one at its path.
 */
#include "kubelet/watch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"

struct socket_id watch_identify(const char *path)
{
	struct stat status;
	if (lstat(path, &status) < 0)
		return (struct socket_id){ 0 };
	return (struct socket_id){
		.device = status.st_dev,
		.inode = status.st_ino,
		.ctime_ns = status.st_ctim.tv_sec * (int64_t)CLOCK_NS_PER_S +
			    status.st_ctim.tv_nsec,
	};
}

static void on_event(uv_fs_event_t *handle, const char *name, int events, int status)
{
	(void)name;
	(void)events;
	(void)status;
	struct watch *watch = container_of(handle, struct watch, events);
	watch->on_change(watch);
}

/* The directory changes whenever a file in it does, so only its number tells whether it is the
 * same. */
static void arm(struct watch *watch)
{
	struct socket_id now = watch_identify(watch->directory);
	if (watch->is_armed && now.device == watch->armed.device && now.inode == watch->armed.inode)
		return;
	(void)uv_fs_event_stop(&watch->events); /* not started is fine */
	watch->armed = now;
	watch->is_armed = uv_fs_event_start(&watch->events, on_event, watch->directory, 0) == 0;
}

static void on_poll(uv_timer_t *handle)
{
	struct watch *watch = container_of(handle, struct watch, poll);
	arm(watch);
	watch->on_change(watch);
}

int watch_start(struct watch *watch, uv_loop_t *loop, const char *path)
{
	const char *slash = strrchr(path, '/');
	int length = slash ? snprintf(watch->directory, sizeof(watch->directory), "%.*s",
				      slash == path ? 1 : (int)(slash - path), path)
			   : snprintf(watch->directory, sizeof(watch->directory), ".");
	if (length >= (int)sizeof(watch->directory))
		return -ENAMETOOLONG;
	int r = uv_fs_event_init(loop, &watch->events);
	if (r < 0)
		return r;
	watch->open_handles = 2;
	(void)uv_timer_init(loop, &watch->poll); /* cannot fail */
	arm(watch);
	return uv_timer_start(&watch->poll, on_poll, WATCH_POLL_MS, WATCH_POLL_MS);
}

static void on_handle_closed(struct watch *watch)
{
	if (--watch->open_handles == 0)
		watch->on_closed(watch);
}

static void on_events_closed(uv_handle_t *handle)
{
	on_handle_closed(container_of(handle, struct watch, events));
}

static void on_poll_closed(uv_handle_t *handle)
{
	on_handle_closed(container_of(handle, struct watch, poll));
}

void watch_stop(struct watch *watch)
{
	uv_close((uv_handle_t *)&watch->events, on_events_closed);
	uv_close((uv_handle_t *)&watch->poll, on_poll_closed);
}
