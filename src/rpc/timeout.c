/* SPDX-License-Identifier: Apache-2.0 */
/* See timeout.h. Eight digits of hours are below 2^49 ms, so nothing here can overflow. */
#include "rpc/timeout.h"

#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/text.h"

enum {
	DIGITS_MAX = 8,
	VALUE_MAX = 99999999,
};

/* One unit is multiply / divide milliseconds. Those with divide 1 stand from fine to coarse. */
static const struct unit {
	char name;
	uint64_t multiply;
	uint64_t divide;
} units[] = {
	{ 'n', 1, 1000000 }, { 'u', 1, 1000 },  { 'm', 1, 1 },
	{ 'S', 1000, 1 },    { 'M', 60000, 1 }, { 'H', 3600000, 1 },
};

int timeout_parse(const char *text, size_t length, uint64_t *ret_ms)
{
	if (length < 2 || length > DIGITS_MAX + 1)
		return -EINVAL;
	uint64_t value = 0;
	for (size_t i = 0; i + 1 < length; i++) {
		if (!text_is_digit(text[i]))
			return -EINVAL;
		value = value * 10 + (uint64_t)(text[i] - '0');
	}
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (units[i].name != text[length - 1])
			continue;
		uint64_t divide = units[i].divide;
		*ret_ms = (value * units[i].multiply + divide - 1) / divide;
		return 0;
	}
	return -EINVAL;
}

void timeout_format(uint64_t timeout_ms, char text[static TIMEOUT_TEXT_BYTES])
{
	unsigned value = VALUE_MAX;
	char name = 'H';
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		uint64_t unit = units[i].multiply;
		if (units[i].divide > 1 || (timeout_ms - 1) / unit >= VALUE_MAX)
			continue;
		value = (unsigned)((timeout_ms - 1) / unit + 1);
		name = units[i].name;
		break;
	}
	if (timeout_ms == 0) {
		value = 0;
		name = 'm';
	}
	(void)snprintf(text, TIMEOUT_TEXT_BYTES, "%u%c", value, name);
}
