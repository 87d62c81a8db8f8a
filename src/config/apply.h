/* SPDX-License-Identifier: Apache-2.0 */
/* One value of one row of the schema into the settings, whichever source it comes from. */
#pragma once

#include "config/findings.h"
#include "config/schema.h"
#include "config/value.h"
#include "core/settings.h"

/* All borrowed. What is not allowed goes to findings; what a stronger source has set already stays,
 * but is of the right type nevertheless. */
struct apply {
	struct settings *settings;
	struct findings *findings;
	enum settings_origin origin; /* of the values that come */
	void *base;                  /* what the rows' offsets count from; NULL: check and drop */
	bool is_strict;              /* what is odd is refused, not only warned of */
};

/** A value of the file. Types that hold other keys are the reader's, not this function's. */
void apply_node(const struct apply *apply, const struct schema_key *key,
		const struct finding_place *place, const struct tree *node);

/** A value of a flag or an environment variable. */
void apply_text(const struct apply *apply, const struct schema_key *key,
		const struct finding_place *place, const char *text);

/** Note an oddity at @place: a warning; when the file is read strictly a refusal that says so. */
__attribute__((format(printf, 3, 4))) void apply_warn(const struct apply *apply,
						      const struct finding_place *place,
						      const char *format, ...);

/** Say that the key @key, which stands at @place, is dropped; when the file is read strictly,
 * refuse it for want of its part. */
void apply_drop(const struct apply *apply, const struct schema_key *key,
		const struct finding_place *place);

/** Note that the value of @key comes from @place. */
void apply_mark(const struct apply *apply, const struct schema_key *key,
		const struct finding_place *place);

/** Refuse @node, which is @kind, and say what the row allows. */
void apply_refuse_kind(const struct apply *apply, const struct schema_key *key,
		       const struct finding_place *place, const struct value *value);

/** Refuse a key or value whose part is missing: "@what needs @needs, which this version does not
 * have", and what is @allowed instead; NULL: nothing is. */
void apply_refuse_part(const struct apply *apply, const struct finding_place *place,
		       const char *what, const char *needs, const char *allowed_text);
