/* SPDX-License-Identifier: Apache-2.0 */
/* Which names kubelet takes for an extended resource. */
#pragma once

#include <stdbool.h>

/** Whether a plugin may register @name. Pure. */
bool extended_name_is_valid(const char *name);
