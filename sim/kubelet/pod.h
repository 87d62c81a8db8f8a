/* SPDX-License-Identifier: Apache-2.0 */
/* A pod with one container: its state, its process and what that printed. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <uv.h>

#include "base/arena.h"
#include "base/err.h"
#include "rpc/client.h"
#include "sim/kubelet/launch.h"
#include "sim/kubelet/pod_spec.h"

/*
 * waiting   -> admitting  the scheduler binds it to the node
 * admitting -> starting   the device manager has devices for it; Failed: it has not
 * admitting -> waiting    kubelet stopped in between
 * starting  -> running    its process runs; backoff: it could not be started
 * running   -> backoff    its process ended; Succeeded or Failed with restartPolicy Never
 * backoff   -> starting   after a while
 * any       -> deleting   on request; gone when its process is
 */
enum pod_stage {
	POD_WAITING,
	POD_ADMITTING,
	POD_STARTING,
	POD_RUNNING,
	POD_BACKOFF,
	POD_SUCCEEDED,
	POD_FAILED,
	POD_DELETING,
};

enum {
	POD_LOG_BYTES = 64 * 1024, /* the last of what it printed */
};

struct pod;

/* Embedded in its owner, which is found again by container_of. */
struct pod_owner {
	void (*on_start_due)(struct pod_owner *owner, struct pod *pod);
};

struct pod {
	struct pod *next;
	struct pod_owner *owner; /* borrowed */
	struct arena arena;      /* of the spec */
	struct pod_spec spec;
	enum pod_stage stage;
	bool has_run;
	char *reason;  /* owned; NULL for none */
	char *message; /* owned; NULL for none */
	unsigned restarts;
	unsigned failures; /* starts and runs that ended; sets the wait before the next */
	pid_t pid;         /* 0 while no process runs */
	bool is_calling;   /* PreStartContainer is in flight */
	struct rpc_reply pre_start;
	int output_write; /* each run prints here */
	int output_read;
	char *log; /* owned; the last POD_LOG_BYTES */
	size_t log_length;
	uv_poll_t output; /* handles: closed by pod_free() */
	uv_timer_t timer;
	unsigned open_handles;
};

/** Takes over @arena, which @spec lives in, on success only. 0, -ENOMEM or the errno of pipe. */
int pod_new(uv_loop_t *loop, struct arena *arena, const struct pod_spec *spec,
	    struct pod_owner *owner, struct pod **ret, struct err *err);

/** "Pending", "Running", "Succeeded", "Failed". */
const char *pod_phase(const struct pod *pod);

/** Whether the scheduler counts its request: bound to the node and not at its end. */
bool pod_is_bound(const struct pod *pod);

/** Move to @stage. @reason and @message (NULL for none) are copied. */
void pod_enter(struct pod *pod, enum pod_stage stage, const char *reason, const char *message);

/** Start its process. As sandbox_start(). */
int pod_start(struct pod *pod, const struct launch *launch, struct err *err);

/** Ask for on_start_due later: @base_ms, doubled for each failure before, at most 32 times that. */
void pod_start_later(struct pod *pod, uint64_t base_ms);

/** Whether the process has ended: then it is reaped and what is left of its group is killed. */
bool pod_reap(struct pod *pod, int *ret_status);

/** Ask the process to end, and end it by force after @grace_ms. */
void pod_terminate(struct pod *pod, uint64_t grace_ms);

/** End the process now and wait for it. */
void pod_kill(struct pod *pod);

/** Close handles; memory goes when the loop has closed them. The process must have ended. */
void pod_free(struct pod *pod);
