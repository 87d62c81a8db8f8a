/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks the maps of a file from a queue, so that nesting cannot exhaust the stack. NVIDIA's rules:
 * unknown keys are skipped, of equal keys the last one counts, of keys that differ in case only the
 * greatest one; each such oddity is a warning, and a refusal in a file with a `rota:` block.
 */
#include "config/reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "config/entries.h"

/* A map that waits, or behind the entries of a list the list itself, to be checked as a whole. path
 * is as the user sees it, pattern as the schema does. */
struct frame {
	const struct tree *map; /* a node that is no map has no keys */
	struct finding_place place;
	const char *pattern;
	bool is_exact;
	void *base;
	const struct schema_key *list; /* NULL: of a map */
	struct frame *next;
};

struct reader {
	struct apply apply;
	struct arena *scratch;
	struct frame *last; /* of the queue */
};

/* A key of a map with its rank in the file, for sorting. */
struct entry {
	const struct tree *node;
	size_t rank;
};

static void out_of_memory(const struct reader *reader)
{
	reader->apply.findings->error = -ENOMEM;
}

static void enqueue(struct reader *reader, const struct frame *frame)
{
	struct frame *copy = arena_alloc(reader->scratch, sizeof(*copy));
	if (!copy) {
		out_of_memory(reader);
		return;
	}
	*copy = *frame;
	copy->next = NULL;
	reader->last->next = copy;
	reader->last = copy;
}

static const char *path_of(const struct reader *reader, const char *map, const char *name)
{
	const char *path = arena_printf(reader->scratch, "%s%s%s", map, map[0] != '\0' ? "." : "",
					name);
	if (path)
		return path;
	out_of_memory(reader);
	return name;
}

/* What a key that @map does not have was probably meant to be: the path of a row elsewhere. */
static const char *elsewhere(const char *name)
{
	const char *names[SETTINGS_KEYS_MAX];
	const char *paths[SETTINGS_KEYS_MAX];
	size_t names_count = 0;
	size_t count = 0;
	const struct schema_key *keys = schema_keys(&count);
	for (size_t i = 0; i < count; i++) {
		if (!keys[i].path)
			continue;
		const char *dot = strrchr(keys[i].path, '.');
		paths[names_count] = keys[i].path;
		names[names_count++] = dot ? dot + 1 : keys[i].path;
	}
	const char *closest = text_closest(name, names, names_count);
	/* A guess across maps must be nearer than one among neighbours. */
	size_t length = strlen(name);
	size_t meant = closest ? strlen(closest) : 0;
	for (size_t i = 0; closest && i < names_count; i++)
		if (names[i] == closest && meant <= length + 1 && length <= meant + 1)
			return paths[i];
	return NULL;
}

/* The closest name in this map, else the closest path elsewhere; else NULL, and @known lists what
 * this map has. */
static const char *suggest(const struct frame *frame, const char *name, struct buf *known)
{
	const char *names[SETTINGS_KEYS_MAX];
	size_t names_count = 0;
	size_t count = 0;
	const struct schema_key *keys = schema_keys(&count);
	for (size_t i = 0; i < count; i++) {
		const char *child = schema_child(&keys[i], frame->pattern);
		if (!child)
			continue;
		(void)buf_printf(known, "%s%s", names_count > 0 ? ", " : "", child);
		names[names_count++] = child;
	}
	const char *closest = text_closest(name, names, names_count);
	return closest ? closest : elsewhere(name);
}

/* False: an oddity there would only be counted. */
static bool may_say(const struct reader *reader, const struct finding_place *place)
{
	return findings_may_keep(reader->apply.findings, place,
				 reader->apply.is_strict ? FINDING_REFUSE : FINDING_WARN);
}

static void warn_unknown(const struct reader *reader, const struct frame *frame,
			 const struct tree *node)
{
	struct finding_place place = { node->key_line, node->key_col, "" };
	if (!may_say(reader, &place)) {
		/* Only counted: its text would be dropped. */
		apply_warn(&reader->apply, &place, "unknown key");
		return;
	}
	char shown[FINDING_SHOWN_BYTES];
	place.path = path_of(reader, frame->place.path, finding_shown(node->key, shown));
	cleanup_buf struct buf known = BUF_INIT(FINDING_TEXT_BYTES);
	const char *meant = suggest(frame, node->key, &known);
	if (meant)
		apply_warn(&reader->apply, &place,
			   "unknown key, it has no effect, did you mean %s?", meant);
	else
		apply_warn(&reader->apply, &place, "unknown key, it has no effect, known here: %s",
			   known.data ? known.data : "nothing");
}

/* @first: of the list in the settings; NULL: the entries are checked and dropped. */
static void enqueue_entries(struct reader *reader, const struct schema_key *key,
			    const struct finding_place *place, const struct tree *node, void *first)
{
	const char *pattern = arena_printf(reader->scratch, "%s[]", key->path);
	if (!pattern)
		out_of_memory(reader);
	size_t i = 0;
	for (const struct tree *item = node->child; item && pattern; item = item->next, i++) {
		const char *path = arena_printf(reader->scratch, "%s[%zu]", place->path, i);
		enqueue(reader, &(struct frame){ .map = item,
						 .place = { item->line, item->col,
							    path ? path : place->path },
						 .pattern = pattern,
						 .is_exact = true,
						 .base = entries_at(key, first, i) });
	}
	enqueue(reader,
		&(struct frame){ .map = node, .place = *place, .base = first, .list = key });
}

static void read_entries(struct reader *reader, const struct schema_key *key,
			 const struct finding_place *place, const struct tree *node)
{
	const struct apply *apply = &reader->apply;
	size_t count = 0;
	for (const struct tree *item = node->child; item; item = item->next)
		count++;
	if (count > SCHEMA_ENTRIES_MAX) {
		apply_refuse(apply, place, "%zu entries, allowed: at most %d", count,
			     SCHEMA_ENTRIES_MAX);
		return;
	}
	if (count == 0 && key->empty)
		apply_refuse(apply, place, "%s, allowed: a list of at least one map", key->empty);
	void *first = NULL;
	if (count == 0 || !apply_is_dropped(apply, key, place)) {
		apply_mark(apply, key, place);
		first = entries_new(apply, key, count);
	}
	enqueue_entries(reader, key, place, node, first);
}

static void read_map(struct reader *reader, const struct schema_key *key,
		     const struct finding_place *place, const struct tree *node)
{
	enqueue(reader, &(struct frame){ .map = node,
					 .place = *place,
					 .pattern = key->path,
					 .is_exact = key->type == SCHEMA_EXACT_MAP,
					 .base = reader->apply.settings });
}

static void refuse_absent(const struct reader *reader, const struct schema_key *key,
			  const struct finding_place *place, const struct tree *node)
{
	if (!tree_is_null(node)) /* NVIDIA's `mps: null` is no MPS */
		apply_refuse_part(&reader->apply, place, "the key", key->needs, NULL);
}

static void read_key(struct reader *reader, const struct frame *frame, const struct schema_key *key,
		     const struct tree *node)
{
	const char *name = schema_child(key, frame->pattern);
	struct finding_place place = { node->line, node->col,
				       path_of(reader, frame->place.path, name) };
	if (strcmp(name, node->key) != 0) {
		char shown[FINDING_SHOWN_BYTES];
		struct finding_place at = { node->key_line, node->key_col, place.path };
		apply_warn(&reader->apply, &at, "%s is read as %s, write %s",
			   finding_shown(node->key, shown), name, name);
	}
	struct value value = value_read(node);
	struct apply apply = reader->apply;
	apply.base = frame->base;
	bool is_list = schema_is_list(key->type);
	bool is_map = key->type == SCHEMA_MAP || key->type == SCHEMA_EXACT_MAP;
	bool is_kind = node->kind == (is_list ? TREE_LIST : TREE_MAP) || value.kind == VALUE_NULL;
	if (key->type == SCHEMA_ABSENT)
		refuse_absent(reader, key, &place, node);
	else if (!is_list && !is_map)
		apply_node(&apply, key, &place, node);
	else if (!is_kind)
		apply_refuse_kind(&apply, key, &place, &value);
	else if (is_list)
		read_entries(reader, key, &place, node);
	else if (node->kind == TREE_MAP || key->type == SCHEMA_EXACT_MAP)
		read_map(reader, key, &place, node);
}

static int compare_entries(const void *a, const void *b)
{
	const struct entry *left = a;
	const struct entry *right = b;
	int sign = strcmp(left->node->key, right->node->key);
	if (sign != 0)
		return sign;
	return left->rank < right->rank ? -1 : 1;
}

static struct entry *sort_entries(const struct reader *reader, const struct tree *map,
				  size_t *ret_count)
{
	size_t count = 0;
	for (const struct tree *child = map->child; child; child = child->next)
		count++;
	struct entry *entries = arena_array(reader->scratch, count, sizeof(*entries));
	if (!entries)
		return NULL;
	size_t i = 0;
	for (const struct tree *child = map->child; child; child = child->next, i++)
		entries[i] = (struct entry){ child, i };
	qsort(entries, count, sizeof(*entries), compare_entries);
	*ret_count = count;
	return entries;
}

static void warn_duplicate(const struct reader *reader, const struct frame *frame,
			   const struct tree *node, const struct tree *winner)
{
	struct finding_place place = { node->key_line, node->key_col, "" };
	if (may_say(reader, &place)) {
		char shown[FINDING_SHOWN_BYTES];
		place.path = path_of(reader, frame->place.path, finding_shown(node->key, shown));
	}
	apply_warn(&reader->apply, &place,
		   "the key stands again in line %u and only the last one counts, write it once",
		   winner->key_line);
}

static void read_pairs(struct reader *reader, const struct frame *frame)
{
	size_t count = 0;
	struct entry *entries = sort_entries(reader, frame->map, &count);
	if (!entries) {
		out_of_memory(reader);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		const struct tree *node = entries[i].node;
		if (i + 1 < count && strcmp(node->key, entries[i + 1].node->key) == 0) {
			warn_duplicate(reader, frame, node, entries[i + 1].node);
			continue;
		}
		const struct schema_key *key = schema_find(frame->pattern, node->key,
							   frame->is_exact);
		struct finding_place place = { node->key_line, node->key_col, frame->place.path };
		if (key)
			read_key(reader, frame, key, node);
		else if (strcmp(node->key, "<<") == 0)
			apply_refuse(&reader->apply, &place,
				     "merge keys (<<) are not read, write the values out");
		else
			warn_unknown(reader, frame, node);
	}
}

static void refuse_missing(const struct reader *reader, const struct frame *frame)
{
	size_t count = 0;
	const struct schema_key *keys = schema_keys(&count);
	for (size_t i = 0; i < count; i++) {
		const char *name = schema_child(&keys[i], frame->pattern);
		if (!name || !keys[i].missing || tree_find(frame->map, name))
			continue;
		apply_refuse(&reader->apply, &frame->place, "%s, the key %s is needed here",
			     keys[i].missing, name);
	}
}

static void read_frame(struct reader *reader, const struct frame *frame)
{
	if (frame->list) {
		struct apply apply = reader->apply;
		apply.base = frame->base;
		entries_check(&apply, frame->list, &frame->place, frame->map);
		return;
	}
	if (frame->map->kind == TREE_MAP) {
		read_pairs(reader, frame);
	} else if (!tree_is_null(frame->map)) {
		apply_refuse(&reader->apply, &frame->place,
			     "%s is not allowed here, allowed: a map",
			     value_kind_name(value_read(frame->map).kind));
		return;
	}
	refuse_missing(reader, frame);
}

/* A `rota:` block, even an empty one, also one that is written in another case. */
static bool has_own_block(const struct tree *root)
{
	for (const struct tree *child = root->child; child; child = child->next)
		if (root->kind == TREE_MAP && strcasecmp(child->key, "rota") == 0)
			return true;
	return false;
}

/* A manifest that holds a configuration in one of its texts, and has no key of a configuration. */
static bool is_manifest(const struct tree *root)
{
	const struct tree *kind = tree_find(root, "kind");
	if (!kind || strcmp(kind->text, "ConfigMap") != 0 || !tree_find(root, "apiVersion"))
		return false;
	for (const struct tree *child = root->child; child; child = child->next)
		if (schema_find("", child->key, false))
			return false;
	return true;
}

/* One finding instead of one for each key. */
static void warn_manifest(const struct reader *reader, const struct tree *root)
{
	const struct tree *data = tree_find(root, "data");
	const struct tree *first = data && data->kind == TREE_MAP ? data->child : NULL;
	struct finding_place place = { root->line, root->col, "" };
	char shown[FINDING_SHOWN_BYTES];
	if (data)
		place = (struct finding_place){ data->key_line, data->key_col, "data" };
	apply_warn(&reader->apply, &place,
		   "this is a ConfigMap and nothing in it has an effect, check the text below "
		   "data.%s",
		   first ? finding_shown(first->key, shown) : "<key>");
}

void reader_read(const struct apply *apply, const struct tree *root, struct arena *scratch)
{
	if (!root)
		return;
	struct frame first = {
		.map = root,
		.place = { root->line, root->col, "" },
		.pattern = "",
		.base = apply->settings,
	};
	struct reader reader = { .apply = *apply, .scratch = scratch, .last = &first };
	reader.apply.is_strict = has_own_block(root);
	if (is_manifest(root)) {
		warn_manifest(&reader, root);
		return;
	}
	for (const struct frame *frame = &first; frame; frame = frame->next)
		read_frame(&reader, frame);
}
