/* SPDX-License-Identifier: Apache-2.0 */
/* See reading.h. Used by the readers of the parts of a scenario. */
#include "sim/reading.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/tree.h"
#include "sim/scenario.h"

enum {
	KEYS_MAX = 32,
};

int reading_complain(struct reading *reading, const struct tree *node, const char *format, ...)
{
	char text[ERR_TEXT_BYTES];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args); /* a cut text is still a text */
	va_end(args);

	if (node->key)
		(void)err_set(reading->err, -EINVAL, "%s: %s", node->key, text);
	else
		(void)err_set(reading->err, -EINVAL, "%s", text);
	return err_wrap(reading->err, -EINVAL, "%s:%u:%u", reading->name, node->line, node->col);
}

int reading_no_memory(struct reading *reading)
{
	return err_set(reading->err, -ENOMEM, "%s: out of memory", reading->name);
}

static int complain_of_key(struct reading *reading, const struct tree *node,
			   const struct reading_field *fields, size_t count)
{
	const char *keys[KEYS_MAX];
	for (size_t i = 0; i < count && i < KEYS_MAX; i++)
		keys[i] = fields[i].key;
	const char *closest = text_closest(node->key, keys, count < KEYS_MAX ? count : KEYS_MAX);
	if (closest)
		(void)err_set(reading->err, -EINVAL, "%s: unknown key, did you mean %s?", node->key,
			      closest);
	else
		(void)err_set(reading->err, -EINVAL, "%s: unknown key", node->key);
	return err_wrap(reading->err, -EINVAL, "%s:%u:%u", reading->name, node->key_line,
			node->key_col);
}

static const struct reading_field *find_field(const struct reading_field *fields, size_t count,
					      const char *key)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(fields[i].key, key) == 0)
			return &fields[i];
	return NULL;
}

int reading_map(struct reading *reading, const struct tree *map, const struct reading_field *fields,
		size_t count, void *object)
{
	if (map->kind != TREE_MAP)
		return reading_complain(reading, map, "must be a map");
	for (const struct tree *node = map->child; node; node = node->next) {
		const struct reading_field *field = find_field(fields, count, node->key);
		if (!field)
			return complain_of_key(reading, node, fields, count);
		if (tree_find(map, node->key) != node)
			return reading_complain(reading, node, "stands twice in this map");
		if (tree_is_null(node))
			return reading_complain(reading, node, "has no value");
		int r = field->read(reading, node, (char *)object + field->offset);
		if (r < 0)
			return r;
	}
	return 0;
}

int reading_list(struct reading *reading, const struct tree *list, size_t max, size_t *ret)
{
	size_t count = 0;
	if (list->kind != TREE_LIST)
		return reading_complain(reading, list, "must be a list");
	for (const struct tree *node = list->child; node; node = node->next)
		count++;
	if (count > max)
		return reading_complain(reading, list, "has %zu entries, at most %zu are allowed",
					count, max);
	*ret = count;
	return 0;
}

int reading_array(struct reading *reading, const struct tree *list, size_t max, size_t bytes,
		  reading_fn *read, void **ret, size_t *ret_count)
{
	size_t count = 0;
	int r = reading_list(reading, list, max, &count);
	if (r < 0)
		return r;
	char *items = arena_array(reading->arena, count, bytes);
	if (!items)
		return reading_no_memory(reading);

	const struct tree *node = list->child;
	for (size_t i = 0; i < count; i++, node = node->next) {
		r = read(reading, node, items + i * bytes);
		if (r < 0)
			return r;
	}
	*ret = items;
	*ret_count = count;
	return 0;
}

int reading_number(struct reading *reading, const struct tree *node, uint64_t max, uint64_t *ret)
{
	if (node->kind != TREE_SCALAR || text_parse_u64(node->text, 0, max, ret) < 0)
		return reading_complain(reading, node, "must be a number of 0 to %llu",
					(unsigned long long)max);
	return 0;
}

int reading_word(struct reading *reading, const struct tree *node,
		 const struct reading_words *words, int *ret)
{
	for (size_t i = 0; i < words->count; i++)
		if (strcmp(words->words[i], node->text) == 0) {
			*ret = (int)i;
			return 0;
		}
	const char *closest = text_closest(node->text, words->words, words->count);
	if (closest)
		return reading_complain(reading, node, "%s is not %s, did you mean %s?", node->text,
					words->what, closest);
	return reading_complain(reading, node, "%s is not %s", node->text, words->what);
}

int reading_text(struct reading *reading, const struct tree *node, void *ret)
{
	const char **text = ret;
	size_t length = strlen(node->text);
	if (node->kind != TREE_SCALAR || length == 0 || length > SCENARIO_TEXT_MAX)
		return reading_complain(reading, node, "must be a text of 1 to %d bytes",
					SCENARIO_TEXT_MAX);
	*text = arena_copy(reading->arena, node->text, length);
	return *text ? 0 : reading_no_memory(reading);
}

int reading_gpu(struct reading *reading, const struct tree *node, void *ret)
{
	uint64_t value = 0;
	int r = reading_number(reading, node, SCENARIO_GPUS_MAX - 1, &value);
	if (r == 0)
		*(int *)ret = (int)value;
	return r;
}

int reading_duration(struct reading *reading, const struct tree *node, void *ret)
{
	uint64_t *ns = ret;
	uint64_t value = 0;
	if (node->kind != TREE_SCALAR || text_parse_duration(node->text, &value) < 0)
		return reading_complain(reading, node, "must be a duration such as 1.5s or 300ms");
	*ns = value;
	return 0;
}

int reading_later(struct reading *reading, const struct tree *node, void *ret)
{
	(void)reading;
	(void)node;
	(void)ret;
	return 0;
}
