/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See pod.h. One pipe serves all runs of a pod, so that its log is one text and no handle has to be
 * made anew; it is read into a window that keeps the end.
 */
#include "sim/kubelet/pod.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "sim/kubelet/sandbox.h"

enum {
	READ_BYTES = 4096,
	READS_MAX = 64, /* at a time: a pod that prints without end must not hold the loop */
	BACKOFF_DOUBLINGS_MAX = 5,
};

static const char *const phases[] = {
	[POD_WAITING] = "Pending", [POD_ADMITTING] = "Pending",    [POD_STARTING] = "Pending",
	[POD_RUNNING] = "Running", [POD_BACKOFF] = "Pending",      [POD_SUCCEEDED] = "Succeeded",
	[POD_FAILED] = "Failed",   [POD_DELETING] = "Terminating",
};

static void keep_output(struct pod *pod, const char *bytes, size_t length)
{
	size_t room = POD_LOG_BYTES - pod->log_length;
	if (length > room) {
		size_t cut = length - room;
		memmove(pod->log, pod->log + cut, pod->log_length - cut);
		pod->log_length -= cut;
	}
	memcpy(pod->log + pod->log_length, bytes, length);
	pod->log_length += length;
}

static void read_output(struct pod *pod)
{
	char bytes[READ_BYTES];
	for (int i = 0; i < READS_MAX; i++) {
		ssize_t length = read(pod->output_read, bytes, sizeof(bytes));
		if (length <= 0)
			return;
		keep_output(pod, bytes, (size_t)length);
	}
}

static void on_output(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	read_output(container_of(poll, struct pod, output));
}

static int open_output(uv_loop_t *loop, struct pod *pod)
{
	int fds[2];
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	pod->output_read = fds[0];
	pod->output_write = fds[1];
	if (fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	int r = uv_poll_init(loop, &pod->output, fds[0]);
	if (r < 0)
		return r;
	pod->open_handles++;
	return uv_poll_start(&pod->output, UV_READABLE, on_output);
}

int pod_new(uv_loop_t *loop, struct arena *arena, const struct pod_spec *spec,
	    struct pod_owner *owner, struct pod **ret, struct err *err)
{
	struct pod *pod = calloc(1, sizeof(*pod));
	if (!pod)
		return err_errno(err, -ENOMEM, "%s", spec->name);
	pod->owner = owner;
	pod->output_read = -1;
	pod->output_write = -1;
	(void)uv_timer_init(loop, &pod->timer); /* cannot fail */
	pod->open_handles++;
	pod->log = malloc(POD_LOG_BYTES);
	int r = pod->log ? open_output(loop, pod) : -ENOMEM;
	if (r < 0) {
		(void)err_errno(err, r, "%s", spec->name);
		pod_free(pod);
		return r;
	}
	pod->spec = *spec;
	pod->arena = *arena;
	*arena = (struct arena){ 0 };
	*ret = pod;
	return 0;
}

const char *pod_phase(const struct pod *pod)
{
	if (pod->has_run && (pod->stage == POD_STARTING || pod->stage == POD_BACKOFF))
		return phases[POD_RUNNING];
	return phases[pod->stage];
}

bool pod_is_bound(const struct pod *pod)
{
	switch (pod->stage) {
	case POD_ADMITTING:
	case POD_STARTING:
	case POD_RUNNING:
	case POD_BACKOFF:
	case POD_DELETING:
		return true;
	case POD_WAITING:
	case POD_SUCCEEDED:
	case POD_FAILED:
		return false;
	}
	return false;
}

void pod_enter(struct pod *pod, enum pod_stage stage, const char *reason, const char *message)
{
	pod->stage = stage;
	free(pod->reason);
	free(pod->message);
	/* Without memory the stage alone must tell. */
	pod->reason = reason ? strdup(reason) : NULL;
	pod->message = message ? strdup(message) : NULL;
}

int pod_start(struct pod *pod, const struct launch *launch, struct err *err)
{
	struct sandbox sandbox = {
		.argv = pod->spec.command,
		.env = launch->env,
		.mounts = launch->mounts,
		.mounts_count = launch->mounts_count,
		.output = pod->output_write,
	};
	return sandbox_start(&sandbox, &pod->pid, err);
}

static void on_start_timer(uv_timer_t *timer)
{
	struct pod *pod = container_of(timer, struct pod, timer);
	pod->owner->on_start_due(pod->owner, pod);
}

void pod_start_later(struct pod *pod, uint64_t base_ms)
{
	unsigned doublings = pod->failures < BACKOFF_DOUBLINGS_MAX ? pod->failures
								   : BACKOFF_DOUBLINGS_MAX;
	pod->failures++;
	/* Fails only for a handle that is closing, and then nobody waits. */
	(void)uv_timer_start(&pod->timer, on_start_timer, base_ms << doublings, 0);
}

bool pod_reap(struct pod *pod, int *ret_status)
{
	siginfo_t info = { 0 };
	if (pod->pid <= 0 ||
	    waitid(P_PID, (id_t)pod->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
	    info.si_pid == 0)
		return false;

	/* The id is not free for others until it is reaped, so this hits nobody else. */
	(void)kill(-pod->pid, SIGKILL);
	(void)waitpid(pod->pid, ret_status, 0);
	pod->pid = 0;
	(void)uv_timer_stop(&pod->timer);
	read_output(pod);
	return true;
}

static void on_grace_timer(uv_timer_t *timer)
{
	const struct pod *pod = container_of(timer, struct pod, timer);
	if (pod->pid > 0)
		(void)kill(-pod->pid, SIGKILL);
}

void pod_terminate(struct pod *pod, uint64_t grace_ms)
{
	if (pod->pid <= 0)
		return;
	(void)kill(-pod->pid, SIGTERM);
	(void)uv_timer_start(&pod->timer, on_grace_timer, grace_ms, 0);
}

void pod_kill(struct pod *pod)
{
	if (pod->pid <= 0)
		return;
	(void)kill(-pod->pid, SIGKILL);
	(void)waitpid(pod->pid, NULL, 0);
	pod->pid = 0;
}

static void drop(struct pod *pod)
{
	if (--pod->open_handles > 0)
		return;
	if (pod->output_read >= 0)
		(void)close(pod->output_read);
	if (pod->output_write >= 0)
		(void)close(pod->output_write);
	free(pod->reason);
	free(pod->message);
	free(pod->log);
	arena_done(&pod->arena);
	free(pod);
}

static void on_output_closed(uv_handle_t *handle)
{
	drop(container_of((uv_poll_t *)handle, struct pod, output));
}

static void on_timer_closed(uv_handle_t *handle)
{
	drop(container_of((uv_timer_t *)handle, struct pod, timer));
}

void pod_free(struct pod *pod)
{
	if (pod->output.type == UV_POLL)
		uv_close((uv_handle_t *)&pod->output, on_output_closed);
	uv_close((uv_handle_t *)&pod->timer, on_timer_closed);
}
