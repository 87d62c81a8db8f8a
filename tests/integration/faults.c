/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into `rota`: lets one call of one function fail, so that each can be tried. From the
 * environment:
 *
 *   ROTA_FAULT       "WORD FUNCTION NUMBER ERRNO WHOSE": in `rota WORD`, the NUMBERth call of
 *                    FUNCTION that WHOSE code makes fails with ERRNO. WHOSE: one of the libraries
 *                    below, or "ours", which is all else. FUNCTION "memory": malloc, calloc and
 *                    realloc together.
 *   ROTA_FAULT_MARK  a file that is made when it happens; while it is there no other call fails,
 *                    so that a process which is started again meets no fault.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define CALLER __builtin_return_address(0)

enum {
	WORD_BYTES = 32,
	MARK_MODE = 0600,
};

/* Where the code of a library is. */
struct library {
	const char *name;
	uintptr_t begin;
	uintptr_t end;
};

static struct library libraries[] = {
	{ .name = "libuv" },        { .name = "libnghttp2" }, { .name = "libjansson" },
	{ .name = "libnvidia-ml" }, { .name = "libyaml" },
};

enum {
	LIBRARIES = sizeof(libraries) / sizeof(libraries[0])
};

static struct {
	bool is_armed;
	const struct library *whose; /* NULL: of none */
	char function[WORD_BYTES];
	unsigned long left;
	int error;
	const char *mark; /* of the environment */
} fault;

static int find_code(struct dl_phdr_info *info, size_t size, void *unused)
{
	(void)size;
	(void)unused;
	for (size_t i = 0; i < LIBRARIES; i++) {
		if (!strstr(info->dlpi_name, libraries[i].name))
			continue;
		for (size_t n = 0; n < info->dlpi_phnum; n++) {
			const ElfW(Phdr) *part = &info->dlpi_phdr[n];
			if (part->p_type != PT_LOAD || !(part->p_flags & PF_X))
				continue;
			libraries[i].begin = info->dlpi_addr + part->p_vaddr;
			libraries[i].end = libraries[i].begin + part->p_memsz;
		}
	}
	return 0;
}

static const struct library *library_at(uintptr_t place)
{
	for (size_t i = 0; i < LIBRARIES; i++)
		if (place >= libraries[i].begin && place < libraries[i].end)
			return &libraries[i];
	return NULL;
}

/* glibc gives its constructors the arguments of main. */
static void __attribute__((constructor)) arm(int count, char **arguments)
{
	const char *text = getenv("ROTA_FAULT");
	char word[WORD_BYTES];
	char whose[WORD_BYTES];
	fault.mark = getenv("ROTA_FAULT_MARK");
	if (!text || !fault.mark || count < 2 ||
	    sscanf(text, "%31s %31s %lu %d %31s", word, fault.function, &fault.left, &fault.error,
		   whose) != 5 ||
	    strcmp(arguments[1], word) != 0)
		return;
	for (size_t i = 0; i < LIBRARIES; i++)
		if (strcmp(whose, libraries[i].name) == 0)
			fault.whose = &libraries[i];
	(void)dl_iterate_phdr(find_code, NULL);
	fault.is_armed = true;
}

/* What counts coverage allocates when the process ends, and is not under test. */
static void disarm(void)
{
	fault.is_armed = false;
}

/* Not by open(), which is one of those that fail. */
static bool leave_mark(void)
{
	long fd = syscall(SYS_openat, AT_FDCWD, fault.mark, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC,
			  MARK_MODE);
	if (fd >= 0)
		(void)syscall(SYS_close, fd);
	return fd >= 0;
}

static bool fails(const char *function, const void *caller)
{
	static bool is_watched;
	if (fault.is_armed && !is_watched) { /* what is registered earliest would run too late */
		is_watched = true;
		(void)atexit(disarm);
	}
	if (!fault.is_armed || strcmp(function, fault.function) != 0 ||
	    library_at((uintptr_t)caller) != fault.whose || --fault.left > 0)
		return false;
	fault.is_armed = false;
	int kept = errno;
	bool is_first = leave_mark();
	errno = is_first ? fault.error : kept;
	return is_first;
}

/* glibc's own names, so that none of these needs dlsym(), which allocates. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);

EXPORT void *malloc(size_t size)
{
	return fails("memory", CALLER) ? NULL : __libc_malloc(size);
}

EXPORT void *calloc(size_t count, size_t size)
{
	return fails("memory", CALLER) ? NULL : __libc_calloc(count, size);
}

EXPORT void *realloc(void *memory, size_t size)
{
	return fails("memory", CALLER) ? NULL : __libc_realloc(memory, size);
}

/* The function that would be called without us. */
static void *next(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);
	if (!found)
		abort();
	return found;
}

#define DEFINE(type, name, parameters, words)                   \
	EXPORT type name parameters                             \
	{                                                       \
		static type(*real) parameters;                  \
		if (fails(#name, CALLER))                       \
			return (type)-1;                        \
		if (!real)                                      \
			real = (type(*) parameters)next(#name); \
		return real words;                              \
	}

/* clang-format off */
DEFINE(ssize_t, read, (int fd, void *buffer, size_t size), (fd, buffer, size))
DEFINE(ssize_t, write, (int fd, const void *buffer, size_t size), (fd, buffer, size))
DEFINE(ssize_t, send, (int fd, const void *buffer, size_t size, int flags),
       (fd, buffer, size, flags))
DEFINE(int, unlink, (const char *path), (path))
DEFINE(int, mkdir, (const char *path, mode_t mode), (path, mode))
DEFINE(int, access, (const char *path, int mode), (path, mode))
DEFINE(int, fchmod, (int fd, mode_t mode), (fd, mode))
DEFINE(int, lstat64, (const char *path, struct stat64 *status), (path, status))
DEFINE(int, stat64, (const char *path, struct stat64 *status), (path, status))
DEFINE(int, socket, (int family, int type, int protocol), (family, type, protocol))
DEFINE(int, socketpair, (int family, int type, int protocol, int fds[2]),
       (family, type, protocol, fds))
DEFINE(int, bind, (int fd, __CONST_SOCKADDR_ARG address, socklen_t length), (fd, address, length))
DEFINE(int, connect, (int fd, __CONST_SOCKADDR_ARG address, socklen_t length),
       (fd, address, length))
DEFINE(int, listen, (int fd, int backlog), (fd, backlog))
DEFINE(int, accept4, (int fd, __SOCKADDR_ARG address, socklen_t *length, int flags),
       (fd, address, length, flags))
DEFINE(int, setsockopt, (int fd, int level, int name, const void *value, socklen_t length),
       (fd, level, name, value, length))
DEFINE(int, inotify_init1, (int flags), (flags))
DEFINE(int, inotify_add_watch, (int fd, const char *path, uint32_t mask), (fd, path, mask))
DEFINE(int, epoll_create1, (int flags), (flags))
DEFINE(int, epoll_wait, (int fd, struct epoll_event *events, int count, int ms),
       (fd, events, count, ms))
DEFINE(int, pipe2, (int fds[2], int flags), (fds, flags))
DEFINE(int, signalfd, (int fd, const sigset_t *mask, int flags), (fd, mask, flags))
DEFINE(int, dup2, (int from, int to), (from, to))
DEFINE(int, poll, (struct pollfd * fds, nfds_t count, int ms), (fds, count, ms))
DEFINE(int, close_range, (unsigned first, unsigned last, int flags), (first, last, flags))
DEFINE(pid_t, fork, (void), ())
DEFINE(int, kill, (pid_t pid, int number), (pid, number))
DEFINE(int, execvp, (const char *file, char *const words[]), (file, words))
/* clang-format on */

EXPORT int open64(const char *path, int flags, ...)
{
	static int (*real)(const char *, int, ...);
	va_list arguments;
	va_start(arguments, flags);
	bool has_mode = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
	mode_t mode = has_mode ? va_arg(arguments, mode_t) : 0;
	va_end(arguments);
	if (fails("open64", CALLER))
		return -1;
	if (!real)
		real = (int (*)(const char *, int, ...))next("open64");
	return real(path, flags, mode);
}

EXPORT void *dlopen(const char *path, int flags)
{
	static void *(*real)(const char *, int);
	if (fails("dlopen", CALLER))
		return NULL;
	if (!real)
		real = (void *(*)(const char *, int))next("dlopen");
	void *library = real(path, flags);
	if (fault.is_armed)
		(void)dl_iterate_phdr(find_code, NULL);
	return library;
}
