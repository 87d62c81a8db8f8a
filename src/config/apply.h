/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One value of one row of the schema into the settings, whichever source it comes from; and what
 * the handlers of the types (scalar.c, listed.c, entry.c) share.
 */
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

enum {
	APPLY_ALLOWED_BYTES = 256, /* of what apply_allowed() says */
};

/** A value of the file. Types that hold other keys are the reader's, not this function's. */
void apply_node(const struct apply *apply, const struct schema_key *key,
		const struct finding_place *place, const struct tree *node);

/** A value of a flag or an environment variable. */
void apply_text(const struct apply *apply, const struct schema_key *key,
		const struct finding_place *place, const char *text);

/** Has a stronger source said it already? */
bool apply_is_overridden(const struct apply *apply, const struct schema_key *key);

/** What a row allows in this version, in words: a constant, or written to @ret. */
const char *apply_allowed(const struct schema_key *key, char ret[static APPLY_ALLOWED_BYTES]);

/** The words of a row's choices that this version can do. */
const char *apply_allowed_words(const struct schema_key *key, char ret[static APPLY_ALLOWED_BYTES]);

/** Refuse what stands at @place. */
__attribute__((format(printf, 3, 4))) void apply_refuse(const struct apply *apply,
							const struct finding_place *place,
							const char *format, ...);

/** Note an oddity at @place: a warning; when the file is read strictly a refusal that says so. */
__attribute__((format(printf, 3, 4))) void apply_warn(const struct apply *apply,
						      const struct finding_place *place,
						      const char *format, ...);

/** NVIDIA's words, the value, what is allowed instead. */
void apply_refuse_value(const struct apply *apply, const struct schema_key *key,
			const struct finding_place *place, const char *value);

/** Refuse @value for its kind, and say what the row allows. */
void apply_refuse_kind(const struct apply *apply, const struct schema_key *key,
		       const struct finding_place *place, const struct value *value);

/** Refuse a key or value whose part is missing: "@what needs @needs, which this version does not
 * have", and what is @allowed instead; NULL: nothing is. */
void apply_refuse_part(const struct apply *apply, const struct finding_place *place,
		       const char *what, const char *needs, const char *allowed_text);

/** True, and a warning, when @key counts only in a file that is read strictly and this one is
 * not. */
bool apply_is_dropped(const struct apply *apply, const struct schema_key *key,
		      const struct finding_place *place);

/** Note that the value of @key comes from @place. */
void apply_mark(const struct apply *apply, const struct schema_key *key,
		const struct finding_place *place);

/** Where the value of @key goes; NULL: nowhere. */
void *apply_field(const struct apply *apply, const struct schema_key *key);

/** Store a copy. Want of memory is kept in the findings, here and below. */
void apply_store_text(const struct apply *apply, const struct schema_key *key, const char *text);

/** Also into fields of an enum type, which has the size of unsigned. */
void apply_store_unsigned(const struct apply *apply, const struct schema_key *key, unsigned value);

void apply_store_bool(const struct apply *apply, const struct schema_key *key, bool value);

/** A copy that lives as long as the settings, or NULL. */
char *apply_copy(const struct apply *apply, const char *text);
