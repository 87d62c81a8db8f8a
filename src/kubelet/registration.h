/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When to register with kubelet, as a pure state machine: the plugin tells it what is seen, it
 * tells the plugin what to do. Facts: kubelet never dials again by itself, deletes every socket in
 * its directory when it starts, and up to 1.36 may drop a new registration when an older stream
 * ends after it. A plugin that registers for the same resource takes our place, while our stream
 * stays open; when it ends, kubelet has nobody and does not tell us.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Which socket file; all zero when there is none. ctime tells apart two files with a reused inode.
 */
struct socket_id {
	uint64_t device;
	uint64_t inode;
	int64_t ctime_ns;
};

enum registration_state {
	/* state                  leaves it when */
	REGISTRATION_IDLE,    /* kubelet.sock is there: serve, then register */
	REGISTRATION_CALLING, /* Register is answered or fails */
	REGISTRATION_WAITING, /* kubelet opens ListAndWatch, or the retry time comes */
	REGISTRATION_SERVING, /* the last stream ends, kubelet.sock is another file, or nobody
				 listens at our path any more */
};

enum registration_action {
	REGISTRATION_NOTHING,
	REGISTRATION_SERVE,    /* our own socket must be made (anew), then step again */
	REGISTRATION_REGISTER, /* end old streams, call Register, report with
				  registration_answered() */
};

/* What is seen now. */
struct registration_view {
	struct socket_id kubelet;
	bool is_reachable; /* our own socket file is the one that we listen on */
	bool is_vacant;    /* nobody listens at our path, not even another plugin */
	bool has_stream;   /* a ListAndWatch of kubelet is open */
};

/* Zero is the start. Times are CLOCK_MONOTONIC in nanoseconds. */
struct registration {
	enum registration_state state;
	struct socket_id known; /* the kubelet that we last turned to */
	uint64_t retry_ns;      /* not before this, while kubelet stays the same */
	uint64_t backoff_ns;
	uint64_t stream_since_ns;
	uint64_t vacant_since_ns; /* 0: somebody listens at our path */
};

/** What to do now. */
enum registration_action registration_step(struct registration *registration,
					   const struct registration_view *view, uint64_t now_ns);

/** The Register call ended. */
void registration_answered(struct registration *registration, bool is_ok, uint64_t now_ns);

/** Our own socket could not be made: try again later. */
void registration_serve_failed(struct registration *registration, uint64_t now_ns);

/** When to step again at the latest if nothing happens; UINT64_MAX: only on an event. */
uint64_t registration_due_ns(const struct registration *registration);
