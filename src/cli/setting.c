/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See setting.h. Values are read from struct settings by the types of the schema alone, so a new
 * row is shown without a change here. There is no setting that is a secret.
 */
#include "cli/setting.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/document.h"
#include "base/text.h"

enum {
	TEXT_BYTES_MAX = 1 << 20 /* of one value; the file cannot have a longer one */
};

bool setting_is_shown(const struct schema_key *key)
{
	bool is_of_entry = key->path && strstr(key->path, "[]");
	bool has_value = key->type != SCHEMA_MAP && key->type != SCHEMA_EXACT_MAP &&
			 key->type != SCHEMA_VERSION && key->type != SCHEMA_ABSENT;
	return has_value && !is_of_entry;
}

void setting_name(const struct schema_key *key, struct buf *out)
{
	if (key->path)
		(void)buf_text(out, key->path);
	else if (key->option.name)
		(void)buf_printf(out, "--%s", key->option.name);
	else
		(void)buf_text(out, key->option.env);
}

/* Variables and flags may hold any bytes, JSON may not: those are written as \xNN. */
static json_t *text_json(const char *text)
{
	if (text_is_utf8((const uint8_t *)text, strlen(text)))
		return json_string(text);
	cleanup_buf struct buf plain = BUF_INIT(TEXT_BYTES_MAX);
	for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++)
		(void)buf_printf(&plain, isascii(*at) ? "%c" : "\\x%02x", *at);
	return plain.error == 0 && plain.data ? json_string(plain.data) : NULL;
}

/* As Go writes a duration but for fractions: 1m30s, 1s500ms. */
static json_t *duration_json(uint64_t ns)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = { { "h", 3600000000000 }, { "m", 60000000000 }, { "s", 1000000000 },
		      { "ms", 1000000 },      { "us", 1000 },       { "ns", 1 } };
	if (ns == INT64_MAX)
		return json_string("infinite");
	if (ns == 0)
		return json_string("0s");
	cleanup_buf struct buf text = BUF_INIT(TEXT_BYTES_MAX);
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (ns / units[i].ns > 0)
			(void)buf_printf(&text, "%" PRIu64 "%s", ns / units[i].ns, units[i].name);
		ns %= units[i].ns;
	}
	return text.error == 0 && text.data ? json_string(text.data) : NULL;
}

static json_t *choice_json(const struct schema_key *key, unsigned value)
{
	for (const struct schema_choice *choice = key->choices; choice->word; choice++)
		if (choice->value == value)
			return json_string(choice->word);
	return json_null();
}

/* A word that stands for several of the others comes before them, and instead of them. */
static json_t *choices_json(const struct schema_key *key, unsigned sum)
{
	json_t *list = json_array();
	for (const struct schema_choice *choice = key->choices; choice->word; choice++) {
		if ((sum & choice->value) != choice->value)
			continue;
		sum &= ~choice->value;
		list = document_append(list, json_string(choice->word));
	}
	return list;
}

/* The Xids for which xid_set_has() is @is_in: "48, 63", "all but 13", "all" or "none". */
static json_t *xids_json(const struct xid_set *set, bool is_in)
{
	bool are_most = set->has_others == is_in;
	cleanup_buf struct buf text = BUF_INIT(TEXT_BYTES_MAX);
	for (uint64_t xid = 0; xid < XID_SET_MAX; xid++)
		if ((xid_set_has(set, xid) == is_in) != are_most)
			(void)buf_printf(&text, "%s%" PRIu64, text.len > 0 ? ", " : "", xid);
	if (text.error < 0)
		return NULL;
	if (text.len == 0)
		return json_string(are_most ? "all" : "none");
	return json_sprintf("%s%s", are_most ? "all but " : "", text.data);
}

static json_t *devices_json(const struct device_choice *choice)
{
	json_t *list = NULL;
	switch (choice->kind) {
	case DEVICE_CHOICE_ALL:
		return json_string("all");
	case DEVICE_CHOICE_COUNT:
		return json_integer((json_int_t)choice->count);
	case DEVICE_CHOICE_LIST:
		list = json_array();
		for (size_t i = 0; i < choice->list_count; i++)
			list = document_append(list, json_string(choice->list[i]));
		return list;
	}
	return NULL;
}

static json_t *shared_json(const void *entry)
{
	const struct shared_resource *shared = entry;
	return json_pack("{s:s, s:I, s:s?, s:o}", "name", shared->name, "replicas",
			 (json_int_t)shared->replicas, "rename", shared->rename, "devices",
			 devices_json(&shared->devices));
}

static json_t *pattern_json(const void *entry)
{
	const struct resource_pattern *pattern = entry;
	return json_pack("{s:s, s:s}", "pattern", pattern->pattern, "name", pattern->name);
}

static json_t *entries_json(const void *entries, size_t count, size_t entry_bytes,
			    json_t *(*entry_json)(const void *entry))
{
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++)
		list = document_append(list, entry_json((const char *)entries + i * entry_bytes));
	return list;
}

static json_t *shared_list_json(const struct settings *settings)
{
	const struct time_slicing *sharing = &settings->time_slicing;
	return entries_json(sharing->resources, sharing->resources_count,
			    sizeof(*sharing->resources), shared_json);
}

static json_t *pattern_list_json(const struct resource_patterns *patterns)
{
	return entries_json(patterns->items, patterns->count, sizeof(*patterns->items),
			    pattern_json);
}

json_t *setting_value(const struct settings *settings, const struct schema_key *key)
{
	const void *field = (const char *)settings + key->offset;
	unsigned number = 0;
	switch (key->type) {
	case SCHEMA_BOOL:
		return json_boolean(*(const bool *)field);
	case SCHEMA_TEXT:
	case SCHEMA_BESIDE:
	case SCHEMA_LISTEN:
		return text_json(*(const char *const *)field);
	case SCHEMA_DURATION:
		return duration_json(*(const uint64_t *)field);
	case SCHEMA_CHOICE:
	case SCHEMA_LIMIT:
		memcpy(&number, field, sizeof(number));
		return choice_json(key, number);
	case SCHEMA_CHOICES:
		memcpy(&number, field, sizeof(number));
		return choices_json(key, number);
	case SCHEMA_XIDS_OFF:
	case SCHEMA_XIDS_ON:
		return xids_json(field, key->type == SCHEMA_XIDS_ON);
	case SCHEMA_SHARED:
		return shared_list_json(settings);
	case SCHEMA_PATTERNS:
		return pattern_list_json(field);
	case SCHEMA_CHANNELS:
		return *(const bool *)field ? json_pack("[i]", 0) : json_array();
	case SCHEMA_MAP:
	case SCHEMA_EXACT_MAP:
	case SCHEMA_VERSION:
	case SCHEMA_NUMBER:
	case SCHEMA_NAME:
	case SCHEMA_DEVICES:
	case SCHEMA_ABSENT:
	case SCHEMA_TYPES:
		break; /* not shown */
	}
	return json_null();
}

static bool is_plain(const char *text)
{
	for (const char *at = text; *at != '\0'; at++)
		if (iscntrl((unsigned char)*at))
			return false;
	return text[0] != '\0';
}

/* A text that a terminal cannot show as it is stands in quotes, as in JSON. */
static void scalar_text(const json_t *value, struct buf *out)
{
	const char *text = json_string_value(value);
	if (text && is_plain(text)) {
		(void)buf_text(out, text);
		return;
	}
	char *quoted = document_text(value, JSON_ENCODE_ANY);
	if (quoted)
		(void)buf_text(out, quoted);
	else
		out->error = -ENOMEM;
	free(quoted);
}

/* "nvidia.com/gpu: 5", behind it in brackets what is not usual: another name, chosen devices. */
static void shared_text(const json_t *item, struct buf *out)
{
	const char *rename = json_string_value(json_object_get(item, "rename"));
	const json_t *devices = json_object_get(item, "devices");
	(void)buf_printf(out, "%s: %" JSON_INTEGER_FORMAT,
			 json_string_value(json_object_get(item, "name")),
			 json_integer_value(json_object_get(item, "replicas")));
	if (rename)
		(void)buf_printf(out, " (as %s)", rename);
	if (json_is_integer(devices))
		(void)buf_printf(out, " (of the first %" JSON_INTEGER_FORMAT ")",
				 json_integer_value(devices));
	for (size_t i = 0; i < json_array_size(devices); i++)
		(void)buf_printf(out, "%s%s%s", i > 0 ? " " : " (of ",
				 json_string_value(json_array_get(devices, i)),
				 i + 1 == json_array_size(devices) ? ")" : "");
}

static void item_text(const json_t *item, struct buf *out)
{
	if (!json_is_object(item))
		scalar_text(item, out);
	else if (json_object_get(item, "replicas"))
		shared_text(item, out);
	else
		(void)buf_printf(out, "%s: %s", json_string_value(json_object_get(item, "pattern")),
				 json_string_value(json_object_get(item, "name")));
}

void setting_value_text(const json_t *value, struct buf *out)
{
	if (!json_is_array(value)) {
		scalar_text(value, out);
		return;
	}
	for (size_t i = 0; i < json_array_size(value); i++) {
		if (i > 0)
			(void)buf_text(out, ", ");
		item_text(json_array_get(value, i), out);
	}
	if (json_array_size(value) == 0)
		(void)buf_text(out, "[]");
}

json_t *setting_origin(const struct settings *settings, const struct schema_key *key)
{
	const struct settings_source *source = &settings->sources[schema_index(key)];
	switch (source->origin) {
	case SETTINGS_ORIGIN_FILE:
		return json_pack("{s:s, s:o, s:I}", "kind", "file", "file",
				 text_json(settings->config_file), "line",
				 (json_int_t)source->line);
	case SETTINGS_ORIGIN_ENVIRONMENT:
		return json_pack("{s:s, s:s}", "kind", "environment", "name", source->name);
	case SETTINGS_ORIGIN_FLAG:
		return json_pack("{s:s, s:s}", "kind", "flag", "name", source->name);
	case SETTINGS_ORIGIN_DEFAULT:
		break;
	}
	return json_pack("{s:s}", "kind", "default");
}

void setting_origin_text(const struct settings *settings, const struct schema_key *key,
			 struct buf *out)
{
	const struct settings_source *source = &settings->sources[schema_index(key)];
	switch (source->origin) {
	case SETTINGS_ORIGIN_FILE:
		(void)buf_printf(out, "file %s:%u", settings->config_file, source->line);
		return;
	case SETTINGS_ORIGIN_ENVIRONMENT:
		(void)buf_printf(out, "environment %s", source->name);
		return;
	case SETTINGS_ORIGIN_FLAG:
		(void)buf_printf(out, "flag %s", source->name);
		return;
	case SETTINGS_ORIGIN_DEFAULT:
		break;
	}
	(void)buf_text(out, "default");
}
