/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fork and exec by hand, because the child must die with the demo however that ends (a death signal
 * and nothing else does this). The demo has one thread, so the child may call what it likes.
 */
#include "cli/demo_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"

enum {
	EXIT_NOT_STARTED = 127,
	LOOK_MS = 10, /* between two looks at a process that is to end */
	LOOK_NS = LOOK_MS * 1000 * 1000,
	READ_END = 0,
	WRITE_END = 1,
};

static int set_stream(int from, int to)
{
	int fd = from >= 0 ? from : open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fd < 0 || dup2(fd, to) < 0)
		return -errno;
	return 0;
}

/* Returns only when it fails. */
static int become(const struct demo_program *program, pid_t parent)
{
	sigset_t none;
	(void)sigemptyset(&none);
	(void)pthread_sigmask(SIG_SETMASK, &none, NULL); /* a good mask cannot fail */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return -errno;
	if (getppid() != parent)
		return -ECANCELED; /* it died before the death signal was armed */
	int r = set_stream(program->input, STDIN_FILENO);
	if (r == 0)
		r = set_stream(program->output, STDOUT_FILENO);
	if (r == 0)
		r = set_stream(program->errors, STDERR_FILENO);
	if (r < 0)
		return r;
	(void)execve(program->path, program->argv, program->env);
	return -errno;
}

int demo_process_start(const struct demo_program *program, pid_t *ret, struct err *err)
{
	int report[2]; /* closes with exec, or carries the errno */
	if (pipe2(report, O_CLOEXEC) < 0)
		return err_errno(err, -errno, "pipe");
	cleanup_close int report_read = report[READ_END];
	cleanup_close int report_write = report[WRITE_END];
	pid_t parent = getpid();
	pid_t pid = fork();
	if (pid < 0)
		return err_errno(err, -errno, "fork");
	if (pid == 0) {
		int r = become(program, parent);
		(void)!write(report_write, &r, sizeof(r)); /* the exit status tells too */
		_exit(EXIT_NOT_STARTED);
	}

	int r = 0;
	(void)close(TAKE_FD(report_write)); /* so that exec closes the last one */
	ssize_t length = read(report_read, &r, sizeof(r));
	if (length == 0) {
		*ret = pid;
		return 0;
	}
	(void)kill(pid, SIGKILL); /* one that started, of which that could not be read */
	(void)waitpid(pid, NULL, 0);
	return err_errno(err, length == (ssize_t)sizeof(r) && r < 0 ? r : -EIO, "%s",
			 program->path);
}

bool demo_process_has_ended(pid_t *pid, int *ret_status)
{
	if (*pid <= 0)
		return false;
	pid_t ended = waitpid(*pid, ret_status, WNOHANG);
	if (ended == 0)
		return false;
	*pid = 0;
	return true;
}

void demo_process_stop(pid_t *pid, int signal, uint64_t wait_ms)
{
	int status;
	if (*pid <= 0)
		return;
	if (signal > 0)
		(void)kill(*pid, signal);
	for (uint64_t waited = 0; waited < wait_ms; waited += LOOK_MS) {
		if (demo_process_has_ended(pid, &status))
			return;
		(void)nanosleep(&(struct timespec){ .tv_nsec = LOOK_NS }, NULL);
	}
	(void)kill(*pid, SIGKILL);
	(void)waitpid(*pid, &status, 0);
	*pid = 0;
}
