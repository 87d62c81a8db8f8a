/* SPDX-License-Identifier: Apache-2.0 */
/* The row of every command, each defined in command_<name>.c and listed in commands.c. */
#pragma once

#include "cli/command.h"

extern const struct command command_agent;
extern const struct command command_config_check;
extern const struct command command_config_karpenter;
extern const struct command command_config_reference;
extern const struct command command_config_show;
extern const struct command command_demo;
extern const struct command command_devices;
extern const struct command command_driver;
extern const struct command command_status;
extern const struct command command_version;

/** All rows, @ret_count of them. */
const struct command *const *commands_all(size_t *ret_count);

/* Values of common_options. */
struct common {
	bool wants_help;
	bool wants_version;
};

extern const struct option_table common_options; /* of rota itself and of every command */
