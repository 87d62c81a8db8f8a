/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values to settings in two steps: a source's own form to a typed value (node_*, text_*), then the
 * same checks and the same store for all sources (accept_*). Sources are applied from the strongest
 * to the weakest, so that only what takes effect is judged by its meaning.
 */
#include "config/apply.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "config/name.h"

enum {
	ALLOWED_BYTES = 256,
	WORDS_MAX = 64, /* in a list of choices */
	NUMBER_BYTES = 24,
	CHANNELS_SHOWN = 8,
	SHARED_SUFFIX_BYTES = sizeof(".shared") - 1,
};

static const char known_name[] = "nvidia.com/gpu";

static void *field(const struct apply *apply, const struct schema_key *key)
{
	if (!apply->base || key->offset == SCHEMA_DROPPED)
		return NULL;
	return (char *)apply->base + key->offset;
}

static bool is_overridden(const struct apply *apply, const struct schema_key *key)
{
	return apply->settings->sources[schema_index(key)].origin > apply->origin;
}

void apply_mark(const struct apply *apply, const struct schema_key *key,
		const struct finding_place *place)
{
	struct settings_source source = { .origin = apply->origin, .line = place->line };
	if (apply->origin != SETTINGS_ORIGIN_FILE) {
		source.name = arena_copy(&apply->settings->arena, place->path, strlen(place->path));
		if (!source.name)
			apply->findings->error = -ENOMEM;
	}
	apply->settings->sources[schema_index(key)] = source;
}

/* The words of a row that this version can do. */
static const char *allowed_words(const struct schema_key *key, char ret[static ALLOWED_BYTES])
{
	size_t used = 0;
	ret[0] = '\0';
	for (const struct schema_choice *choice = key->choices; choice->word; choice++) {
		if (choice->needs || used >= ALLOWED_BYTES)
			continue;
		used += (size_t)snprintf(ret + used, ALLOWED_BYTES - used, "%s%s",
					 used > 0 ? ", " : "", choice->word);
	}
	return ret;
}

static const char *allowed(const struct schema_key *key, char ret[static ALLOWED_BYTES])
{
	if (key->allowed)
		return key->allowed;
	if (key->choices)
		return allowed_words(key, ret);
	switch (key->type) {
	case SCHEMA_BOOL:
		return key->needs ? "false" : "true, false";
	case SCHEMA_MAP:
	case SCHEMA_EXACT_MAP:
		return "a map";
	case SCHEMA_ENTRIES:
		return "a list of maps";
	case SCHEMA_DEVICES:
		return "all";
	case SCHEMA_CHANNELS:
		return "[], [0]";
	case SCHEMA_NAME:
	case SCHEMA_SHARED_NAME:
		return "a resource name such as nvidia.com/gpu";
	case SCHEMA_VERSION:
	case SCHEMA_TEXT:
	case SCHEMA_CHOICE:
	case SCHEMA_CHOICES:
	case SCHEMA_DURATION:
	case SCHEMA_NUMBER:
	case SCHEMA_LIMIT:
	case SCHEMA_ABSENT:
		break;
	}
	return "a text";
}

__attribute__((format(printf, 3, 4))) static void refuse(const struct apply *apply,
							 const struct finding_place *place,
							 const char *format, ...)
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
		refuse(apply, place, "%s; with a rota: block this is refused", text);
	else
		findings_add(apply->findings, place, FINDING_WARN, "%s", text);
}

/* NVIDIA's words, the value, what is allowed instead. */
static void refuse_value(const struct apply *apply, const struct schema_key *key,
			 const struct finding_place *place, const char *value)
{
	char shown[FINDING_SHOWN_BYTES];
	char words[ALLOWED_BYTES];
	refuse(apply, place, "%s%s, allowed: %s", key->invalid ? key->invalid : "",
	       value[0] != '\0' ? finding_shown(value, shown) : "(an empty text)",
	       allowed(key, words));
}

void apply_refuse_kind(const struct apply *apply, const struct schema_key *key,
		       const struct finding_place *place, const struct value *value)
{
	char shown[FINDING_SHOWN_BYTES];
	char words[ALLOWED_BYTES];
	bool is_scalar = value->kind != VALUE_LIST && value->kind != VALUE_MAP;
	bool may_quote = value->kind == VALUE_BOOL || value->kind == VALUE_INT ||
			 value->kind == VALUE_FLOAT;
	if (!is_scalar || value->kind == VALUE_NULL)
		refuse(apply, place, "%s is not allowed here, allowed: %s",
		       value_kind_name(value->kind), allowed(key, words));
	else if (may_quote && key->type == SCHEMA_TEXT)
		refuse(apply, place, "%s is %s, allowed: %s, write \"%s\"",
		       finding_shown(value->text, shown), value_kind_name(value->kind),
		       allowed(key, words), shown);
	else
		refuse(apply, place, "%s is %s, allowed: %s", finding_shown(value->text, shown),
		       value_kind_name(value->kind), allowed(key, words));
}

void apply_refuse_part(const struct apply *apply, const struct finding_place *place,
		       const char *what, const char *needs, const char *allowed_text)
{
	refuse(apply, place, "%s needs %s, which this version does not have, %s%s", what, needs,
	       allowed_text ? "allowed: " : "leave it out", allowed_text ? allowed_text : "");
}

void apply_drop(const struct apply *apply, const struct schema_key *key,
		const struct finding_place *place)
{
	if (apply->is_strict && key->needs)
		apply_refuse_part(apply, place, "the key", key->needs,
				  key->type == SCHEMA_DEVICES ? "all" : NULL);
	else
		apply_warn(apply, place, "%s", key->note);
}

static void store_text(const struct apply *apply, const struct schema_key *key, const char *text)
{
	const char **to = field(apply, key);
	if (!to)
		return;
	const char *copy = arena_copy(&apply->settings->arena, text, strlen(text));
	if (!copy) {
		apply->findings->error = -ENOMEM;
		return;
	}
	*to = copy;
}

static void store_unsigned(const struct apply *apply, const struct schema_key *key, unsigned value)
{
	/* Also into fields of an enum type, which has the size of unsigned (static_assert below).
	 */
	void *to = field(apply, key);
	if (to)
		memcpy(to, &value, sizeof(value));
}

static void store_bool(const struct apply *apply, const struct schema_key *key, bool value)
{
	bool *to = field(apply, key);
	if (to)
		*to = value;
}

static_assert(sizeof(enum mig_strategy) == sizeof(unsigned), "enums are stored as unsigned");
static_assert(sizeof(enum log_level) == sizeof(unsigned), "enums are stored as unsigned");
static_assert(sizeof(uint32_t) == sizeof(unsigned), "numbers are stored as unsigned");

static void accept_bool(const struct apply *apply, const struct schema_key *key,
			const struct finding_place *place, bool value)
{
	if (is_overridden(apply, key))
		return;
	if (value && key->needs) {
		apply_refuse_part(apply, place, "true", key->needs, "false");
		return;
	}
	store_bool(apply, key, value);
	apply_mark(apply, key, place);
}

static void accept_text(const struct apply *apply, const struct schema_key *key,
			const struct finding_place *place, const char *text)
{
	if (is_overridden(apply, key))
		return;
	size_t length = strlen(text);
	if (key->max > 0 && (length < key->min || length > key->max)) {
		refuse_value(apply, key, place, text);
		return;
	}
	store_text(apply, key, text);
	apply_mark(apply, key, place);
}

/* The choice named @word when this version has it; else a refusal and NULL. */
static const struct schema_choice *choose(const struct apply *apply, const struct schema_key *key,
					  const struct finding_place *place, const char *word)
{
	char words[ALLOWED_BYTES];
	for (const struct schema_choice *choice = key->choices; choice->word; choice++) {
		if (strcmp(choice->word, word) != 0)
			continue;
		if (!choice->needs)
			return choice;
		apply_refuse_part(apply, place, word, choice->needs, allowed_words(key, words));
		return NULL;
	}
	refuse_value(apply, key, place, word);
	return NULL;
}

static void accept_choice(const struct apply *apply, const struct schema_key *key,
			  const struct finding_place *place, const char *word)
{
	if (is_overridden(apply, key))
		return;
	const struct schema_choice *choice = choose(apply, key, place, word);
	if (!choice)
		return;
	store_unsigned(apply, key, choice->value);
	apply_mark(apply, key, place);
}

static void accept_choices(const struct apply *apply, const struct schema_key *key,
			   const struct finding_place *place, const char *const *words,
			   size_t count)
{
	if (is_overridden(apply, key))
		return;
	if (count == 0) {
		char allowed_text[ALLOWED_BYTES];
		refuse(apply, place,
		       "no device list strategy specified; at least one is required, allowed: %s",
		       allowed_words(key, allowed_text));
	}
	unsigned sum = 0;
	for (size_t i = 0; i < count; i++) {
		const struct schema_choice *choice = choose(apply, key, place, words[i]);
		sum |= choice ? choice->value : 0;
	}
	store_unsigned(apply, key, sum);
	apply_mark(apply, key, place);
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
	if (is_overridden(apply, key))
		return;
	if (ns < key->min || ns > key->max) {
		char shown[FINDING_SHOWN_BYTES];
		refuse(apply, place, "%s is not allowed, allowed: %s", finding_shown(text, shown),
		       key->allowed);
		return;
	}
	if (key->needs && !is_default_duration(key, ns)) {
		char shown[FINDING_SHOWN_BYTES];
		apply_refuse_part(apply, place, finding_shown(text, shown), key->needs,
				  key->option.default_text);
		return;
	}
	uint64_t *to = field(apply, key);
	if (to)
		*to = ns;
	apply_mark(apply, key, place);
}

static void accept_limit(const struct apply *apply, const struct schema_key *key,
			 const struct finding_place *place, const char *text)
{
	uint64_t bytes = 0;
	bool is_size = text_parse_bytes(text, &bytes) == 0 && bytes >= key->min &&
		       bytes <= key->max;
	if (!is_size) {
		accept_choice(apply, key, place, text);
		return;
	}
	if (is_overridden(apply, key))
		return;
	char words[ALLOWED_BYTES];
	apply_refuse_part(apply, place, text, key->needs, allowed_words(key, words));
}

static void accept_channels(const struct apply *apply, const struct schema_key *key,
			    const struct finding_place *place, const int64_t *ids, size_t count)
{
	if (is_overridden(apply, key))
		return;
	apply_mark(apply, key, place);
	if (count == 0 || (count == 1 && ids[0] == 0)) {
		store_bool(apply, key, count == 1);
		return;
	}
	char found[CHANNELS_SHOWN * NUMBER_BYTES];
	size_t used = 0;
	for (size_t i = 0; i < count && i < CHANNELS_SHOWN; i++)
		used += (size_t)snprintf(found + used, sizeof(found) - used, "%s%" PRId64,
					 i > 0 ? " " : "", ids[i]);
	refuse(apply, place,
	       "invalid IMEX channel IDs: invalid IMEX config: channelIDs must be [] or [0]; "
	       "found [%s%s], allowed: [], [0]",
	       found, count > CHANNELS_SHOWN ? " ..." : "");
}

/* Comma-separated and trimmed, as NVIDIA's list flags. */
static size_t split(char *text, const char *words[static WORDS_MAX])
{
	size_t count = 0;
	for (char *next = text; next && count < WORDS_MAX;) {
		char *word = strsep(&next, ",");
		word += strspn(word, " \t\n");
		size_t length = strlen(word);
		while (length > 0 && strchr(" \t\n", word[length - 1]))
			length--;
		word[length] = '\0';
		words[count++] = word;
	}
	return count;
}

static void text_choices(const struct apply *apply, const struct schema_key *key,
			 const struct finding_place *place, const char *text)
{
	cleanup_arena struct arena scratch = { 0 };
	char *copy = arena_copy(&scratch, text, strlen(text));
	if (!copy) {
		apply->findings->error = -ENOMEM;
		return;
	}
	const char *words[WORDS_MAX];
	size_t count = split(copy, words);
	accept_choices(apply, key, place, words, count);
}

static void text_channels(const struct apply *apply, const struct schema_key *key,
			  const struct finding_place *place, const char *text)
{
	cleanup_arena struct arena scratch = { 0 };
	char *copy = arena_copy(&scratch, text, strlen(text));
	if (!copy) {
		apply->findings->error = -ENOMEM;
		return;
	}
	const char *words[WORDS_MAX];
	int64_t ids[WORDS_MAX];
	size_t count = split(copy, words);
	for (size_t i = 0; i < count; i++) {
		uint64_t id = 0;
		if (text_parse_u64(words[i], 0, INT32_MAX, &id) < 0) {
			refuse_value(apply, key, place, words[i]);
			return;
		}
		ids[i] = (int64_t)id;
	}
	accept_channels(apply, key, place, ids, count);
}

void apply_text(const struct apply *apply, const struct schema_key *key,
		const struct finding_place *place, const char *text)
{
	uint64_t ns = 0;
	bool flag = false;
	switch (key->type) {
	case SCHEMA_BOOL:
		if (text_parse_bool(text, &flag) < 0)
			refuse_value(apply, key, place, text);
		else
			accept_bool(apply, key, place, flag);
		return;
	case SCHEMA_TEXT:
		accept_text(apply, key, place, text);
		return;
	case SCHEMA_CHOICE:
		accept_choice(apply, key, place, text);
		return;
	case SCHEMA_CHOICES:
		text_choices(apply, key, place, text);
		return;
	case SCHEMA_DURATION:
		if (!duration_from_text(text, &ns))
			refuse_value(apply, key, place, text);
		else
			accept_duration(apply, key, place, ns, text);
		return;
	case SCHEMA_CHANNELS:
		text_channels(apply, key, place, text);
		return;
	case SCHEMA_LIMIT:
		accept_limit(apply, key, place, text);
		return;
	case SCHEMA_MAP:
	case SCHEMA_EXACT_MAP:
	case SCHEMA_ENTRIES:
	case SCHEMA_VERSION:
	case SCHEMA_NUMBER:
	case SCHEMA_NAME:
	case SCHEMA_SHARED_NAME:
	case SCHEMA_DEVICES:
	case SCHEMA_ABSENT:
		break; /* have no flag */
	}
}

static void warn_odd(const struct apply *apply, const struct finding_place *place,
		     const struct value *value, const char *meaning)
{
	if (!value->is_odd)
		return;
	char shown[FINDING_SHOWN_BYTES];
	apply_warn(apply, place, "%s is read as %s, write %s", finding_shown(value->text, shown),
		   meaning, meaning);
}

static void node_bool(const struct apply *apply, const struct schema_key *key,
		      const struct finding_place *place, const struct value *value)
{
	if (value->kind != VALUE_BOOL) {
		apply_refuse_kind(apply, key, place, value);
		return;
	}
	warn_odd(apply, place, value, value->flag ? "true" : "false");
	accept_bool(apply, key, place, value->flag);
}

static void node_choices(const struct apply *apply, const struct schema_key *key,
			 const struct finding_place *place, const struct tree *node)
{
	struct value value = value_read(node);
	const char *words[WORDS_MAX] = { value.text };
	size_t count = 1;
	if (value.kind == VALUE_LIST) {
		count = 0;
		for (const struct tree *item = node->child; item; item = item->next) {
			struct value word = value_read(item);
			if ((word.kind != VALUE_TEXT && word.kind != VALUE_NULL) ||
			    count == WORDS_MAX) {
				refuse(apply, place,
				       "invalid deviceListStrategy: entry %zu is %s, allowed: "
				       "texts, at most %d",
				       count, value_kind_name(word.kind), WORDS_MAX);
				return;
			}
			words[count++] = word.kind == VALUE_NULL ? "" : word.text;
		}
	} else if (value.kind != VALUE_TEXT) {
		refuse(apply, place,
		       "invalid deviceListStrategy: %s, allowed: a text or a list of texts",
		       value_kind_name(value.kind));
		return;
	}
	accept_choices(apply, key, place, words, count);
}

static void node_duration(const struct apply *apply, const struct schema_key *key,
			  const struct finding_place *place, const struct value *value)
{
	uint64_t ns = 0;
	bool is_number = value->kind == VALUE_INT || value->kind == VALUE_FLOAT;
	if (is_number && value->real >= 0 && value->real < 9e18) {
		ns = (uint64_t)value->real;
		apply_warn(apply, place,
			   "a number is read as nanoseconds, write %" PRIu64 "ns or a larger "
			   "unit such as 60s",
			   ns);
	} else if (value->kind != VALUE_TEXT || !duration_from_text(value->text, &ns)) {
		bool is_scalar = value->kind != VALUE_LIST && value->kind != VALUE_MAP;
		refuse_value(apply, key, place,
			     is_scalar ? value->text : value_kind_name(value->kind));
		return;
	}
	accept_duration(apply, key, place, ns, value->text);
}

static void node_number(const struct apply *apply, const struct schema_key *key,
			const struct finding_place *place, const struct value *value)
{
	if (value->kind != VALUE_INT && value->kind != VALUE_NULL) {
		apply_refuse_kind(apply, key, place, value);
		return;
	}
	bool is_low = value->number < (int64_t)key->min;
	if (is_low || value->number > (int64_t)key->max) {
		char shown[FINDING_SHOWN_BYTES];
		refuse(apply, place, "%s%s is not allowed, allowed: %s",
		       is_low ? "number of replicas must be >= 2, " : "",
		       value->kind == VALUE_NULL ? "nothing" : finding_shown(value->text, shown),
		       key->allowed);
		return;
	}
	char meaning[NUMBER_BYTES];
	(void)snprintf(meaning, sizeof(meaning), "%" PRId64, value->number);
	warn_odd(apply, place, value, meaning);
	store_unsigned(apply, key, (unsigned)value->number);
}

/* Checks that NVIDIA does not make: its plugin starts with such a name and cannot register. */
static void check_shared_name(const struct apply *apply, const struct finding_place *place,
			      const char *name)
{
	const struct time_slicing *sharing = &apply->settings->time_slicing;
	size_t length = strlen(name) + SHARED_SUFFIX_BYTES;
	if (sharing->rename_by_default && length > NAME_LENGTH_MAX)
		refuse(apply, place,
		       "%s has %zu characters with the .shared of renameByDefault, allowed: %d",
		       name, length, NAME_LENGTH_MAX);
	if (strcmp(name, known_name) != 0)
		apply_warn(apply, place,
			   "%s is not advertised by this version, the entry has no effect, "
			   "known: %s",
			   name, known_name);
	const void *self = apply->base;
	for (size_t i = 0; i < sharing->resources_count && &sharing->resources[i] != self; i++) {
		const char *other = sharing->resources[i].name;
		if (!other || strcmp(other, name) != 0)
			continue;
		apply_warn(apply, place,
			   "a second entry for %s, the larger number of replicas counts, write "
			   "one",
			   name);
		return;
	}
}

static void node_name(const struct apply *apply, const struct schema_key *key,
		      const struct finding_place *place, const struct value *value)
{
	if (value->kind != VALUE_TEXT && value->kind != VALUE_NULL) {
		apply_refuse_kind(apply, key, place, value);
		return;
	}
	char name[NAME_LENGTH_MAX + 1];
	struct err err = ERR_INIT;
	if (name_qualify(value->kind == VALUE_NULL ? "" : value->text, name, &err) < 0) {
		refuse(apply, place, "%s", err.msg);
		return;
	}
	if (key->note)
		apply_drop(apply, key, place);
	if (key->type == SCHEMA_SHARED_NAME)
		check_shared_name(apply, place, name);
	store_text(apply, key, name);
}

static bool is_device(const struct tree *item)
{
	struct value value = value_read(item);
	if (value.kind == VALUE_INT)
		return value.number >= 0;
	return value.kind == VALUE_TEXT && name_is_device(value.text);
}

static void node_device_list(const struct apply *apply, const struct finding_place *place,
			     const struct tree *node)
{
	for (const struct tree *item = node->child; item; item = item->next) {
		if (is_device(item))
			continue;
		char shown[FINDING_SHOWN_BYTES];
		struct value value = value_read(item);
		bool has_text = item->kind == TREE_SCALAR && value.kind != VALUE_NULL;
		struct finding_place at = { item->line, item->col, place->path };
		refuse(apply, &at,
		       "unsupported type for device in devices list: %s, allowed: an index (0), a "
		       "MIG index (0:1), GPU-<uuid>, MIG-<uuid>",
		       has_text ? finding_shown(value.text, shown) : value_kind_name(value.kind));
	}
}

static void node_devices(const struct apply *apply, const struct schema_key *key,
			 const struct finding_place *place, const struct tree *node)
{
	char shown[FINDING_SHOWN_BYTES];
	struct value value = value_read(node);
	const char *text = finding_shown(value.kind == VALUE_NULL ? "" : value.text, shown);
	if (value.kind == VALUE_TEXT && strcmp(value.text, "all") == 0)
		return;
	if (value.kind == VALUE_TEXT || value.kind == VALUE_NULL)
		refuse(apply, place,
		       "devices set as '%s' but the only valid string input is 'all', allowed: all",
		       text);
	else if (value.kind == VALUE_INT && value.number <= 0)
		refuse(apply, place,
		       "devices set as '%s' but a count of devices must be > 0, allowed: all",
		       text);
	else if (value.kind != VALUE_INT && value.kind != VALUE_LIST)
		refuse(apply, place, "unrecognized type for devices spec: %s, allowed: all",
		       value_kind_name(value.kind));
	else
		apply_drop(apply, key, place);
	if (value.kind == VALUE_LIST)
		node_device_list(apply, place, node);
}

static void node_channels(const struct apply *apply, const struct schema_key *key,
			  const struct finding_place *place, const struct tree *node)
{
	struct value value = value_read(node);
	if (value.kind != VALUE_LIST) {
		apply_refuse_kind(apply, key, place, &value);
		return;
	}
	int64_t ids[CHANNELS_SHOWN] = { 0 };
	size_t count = 0;
	for (const struct tree *item = node->child; item; item = item->next) {
		struct value id = value_read(item);
		if (id.kind != VALUE_INT && id.kind != VALUE_NULL) {
			apply_refuse_kind(apply, key, place, &id);
			return;
		}
		if (count < ARRAY_LEN(ids))
			ids[count] = id.number;
		count++;
	}
	accept_channels(apply, key, place, ids, count);
}

/* Bare numbers and booleans are read as texts here, and only here. */
static void node_version(const struct apply *apply, const struct schema_key *key,
			 const struct finding_place *place, const struct value *value)
{
	if (value->kind == VALUE_LIST || value->kind == VALUE_MAP)
		apply_refuse_kind(apply, key, place, value);
	else if (value->text[0] != '\0' && strcmp(value->text, "v1") != 0)
		refuse_value(apply, key, place, value->text);
}

static void node_text(const struct apply *apply, const struct schema_key *key,
		      const struct finding_place *place, const struct value *value)
{
	if (value->kind != VALUE_TEXT)
		apply_refuse_kind(apply, key, place, value);
	else if (key->type == SCHEMA_CHOICE)
		accept_choice(apply, key, place, value->text);
	else
		accept_text(apply, key, place, value->text);
}

/* A size may be a bare number of bytes, as a quantity of Kubernetes. */
static void node_limit(const struct apply *apply, const struct schema_key *key,
		       const struct finding_place *place, const struct value *value)
{
	if (value->kind != VALUE_TEXT && (value->kind != VALUE_INT || value->is_odd))
		apply_refuse_kind(apply, key, place, value);
	else
		accept_limit(apply, key, place, value->text);
}

/* Null leaves a key unset, except where NVIDIA's own readers take it for an empty value. */
static bool takes_null(enum schema_type type)
{
	return type == SCHEMA_NUMBER || type == SCHEMA_NAME || type == SCHEMA_SHARED_NAME ||
	       type == SCHEMA_DEVICES;
}

void apply_node(const struct apply *apply, const struct schema_key *key,
		const struct finding_place *place, const struct tree *node)
{
	struct value value = value_read(node);
	if (value.kind == VALUE_NULL && !takes_null(key->type))
		return;
	switch (key->type) {
	case SCHEMA_VERSION:
		node_version(apply, key, place, &value);
		return;
	case SCHEMA_BOOL:
		node_bool(apply, key, place, &value);
		return;
	case SCHEMA_TEXT:
	case SCHEMA_CHOICE:
		node_text(apply, key, place, &value);
		return;
	case SCHEMA_CHOICES:
		node_choices(apply, key, place, node);
		return;
	case SCHEMA_DURATION:
		node_duration(apply, key, place, &value);
		return;
	case SCHEMA_NUMBER:
		node_number(apply, key, place, &value);
		return;
	case SCHEMA_NAME:
	case SCHEMA_SHARED_NAME:
		node_name(apply, key, place, &value);
		return;
	case SCHEMA_DEVICES:
		node_devices(apply, key, place, node);
		return;
	case SCHEMA_CHANNELS:
		node_channels(apply, key, place, node);
		return;
	case SCHEMA_LIMIT:
		node_limit(apply, key, place, &value);
		return;
	case SCHEMA_MAP:
	case SCHEMA_EXACT_MAP:
	case SCHEMA_ENTRIES:
	case SCHEMA_ABSENT:
		return; /* the reader's */
	}
}
