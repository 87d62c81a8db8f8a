/* SPDX-License-Identifier: Apache-2.0 */
/* See entry.h. What concerns several entries is entries.c's. */
#include "config/entry.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "config/name.h"
#include "config/scalar.h"

void entry_node_name(const struct apply *apply, const struct schema_key *key,
		     const struct finding_place *place, const struct tree *node)
{
	struct value value = value_read(node);
	if (value.kind != VALUE_TEXT && value.kind != VALUE_NULL) {
		apply_refuse_kind(apply, key, place, &value);
		return;
	}
	char name[NAME_LENGTH_MAX + 1];
	struct err err = ERR_INIT;
	if (name_qualify(value.kind == VALUE_NULL ? "" : value.text, name, &err) < 0)
		apply_refuse(apply, place, "%s", err.msg);
	else if (!apply_is_dropped(apply, key, place))
		apply_store_text(apply, key, name);
}

static bool read_device(const struct value *value, char ret[static NAME_DEVICE_BYTES])
{
	if (value->kind == VALUE_TEXT)
		return name_read_device(value->text, ret);
	if (value->kind != VALUE_INT || value->number < 0)
		return false;
	(void)snprintf(ret, NAME_DEVICE_BYTES, "%" PRId64, value->number);
	return true;
}

/* The device that @item of a list means, or NULL and a refusal. */
static const char *accept_device(const struct apply *apply, const char *path,
				 const struct tree *item)
{
	struct finding_place place = { item->line, item->col, path };
	struct value value = value_read(item);
	char device[NAME_DEVICE_BYTES];
	if (!read_device(&value, device)) {
		char shown[FINDING_SHOWN_BYTES];
		bool has_text = item->kind == TREE_SCALAR && value.kind != VALUE_NULL;
		apply_refuse(apply, &place,
			     "unsupported type for device in devices list: %s, allowed: an index "
			     "(0), a MIG index (0:1), GPU-<uuid>, MIG-<uuid>",
			     has_text ? finding_shown(value.text, shown)
				      : value_kind_name(value.kind));
		return NULL;
	}
	if (apply->is_strict)
		scalar_warn_odd(apply, &place, &value, device);
	return apply_copy(apply, device);
}

static void accept_devices(const struct apply *apply, const struct schema_key *key,
			   const struct finding_place *place, const struct tree *list)
{
	size_t count = 0;
	for (const struct tree *item = list->child; item; item = item->next)
		count++;
	bool is_dropped = apply_is_dropped(apply, key, place);
	if (!is_dropped && (count == 0 || count > SCHEMA_DEVICES_MAX)) {
		apply_refuse(apply, place, "a list of %zu devices, allowed: 1 to %d", count,
			     SCHEMA_DEVICES_MAX);
		return;
	}
	const char **devices = arena_array(&apply->settings->arena, count > 0 ? count : 1,
					   sizeof(*devices));
	if (!devices) {
		apply->findings->error = -ENOMEM;
		return;
	}
	struct device_choice choice = { .kind = DEVICE_CHOICE_LIST, .list = devices };
	for (const struct tree *item = list->child; item; item = item->next) {
		const char *device = accept_device(apply, place->path, item);
		if (device)
			devices[choice.list_count++] = device;
	}
	struct device_choice *to = apply_field(apply, key);
	if (to && !is_dropped)
		*to = choice;
}

static void accept_count(const struct apply *apply, const struct schema_key *key,
			 const struct finding_place *place, const struct value *value)
{
	char shown[FINDING_SHOWN_BYTES];
	if (apply_is_dropped(apply, key, place))
		return;
	if (value->number > SCHEMA_DEVICES_MAX) {
		apply_refuse(apply, place, "%s is not allowed, allowed: all, 1 to %d",
			     finding_shown(value->text, shown), SCHEMA_DEVICES_MAX);
		return;
	}
	char meaning[NAME_DEVICE_BYTES];
	(void)snprintf(meaning, sizeof(meaning), "%" PRId64, value->number);
	scalar_warn_odd(apply, place, value, meaning);
	struct device_choice *to = apply_field(apply, key);
	if (to)
		*to = (struct device_choice){ .kind = DEVICE_CHOICE_COUNT,
					      .count = (uint32_t)value->number };
}

void entry_node_devices(const struct apply *apply, const struct schema_key *key,
			const struct finding_place *place, const struct tree *node)
{
	char shown[FINDING_SHOWN_BYTES];
	char words[APPLY_ALLOWED_BYTES];
	struct value value = value_read(node);
	const char *text = finding_shown(value.kind == VALUE_NULL ? "" : value.text, shown);
	if (value.kind == VALUE_LIST)
		accept_devices(apply, key, place, node);
	else if (value.kind == VALUE_INT && value.number > 0)
		accept_count(apply, key, place, &value);
	else if (value.kind == VALUE_INT)
		apply_refuse(apply, place,
			     "devices set as '%s' but a count of devices must be > 0, allowed: %s",
			     text, apply_allowed(key, words));
	else if (value.kind != VALUE_TEXT && value.kind != VALUE_NULL)
		apply_refuse(apply, place, "unrecognized type for devices spec: %s, allowed: %s",
			     value_kind_name(value.kind), apply_allowed(key, words));
	else if (value.kind == VALUE_NULL || strcmp(value.text, "all") != 0)
		apply_refuse(apply, place,
			     "devices set as '%s' but the only valid string input is 'all', "
			     "allowed: %s",
			     text, apply_allowed(key, words));
}
