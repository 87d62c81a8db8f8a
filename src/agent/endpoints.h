/* SPDX-License-Identifier: Apache-2.0 */
/* Where the agent is asked about itself: its own socket for `rota status`, and HTTP for probes and
 * Prometheus. */
#pragma once

#include <uv.h>

#include "agent/report.h"
#include "base/unix_socket.h"
#include "control/control.h"
#include "core/settings.h"
#include "metrics/http.h"

enum {
	ENDPOINTS_RETRY_MS = 5000, /* an agent that we replace goes away, a directory is mounted */
};

/* Embedded in its owner, which is found again by container_of and sets look; else zero is the
 * start. */
struct endpoints {
	uv_loop_t *loop; /* borrowed */
	char path[UNIX_SOCKET_PATH_MAX + 1];
	struct control *control; /* owned; NULL when there is no place for its socket */
	struct control_handler control_handler;
	uv_timer_t retry;         /* runs while there is no place */
	struct http_server *http; /* owned; NULL when none is asked for or its port is taken */
	struct http_handler http_handler;
	/* The state as of now; what it borrows is there until the call that looks at it ends. */
	struct report (*look)(struct endpoints *endpoints);
};

/** Open what @settings ask for. What cannot be opened is logged, and is no reason not to serve
 * kubelet; the socket is tried again. */
void endpoints_start(struct endpoints *endpoints, uv_loop_t *loop, const struct settings *settings);

/** Close the handles; the struct must outlive the loop. */
void endpoints_stop(struct endpoints *endpoints);
