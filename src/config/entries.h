/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of entries as a whole: their place in the settings, and what shows only when all entries of
 * a list are read. */
#pragma once

#include "config/apply.h"

/**
 * Make room for @count entries of the list @key in the settings, all zero, instead of what was
 * there.
 *
 * Returns the first, or NULL when memory is out, which is kept in the findings.
 */
void *entries_new(const struct apply *apply, const struct schema_key *key, size_t count);

/** Entry number @i of the list @key that begins at @first; NULL when @first is. */
void *entries_at(const struct schema_key *key, void *first, size_t i);

/**
 * Check the entries of a list against each other, and give each shared resource the name under
 * which it is advertised. Patterns are read before what is shared, which may bear their names.
 *
 * @apply  its base is what entries_new() has returned, or NULL.
 * @place  of the list; @node: the list, one item an entry.
 */
void entries_check(const struct apply *apply, const struct schema_key *key,
		   const struct finding_place *place, const struct tree *node);
