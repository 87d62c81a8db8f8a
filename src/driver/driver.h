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
	/* First snapshot, every one that differs from the last, and the first after a fault.
	 * @snapshot is the listener's to snapshot_free(). */
	void (*on_snapshot)(struct driver_listener *listener, struct snapshot *snapshot);
	/* Devices of the last snapshot are to be treated as unhealthy until the next one. @text
	 * says the cause and the remedy. Called once for a run of equal faults. The driver goes on
	 * trying. */
	void (*on_fault)(struct driver_listener *listener, enum driver_fault fault,
			 const char *text);
};

struct driver_options {
	const char *executable;            /* of rota; borrowed, outlives the driver */
	const char *container_driver_root; /* searched for libnvidia-ml.so.1 first; borrowed */
	uint64_t deadline_ns;              /* for one answer */
};

/** Start the process and keep it running. Returns 0, -ENOMEM. A start that fails is a fault, not an
 * error. */
int driver_start(uv_loop_t *loop, const struct driver_options *options,
		 struct driver_listener *listener, struct driver **ret, struct err *err);

/** Kill the process and forget the listener; memory goes when the loop has closed the handles. NULL
 * is allowed. */
void driver_stop(struct driver *driver);

/** Body of `rota driver`: answer requests on @fd until it closes. Returns the exit code. */
int driver_serve(int fd, const char *container_driver_root);
