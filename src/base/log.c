/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line an event, as logfmt or JSON, from the same pairs. The only state is the level and format
 * of the process. A line that outgrows LOG_LINE_BYTES is cut at a pair, never inside one.
 */
#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"

enum {
	LOG_LINE_BYTES = 4096, /* with its end: PIPE_BUF, so that writers do not mix their lines */
	TIME_BYTES = 40
};

static const char *const level_names[] = { "error", "warn", "info", "debug" };

static struct {
	enum log_level level;
	enum log_format format;
} settings = { LOG_INFO, LOG_FORMAT_LOGFMT };

void log_init(enum log_level level, enum log_format format)
{
	settings.level = level;
	settings.format = format;
}

static void put_quoted(struct buf *line, const char *text)
{
	(void)buf_text(line, "\"");
	for (const char *at = text; *at; at++) {
		unsigned char c = (unsigned char)*at;
		if (c == '"' || c == '\\')
			(void)buf_printf(line, "\\%c", c);
		else if (c < 0x20 || c == 0x7F)
			(void)buf_printf(line, "\\u%04x", c);
		else
			(void)buf_append(line, at, 1);
	}
	(void)buf_text(line, "\"");
}

/* logfmt needs quotes only where a reader would split or misread the value. */
static bool is_bare(const char *text)
{
	if (*text == '\0')
		return false;
	for (; *text; text++)
		if ((unsigned char)*text <= ' ' || *text == '"' || *text == '=' || *text == '\\' ||
		    *text == 0x7F)
			return false;
	return true;
}

static void put_value(struct buf *line, const struct kv *pair)
{
	switch (pair->type) {
	case KV_TYPE_STR:
		if (settings.format == LOG_FORMAT_LOGFMT && pair->str && is_bare(pair->str))
			(void)buf_text(line, pair->str);
		else
			put_quoted(line, pair->str ? pair->str : "");
		break;
	case KV_TYPE_U64:
		(void)buf_printf(line, "%" PRIu64, pair->u64);
		break;
	case KV_TYPE_I64:
		(void)buf_printf(line, "%" PRId64, pair->i64);
		break;
	case KV_TYPE_BOOL:
		(void)buf_text(line, pair->flag ? "true" : "false");
		break;
	}
}

static void put_pair(struct buf *line, const struct kv *pair)
{
	bool is_json = settings.format == LOG_FORMAT_JSON;
	if (line->len > 0)
		(void)buf_text(line, is_json ? "," : " ");
	else if (is_json)
		(void)buf_text(line, "{");
	(void)buf_printf(line, is_json ? "\"%s\":" : "%s=", pair->key);
	put_value(line, pair);
}

static void put_time(char text[static TIME_BYTES])
{
	struct timespec now;
	struct tm utc;
	(void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail for this clock */
	(void)gmtime_r(&now.tv_sec, &utc);
	size_t used = strftime(text, TIME_BYTES, "%Y-%m-%dT%H:%M:%S", &utc);
	(void)snprintf(text + used, TIME_BYTES - used, ".%03ldZ", now.tv_nsec / 1000000);
}

/* A log that cannot be written must not stop what it tells of, so a failure is passed over. */
static void write_once(const char *text, size_t length)
{
	ssize_t put = write(STDERR_FILENO, text, length);
	(void)put;
}

void log_event(enum log_level level, const char *event, const struct kv *pairs, size_t count)
{
	if (level > settings.level)
		return;
	char now[TIME_BYTES];
	put_time(now);
	const char *end = settings.format == LOG_FORMAT_JSON ? "}\n" : "\n";
	struct buf line = BUF_INIT(LOG_LINE_BYTES - strlen(end));
	put_pair(&line, &KV_STR("time", now));
	put_pair(&line, &KV_STR("level", level_names[level]));
	put_pair(&line, &KV_STR("event", event));
	for (size_t i = 1; i < count; i++) {
		size_t before = line.len;
		put_pair(&line, &pairs[i]);
		if (line.error) {
			line.len = before;
			break;
		}
	}
	line.error = 0;
	line.max = LOG_LINE_BYTES;
	if (line.len > 0 && buf_text(&line, end) == 0)
		write_once(line.data, line.len);
	buf_done(&line);
}
