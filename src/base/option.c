/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One interpreter for every command's option tables. Parsing keeps what was seen on the caller's
 * stack and writes a value only when it was read whole, so that a failure names one option.
 */
#include "base/option.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

enum {
	NAME_BYTES = 64,
	HELP_INDENT = 30, /* where the second column starts */
};

/* One option on the command line, as written. */
struct seen {
	const struct option *option;
	const char *name; /* the form that was used */
};

struct parser {
	const struct option_set *sets;
	size_t sets_count;
	struct option_words words;
	size_t at; /* next word */
	struct seen seen[OPTION_GIVEN_MAX];
	size_t seen_count;
};

static const struct option *row(const struct option_table *table, size_t i)
{
	const char *first = (const char *)table->first;
	return (const struct option *)(const void *)(first + i * table->stride);
}

static const char *dashes(const char *name)
{
	return strlen(name) == 1 ? "-" : "--";
}

/* The form of @option that equals @name, or NULL. */
static const char *form_of(const struct option *option, const char *name)
{
	if (!option->name)
		return NULL;
	if (strcmp(option->name, name) == 0)
		return option->name;
	for (size_t i = 0; i < OPTION_ALIASES_MAX; i++)
		if (option->aliases[i] && strcmp(option->aliases[i], name) == 0)
			return option->aliases[i];
	return NULL;
}

static const struct option *find(const struct parser *parser, const char *name, void **ret_values,
				 const char **ret_form)
{
	for (size_t s = 0; s < parser->sets_count; s++) {
		const struct option_set *set = &parser->sets[s];
		for (size_t i = 0; i < set->table.count; i++) {
			const struct option *option = row(&set->table, i);
			const char *form = form_of(option, name);
			if (!form)
				continue;
			*ret_values = set->values;
			*ret_form = form;
			return option;
		}
	}
	return NULL;
}

static size_t collect_names(const struct option_table *table, const char **names, size_t count)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct option *option = row(table, i);
		if (option->name && count < OPTION_NAMES_MAX)
			names[count++] = option->name;
		for (size_t k = 0; option->name && k < OPTION_ALIASES_MAX; k++)
			if (option->aliases[k] && count < OPTION_NAMES_MAX)
				names[count++] = option->aliases[k];
	}
	return count;
}

static int unknown(const struct parser *parser, const char *name, struct err *err)
{
	const char *names[OPTION_NAMES_MAX];
	size_t count = 0;
	for (size_t s = 0; s < parser->sets_count; s++)
		count = collect_names(&parser->sets[s].table, names, count);
	const char *closest = text_closest(name, names, count);
	if (closest)
		return err_set(err, -EINVAL, "unknown option %s%s, did you mean %s%s?",
			       dashes(name), name, dashes(closest), closest);
	return err_set(err, -EINVAL, "unknown option %s%s, --help lists the options", dashes(name),
		       name);
}

/* Words and rule of NVIDIA's parser: two aliases of one flag on one command line are refused. */
static int remember(struct parser *parser, const struct option *option, const char *form,
		    struct err *err)
{
	for (size_t i = 0; i < parser->seen_count; i++)
		if (parser->seen[i].option == option && parser->seen[i].name != form)
			return err_set(err, -EINVAL, "Cannot use two forms of the same flag: %s %s",
				       parser->seen[i].name, form);
	if (parser->seen_count == OPTION_GIVEN_MAX)
		return err_set(err, -E2BIG, "more than %d options", OPTION_GIVEN_MAX);
	parser->seen[parser->seen_count++] = (struct seen){ option, form };
	return 0;
}

static int bad_value(const struct option *option, int code, const char *text, const char *allowed,
		     struct err *err)
{
	return err_set(err, code, "%s%s: %s is not allowed, allowed: %s", dashes(option->name),
		       option->name, text[0] != '\0' ? text : "an empty text", allowed);
}

static int set_number(const struct option *option, const char *text, uint64_t *value,
		      struct err *err)
{
	int r = text_parse_u64(text, option->min, option->max, value);
	if (r == 0)
		return 0;
	char allowed[NAME_BYTES];
	(void)snprintf(allowed, sizeof(allowed), "%" PRIu64 " to %" PRIu64, option->min,
		       option->max);
	return bad_value(option, r, text, allowed, err);
}

static int set_choice(const struct option *option, const char *text, unsigned *value,
		      struct err *err)
{
	char allowed[ERR_TEXT_BYTES];
	size_t used = 0;
	allowed[0] = '\0';
	for (unsigned i = 0; option->choices[i]; i++) {
		if (strcmp(option->choices[i], text) == 0) {
			*value = i;
			return 0;
		}
		if (used < sizeof(allowed))
			used += (size_t)snprintf(allowed + used, sizeof(allowed) - used, "%s%s",
						 i > 0 ? ", " : "", option->choices[i]);
	}
	return bad_value(option, -EINVAL, text, allowed, err);
}

static int set_value(const struct option *option, const char *text, void *values, struct err *err)
{
	char *field = (char *)values + option->offset;
	struct option_given *given = (struct option_given *)(void *)field;
	switch (option->kind) {
	case OPTION_SWITCH:
		if (text_parse_bool(text, (bool *)(void *)field) < 0)
			return bad_value(option, -EINVAL, text, "true, false", err);
		return 0;
	case OPTION_TEXT:
		*(const char **)(void *)field = text;
		return 0;
	case OPTION_NUMBER:
		return set_number(option, text, (uint64_t *)(void *)field, err);
	case OPTION_CHOICE:
		return set_choice(option, text, (unsigned *)(void *)field, err);
	case OPTION_GIVEN:
		if (given->count == OPTION_GIVEN_MAX)
			return err_set(err, -E2BIG, "more than %d options", OPTION_GIVEN_MAX);
		given->items[given->count].option = option;
		given->items[given->count++].text = text;
		return 0;
	}
	return err_set(err, -EINVAL, "--%s: an option of no known kind", option->name);
}

/* @word is behind its dashes: "name" or "name=value". */
static int parse_option(struct parser *parser, const char *word, struct err *err)
{
	const char *equals = strchr(word, '=');
	size_t length = equals ? (size_t)(equals - word) : strlen(word);
	char name[NAME_BYTES];
	(void)snprintf(name, sizeof(name), "%.*s", (int)(length < NAME_BYTES ? length : NAME_BYTES),
		       word);
	void *values = NULL;
	const char *form = NULL;
	const struct option *option = find(parser, name, &values, &form);
	if (!option)
		return unknown(parser, name, err);

	int r = remember(parser, option, form, err);
	if (r < 0)
		return r;
	if (equals)
		return set_value(option, equals + 1, values, err);
	if (!option->value_name)
		return set_value(option, "true", values, err);
	if (parser->at == parser->words.count)
		return err_set(err, -EINVAL, "%s%s needs a value: %s", dashes(form), form,
			       option->value_name);
	return set_value(option, parser->words.items[parser->at++], values, err);
}

int option_parse(const struct option_set *sets, size_t sets_count, enum option_order order,
		 struct option_words words, struct option_words *ret, struct err *err)
{
	struct parser parser = { .sets = sets, .sets_count = sets_count, .words = words };
	size_t arguments = 0; /* gathered at the front */
	while (parser.at < words.count) {
		char *word = words.items[parser.at];
		if (word[0] != '-' || word[1] == '\0') {
			if (order == OPTION_ORDER_GO)
				break;
			words.items[arguments++] = word;
			parser.at++;
			continue;
		}
		parser.at++;
		if (strcmp(word, "--") == 0)
			break;
		int r = parse_option(&parser, word + (word[1] == '-' ? 2 : 1), err);
		if (r < 0)
			return r;
	}
	size_t left = words.count - parser.at;
	if (left > 0 && arguments != parser.at)
		memmove(words.items + arguments, words.items + parser.at,
			left * sizeof(words.items[0]));
	*ret = (struct option_words){ words.items, arguments + left };
	return 0;
}

/* Short forms first, as in "-o, --output FORMAT". */
static void help_names(const struct option *option, struct buf *out)
{
	for (size_t i = 0; i < OPTION_ALIASES_MAX; i++)
		if (option->aliases[i] && strlen(option->aliases[i]) == 1)
			(void)buf_printf(out, "-%s, ", option->aliases[i]);
	(void)buf_printf(out, "%s%s", dashes(option->name), option->name);
	for (size_t i = 0; i < OPTION_ALIASES_MAX; i++)
		if (option->aliases[i] && strlen(option->aliases[i]) > 1)
			(void)buf_printf(out, ", --%s", option->aliases[i]);
	if (option->value_name)
		(void)buf_printf(out, " %s", option->value_name);
}

static void help_forms(const struct option *option, struct buf *out)
{
	size_t start = out->len;
	(void)buf_text(out, "  ");
	if (option->name)
		help_names(option, out);
	else
		(void)buf_text(out, option->env);
	size_t width = out->len - start;
	if (width + 2 > HELP_INDENT)
		(void)buf_printf(out, "\n%*s", HELP_INDENT, "");
	else
		(void)buf_printf(out, "%*s", (int)(HELP_INDENT - width), "");
}

void option_wrap(const char *text, unsigned indent, struct buf *out)
{
	size_t column = indent;
	while (*text != '\0') {
		size_t length = strcspn(text, " ");
		bool is_first = column == indent;
		if (!is_first && column + 1 + length > OPTION_HELP_COLUMNS) {
			(void)buf_printf(out, "\n%*s", (int)indent, "");
			column = indent;
			is_first = true;
		}
		if (!is_first)
			(void)buf_text(out, " ");
		column += length + (is_first ? 0 : 1);
		(void)buf_append(out, text, length);
		text += length;
		text += strspn(text, " ");
	}
	(void)buf_text(out, "\n");
}

void option_help(const struct option_table *table, struct buf *out)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct option *option = row(table, i);
		if (!option->name && !option->env)
			continue;
		help_forms(option, out);
		char text[2 * ERR_TEXT_BYTES];
		const char *shown = option->default_text;
		const char *env = option->name ? option->env : "environment only";
		(void)snprintf(text, sizeof(text), "%s%s%s%s%s%s%s", option->help, env ? " [" : "",
			       env ? env : "", env ? "]" : "", shown ? " (default: " : "",
			       shown && shown[0] == '\0' ? "none" : (shown ? shown : ""),
			       shown ? ")" : "");
		option_wrap(text, HELP_INDENT, out);
	}
}
