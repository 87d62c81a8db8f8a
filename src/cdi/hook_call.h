/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of NVIDIA's hook program (settings' cdi_hook_path), which a runtime makes while it creates
 * a container. The program is NVIDIA's and lies on the host: we only name it. Its `chmod` is never
 * called: NVIDIA's plugin has it off with no way to switch it on.
 */
#pragma once

#include "base/arena.h"
#include "cdi/cdi_edits.h"
#include "core/settings.h"

/**
 * Add the call of one hook with these operands, unless @settings disable it, or it has none and
 * needs some.
 *
 * @hook      one bit of enum cdi_hook, not CDI_HOOK_CHMOD.
 * @operands  borrowed from @arena or constants.
 *
 * Returns 0, -E2BIG (no room), -ENOMEM.
 */
int hook_call_add(const struct settings *settings, enum cdi_hook hook, const char *const *operands,
		  size_t count, struct arena *arena, struct cdi_edits *edits);
