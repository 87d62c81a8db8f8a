/* SPDX-License-Identifier: Apache-2.0 */
/* Single values of the file (node) and of flags and variables (text) into the settings; rows of
 * apply.c's table of types. */
#pragma once

#include "config/apply.h"

void scalar_node_version(const struct apply *apply, const struct schema_key *key,
			 const struct finding_place *place, const struct tree *node);

void scalar_node_bool(const struct apply *apply, const struct schema_key *key,
		      const struct finding_place *place, const struct tree *node);
void scalar_text_bool(const struct apply *apply, const struct schema_key *key,
		      const struct finding_place *place, const char *text);

void scalar_node_text(const struct apply *apply, const struct schema_key *key,
		      const struct finding_place *place, const struct tree *node);
void scalar_text(const struct apply *apply, const struct schema_key *key,
		 const struct finding_place *place, const char *text);

/** As scalar_text(), of a path in whose folder there is room for the shortest of the plugins'
 * sockets. */
void scalar_text_beside(const struct apply *apply, const struct schema_key *key,
			const struct finding_place *place, const char *text);

/** As scalar_text(), of what listen_address_parse() reads. */
void scalar_text_listen(const struct apply *apply, const struct schema_key *key,
			const struct finding_place *place, const char *text);

void scalar_node_choice(const struct apply *apply, const struct schema_key *key,
			const struct finding_place *place, const struct tree *node);
void scalar_text_choice(const struct apply *apply, const struct schema_key *key,
			const struct finding_place *place, const char *word);

/** A number in the file is nanoseconds, as for NVIDIA's reader, and an oddity. So is what is
 * negative where no duration has an effect. */
void scalar_node_duration(const struct apply *apply, const struct schema_key *key,
			  const struct finding_place *place, const struct tree *node);
void scalar_text_duration(const struct apply *apply, const struct schema_key *key,
			  const struct finding_place *place, const char *text);

void scalar_node_number(const struct apply *apply, const struct schema_key *key,
			const struct finding_place *place, const struct tree *node);

/** One of the row's words or a size; a bare number is bytes, as a quantity of Kubernetes. */
void scalar_node_limit(const struct apply *apply, const struct schema_key *key,
		       const struct finding_place *place, const struct tree *node);
void scalar_text_limit(const struct apply *apply, const struct schema_key *key,
		       const struct finding_place *place, const char *text);

/** The choice of the row that is named @word when this version has it; else a refusal and NULL. */
const struct schema_choice *scalar_choose(const struct apply *apply, const struct schema_key *key,
					  const struct finding_place *place, const char *word);

/** Warn of a value that is not written as it is meant (value->is_odd), which is as @meaning. */
void scalar_warn_odd(const struct apply *apply, const struct finding_place *place,
		     const struct value *value, const char *meaning);
