/* SPDX-License-Identifier: Apache-2.0 */
/* See ids.h. Lists are short (a request) or searched once (a listing), so no index is kept. */
#include "sim/kubelet/ids.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

int ids_add(struct ids *ids, const char *id, size_t length)
{
	if (ids->count == ids->size) {
		size_t size = ids->size ? 2 * ids->size : 8;
		char **items = reallocarray(ids->items, size, sizeof(*items));
		if (!items)
			return -ENOMEM;
		ids->items = items;
		ids->size = size;
	}
	ids->items[ids->count] = strndup(id, length);
	if (!ids->items[ids->count])
		return -ENOMEM;
	ids->count++;
	return 0;
}

bool ids_has(const struct ids *ids, const char *id)
{
	for (size_t i = 0; i < ids->count; i++)
		if (strcmp(ids->items[i], id) == 0)
			return true;
	return false;
}

/* splitmix64: any seed is a good one, zero too. */
static uint64_t random_next(uint64_t *seed)
{
	uint64_t value = *seed += 0x9E3779B97F4A7C15U;
	value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9U;
	value = (value ^ (value >> 27)) * 0x94D049BB133111EBU;
	return value ^ (value >> 31);
}

void ids_shuffle(struct ids *ids, uint64_t *seed)
{
	for (size_t left = ids->count; left > 1; left--) {
		size_t other = (size_t)(random_next(seed) % left);
		char *last = ids->items[left - 1];
		ids->items[left - 1] = ids->items[other];
		ids->items[other] = last;
	}
}

char *ids_text(const struct ids *ids, size_t max_bytes)
{
	struct buf text = BUF_INIT(max_bytes);
	(void)buf_text(&text, "");
	for (size_t i = 0; i < ids->count; i++)
		if (buf_printf(&text, "%s%s", i ? ", " : "", ids->items[i]) < 0)
			break; /* a message may be cut */
	return text.data;
}

void ids_done(struct ids *ids)
{
	for (size_t i = 0; i < ids->count; i++)
		free(ids->items[i]);
	free(ids->items);
	*ids = (struct ids){ 0 };
}
