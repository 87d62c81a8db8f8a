/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events in plain words plus typed pairs; never a format string, so escaping cannot be forgotten.
 * log_info("replicas advertised", KV_STR("resource", name), KV_U64("count", n));
 * Only agent/, turn/ and cli/ log above debug (style.md 9).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level {
	LOG_ERROR, /* someone must act */
	LOG_WARN,  /* we went on, and the text says how */
	LOG_INFO,  /* a change of state */
	LOG_DEBUG,
};

enum log_format {
	LOG_FORMAT_LOGFMT,
	LOG_FORMAT_JSON,
};

enum kv_type {
	KV_TYPE_STR,
	KV_TYPE_U64,
	KV_TYPE_I64,
	KV_TYPE_BOOL,
};

/* key and str: borrowed for the call. A NULL str is written as "". */
struct kv {
	const char *key;
	enum kv_type type;
	union {
		const char *str;
		uint64_t u64;
		int64_t i64;
		bool flag;
	};
};

#define KV_STR(k, v)  ((struct kv){ .key = (k), .type = KV_TYPE_STR, .str = (v) })
#define KV_U64(k, v)  ((struct kv){ .key = (k), .type = KV_TYPE_U64, .u64 = (v) })
#define KV_I64(k, v)  ((struct kv){ .key = (k), .type = KV_TYPE_I64, .i64 = (v) })
#define KV_BOOL(k, v) ((struct kv){ .key = (k), .type = KV_TYPE_BOOL, .flag = (v) })

/** Set for the whole process, before its second thread starts. Default: info, logfmt, to stderr. */
void log_init(enum log_level level, enum log_format format);

/** Write one line to stderr with one write(2). @pairs: @count of them, the first is skipped. */
void log_event(enum log_level level, const char *event, const struct kv *pairs, size_t count);

/* The unused first pair keeps the array from being empty, which C does not allow. */
#define LOG_EVENT(level, event, ...)                                         \
	log_event(level, event, (const struct kv[]){ { 0 }, ##__VA_ARGS__ }, \
		  sizeof((const struct kv[]){ { 0 }, ##__VA_ARGS__ }) / sizeof(struct kv))

#define log_error(event, ...) LOG_EVENT(LOG_ERROR, event, ##__VA_ARGS__)
#define log_warn(event, ...)  LOG_EVENT(LOG_WARN, event, ##__VA_ARGS__)
#define log_info(event, ...)  LOG_EVENT(LOG_INFO, event, ##__VA_ARGS__)
#define log_debug(event, ...) LOG_EVENT(LOG_DEBUG, event, ##__VA_ARGS__)
