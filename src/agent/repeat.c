/* SPDX-License-Identifier: Apache-2.0 */
/* See repeat.h. Texts are compared up to REPEAT_TEXT_BYTES, which holds every error text. */
#include "agent/repeat.h"

#include <stdio.h>
#include <string.h>

static const uint64_t minute_ns = UINT64_C(60000000000);

bool repeat_is_due(struct repeat *repeat, const char *text, uint64_t now_ns)
{
	bool is_same = strncmp(repeat->text, text, sizeof(repeat->text) - 1) == 0;
	if (is_same && repeat->last_ns != 0 && now_ns - repeat->last_ns < minute_ns)
		return false;
	if (repeat->minute_ns == 0 || now_ns - repeat->minute_ns >= minute_ns) {
		repeat->minute_ns = now_ns;
		repeat->lines = 0;
	}
	if (repeat->lines == REPEAT_LINES_MAX)
		return false;
	repeat->lines++;
	(void)snprintf(repeat->text, sizeof(repeat->text), "%s", text); /* a cut text still tells */
	repeat->last_ns = now_ns;
	return true;
}
