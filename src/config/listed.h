/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of words and numbers into the settings; rows of apply.c's table of types. A flag or
 * variable is comma-separated and trimmed, as NVIDIA's list flags. */
#pragma once

#include "config/apply.h"

enum {
	LISTED_MAX = 256, /* words in one list; most have less than ten */
};

/** A single text in the file is a list of one, and not split. */
void listed_node_choices(const struct apply *apply, const struct schema_key *key,
			 const struct finding_place *place, const struct tree *node);
void listed_text_choices(const struct apply *apply, const struct schema_key *key,
			 const struct finding_place *place, const char *text);

void listed_node_channels(const struct apply *apply, const struct schema_key *key,
			  const struct finding_place *place, const struct tree *node);
void listed_text_channels(const struct apply *apply, const struct schema_key *key,
			  const struct finding_place *place, const char *text);

/** Xids that are to count or not, taken in or out of those that count already. What is no number is
 * warned of and skipped. */
void listed_text_xids(const struct apply *apply, const struct schema_key *key,
		      const struct finding_place *place, const char *text);
