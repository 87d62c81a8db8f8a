/* SPDX-License-Identifier: Apache-2.0 */
/* Automatic cleanup and the only two ways in which ownership leaves a scope: TAKE_PTR and TAKE_FD.
 */
#pragma once

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(fn) __attribute__((cleanup(fn)))

/* Makes `name` a destructor for CLEANUP: calls `fn` on a `type` that is not NULL. */
#define DEFINE_CLEANUP(type, name, fn)        \
	static inline void name(type *object) \
	{                                     \
		if (*object)                  \
			fn(*object);          \
	}                                     \
	struct cleanup_semicolon_

#define TAKE_PTR(pointer)                               \
	({                                              \
		__typeof__(pointer) taken_ = (pointer); \
		(pointer) = NULL;                       \
		taken_;                                 \
	})

#define TAKE_FD(fd)                \
	({                         \
		int taken_ = (fd); \
		(fd) = -1;         \
		taken_;            \
	})

/* The object of `type` whose `member` is at `pointer`. */
#define container_of(pointer, type, member) \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* For interfaces of others that are declared without const and do not write. */
static inline void *unconst(const void *pointer)
{
	return (void *)(uintptr_t)pointer; /* NOLINT(performance-no-int-to-ptr): drops const only */
}

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

static inline void cleanup_free_pointer(void *pointer)
{
	free(*(void **)pointer);
}

/* Keeps errno, so that a return value made from it survives the end of the scope. */
static inline void cleanup_close_fd(const int *fd)
{
	int saved = errno;
	if (*fd >= 0)
		(void)close(*fd); /* nothing useful can be done about a failed close */
	errno = saved;
}

#define cleanup_free  CLEANUP(cleanup_free_pointer)
#define cleanup_close CLEANUP(cleanup_close_fd)
