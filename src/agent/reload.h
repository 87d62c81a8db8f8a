/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the configuration anew when its file changed or somebody asks, and keeps why the file on
 * disk is not the one in force. */
#pragma once

#include <time.h>
#include <uv.h>

#include "agent/config_watch.h"
#include "agent/repeat.h"
#include "base/err.h"
#include "core/settings.h"

enum {
	RELOAD_RETRY_MS = 5000,
};

/* Embedded in its owner, which is found again by container_of and sets the two functions; else zero
 * is the start. */
struct reload {
	struct config_watch watch;
	uv_timer_t retry;             /* runs while the node cannot follow the file */
	char refusal[ERR_TEXT_BYTES]; /* with file, line and column; "" while it is in force */
	time_t refused_since;         /* the first refusal since it was in force */
	struct repeat repeat;
	/* 0 and new settings, or a negative errno and the reason. */
	int (*load)(struct reload *reload, struct settings **ret, struct err *err);
	/* 0 and @settings are taken and in force, or a negative errno and the reason why this node
	 * cannot follow them; then all is as it was. */
	int (*follow)(struct reload *reload, struct settings *settings, struct err *err);
};

/** Begin to watch the file of @settings, the ones in force, if it has one. */
void reload_start(struct reload *reload, uv_loop_t *loop, const struct settings *settings);

/** Read the configuration now. */
void reload_now(struct reload *reload);

/** Close the handles; the struct must outlive the loop. */
void reload_stop(struct reload *reload);
