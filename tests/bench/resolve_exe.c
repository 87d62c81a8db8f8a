/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into the agent when it runs under valgrind, where the kernel's /proc/self/exe is
 * valgrind itself and only readlink() is told the truth: so that the driver process can start.
 */
#include <limits.h>
#include <string.h>
#include <unistd.h>

__attribute__((visibility("default"))) int execvp(const char *file, char *const argv[])
{
	char path[PATH_MAX] = "";
	if (strcmp(file, "/proc/self/exe") != 0)
		return execvpe(file, argv, environ);
	ssize_t length = readlink(file, path, sizeof(path) - 1);
	if (length < 0)
		return -1;
	path[length] = '\0';
	return execve(path, argv, environ);
}
