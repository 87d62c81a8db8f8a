/* SPDX-License-Identifier: Apache-2.0 */
/* The row of every command, each defined in command_<name>.c and listed in main.c. */
#pragma once

#include "cli/command.h"

extern const struct command command_agent;
extern const struct command command_config_check;
extern const struct command command_demo;
extern const struct command command_devices;
extern const struct command command_driver;
extern const struct command command_status;
extern const struct command command_version;
