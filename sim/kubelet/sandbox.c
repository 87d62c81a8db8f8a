/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts a pod's process with clone, since libuv's spawn knows neither namespaces nor a death
 * signal. Parent and child share two pipes: "go" tells the child that its parent still lives when
 * its death signal is armed, "report" carries the reason of a failed start and closes with exec.
 */
#include "sim/kubelet/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "sim/kubelet/sandbox_mount.h"

enum {
	EXIT_NOT_STARTED = 127,
	PIPE_READ = 0,
	PIPE_WRITE = 1,
};

static int write_file(const char *path, const char *text, struct err *err)
{
	cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, -errno, "%s", path);
	if (write(fd, text, strlen(text)) < 0)
		return err_errno(err, -errno, "%s", path);
	return 0;
}

/* In a new user namespace the process keeps its own ids, and only those. */
static int map_ids(uid_t uid, gid_t gid, struct err *err)
{
	char text[64];
	int r = write_file("/proc/self/setgroups", "deny", err);
	if (r < 0)
		return r;
	(void)snprintf(text, sizeof(text), "%u %u 1", uid, uid);
	r = write_file("/proc/self/uid_map", text, err);
	if (r < 0)
		return r;
	(void)snprintf(text, sizeof(text), "%u %u 1", gid, gid);
	return write_file("/proc/self/gid_map", text, err);
}

static int set_streams(int output, struct err *err)
{
	cleanup_close int input = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (input < 0)
		return err_errno(err, -errno, "/dev/null");
	if (dup2(input, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
	    dup2(output, STDERR_FILENO) < 0)
		return err_errno(err, -errno, "output of the pod");
	return 0;
}

/* What the parent set for itself must not reach the program. */
static void reset_signals(void)
{
	sigset_t none;
	(void)sigemptyset(&none);
	(void)pthread_sigmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
}

static int become_pod(const struct sandbox *sandbox, int go, struct err *err)
{
	char byte;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || setpgid(0, 0) < 0)
		return err_errno(err, -errno, "process group");
	if (read(go, &byte, 1) != 1)
		return err_set(err, -ECANCELED, "the node ended");

	if (sandbox->mounts_count > 0) {
		int r = sandbox_mount_private(err);
		for (size_t i = 0; i < sandbox->mounts_count && r == 0; i++)
			r = sandbox_mount_bind(&sandbox->mounts[i], err);
		if (r < 0)
			return r;
	}
	int r = set_streams(sandbox->output, err);
	if (r < 0)
		return r;

	reset_signals();
	environ = sandbox->env; /* whose PATH execvp searches */
	(void)execvp(sandbox->argv[0], sandbox->argv);
	return err_errno(err, -errno, "%s", sandbox->argv[0]);
}

struct start {
	unsigned long flags;
	uid_t uid;
	gid_t gid;
	int go[2];
	int report[2];
};

__attribute__((noreturn)) static void run_child(const struct sandbox *sandbox,
						const struct start *start)
{
	struct err err = ERR_INIT;
	(void)close(start->go[PIPE_WRITE]);
	int r = (start->flags & CLONE_NEWUSER) ? map_ids(start->uid, start->gid, &err) : 0;
	if (r == 0)
		(void)become_pod(sandbox, start->go[PIPE_READ], &err); /* returns on failure only */
	(void)!write(start->report[PIPE_WRITE], &err, sizeof(err)); /* the exit status tells too */
	_exit(EXIT_NOT_STARTED);
}

static pid_t clone_child(const struct sandbox *sandbox, struct start *start, unsigned long flags)
{
	start->flags = flags;
	long pid = syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, 0);
	if (pid == 0)
		run_child(sandbox, start);
	return pid < 0 ? -errno : (pid_t)pid;
}

/* As much of its own as the system allows; without mounts a pod needs no namespace. */
static pid_t clone_pod(const struct sandbox *sandbox, struct start *start, struct err *err)
{
	unsigned long flags = CLONE_NEWPID | (start->uid == 0 ? 0 : CLONE_NEWUSER);
	if (sandbox->mounts_count > 0)
		flags |= CLONE_NEWNS;
	pid_t pid = clone_child(sandbox, start, flags);
	if (pid < 0 && sandbox->mounts_count > 0)
		return err_errno(
			err, pid,
			"a pod with mounts needs a mount namespace; run as root or allow user namespaces");
	if (pid < 0)
		pid = clone_child(sandbox, start, 0);
	return pid < 0 ? err_errno(err, pid, "clone") : pid;
}

/* Closes with exec; otherwise the child's reason comes in one piece, being smaller than a page. */
static int await_exec(int report, struct err *err)
{
	struct pollfd wait = { .fd = report, .events = POLLIN };
	int ready = poll(&wait, 1, SANDBOX_START_MS);
	if (ready == 0)
		return err_set(err, -ETIMEDOUT, "the pod's process did not start within %d ms",
			       SANDBOX_START_MS);
	struct err reason = ERR_INIT;
	ssize_t length = ready < 0 ? -1 : read(report, &reason, sizeof(reason));
	if (length < 0)
		return err_errno(err, -errno, "start of the pod's process");
	if (length == 0)
		return 0;
	reason.msg[sizeof(reason.msg) - 1] = '\0';
	return err_set(err, reason.code < 0 ? reason.code : -EIO, "%s", reason.msg);
}

int sandbox_start(const struct sandbox *sandbox, pid_t *ret, struct err *err)
{
	struct start start = { .uid = geteuid(), .gid = getegid() };
	if (pipe2(start.go, O_CLOEXEC) < 0)
		return err_errno(err, -errno, "pipe");
	cleanup_close int go_read = start.go[PIPE_READ];
	cleanup_close int go_write = start.go[PIPE_WRITE];
	if (pipe2(start.report, O_CLOEXEC) < 0)
		return err_errno(err, -errno, "pipe");
	cleanup_close int report_read = start.report[PIPE_READ];
	cleanup_close int report_write = start.report[PIPE_WRITE];

	pid_t pid = clone_pod(sandbox, &start, err);
	if (pid < 0)
		return pid;

	(void)close(TAKE_FD(go_read));
	(void)close(TAKE_FD(report_write)); /* so that exec closes the last one */
	int r = write(go_write, "", 1) == 1 ? await_exec(report_read, err)
					    : err_errno(err, -errno, "go");
	if (r < 0) {
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		return r;
	}
	*ret = pid;
	return 0;
}
