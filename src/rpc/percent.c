/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See percent.h. Both directions first make valid UTF-8, character by character, so that neither a
 * peer nor a log ever gets half a character.
 */
#include "rpc/percent.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum {
	UTF8_BYTES_MAX = 4,
	ESCAPE_BYTES = 3,
};

static const char replacement[] = "\xEF\xBF\xBD"; /* U+FFFD */

/* Length of the valid character that @bytes starts with, 0 if it starts with none. */
static size_t character(const uint8_t *bytes, size_t length)
{
	size_t most = length < UTF8_BYTES_MAX ? length : UTF8_BYTES_MAX;
	for (size_t n = 1; n <= most; n++)
		if (text_is_utf8(bytes, n))
			return n;
	return 0;
}

static bool is_plain(uint8_t byte)
{
	return byte >= 0x20 && byte <= 0x7e && byte != '%';
}

static size_t encode_character(char *to, const uint8_t *bytes, size_t length)
{
	static const char digits[] = "0123456789ABCDEF";
	if (length == 1 && is_plain(bytes[0])) {
		to[0] = (char)bytes[0];
		return 1;
	}
	for (size_t i = 0; i < length; i++) {
		to[ESCAPE_BYTES * i] = '%';
		to[ESCAPE_BYTES * i + 1] = digits[bytes[i] >> 4];
		to[ESCAPE_BYTES * i + 2] = digits[bytes[i] & 0xf];
	}
	return ESCAPE_BYTES * length;
}

char *percent_encode(const char *text)
{
	char *value = malloc(PERCENT_BYTES_MAX + ESCAPE_BYTES * UTF8_BYTES_MAX + 1);
	if (!value)
		return NULL;
	const uint8_t *bytes = (const uint8_t *)text;
	size_t left = strnlen(text, PERCENT_BYTES_MAX);
	size_t used = 0;
	while (left > 0) {
		size_t n = character(bytes, left);
		size_t made = n ? encode_character(value + used, bytes, n)
				: encode_character(value + used, (const uint8_t *)replacement,
						   sizeof(replacement) - 1);
		if (used + made > PERCENT_BYTES_MAX)
			break;
		used += made;
		bytes += n ? n : 1;
		left -= n ? n : 1;
	}
	value[used] = '\0';
	return value;
}

static int digit(char c)
{
	if (text_is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Escapes to bytes, which may be anything; @to has room for @length. */
static size_t unescape(const char *value, size_t length, uint8_t *to)
{
	size_t used = 0;
	for (size_t i = 0; i < length; i++) {
		bool has_room = value[i] == '%' && length - i >= ESCAPE_BYTES;
		int high = has_room ? digit(value[i + 1]) : -1;
		int low = has_room ? digit(value[i + 2]) : -1;
		bool is_escape = high >= 0 && low >= 0;
		to[used++] = is_escape ? (uint8_t)(high * 16 + low) : (uint8_t)value[i];
		i += is_escape ? 2 : 0;
	}
	return used;
}

static size_t make_utf8(const uint8_t *bytes, size_t length, char *to)
{
	size_t used = 0;
	while (length > 0) {
		size_t n = character(bytes, length);
		size_t made = n ? n : sizeof(replacement) - 1;
		if (used + made > PERCENT_BYTES_MAX)
			break;
		memcpy(to + used, n ? (const char *)bytes : replacement, made);
		used += made;
		bytes += n ? n : 1;
		length -= n ? n : 1;
	}
	to[used] = '\0';
	return used;
}

char *percent_decode(const char *value, size_t length)
{
	uint8_t *bytes = malloc(length + 1);
	char *text = malloc(PERCENT_BYTES_MAX + 1);
	if (bytes && text) {
		size_t count = unescape(value, length, bytes);
		(void)make_utf8(bytes, count, text);
	} else {
		free(text);
		text = NULL;
	}
	free(bytes);
	return text;
}
