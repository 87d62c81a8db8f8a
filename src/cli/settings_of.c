/* SPDX-License-Identifier: Apache-2.0 */
/* See settings_of.h. */
#include "cli/settings_of.h"

#include <unistd.h>

#include "config/config.h"

int settings_of(const struct option_given *flags, struct settings **ret, struct err *err)
{
	const struct config_inputs inputs = { .flags = flags, .environment = environ };
	cleanup_findings struct findings findings = { 0 };
	return config_load(&inputs, &findings, ret, err);
}
