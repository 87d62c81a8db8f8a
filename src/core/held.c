/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A list that may say the same twice, since most allocations come and go between two answers of
 * kubelet; it is made short when its room is used up, and grows only when that does not help.
 */
#include "core/held.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	FIRST_ROOM = 64
};

/* The newest of the same ids comes first. */
static int compare(const void *left, const void *right)
{
	const struct held_id *a = left;
	const struct held_id *b = right;
	if (a->resource != b->resource)
		return a->resource < b->resource ? -1 : 1;
	int r = strcmp(a->id, b->id);
	if (r != 0)
		return r;
	return a->since_ns == b->since_ns ? 0 : a->since_ns > b->since_ns ? -1 : 1;
}

static void drop_repeated(struct held *held)
{
	if (held->count == 0)
		return;
	qsort(held->items, held->count, sizeof(*held->items), compare);
	size_t kept = 1;
	for (size_t i = 1; i < held->count; i++) {
		const struct held_id *last = &held->items[kept - 1];
		bool is_repeated = last->resource == held->items[i].resource &&
				   strcmp(last->id, held->items[i].id) == 0;
		if (!is_repeated)
			held->items[kept++] = held->items[i];
	}
	held->count = kept;
}

static int make_room(struct held *held)
{
	if (held->count < held->room)
		return 0;
	drop_repeated(held);
	if (held->count >= HELD_IDS_MAX)
		return -E2BIG;
	if (held->room > 0 && held->count <= held->room / 2)
		return 0;
	size_t room = held->room > 0 ? 2 * held->room : FIRST_ROOM;
	struct held_id *items = calloc(room, sizeof(*items));
	if (!items)
		return -ENOMEM;
	if (held->count > 0)
		memcpy(items, held->items, held->count * sizeof(*items));
	free(held->items);
	held->items = items;
	held->room = room;
	return 0;
}

/* The number of a name, which is added when it is not there yet; or -EINVAL, -E2BIG, -ENOMEM. */
static int number_of(struct held *held, struct id_text name)
{
	if (name.length == 0 || name.length >= RESOURCE_NAME_BYTES)
		return -EINVAL;
	for (size_t i = 0; i < held->names_count; i++)
		if (strlen(held->names[i]) == name.length &&
		    memcmp(held->names[i], name.bytes, name.length) == 0)
			return (int)i;
	if (held->names_count == HELD_NAMES_MAX)
		return -E2BIG;
	const char *copy = arena_copy(&held->arena, name.bytes, name.length);
	if (!copy)
		return -ENOMEM;
	held->names[held->names_count] = copy;
	return (int)held->names_count++;
}

int held_add(struct held *held, struct id_text resource, struct id_text id, uint64_t since_ns)
{
	if (id.length >= REPLICA_ID_BYTES)
		return -EINVAL;
	int number = number_of(held, resource);
	if (number < 0)
		return number;
	int r = make_room(held);
	if (r < 0)
		return r;
	struct held_id *item = &held->items[held->count++];
	*item = (struct held_id){ .resource = (uint32_t)number, .since_ns = since_ns };
	if (id.length > 0)
		memcpy(item->id, id.bytes, id.length);
	return 0;
}

int held_replace(struct held *held, struct held *listed, uint64_t keep_ns)
{
	for (size_t i = 0; i < held->count; i++) {
		const struct held_id *item = &held->items[i];
		if (item->since_ns == HELD_LISTED || item->since_ns < keep_ns)
			continue;
		struct id_text id = { item->id, strlen(item->id) };
		const char *name = held->names[item->resource];
		int r = held_add(listed, (struct id_text){ name, strlen(name) }, id,
				 item->since_ns);
		if (r < 0)
			return r;
	}
	held_done(held);
	*held = *listed;
	*listed = (struct held){ 0 };
	return 0;
}

bool held_has_device(const struct held *held, const char *uuid)
{
	size_t length = strlen(uuid);
	for (size_t i = 0; i < held->count; i++) {
		struct replica_id id;
		const char *text = held->items[i].id;
		if (replica_parse((struct id_text){ text, strlen(text) }, &id) == 0 &&
		    id.uuid.length == length && memcmp(id.uuid.bytes, uuid, length) == 0)
			return true;
	}
	return false;
}

void held_keep(struct held *held, uint64_t now_ns)
{
	for (size_t i = 0; i < held->count; i++)
		held->items[i].since_ns = now_ns;
}

void held_done(struct held *held)
{
	free(held->items);
	arena_done(&held->arena);
	*held = (struct held){ 0 };
}
