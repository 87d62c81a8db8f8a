/* SPDX-License-Identifier: Apache-2.0 */
/* Settings for a command that runs once: flags, environment and file, as the agent would read them.
 */
#pragma once

#include "base/err.h"
#include "base/option.h"
#include "core/settings.h"

/** 0 and settings, the caller's to free; errors as config_load(). Oddities are left to `rota config
 * check`. */
int settings_of(const struct option_given *flags, struct settings **ret, struct err *err);
