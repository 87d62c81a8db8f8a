/* SPDX-License-Identifier: Apache-2.0 */
/* UUIDs for what has none in the file. Pure. */
#pragma once

#include <stdint.h>

struct arena;

/** "GPU-..." for a prefix "GPU-": the same at each run, and another one for each number. NULL when
 * memory is out. */
const char *made_uuid(struct arena *arena, const char *prefix, uint64_t number);
