/* SPDX-License-Identifier: Apache-2.0 */
/* The tree of a configuration file against the schema. */
#pragma once

#include "base/arena.h"
#include "base/tree.h"
#include "config/apply.h"

/**
 * Apply all keys of a file.
 *
 * @root     NULL is an empty file.
 * @scratch  for paths and what waits to be read; may be freed afterwards.
 *
 * What is wrong goes to apply->findings, also -ENOMEM.
 */
void reader_read(const struct apply *apply, const struct tree *root, struct arena *scratch);
