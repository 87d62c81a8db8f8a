/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/subject.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "bench/scratch.h"

enum {
	STATUS_BYTES_MAX = 64 << 10,
	PROC_PATH_BYTES = 64,
	LOG_MODE = 0600,
	DIRECTORY_MODE = 0755,
	EXEC_FAILED = 127,
	STOP_MS = 20000, /* under valgrind all takes long */
	STOP_STEP_MS = 10,
};

static int set_variable(const char *name, const char *directory, const char *file, struct err *err)
{
	char path[SCRATCH_PLACE_BYTES];
	int r = scratch_place(directory, file, strlen(file), path);
	if (r < 0)
		return err_errno(err, r, "%s", name);
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
	return setenv(name, path, 1) < 0 ? err_errno(err, -errno, "%s", name) : 0;
}

static int set_environment(const char *directory, const char *kubelet_directory, struct err *err)
{
	int r = set_variable("KUBELET_SOCKET", kubelet_directory, "kubelet.sock", err);
	if (r == 0)
		r = set_variable("CONFIG_FILE", directory, "config.yaml", err);
	if (r == 0)
		r = set_variable("ROTA_SIM", directory, "scenario.yaml", err);
	if (r == 0)
		r = set_variable("ROTA_AGENT_SOCKET", directory, "agent.sock", err);
	return r;
}

/* Show @directory at @place, seen by this process alone; nothing of the machine is touched. */
static int mount_privately(const char *directory, const char *place)
{
	char path[SCRATCH_PLACE_BYTES];
	size_t length = strlen(place);
	if (length >= sizeof(path))
		return -ENAMETOOLONG;
	memcpy(path, place, length + 1);
	char *top = strchr(path + 1, '/'); /* /var: there is one on every machine */
	if (!top || unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	char *end = strchr(top + 1, '/');
	if (end)
		*end = '\0';
	if (mount("none", path, "tmpfs", 0, NULL) < 0)
		return -errno;
	while (end) {
		*end = '/';
		end = strchr(end + 1, '/');
		if (end)
			*end = '\0';
		if (mkdir(path, DIRECTORY_MODE) < 0)
			return -errno;
	}
	return mount(directory, path, NULL, MS_BIND, NULL) < 0 ? -errno : 0;
}

/* The child's side: only returns when something failed. */
static int become(char *const *argv, int log, const char *directory, const char *mount_at)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || signal(SIGPIPE, SIG_DFL) == SIG_ERR ||
	    dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0)
		return -errno;
	int r = mount_at ? mount_privately(directory, mount_at) : 0;
	if (r < 0)
		return r;
	(void)execvp(argv[0], argv);
	return -errno;
}

/* Returns its fd or a negative errno. */
static int open_log(const char *directory)
{
	char path[SCRATCH_PLACE_BYTES];
	int r = scratch_place(directory, "log", strlen("log"), path);
	if (r < 0)
		return r;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, LOG_MODE);
	return fd < 0 ? -errno : fd;
}

int subject_start(struct subject *subject, char *const *argv, const char *directory,
		  const char *mount_at, struct err *err)
{
	int r = set_environment(directory, mount_at ? mount_at : directory, err);
	if (r < 0)
		return r;
	cleanup_close int log = open_log(directory);
	if (log < 0)
		return err_errno(err, log, "%s/log", directory);

	pid_t pid = fork();
	if (pid < 0)
		return err_errno(err, -errno, "fork");
	if (pid == 0) {
		r = become(argv, log, directory, mount_at);
		struct err failure = ERR_INIT;
		(void)err_errno(&failure, r, "%s", argv[0]);
		(void)dprintf(log, "%s\n", failure.msg); /* for who reads the log */
		_exit(EXEC_FAILED);
	}
	subject->pid = pid;
	return 0;
}

bool subject_has_ended(struct subject *subject)
{
	if (subject->pid != 0 && waitpid(subject->pid, NULL, WNOHANG) != 0)
		subject->pid = 0;
	return subject->pid == 0;
}

/* The number behind "KEY:" at the start of a line. */
static uint64_t find_number(const char *text, const char *key)
{
	const char *line = strstr(text, key);
	return line ? strtoull(line + strlen(key), NULL, 10) : 0;
}

static int read_process(const char *pid, const char *name, char **ret)
{
	char path[PROC_PATH_BYTES];
	int length = snprintf(path, sizeof(path), "/proc/%s/%s", pid, name);
	if (length < 0 || (size_t)length >= sizeof(path))
		return -ENAMETOOLONG;
	return file_read(path, STATUS_BYTES_MAX, ret, NULL, NULL);
}

static void add_process(const struct subject *subject, const char *pid, struct subject_memory *sum)
{
	cleanup_free char *status = NULL;
	cleanup_free char *rollup = NULL;
	if (read_process(pid, "status", &status) < 0)
		return; /* it has just ended */
	uint64_t own = (uint64_t)subject->pid;
	if (find_number(status, "\nPid:") != own && find_number(status, "\nPPid:") != own)
		return;
	sum->rss_kib += find_number(status, "\nVmRSS:");
	if (read_process(pid, "smaps_rollup", &rollup) == 0)
		sum->pss_kib += find_number(rollup, "\nPss:");
}

int subject_measure(const struct subject *subject, struct subject_memory *ret, struct err *err)
{
	struct subject_memory sum = { 0 };
	DIR *processes = opendir("/proc");
	if (!processes)
		return err_errno(err, -errno, "/proc");
	for (struct dirent *entry = readdir(processes); entry; entry = readdir(processes))
		if (isdigit((unsigned char)entry->d_name[0]))
			add_process(subject, entry->d_name, &sum);
	(void)closedir(processes); /* it was only read */
	*ret = sum;
	return 0;
}

void subject_stop(struct subject *subject)
{
	const struct timespec step = { .tv_nsec = STOP_STEP_MS * 1000000L };
	if (subject_has_ended(subject))
		return;
	(void)kill(subject->pid, SIGTERM); /* ours, and not yet waited for: it is there */
	for (int waited = 0; waited < STOP_MS && !subject_has_ended(subject);
	     waited += STOP_STEP_MS)
		(void)nanosleep(&step, NULL); /* shorter is no harm */
	if (subject->pid == 0)
		return;
	(void)kill(subject->pid, SIGKILL); /* as above */
	(void)waitpid(subject->pid, NULL, 0);
	subject->pid = 0;
}
