/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors that a person can read. The text lives in the caller's struct, so that it can be made when
 * memory is out. Invariant: msg is always a terminated string.
 */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void err_set_text(struct err *err, int code, const char *format, ...)
{
	if (!err)
		return;
	err->code = code;
	va_list args;
	va_start(args, format);
	(void)vsnprintf(err->msg, sizeof(err->msg), format, args); /* a cut text is still a text */
	va_end(args);
}

void err_wrap_text(struct err *err, int code, const char *format, ...)
{
	if (!err)
		return;
	char context[ERR_TEXT_BYTES];
	va_list args;
	va_start(args, format);
	int wanted = vsnprintf(context, sizeof(context), format, args);
	va_end(args);

	size_t cause = strlen(err->msg);
	size_t room = sizeof(err->msg) - 1 - cause;
	size_t length = wanted < 0 ? 0 : strnlen(context, sizeof(context));
	err->code = code;
	if (room < 3 || length == 0)
		return;
	if (length > room - 2)
		length = room - 2;
	memmove(err->msg + length + 2, err->msg, cause + 1);
	memcpy(err->msg, context, length);
	memcpy(err->msg + length, ": ", 2);
}

void err_errno_text(struct err *err, int code, const char *format, ...)
{
	if (!err)
		return;
	err->code = code;
	va_list args;
	va_start(args, format);
	(void)vsnprintf(err->msg, sizeof(err->msg), format, args);
	va_end(args);

	size_t used = strlen(err->msg);
	/* glibc's strerror() keeps its text per thread since 2.32. */
	const char *words = strerror(-code); /* NOLINT(concurrency-mt-unsafe): see above */
	(void)snprintf(err->msg + used, sizeof(err->msg) - used, ": %s", words);
}
