/* SPDX-License-Identifier: Apache-2.0 */
/* See settings_of.h. */
#include "cli/settings_of.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "config/config.h"

static int load(const struct option_given *flags, char *const *environment, struct settings **ret,
		struct err *err)
{
	const struct config_inputs inputs = { .flags = flags, .environment = environment };
	cleanup_findings struct findings findings = { 0 };
	return config_load(&inputs, &findings, ret, err);
}

int settings_of(const struct option_given *flags, struct settings **ret, struct err *err)
{
	return load(flags, environ, ret, err);
}

int settings_of_socket(const struct option_given *flags, struct settings **ret, struct err *err)
{
	const char *name = schema_socket_option.first->env;
	size_t length = strlen(name);
	char *variable[] = { NULL, NULL };
	for (char *const *at = environ; *at && !variable[0]; at++)
		if (strncmp(*at, name, length) == 0 && (*at)[length] == '=')
			variable[0] = *at;
	return load(flags, variable, ret, err);
}

int settings_exit(int r)
{
	return r == -EINVAL ? COMMAND_USAGE : COMMAND_FAILED;
}
