/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See manual.h. Called by the build only. A sentence begins a line of its own and no line is long,
 * as manual readers' own checkers want it; every character that troff would interpret is escaped.
 */
#include "cli/manual.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "cli/commands.h"

enum {
	LINE_COLUMNS = 72, /* of input, before escapes */
	WORD_BYTES = 256,
};

/* Of the last change to what this file itself says; a build date would make builds differ. */
static const char date[] = "2026-11-22";

static void put_char(char c, struct buf *out)
{
	static const char *const escapes[] = {
		['\\'] = "\\e",  ['-'] = "\\-",   ['\''] = "\\(aq", ['`'] = "\\(ga",
		['^'] = "\\(ha", ['~'] = "\\(ti", ['"'] = "\\(dq",
	};
	unsigned char at = (unsigned char)c;
	if (at < ARRAY_LEN(escapes) && escapes[at])
		(void)buf_text(out, escapes[at]);
	else
		(void)buf_append(out, &c, 1);
}

static void put_escaped(const char *text, size_t length, struct buf *out)
{
	bool begins_line = out->len == 0 || out->data[out->len - 1] == '\n';
	if (begins_line && length > 0 && text[0] == '.')
		(void)buf_text(out, "\\&");
	for (size_t i = 0; i < length; i++)
		put_char(text[i], out);
}

static bool ends_sentence(const char *word, size_t length)
{
	return length > 0 && strchr(".?!", word[length - 1]);
}

/* Lines of text, each begun at the margin. */
static void put_text(const char *text, struct buf *out)
{
	size_t column = 0;
	while (*text != '\0') {
		size_t length = strcspn(text, " ");
		if (column > 0 && column + 1 + length > LINE_COLUMNS) {
			(void)buf_text(out, "\n");
			column = 0;
		} else if (column > 0) {
			(void)buf_text(out, " ");
			column++;
		}
		put_escaped(text, length, out);
		column += length;
		bool is_end = ends_sentence(text, length);
		text += length;
		text += strspn(text, " ");
		if (is_end && *text != '\0') {
			(void)buf_text(out, "\n");
			column = 0;
		}
	}
	(void)buf_text(out, "\n");
}

/* A phrase of a table as a sentence. */
static void put_sentence(const char *phrase, struct buf *out)
{
	put_text(phrase, out);
	if (out->error < 0 || ends_sentence(phrase, strlen(phrase)))
		return;
	out->data[out->len - 1] = '.'; /* in the place of the end of the line */
	(void)buf_text(out, "\n");
}

static void put_font(const char *font, const char *prefix, const char *text, struct buf *out)
{
	(void)buf_printf(out, "\\f%s", font);
	put_escaped(prefix, strlen(prefix), out);
	put_escaped(text, strlen(text), out);
	(void)buf_text(out, "\\fR");
}

static const char *dashes(const char *name)
{
	return strlen(name) == 1 ? "-" : "--";
}

/* "rota-config-check" */
static void put_page_name(const struct command *command, struct buf *out)
{
	(void)buf_text(out, "rota");
	if (!command)
		return;
	(void)buf_text(out, "-");
	for (const char *at = command->name; *at != '\0'; at++)
		(void)buf_append(out, *at == ' ' ? "-" : at, 1);
}

void manual_file_name(const struct command *command, struct buf *out)
{
	put_page_name(command, out);
	(void)buf_text(out, ".1");
}

static void put_head(const struct command *command, const char *summary, struct buf *out)
{
	cleanup_buf struct buf name = BUF_INIT(WORD_BYTES);
	put_page_name(command, &name);
	if (name.error < 0) {
		out->error = name.error;
		return;
	}
	(void)buf_text(out, ".TH \"");
	for (const char *at = name.data; *at != '\0'; at++)
		put_char((char)toupper((unsigned char)*at), out);
	(void)buf_printf(out, "\" 1 %s \"rota %s\" \"Rota\"\n.SH NAME\n", date, ROTA_VERSION);
	put_escaped(name.data, name.len, out);
	(void)buf_text(out, " \\- ");
	put_text(summary, out);
}

/* Short forms first, as in the help. */
static void put_forms(const struct option *option, struct buf *out)
{
	for (size_t i = 0; i < OPTION_ALIASES_MAX; i++) {
		if (!option->aliases[i] || strlen(option->aliases[i]) != 1)
			continue;
		put_font("B", "-", option->aliases[i], out);
		(void)buf_text(out, ", ");
	}
	put_font("B", dashes(option->name), option->name, out);
	for (size_t i = 0; i < OPTION_ALIASES_MAX; i++) {
		if (!option->aliases[i] || strlen(option->aliases[i]) == 1)
			continue;
		(void)buf_text(out, ", ");
		put_font("B", "--", option->aliases[i], out);
	}
	if (option->value_name) {
		(void)buf_text(out, " ");
		put_font("I", "", option->value_name, out);
	}
	(void)buf_text(out, "\n");
}

static void put_meaning(const struct option *option, struct buf *out)
{
	put_sentence(option->help, out);
	if (option->kind == OPTION_NUMBER)
		(void)buf_printf(out, "From %" PRIu64 " to %" PRIu64 ".\n", option->min,
				 option->max);
	if (!option->default_text)
		return;
	const char *usual = option->default_text[0] != '\0' ? option->default_text : "none";
	(void)buf_text(out, "Default: ");
	put_font("B", "", usual, out);
	(void)buf_text(out, ".\n");
}

static void put_option(const struct option *option, struct buf *out)
{
	(void)buf_text(out, ".TP\n");
	put_forms(option, out);
	put_meaning(option, out);
}

static const struct option *row(const struct option_table *table, size_t i)
{
	const char *first = (const char *)table->first;
	return (const struct option *)(const void *)(first + i * table->stride);
}

static void put_options(const struct option_table *table, struct buf *out)
{
	for (size_t i = 0; i < table->count; i++)
		if (row(table, i)->name)
			put_option(row(table, i), out);
}

/* One entry for each variable of a row; a row without a name has no other place to be told. */
static void put_variables(const struct option *option, struct buf *out)
{
	for (const char *at = option->env; at && *at != '\0';) {
		size_t length = strcspn(at, ",");
		(void)buf_printf(out, ".TP\n\\fB%.*s\\fR\n", (int)length, at);
		if (option->name) {
			(void)buf_text(out, "As ");
			put_font("B", dashes(option->name), option->name, out);
			(void)buf_text(out, ".\n");
		} else {
			put_meaning(option, out);
		}
		at += length;
		at += strspn(at, ", ");
	}
}

static void put_environment(const struct command *command, struct buf *out)
{
	bool has_heading = false;
	for (size_t i = 0; i < command->options_count; i++) {
		const struct option_table *table = command->options[i].table;
		for (size_t k = 0; k < table->count; k++) {
			if (!row(table, k)->env)
				continue;
			if (!has_heading)
				(void)buf_text(out, ".SH ENVIRONMENT\n"
						    "An option wins over its variable.\n");
			has_heading = true;
			put_variables(row(table, k), out);
		}
	}
}

/* @own: the name of the command that this is the page of; "": of rota itself. */
static void put_see_also(const char *own, struct buf *out)
{
	size_t count = 0;
	const struct command *const *commands = commands_all(&count);
	(void)buf_text(out, ".SH \"EXIT STATUS\"\n.TP\n0\nDone.\n.TP\n1\nFailed; standard error "
			    "says why.\n.TP\n2\nWrong usage.\n.SH \"SEE ALSO\"\n");
	const char *between = "";
	if (own[0] != '\0') {
		(void)buf_text(out, ".BR rota (1)");
		between = ",\n";
	}
	for (size_t i = 0; i < count; i++) {
		if (commands[i]->is_hidden || strcmp(commands[i]->name, own) == 0)
			continue;
		cleanup_buf struct buf name = BUF_INIT(WORD_BYTES);
		put_page_name(commands[i], &name);
		(void)buf_printf(out, "%s.BR ", between);
		put_escaped(name.data ? name.data : "", name.len, out);
		(void)buf_text(out, " (1)");
		between = ",\n";
	}
	(void)buf_text(out, "\n");
}

void manual_command(const struct command *command, struct buf *out)
{
	put_head(command, command->summary, out);
	(void)buf_text(out, ".SH SYNOPSIS\n");
	put_font("B", "rota ", command->name, out);
	(void)buf_text(out, "\n");
	put_text(command->synopsis, out);
	(void)buf_text(out, ".SH DESCRIPTION\n");
	put_sentence(command->details ? command->details : command->summary, out);
	(void)buf_text(out, ".SH OPTIONS\n");
	for (size_t i = 0; i < command->options_count; i++)
		put_options(command->options[i].table, out);
	put_options(&common_options, out);
	put_environment(command, out);
	put_see_also(command->name, out);
}

void manual_overview(struct buf *out)
{
	size_t count = 0;
	const struct command *const *commands = commands_all(&count);
	put_head(NULL, "GPU time slicing for Kubernetes", out);
	(void)buf_text(out, ".SH SYNOPSIS\n");
	put_font("B", "", "rota", out);
	(void)buf_text(out, "\n\\fICOMMAND\\fR [\\fIOPTIONS\\fR]\n.SH DESCRIPTION\n");
	put_text("Rota is a device plugin for Kubernetes that divides GPUs into replicas. It reads "
		 "the configuration file, the flags and the environment of NVIDIA's device plugin. "
		 "Each command has a page of its own.",
		 out);
	(void)buf_text(out, ".SH COMMANDS\n");
	for (size_t i = 0; i < count; i++) {
		if (commands[i]->is_hidden)
			continue;
		(void)buf_text(out, ".TP\n");
		put_font("B", "rota ", commands[i]->name, out);
		(void)buf_text(out, "\n");
		put_sentence(commands[i]->summary, out);
	}
	(void)buf_text(out, ".SH OPTIONS\n");
	put_options(&common_options, out);
	put_see_also("", out);
}
