/* SPDX-License-Identifier: Apache-2.0 */
/* See scalar.h. Each value ends in its accept function, whichever source it comes from. */
#include "config/scalar.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/listen_address.h"
#include "base/text.h"

enum {
	NUMBER_BYTES = 24,
};

void scalar_warn_odd(const struct apply *apply, const struct finding_place *place,
		     const struct value *value, const char *meaning)
{
	if (!value->is_odd)
		return;
	char shown[FINDING_SHOWN_BYTES];
	apply_warn(apply, place, "%s is read as %s, write %s", finding_shown(value->text, shown),
		   meaning, meaning);
}

/* Bare numbers and booleans are read as texts here, and only here. */
void scalar_node_version(const struct apply *apply, const struct schema_key *key,
			 const struct finding_place *place, const struct tree *node)
{
	struct value value = value_read(node);
	if (value.kind == VALUE_LIST || value.kind == VALUE_MAP)
		apply_refuse_kind(apply, key, place, &value);
	else if (value.text[0] != '\0' && strcmp(value.text, "v1") != 0)
		apply_refuse_value(apply, key, place, value.text);
}

static void accept_bool(const struct apply *apply, const struct schema_key *key,
			const struct finding_place *place, bool value)
{
	if (apply_is_overridden(apply, key))
		return;
	if (value && key->needs) {
		apply_refuse_part(apply, place, "true", key->needs, "false");
		return;
	}
	apply_store_bool(apply, key, value);
	apply_mark(apply, key, place);
}

void scalar_node_bool(const struct apply *apply, const struct schema_key *key,
		      const struct finding_place *place, const struct tree *node)
{
	struct value value = value_read(node);
	if (value.kind != VALUE_BOOL) {
		apply_refuse_kind(apply, key, place, &value);
		return;
	}
	scalar_warn_odd(apply, place, &value, value.flag ? "true" : "false");
	accept_bool(apply, key, place, value.flag);
}

void scalar_text_bool(const struct apply *apply, const struct schema_key *key,
		      const struct finding_place *place, const char *text)
{
	bool flag = false;
	if (text_parse_bool(text, &flag) < 0)
		apply_refuse_value(apply, key, place, text);
	else
		accept_bool(apply, key, place, flag);
}

void scalar_text(const struct apply *apply, const struct schema_key *key,
		 const struct finding_place *place, const char *text)
{
	if (apply_is_overridden(apply, key))
		return;
	size_t length = strlen(text);
	if (key->max > 0 && (length < key->min || length > key->max)) {
		apply_refuse_value(apply, key, place, text);
		return;
	}
	apply_store_text(apply, key, text);
	apply_mark(apply, key, place);
}

void scalar_text_beside(const struct apply *apply, const struct schema_key *key,
			const struct finding_place *place, const char *text)
{
	static const char shortest[] = RESOURCE_SOCKET_BEFORE "gpu" RESOURCE_SOCKET_AFTER;
	const char *slash = strrchr(text, '/');
	size_t folder = slash ? (size_t)(slash + 1 - text) : 0;
	if (folder + strlen(shortest) > key->max)
		apply_refuse_value(apply, key, place, text);
	else
		scalar_text(apply, key, place, text);
}

void scalar_text_listen(const struct apply *apply, const struct schema_key *key,
			const struct finding_place *place, const char *text)
{
	struct listen_address address;
	if (text[0] != '\0' && listen_address_parse(text, &address) < 0)
		apply_refuse_value(apply, key, place, text);
	else
		scalar_text(apply, key, place, text);
}

void scalar_node_text(const struct apply *apply, const struct schema_key *key,
		      const struct finding_place *place, const struct tree *node)
{
	struct value value = value_read(node);
	if (value.kind != VALUE_TEXT)
		apply_refuse_kind(apply, key, place, &value);
	else
		scalar_text(apply, key, place, value.text);
}

const struct schema_choice *scalar_choose(const struct apply *apply, const struct schema_key *key,
					  const struct finding_place *place, const char *word)
{
	char words[APPLY_ALLOWED_BYTES];
	for (const struct schema_choice *choice = key->choices; choice->word; choice++) {
		if (strcmp(choice->word, word) != 0)
			continue;
		if (!choice->needs)
			return choice;
		apply_refuse_part(apply, place, word, choice->needs,
				  apply_allowed_words(key, words));
		return NULL;
	}
	apply_refuse_value(apply, key, place, word);
	return NULL;
}

void scalar_text_choice(const struct apply *apply, const struct schema_key *key,
			const struct finding_place *place, const char *word)
{
	if (apply_is_overridden(apply, key))
		return;
	const struct schema_choice *choice = scalar_choose(apply, key, place, word);
	if (!choice)
		return;
	apply_store_unsigned(apply, key, choice->value);
	apply_mark(apply, key, place);
}

void scalar_node_choice(const struct apply *apply, const struct schema_key *key,
			const struct finding_place *place, const struct tree *node)
{
	struct value value = value_read(node);
	if (value.kind != VALUE_TEXT)
		apply_refuse_kind(apply, key, place, &value);
	else
		scalar_text_choice(apply, key, place, value.text);
}

static bool duration_from_text(const char *text, uint64_t *ret)
{
	if (strcmp(text, "infinite") == 0) {
		*ret = INT64_MAX;
		return true;
	}
	return text_parse_duration(text, ret) == 0;
}

static bool is_default_duration(const struct schema_key *key, uint64_t ns)
{
	uint64_t usual = 0;
	return duration_from_text(key->option.default_text, &usual) && usual == ns;
}

static void accept_duration(const struct apply *apply, const struct schema_key *key,
			    const struct finding_place *place, uint64_t ns, const char *text)
{
	if (apply_is_overridden(apply, key))
		return;
	char shown[FINDING_SHOWN_BYTES];
	if (ns < key->min || ns > key->max) {
		apply_refuse(apply, place, "%s is not allowed, allowed: %s",
			     finding_shown(text, shown), key->allowed);
		return;
	}
	if (key->needs && !is_default_duration(key, ns)) {
		apply_refuse_part(apply, place, finding_shown(text, shown), key->needs,
				  key->option.default_text);
		return;
	}
	uint64_t *to = apply_field(apply, key);
	if (to)
		*to = ns;
	apply_mark(apply, key, place);
}

void scalar_text_duration(const struct apply *apply, const struct schema_key *key,
			  const struct finding_place *place, const char *text)
{
	uint64_t ns = 0;
	if (!duration_from_text(text, &ns))
		apply_refuse_value(apply, key, place, text);
	else
		accept_duration(apply, key, place, ns, text);
}

/* A duration of Go's below zero. */
static bool is_negative(const struct value *value)
{
	uint64_t ns = 0;
	if (value->kind == VALUE_INT || value->kind == VALUE_FLOAT)
		return value->real < 0;
	return value->kind == VALUE_TEXT && value->text[0] == '-' && value->text[1] != '+' &&
	       text_parse_duration(value->text + 1, &ns) == 0;
}

void scalar_node_duration(const struct apply *apply, const struct schema_key *key,
			  const struct finding_place *place, const struct tree *node)
{
	struct value value = value_read(node);
	bool is_number = value.kind == VALUE_INT || value.kind == VALUE_FLOAT;
	bool is_scalar = value.kind != VALUE_LIST && value.kind != VALUE_MAP;
	if (is_negative(&value) && key->live == SCHEMA_LIVE_NONE) {
		char shown[FINDING_SHOWN_BYTES];
		apply_warn(apply, place,
			   "%s is negative and dropped, it has no effect here, write %s",
			   finding_shown(value.text, shown), key->option.default_text);
		return;
	}
	if (is_number && value.real >= 0 && value.real < 9e18) {
		uint64_t ns = (uint64_t)value.real;
		apply_warn(apply, place,
			   "a number is read as nanoseconds, write %" PRIu64 "ns or a larger "
			   "unit such as 60s",
			   ns);
		accept_duration(apply, key, place, ns, value.text);
	} else if (value.kind == VALUE_TEXT) {
		scalar_text_duration(apply, key, place, value.text);
	} else {
		apply_refuse_value(apply, key, place,
				   is_scalar ? value.text : value_kind_name(value.kind));
	}
}

void scalar_node_number(const struct apply *apply, const struct schema_key *key,
			const struct finding_place *place, const struct tree *node)
{
	struct value value = value_read(node);
	if (value.kind != VALUE_INT && value.kind != VALUE_NULL) {
		apply_refuse_kind(apply, key, place, &value);
		return;
	}
	bool is_low = value.number < (int64_t)key->min;
	if (is_low || value.number > (int64_t)key->max) {
		char shown[FINDING_SHOWN_BYTES];
		apply_refuse(apply, place, "%s%s is not allowed, allowed: %s",
			     is_low ? "number of replicas must be >= 2, " : "",
			     value.kind == VALUE_NULL ? "nothing"
						      : finding_shown(value.text, shown),
			     key->allowed);
		return;
	}
	char meaning[NUMBER_BYTES];
	(void)snprintf(meaning, sizeof(meaning), "%" PRId64, value.number);
	scalar_warn_odd(apply, place, &value, meaning);
	apply_store_unsigned(apply, key, (unsigned)value.number);
}

void scalar_text_limit(const struct apply *apply, const struct schema_key *key,
		       const struct finding_place *place, const char *text)
{
	uint64_t bytes = 0;
	bool is_size = text_parse_bytes(text, &bytes) == 0 && bytes >= key->min &&
		       bytes <= key->max;
	char words[APPLY_ALLOWED_BYTES];
	if (!is_size)
		scalar_text_choice(apply, key, place, text);
	else if (!apply_is_overridden(apply, key))
		apply_refuse_part(apply, place, text, key->needs, apply_allowed_words(key, words));
}

void scalar_node_limit(const struct apply *apply, const struct schema_key *key,
		       const struct finding_place *place, const struct tree *node)
{
	struct value value = value_read(node);
	if (value.kind != VALUE_TEXT && (value.kind != VALUE_INT || value.is_odd))
		apply_refuse_kind(apply, key, place, &value);
	else
		scalar_text_limit(apply, key, place, value.text);
}
