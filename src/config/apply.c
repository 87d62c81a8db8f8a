/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values to settings in two steps: a source's own form to a typed value (the handlers of a type),
 * then the same checks and the same store for all sources. Sources are applied from the strongest
 * to the weakest, so that only what takes effect is judged by its meaning.
 */
#include "config/apply.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config/entry.h"
#include "config/listed.h"
#include "config/scalar.h"

/* How a type is read. node: of the file; NULL: the reader's. text: of flags and variables; NULL:
 * has none. */
struct type {
	const char *allowed; /* what it allows, where neither the row nor its choices say it */
	void (*node)(const struct apply *apply, const struct schema_key *key,
		     const struct finding_place *place, const struct tree *node);
	void (*text)(const struct apply *apply, const struct schema_key *key,
		     const struct finding_place *place, const char *text);
	bool takes_null; /* else null leaves a key unset; NVIDIA's own readers take it for empty */
};

static const struct type types[SCHEMA_TYPES] = {
	[SCHEMA_MAP] = { .allowed = "a map" },
	[SCHEMA_EXACT_MAP] = { .allowed = "a map" },
	[SCHEMA_SHARED] = { .allowed = "a list of maps" },
	[SCHEMA_PATTERNS] = { .allowed = "a list of maps" },
	[SCHEMA_VERSION] = { NULL, scalar_node_version, NULL, false },
	[SCHEMA_BOOL] = { "true, false", scalar_node_bool, scalar_text_bool, false },
	[SCHEMA_TEXT] = { "a text", scalar_node_text, scalar_text, false },
	[SCHEMA_BESIDE] = { NULL, NULL, scalar_text_beside, false },
	[SCHEMA_LISTEN] = { NULL, NULL, scalar_text_listen, false },
	[SCHEMA_CHOICE] = { NULL, scalar_node_choice, scalar_text_choice, false },
	[SCHEMA_CHOICES] = { NULL, listed_node_choices, listed_text_choices, false },
	[SCHEMA_XIDS_OFF] = { NULL, NULL, listed_text_xids, false },
	[SCHEMA_XIDS_ON] = { NULL, NULL, listed_text_xids, false },
	[SCHEMA_DURATION] = { NULL, scalar_node_duration, scalar_text_duration, false },
	[SCHEMA_NUMBER] = { NULL, scalar_node_number, NULL, true },
	[SCHEMA_NAME] = { "a resource name such as nvidia.com/gpu", entry_node_name, NULL, true },
	[SCHEMA_DEVICES] = { "all, a count, a list of indices and ids", entry_node_devices, NULL,
			     true },
	[SCHEMA_CHANNELS] = { "[], [0]", listed_node_channels, listed_text_channels, false },
	[SCHEMA_LIMIT] = { NULL, scalar_node_limit, scalar_text_limit, false },
	[SCHEMA_ABSENT] = { .allowed = "a map" },
};

void *apply_field(const struct apply *apply, const struct schema_key *key)
{
	if (!apply->base || key->offset == SCHEMA_DROPPED)
		return NULL;
	return (char *)apply->base + key->offset;
}

bool apply_is_overridden(const struct apply *apply, const struct schema_key *key)
{
	return apply->settings->sources[schema_index(key)].origin > apply->origin;
}

void apply_mark(const struct apply *apply, const struct schema_key *key,
		const struct finding_place *place)
{
	struct settings_source source = { .origin = apply->origin,
					  .line = place->line,
					  .col = place->col };
	if (apply->origin != SETTINGS_ORIGIN_FILE)
		source.name = apply_copy(apply, place->path);
	apply->settings->sources[schema_index(key)] = source;
}

const char *apply_allowed_words(const struct schema_key *key, char ret[static APPLY_ALLOWED_BYTES])
{
	size_t used = 0;
	ret[0] = '\0';
	for (const struct schema_choice *choice = key->choices; choice->word; choice++) {
		if (choice->needs || used >= APPLY_ALLOWED_BYTES)
			continue;
		used += (size_t)snprintf(ret + used, APPLY_ALLOWED_BYTES - used, "%s%s",
					 used > 0 ? ", " : "", choice->word);
	}
	return ret;
}

const char *apply_allowed(const struct schema_key *key, char ret[static APPLY_ALLOWED_BYTES])
{
	if (key->allowed)
		return key->allowed;
	if (key->choices)
		return apply_allowed_words(key, ret);
	return key->type == SCHEMA_BOOL && key->needs ? "false" : types[key->type].allowed;
}

void apply_refuse(const struct apply *apply, const struct finding_place *place, const char *format,
		  ...)
{
	char text[FINDING_TEXT_BYTES];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	findings_add(apply->findings, place, FINDING_REFUSE, "%s", text);
}

void apply_warn(const struct apply *apply, const struct finding_place *place, const char *format,
		...)
{
	char text[FINDING_TEXT_BYTES];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (apply->is_strict)
		apply_refuse(apply, place, "%s; with a rota: block this is refused", text);
	else
		findings_add(apply->findings, place, FINDING_WARN, "%s", text);
}

void apply_refuse_value(const struct apply *apply, const struct schema_key *key,
			const struct finding_place *place, const char *value)
{
	char shown[FINDING_SHOWN_BYTES];
	char words[APPLY_ALLOWED_BYTES];
	apply_refuse(apply, place, "%s%s, allowed: %s", key->invalid ? key->invalid : "",
		     value[0] != '\0' ? finding_shown(value, shown) : "(an empty text)",
		     apply_allowed(key, words));
}

void apply_refuse_kind(const struct apply *apply, const struct schema_key *key,
		       const struct finding_place *place, const struct value *value)
{
	char shown[FINDING_SHOWN_BYTES];
	char words[APPLY_ALLOWED_BYTES];
	bool is_scalar = value->kind != VALUE_LIST && value->kind != VALUE_MAP;
	bool may_quote = value->kind == VALUE_BOOL || value->kind == VALUE_INT ||
			 value->kind == VALUE_FLOAT;
	if (!is_scalar || value->kind == VALUE_NULL)
		apply_refuse(apply, place, "%s is not allowed here, allowed: %s",
			     value_kind_name(value->kind), apply_allowed(key, words));
	else if (may_quote && key->type == SCHEMA_TEXT)
		apply_refuse(apply, place, "%s is %s, allowed: %s, write \"%s\"",
			     finding_shown(value->text, shown), value_kind_name(value->kind),
			     apply_allowed(key, words), shown);
	else
		apply_refuse(apply, place, "%s is %s, allowed: %s",
			     finding_shown(value->text, shown), value_kind_name(value->kind),
			     apply_allowed(key, words));
}

void apply_refuse_part(const struct apply *apply, const struct finding_place *place,
		       const char *what, const char *needs, const char *allowed_text)
{
	apply_refuse(apply, place, "%s needs %s, which this version does not have, %s%s", what,
		     needs, allowed_text ? "allowed: " : "leave it out",
		     allowed_text ? allowed_text : "");
}

bool apply_is_dropped(const struct apply *apply, const struct schema_key *key,
		      const struct finding_place *place)
{
	if (!key->note || apply->is_strict)
		return false;
	apply_warn(apply, place, "%s", key->note);
	return true;
}

char *apply_copy(const struct apply *apply, const char *text)
{
	char *copy = arena_copy(&apply->settings->arena, text, strlen(text));
	if (!copy)
		apply->findings->error = -ENOMEM;
	return copy;
}

void apply_store_text(const struct apply *apply, const struct schema_key *key, const char *text)
{
	const char **to = apply_field(apply, key);
	const char *copy = to ? apply_copy(apply, text) : NULL;
	if (copy)
		*to = copy;
}

void apply_store_unsigned(const struct apply *apply, const struct schema_key *key, unsigned value)
{
	void *to = apply_field(apply, key);
	if (to)
		memcpy(to, &value, sizeof(value));
}

void apply_store_bool(const struct apply *apply, const struct schema_key *key, bool value)
{
	bool *to = apply_field(apply, key);
	if (to)
		*to = value;
}

static_assert(sizeof(enum mig_strategy) == sizeof(unsigned), "enums are stored as unsigned");
static_assert(sizeof(enum log_level) == sizeof(unsigned), "enums are stored as unsigned");
static_assert(sizeof(uint32_t) == sizeof(unsigned), "numbers are stored as unsigned");

void apply_node(const struct apply *apply, const struct schema_key *key,
		const struct finding_place *place, const struct tree *node)
{
	const struct type *type = &types[key->type];
	if (type->node && (type->takes_null || !tree_is_null(node)))
		type->node(apply, key, place, node);
}

void apply_text(const struct apply *apply, const struct schema_key *key,
		const struct finding_place *place, const char *text)
{
	if (types[key->type].text)
		types[key->type].text(apply, key, place, text);
}
