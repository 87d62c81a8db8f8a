/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See processes.h. Invariant: a process handle stays until the process is reaped or abandoned, so
 * that none is left as a zombie; the memory goes when socket and process handle are closed.
 */
#include "driver/processes.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"

enum {
	HANDLES = 2,
};

struct process {
	struct processes *processes; /* borrowed, outlives this */
	struct process *next;        /* of processes->all */
	uv_process_t handle;
	uv_pipe_t pipe;
	unsigned open_handles;
	bool is_reaped; /* or was never started */
	char chunk[PROCESSES_READ_BYTES];
};

static void unlink_process(struct process *process)
{
	struct process **link = &process->processes->all;
	while (*link != process)
		link = &(*link)->next;
	*link = process->next;
}

static void on_closed(struct process *process)
{
	struct processes *processes = process->processes;
	if (--process->open_handles > 0)
		return;
	unlink_process(process);
	free(process);
	if (!processes->all)
		processes->on_empty(processes);
}

static void on_pipe_closed(uv_handle_t *handle)
{
	on_closed(container_of(handle, struct process, pipe));
}

static void on_handle_closed(uv_handle_t *handle)
{
	on_closed(container_of(handle, struct process, handle));
}

static void close_once(uv_handle_t *handle, uv_close_cb on_handle)
{
	if (!uv_is_closing(handle))
		uv_close(handle, on_handle);
}

static void kill_process(struct process *process)
{
	close_once((uv_handle_t *)&process->pipe, on_pipe_closed);
	if (process->is_reaped)
		close_once((uv_handle_t *)&process->handle, on_handle_closed);
	else
		(void)uv_process_kill(&process->handle, SIGKILL); /* fails when it is dead: fine */
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	(void)suggested;
	struct process *process = container_of(handle, struct process, pipe);
	*ret = uv_buf_init(process->chunk, sizeof(process->chunk));
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *chunk)
{
	struct process *process = container_of(stream, struct process, pipe);
	struct processes *processes = process->processes;
	if (process != processes->serving || got == 0)
		return;
	if (got > 0) {
		processes->on_bytes(processes, chunk->base, (size_t)got);
		return;
	}
	(void)uv_read_stop(stream); /* always 0 */
	processes->on_hang_up(processes);
}

static void on_exit_of_process(uv_process_t *handle, int64_t status, int signal_number)
{
	struct process *process = container_of(handle, struct process, handle);
	struct processes *processes = process->processes;
	process->is_reaped = true;
	if (process == processes->serving) {
		processes_give_up(processes);
		processes->on_end(processes, status, signal_number);
	} else {
		kill_process(process); /* closes what is still open */
	}
}

static int spawn(struct process *process, const char *executable, char **arguments)
{
	/* Its messages go to our stderr; a library that writes to stdout must not reach ours. */
	uv_stdio_container_t descriptors[] = {
		{ .flags = UV_IGNORE },
		{ .flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO },
		{ .flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO },
		[PROCESSES_FD] = { .flags = UV_CREATE_PIPE | UV_READABLE_PIPE | UV_WRITABLE_PIPE,
				   .data.stream = (uv_stream_t *)&process->pipe },
	};
	uv_process_options_t options = {
		.exit_cb = on_exit_of_process,
		.file = executable,
		.args = arguments,
		.stdio = descriptors,
		.stdio_count = ARRAY_LEN(descriptors),
	};
	int r = uv_spawn(process->processes->loop, &process->handle, &options);
	process->is_reaped = r < 0;
	return r;
}

int processes_start(struct processes *processes, const char *executable, char **arguments)
{
	struct process *process = calloc(1, sizeof(*process));
	if (!process)
		return -ENOMEM;
	process->processes = processes;
	(void)uv_pipe_init(processes->loop, &process->pipe, 0); /* only sets fields */
	process->open_handles = HANDLES;
	process->next = processes->all;
	processes->all = process;
	processes->serving = process;
	int r = spawn(process, executable, arguments);
	if (r == 0)
		r = uv_read_start((uv_stream_t *)&process->pipe, on_alloc, on_read);
	if (r < 0)
		processes_give_up(processes);
	return r;
}

/* Not with libuv, which would raise SIGPIPE when the peer is gone. */
void processes_send(struct processes *processes, const void *bytes, size_t length)
{
	uv_os_fd_t fd = -1;
	if (uv_fileno((uv_handle_t *)&processes->serving->pipe, &fd) == 0)
		(void)send(fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void processes_give_up(struct processes *processes)
{
	if (processes->serving)
		kill_process(processes->serving);
	processes->serving = NULL;
}

unsigned processes_unreaped(const struct processes *processes)
{
	unsigned count = 0;
	for (const struct process *process = processes->all; process; process = process->next)
		count += !process->is_reaped;
	return count;
}

void processes_stop(struct processes *processes)
{
	processes->serving = NULL;
	for (struct process *process = processes->all; process; process = process->next)
		kill_process(process);
}

void processes_abandon(struct processes *processes)
{
	for (struct process *process = processes->all; process; process = process->next)
		close_once((uv_handle_t *)&process->handle, on_handle_closed);
}
