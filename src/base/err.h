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
 * State what went wrong; for the one who detects it.
 *
 * @err   NULL is allowed: the code is enough.
 * @code  negative errno.
 *
 * Returns @code. Does not allocate.
 */
__attribute__((format(printf, 3, 4))) int err_set(struct err *err, int code, const char *format,
						  ...);

/**
 * Put "context: " before the text; for each one above. When the buffer is full the context is
 * cut, never the cause.
 *
 * Returns @code.
 */
__attribute__((format(printf, 3, 4))) int err_wrap(struct err *err, int code, const char *format,
						   ...);

/** Same as err_set() with the system's own words for @code (negative errno) after the text. */
__attribute__((format(printf, 3, 4))) int err_errno(struct err *err, int code, const char *format,
						    ...);
