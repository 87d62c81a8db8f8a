/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds the tree from libyaml's events with an explicit stack, so that nesting cannot exhaust
 * ours. JSON is read as the YAML that it nearly is. Invariant: every node and text lives in the
 * arena.
 */
#include "base/tree.h"

#include <errno.h>
#include <string.h>
#include <yaml.h>

#include "base/cleanup.h"
#include "base/text.h"

struct builder {
	struct arena *arena;
	struct tree *stack[TREE_DEPTH_MAX];
	struct tree *last[TREE_DEPTH_MAX]; /* last child so far of each */
	unsigned depth;
	unsigned nodes;
	struct tree *root;
	const char *key; /* of a map, waiting for its value */
	unsigned key_line;
	unsigned key_col;
	bool has_document;
};

static unsigned one_based(size_t zero_based)
{
	return zero_based < 1U << 30 ? (unsigned)zero_based + 1 : 1U << 30;
}

static struct tree *node_new(struct builder *builder, const yaml_event_t *event,
			     enum tree_kind kind)
{
	struct tree *node = arena_alloc(builder->arena, sizeof(*node));
	if (!node)
		return NULL;
	node->kind = kind;
	node->line = one_based(event->start_mark.line);
	node->col = one_based(event->start_mark.column);
	node->text = "";
	node->key = builder->key;
	node->key_line = builder->key_line;
	node->key_col = builder->key_col;
	builder->key = NULL;
	return node;
}

static void attach(struct builder *builder, struct tree *node)
{
	if (builder->depth == 0) {
		builder->root = node;
		return;
	}
	unsigned top = builder->depth - 1;
	if (builder->last[top])
		builder->last[top]->next = node;
	else
		builder->stack[top]->child = node;
	builder->last[top] = node;
}

static bool awaits_key(const struct builder *builder)
{
	return builder->depth > 0 && builder->stack[builder->depth - 1]->kind == TREE_MAP &&
	       !builder->key;
}

static int count_node(struct builder *builder, struct err *err)
{
	if (++builder->nodes > TREE_NODES_MAX)
		return err_set(err, -E2BIG, "more than %d values, the most that is read",
			       TREE_NODES_MAX);
	return 0;
}

static int add_scalar(struct builder *builder, const yaml_event_t *event, struct err *err)
{
	size_t length = event->data.scalar.length;
	if (!text_is_utf8(event->data.scalar.value, length))
		return err_set(err, -EINVAL, "NUL or invalid UTF-8 in a text");
	int r = count_node(builder, err);
	if (r < 0)
		return r;

	const char *text = arena_copy(builder->arena, (const char *)event->data.scalar.value,
				      length);
	if (!text)
		return err_set(err, -ENOMEM, "out of memory");
	if (awaits_key(builder)) {
		builder->key = text;
		builder->key_line = one_based(event->start_mark.line);
		builder->key_col = one_based(event->start_mark.column);
		return 0;
	}
	struct tree *node = node_new(builder, event, TREE_SCALAR);
	if (!node)
		return err_set(err, -ENOMEM, "out of memory");
	node->text = text;
	node->is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	attach(builder, node);
	return 0;
}

static int push(struct builder *builder, const yaml_event_t *event, enum tree_kind kind,
		struct err *err)
{
	if (awaits_key(builder))
		return err_set(err, -EINVAL, "a key must be a plain text, not a list or a map");
	if (builder->depth == TREE_DEPTH_MAX)
		return err_set(err, -E2BIG, "nested deeper than %d, the most that is read",
			       TREE_DEPTH_MAX);
	int r = count_node(builder, err);
	if (r < 0)
		return r;
	struct tree *node = node_new(builder, event, kind);
	if (!node)
		return err_set(err, -ENOMEM, "out of memory");
	attach(builder, node);
	builder->stack[builder->depth] = node;
	builder->last[builder->depth] = NULL;
	builder->depth++;
	return 0;
}

/* Anchors make bombs and tags make types; no config of ours or NVIDIA's needs either. */
static int refuse_marks(const yaml_char_t *anchor, const yaml_char_t *tag, struct err *err)
{
	if (anchor)
		return err_set(err, -EINVAL, "anchors (&) are not allowed, write the value out");
	if (tag)
		return err_set(err, -EINVAL, "tags (!) are not allowed");
	return 0;
}

static int add_event(struct builder *builder, const yaml_event_t *event, struct err *err)
{
	int r = 0;
	switch ((int)event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (builder->has_document)
			return err_set(err, -EINVAL, "a second document, only one is allowed");
		builder->has_document = true;
		return 0;
	case YAML_ALIAS_EVENT:
		return err_set(err, -EINVAL, "aliases (*) are not allowed, write the value out");
	case YAML_SCALAR_EVENT:
		r = refuse_marks(event->data.scalar.anchor, event->data.scalar.tag, err);
		return r < 0 ? r : add_scalar(builder, event, err);
	case YAML_SEQUENCE_START_EVENT:
		r = refuse_marks(event->data.sequence_start.anchor, event->data.sequence_start.tag,
				 err);
		return r < 0 ? r : push(builder, event, TREE_LIST, err);
	case YAML_MAPPING_START_EVENT:
		r = refuse_marks(event->data.mapping_start.anchor, event->data.mapping_start.tag,
				 err);
		return r < 0 ? r : push(builder, event, TREE_MAP, err);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		if (builder->depth > 0) /* libyaml pairs them; the analyser cannot know */
			builder->depth--;
		return 0;
	default:
		return 0;
	}
}

/* libyaml reports bad UTF-8 at 1:1; its byte offset tells the true place. */
static void position_of_problem(const yaml_parser_t *parser, const char *text, size_t length,
				struct tree_position *position)
{
	if (parser->error != YAML_READER_ERROR) {
		position->line = one_based(parser->problem_mark.line);
		position->col = one_based(parser->problem_mark.column);
		return;
	}
	size_t end = parser->problem_offset < length ? parser->problem_offset : length;
	size_t line = 0;
	size_t start = 0;
	for (size_t i = 0; i < end; i++) {
		if (text[i] != '\n')
			continue;
		line++;
		start = i + 1;
	}
	position->line = one_based(line);
	position->col = one_based(end - start);
}

static int yaml_err(const yaml_parser_t *parser, struct err *err)
{
	if (parser->error == YAML_MEMORY_ERROR)
		return err_set(err, -ENOMEM, "out of memory");
	if (parser->error == YAML_READER_ERROR)
		return err_set(err, -EINVAL, "not text: %s", parser->problem);
	return err_set(err, -EINVAL, "not YAML or JSON: %s",
		       parser->problem ? parser->problem : "?");
}

static int build(yaml_parser_t *parser, struct builder *builder, const char *text, size_t length,
		 struct tree_position *position, struct err *err)
{
	for (;;) {
		yaml_event_t event;
		if (!yaml_parser_parse(parser, &event)) {
			position_of_problem(parser, text, length, position);
			return yaml_err(parser, err);
		}
		int r = add_event(builder, &event, err);
		bool is_end = event.type == YAML_STREAM_END_EVENT;
		position->line = one_based(event.start_mark.line);
		position->col = one_based(event.start_mark.column);
		yaml_event_delete(&event);
		if (r < 0 || is_end)
			return r;
	}
}

int tree_parse(const char *text, size_t length, struct arena *arena, struct tree **ret,
	       struct tree_position *position, struct err *err)
{
	*position = (struct tree_position){ 1, 1 };
	if (length > TREE_BYTES_MAX)
		return err_set(err, -E2BIG, "larger than %d bytes, the most that is read",
			       TREE_BYTES_MAX);

	yaml_parser_t parser;
	if (!yaml_parser_initialize(&parser))
		return err_set(err, -ENOMEM, "out of memory");
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);

	struct builder builder = { .arena = arena };
	int r = build(&parser, &builder, text, length, position, err);
	yaml_parser_delete(&parser);
	if (r < 0)
		return r;
	*ret = builder.root;
	return 0;
}

const struct tree *tree_find(const struct tree *map, const char *key)
{
	const struct tree *found = NULL;
	if (map && map->kind == TREE_MAP)
		for (const struct tree *child = map->child; child; child = child->next)
			if (strcmp(child->key, key) == 0)
				found = child;
	return found;
}

bool tree_is_null(const struct tree *node)
{
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL" };
	if (!node || node->kind != TREE_SCALAR || !node->is_plain)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(nulls); i++)
		if (strcmp(node->text, nulls[i]) == 0)
			return true;
	return false;
}
