/* SPDX-License-Identifier: Apache-2.0 */
/* See repeat.h. Texts are compared up to REPEAT_TEXT_BYTES, which holds every error text. */
#include "agent/repeat.h"

#include <stdio.h>
#include <string.h>

static const uint64_t repeat_ns = UINT64_C(60000000000);

bool repeat_is_due(struct repeat *repeat, const char *text, uint64_t now_ns)
{
	bool is_same = strncmp(repeat->text, text, sizeof(repeat->text) - 1) == 0;
	if (is_same && repeat->last_ns != 0 && now_ns - repeat->last_ns < repeat_ns)
		return false;
	(void)snprintf(repeat->text, sizeof(repeat->text), "%s", text); /* a cut text still tells */
	repeat->last_ns = now_ns;
	return true;
}
