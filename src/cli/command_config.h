/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/command.h"

extern const struct command command_config_check;
