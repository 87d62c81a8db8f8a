/* SPDX-License-Identifier: Apache-2.0 */
/* An error with a cause in words, on the caller's stack. Rules: style.md 2. */
#pragma once

enum {
	ERR_TEXT_BYTES = 252
};

/* code: 0 or a negative errno. msg: outer to inner, "place: cause, remedy". */
struct err {
	int code;
	char msg[ERR_TEXT_BYTES];
};

#define ERR_INIT  \
	{         \
		0 \
	}

/**
 * State what went wrong; for the one who detects it: err_set(err, -ERANGE, "%u is ...", count).
 *
 * @err   NULL is allowed: the code is enough.
 * @code  negative errno.
 *
 * Returns @code. Does not allocate.
 */
#define err_set(err, code, ...)                            \
	({                                                 \
		const int set_code_ = (code);              \
		err_set_text(err, set_code_, __VA_ARGS__); \
		set_code_;                                 \
	})

/**
 * Put "context: " before the text; for each one above. When the buffer is full the context is
 * cut, never the cause.
 *
 * Returns @code.
 */
#define err_wrap(err, code, ...)                             \
	({                                                   \
		const int wrap_code_ = (code);               \
		err_wrap_text(err, wrap_code_, __VA_ARGS__); \
		wrap_code_;                                  \
	})

/** Same as err_set() with the system's own words for @code (negative errno) after the text. */
#define err_errno(err, code, ...)                              \
	({                                                     \
		const int errno_code_ = (code);                \
		err_errno_text(err, errno_code_, __VA_ARGS__); \
		errno_code_;                                   \
	})

/* Behind the macros, which show compilers and analysers that the code comes back as it went in:
 * without that they take every output of a function that failed for one that may be used. */
__attribute__((format(printf, 3, 4))) void err_set_text(struct err *err, int code,
							const char *format, ...);
__attribute__((format(printf, 3, 4))) void err_wrap_text(struct err *err, int code,
							 const char *format, ...);
__attribute__((format(printf, 3, 4))) void err_errno_text(struct err *err, int code,
							  const char *format, ...);
