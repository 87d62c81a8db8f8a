/* SPDX-License-Identifier: Apache-2.0 */
/* Text to value, strictly: the whole text must be the value. All functions are pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Decimal digits only, no sign, no leading zero ("0" itself is fine). 0, -EINVAL, -ERANGE (not in
 * @min..@max). */
int text_parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret);

/** A size in bytes: digits and one of "" Ki Mi Gi Ti KiB MiB GiB TiB (powers of 1024). 0, -EINVAL,
 * -ERANGE. */
int text_parse_bytes(const char *text, uint64_t *ret);

/**
 * A duration as Go reads it: "300ms", "1h2m3.5s", "+.5s", "0"; units ns us ms s m h, not negative.
 * 0, -EINVAL, -ERANGE (over 2^63-1 ns).
 */
int text_parse_duration(const char *text, uint64_t *ret_ns);

/** Go's ParseBool: 1 t T TRUE true True, 0 f F FALSE false False. 0 or -EINVAL. */
int text_parse_bool(const char *text, bool *ret);

/** Valid UTF-8 without NUL (shortest forms, no surrogates). */
bool text_is_utf8(const uint8_t *bytes, size_t length);

/** A number that tells contents apart (64-bit FNV-1a), never 0. Not for contents that somebody
 * makes up to be taken for others. */
uint64_t text_digest(const char *bytes, size_t length);

/**
 * The candidate that @word was probably meant to be: at most a third of its letters (rounded up)
 * are wrong, compared without case. NULL when none is near. @candidates: borrowed, @count of them.
 */
const char *text_closest(const char *word, const char *const *candidates, size_t count);

/** '0' to '9', whatever the locale. */
static inline bool text_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool text_is_empty(const char *text)
{
	return !text || text[0] == '\0';
}
