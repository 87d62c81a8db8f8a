/* SPDX-License-Identifier: Apache-2.0 */
/* Names and devices of one entry of a list into the settings; rows of apply.c's table of types. */
#pragma once

#include "config/apply.h"

/** A resource name, in full afterwards. */
void entry_node_name(const struct apply *apply, const struct schema_key *key,
		     const struct finding_place *place, const struct tree *node);

/** Which devices an entry shares: all, a count, a list. */
void entry_node_devices(const struct apply *apply, const struct schema_key *key,
			const struct finding_place *place, const struct tree *node);
