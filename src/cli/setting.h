/* SPDX-License-Identifier: Apache-2.0 */
/* One setting as it is in force, for `rota config show`: its value and where that comes from. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"
#include "config/schema.h"
#include "core/settings.h"

/** Has this row a value of its own in the settings? False for maps, for the rows of list entries,
 * and for what is only checked. */
bool setting_is_shown(const struct schema_key *key);

/** What the user calls it: the path in the file, else "--flag", else the variable. */
void setting_name(const struct schema_key *key, struct buf *out);

/** The value of a shown row, the caller's to json_decref(); NULL when memory is out. Durations are
 * texts as the file has them. */
json_t *setting_value(const struct settings *settings, const struct schema_key *key);

/** The same in one cell of a table. A failure is kept in @out. */
void setting_value_text(const json_t *value, struct buf *out);

/** {"kind": "default" | "file" | "environment" | "flag"} with "file" and "line", or "name"; NULL
 * when memory is out. */
json_t *setting_origin(const struct settings *settings, const struct schema_key *key);

/** "file FILE:LINE", "environment NAME", "flag --name" or "default". A failure is kept in @out. */
void setting_origin_text(const struct settings *settings, const struct schema_key *key,
			 struct buf *out);
