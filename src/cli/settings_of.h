/* SPDX-License-Identifier: Apache-2.0 */
/* Settings for a command that runs once: flags, environment and file, as the agent would read them.
 */
#pragma once

#include "base/err.h"
#include "base/option.h"
#include "core/settings.h"

/** The exit code of a command whose settings_of() gave @r: wrong usage when a flag or a variable is
 * refused. */
int settings_exit(int r);

/** As settings_of(), but of the environment only what names the agent's socket, and no file: what
 * is wrong elsewhere is no reason not to ask the agent. */
int settings_of_socket(const struct option_given *flags, struct settings **ret, struct err *err);

/** 0 and settings, the caller's to free; errors as config_load(). Oddities are left to `rota config
 * check`. */
int settings_of(const struct option_given *flags, struct settings **ret, struct err *err);
