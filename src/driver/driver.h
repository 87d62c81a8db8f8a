/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver process as the agent sees it: the same binary started as `rota driver`, the only code
 * that loads NVML. It may hang, crash or vanish; nothing here waits for it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "core/device.h"

struct driver;

/* Why there is no snapshot. */
enum driver_fault {
	DRIVER_FAULT_INIT, /* NVML said no: library missing, driver not loaded, ... */
	DRIVER_FAULT_DIED, /* the process ended or spoke nonsense */
	DRIVER_FAULT_HUNG, /* no answer within the deadline */
};

/* Embedded in its owner, which is found again by container_of. Callbacks run on the loop. */
struct driver_listener {
	/* First snapshot, every one that differs from the last, the first after a fault or an
	 * event, and every one while driver_hurry() is on. @snapshot is the listener's to
	 * snapshot_free(). @asked_ns: when it was asked for (uv_hrtime()). */
	void (*on_snapshot)(struct driver_listener *listener, struct snapshot *snapshot,
			    uint64_t asked_ns);
	/* Devices of the last snapshot are to be treated as unhealthy until the next one. @text
	 * says the cause and the remedy. Called once for a run of equal faults. The driver goes on
	 * trying. */
	void (*on_fault)(struct driver_listener *listener, enum driver_fault fault,
			 const char *text);
	/* Events do not come, or the driver is slow to answer. Called once for a run of equal
	 * texts. NULL is allowed. A GPU that does not answer while others do is told by the
	 * snapshot: unhealthy if it was known before, else in its lost. */
	void (*on_warning)(struct driver_listener *listener, const char *text);
	/* An Xid. A snapshot that was read after it follows. @event is valid during the call. NULL
	 * is allowed. */
	void (*on_event)(struct driver_listener *listener, const struct device_event *event);
};

struct driver_options {
	const char *executable;            /* of rota; borrowed, outlives the driver */
	const char *container_driver_root; /* searched for libnvidia-ml.so.1 first; borrowed */
	const char *root;                  /* before /proc and /sys; NULL is ""; borrowed */
	uint64_t deadline_ns;              /* for one answer */
	uint64_t poll_ns;                  /* between two snapshots; 0: DRIVER_POLL_MS */
	uint64_t grace_ns;                 /* 0: DRIVER_GRACE_MS */
	uint64_t silent_ns;                /* 0: DRIVER_SILENT_MS */
};

enum {
	DRIVER_POLL_MS = 5000,  /* a GPU that goes, or parts that change, are seen within this */
	DRIVER_HURRY_MS = 1000, /* the same while something is ill */
	/* Two snapshots asked for because of events are this far apart, so that a GPU that reports
	 * error after error does not keep process and agent busy. */
	DRIVER_EVENT_GAP_MS = 100,
	DRIVER_SILENT_MS = 5000, /* of silence before a warning; the deadline may be far off */
	DRIVER_RETRY_MS = 2000,  /* after NVML said no; a driver is being installed or loaded */
	/*
	 * A process that died or hung is a fault only if its successor does not deliver within
	 * this: a crash of our helper says nothing about the GPUs, and taking them away disturbs
	 * every pod that waits. Short enough for "sick GPUs leave within a second".
	 */
	DRIVER_GRACE_MS = 500,
	DRIVER_BACKOFF_FIRST_MS = 100,
	DRIVER_BACKOFF_MAX_MS = 30 * 1000,
	/* Killed processes that the kernel does not let go (a driver call that cannot be
	 * interrupted). No further ones are started until one of them ends. */
	DRIVER_ABANDONED_MAX = 4,
};

/** Start the process and keep it running. Returns 0, -ENOMEM. A start that fails is a fault, not an
 * error. */
int driver_start(uv_loop_t *loop, const struct driver_options *options,
		 struct driver_listener *listener, struct driver **ret, struct err *err);

/** Ask at once, with NVML opened anew, and forget GPUs that the driver no longer counts. NULL is
 * allowed. */
void driver_refresh(struct driver *driver);

/** Whether to ask each DRIVER_HURRY_MS, since something is ill and may get well. NULL is
 * allowed. */
void driver_hurry(struct driver *driver, bool is_hurried);

/** Kill the process and forget the listener; memory goes when the process is reaped (waited for at
 * most a second) and the loop has closed the handles. May be called from a callback. NULL is
 * allowed. */
void driver_stop(struct driver *driver);

/** Body of `rota driver`: answer requests on @fd, a socket made by the parent, until it closes.
 * Closes every descriptor above @fd. @root stands before /proc and /sys where it looks for GPUs; ""
 * is /. Returns the exit code. */
int driver_serve(int fd, const char *container_driver_root, const char *root);
