/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entry point of rota: finds the command in the table, reads its options, prints help. Nothing here
 * knows more of a command than its row.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/output.h"

enum {
	HELP_BYTES_MAX = 64 * 1024,
	OPTION_SETS_MAX = 8,
	COMMANDS_MAX = 64, /* among which a mistyped name is sought */
	NAME_BYTES = 64,
};

/* The words of a command line that name a command: how many, 0 when there is none. */
static size_t match(const struct command *command, const struct option_words *words)
{
	const char *space = strchr(command->name, ' ');
	size_t first = space ? (size_t)(space - command->name) : strlen(command->name);
	if (words->count == 0 || strlen(words->items[0]) != first ||
	    strncmp(words->items[0], command->name, first) != 0)
		return 0;
	if (!space)
		return 1;
	return words->count > 1 && strcmp(words->items[1], space + 1) == 0 ? 2 : 0;
}

static const struct command *find_command(struct option_words *words)
{
	size_t count = 0;
	const struct command *const *commands = commands_all(&count);
	for (size_t i = 0; i < count; i++) {
		size_t used = match(commands[i], words);
		if (used == 0)
			continue;
		words->items += used;
		words->count -= used;
		return commands[i];
	}
	return NULL;
}

/* @prefix: only commands whose name begins with it. */
static int print_overview(const char *prefix)
{
	cleanup_buf struct buf text = BUF_INIT(HELP_BYTES_MAX);
	(void)buf_text(&text, "rota: GPU time slicing for Kubernetes\n\n"
			      "Usage: rota COMMAND [OPTIONS]\n\nCommands:\n");
	size_t count = 0;
	const struct command *const *commands = commands_all(&count);
	for (size_t i = 0; i < count; i++)
		if (!commands[i]->is_hidden &&
		    strncmp(commands[i]->name, prefix, strlen(prefix)) == 0)
			(void)buf_printf(&text, "  %-20s%s\n", commands[i]->name,
					 commands[i]->summary);
	(void)buf_text(&text, "\nOptions:\n");
	option_help(&common_options, &text);
	(void)buf_text(&text, "\n`rota COMMAND --help` tells more about a command.\n");
	return output_text(&text);
}

static int print_help(const struct command *command)
{
	cleanup_buf struct buf text = BUF_INIT(HELP_BYTES_MAX);
	(void)buf_printf(&text, "rota %s: %s\n\nUsage: rota %s %s\n", command->name,
			 command->summary, command->name, command->synopsis);
	if (command->details) {
		(void)buf_text(&text, "\n");
		option_wrap(command->details, 0, &text);
	}
	(void)buf_text(&text, "\nOptions:\n");
	for (size_t i = 0; i < command->options_count; i++)
		option_help(command->options[i].table, &text);
	option_help(&common_options, &text);
	return output_text(&text);
}

static int print_version(void)
{
	static const struct output output = { .format = OUTPUT_TABLE };
	const struct option_words none = { 0 };
	return command_version.run(&output, &none);
}

/* Whether commands of two words begin with @word: config, for `config check`. */
static bool is_group(const char *word)
{
	size_t length = strlen(word);
	size_t count = 0;
	const struct command *const *commands = commands_all(&count);
	for (size_t i = 0; i < count; i++)
		if (strncmp(commands[i]->name, word, length) == 0 &&
		    commands[i]->name[length] == ' ')
			return true;
	return false;
}

static int unknown_command(const struct option_words *words)
{
	const char *names[COMMANDS_MAX];
	size_t commands_count = 0;
	const struct command *const *commands = commands_all(&commands_count);
	size_t count = 0;
	for (size_t i = 0; i < commands_count && count < COMMANDS_MAX; i++)
		if (!commands[i]->is_hidden)
			names[count++] = commands[i]->name;
	char both[2 * NAME_BYTES];
	(void)snprintf(both, sizeof(both), "%.*s %.*s", NAME_BYTES - 1, words->items[0],
		       NAME_BYTES - 1, words->count > 1 ? words->items[1] : "");
	const char *closest = words->count > 1 ? text_closest(both, names, count) : NULL;
	if (!closest)
		closest = text_closest(words->items[0], names, count);
	const char *unknown = is_group(words->items[0]) ? both : words->items[0];
	(void)fprintf(stderr, "rota: unknown command %s, ", unknown);
	if (closest)
		(void)fprintf(stderr, "did you mean rota %s?\n", closest);
	else
		(void)fputs("rota --help lists the commands\n", stderr);
	return COMMAND_USAGE;
}

static bool asks_for_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* `rota config` lists what begins with "config "; a word that begins nothing is unknown. */
static int without_command(const struct option_words *words)
{
	if (words->count == 0)
		return print_overview("");
	bool is_alone = words->count == 1 || (words->count == 2 && asks_for_help(words->items[1]));
	if (!is_alone || !is_group(words->items[0]))
		return unknown_command(words);
	char prefix[NAME_BYTES + 2];
	(void)snprintf(prefix, sizeof(prefix), "%.*s ", NAME_BYTES, words->items[0]);
	return print_overview(prefix);
}

static int check_count(const struct command *command, const struct option_words *arguments)
{
	if (arguments->count >= command->arguments_min &&
	    arguments->count <= command->arguments_max)
		return COMMAND_DONE;
	bool is_missing = arguments->count < command->arguments_min;
	if (is_missing)
		(void)fprintf(stderr, "rota %s: an argument is missing\n", command->name);
	else
		(void)fprintf(stderr, "rota %s: %s: one argument too many\n", command->name,
			      arguments->items[command->arguments_max]);
	(void)fprintf(stderr, "Usage: rota %s %s\n", command->name, command->synopsis);
	return COMMAND_USAGE;
}

static int run_command(const struct command *command, struct option_words words)
{
	cleanup_arena struct arena arena = { 0 };
	char *values = arena_alloc(&arena, command->values_bytes);
	if (!values) {
		(void)fputs("rota: out of memory\n", stderr);
		return COMMAND_FAILED;
	}
	if (command->defaults)
		memcpy(values, command->defaults, command->values_bytes);

	struct common common = { 0 };
	struct option_set sets[OPTION_SETS_MAX] = { { common_options, &common } };
	size_t count = 1;
	for (size_t i = 0; i < command->options_count && count < OPTION_SETS_MAX; i++)
		sets[count++] = (struct option_set){ *command->options[i].table,
						     values + command->options[i].offset };
	struct option_words arguments;
	struct err err = ERR_INIT;
	if (option_parse(sets, count, OPTION_ORDER_ANY, words, &arguments, &err) < 0) {
		(void)fprintf(stderr, "rota %s: %s\n", command->name, err.msg);
		return COMMAND_USAGE;
	}
	if (common.wants_help)
		return print_help(command);
	if (common.wants_version)
		return print_version();
	int r = check_count(command, &arguments);
	return r == COMMAND_DONE ? command->run(values, &arguments) : r;
}

static int dispatch(struct option_words words)
{
	struct common common = { 0 };
	const struct option_set set = { common_options, &common };
	struct err err = ERR_INIT;
	if (option_parse(&set, 1, OPTION_ORDER_GO, words, &words, &err) < 0) {
		(void)fprintf(stderr, "rota: %s\n", err.msg);
		return COMMAND_USAGE;
	}
	if (common.wants_version && !common.wants_help)
		return print_version();
	bool asks_help = words.count > 0 && strcmp(words.items[0], "help") == 0;
	if (asks_help) {
		words.items++;
		words.count--;
	}
	const struct command *command = find_command(&words);
	if (!command)
		return without_command(&words);
	if (common.wants_help || asks_help)
		return print_help(command);
	return run_command(command, words);
}

int main(int argc, char **argv)
{
	int r = dispatch((struct option_words){ argv + 1, argc > 1 ? (size_t)argc - 1 : 0 });
	/* What could not be written was not answered. */
	if (fflush(stdout) == 0 && !ferror(stdout))
		return r;
	(void)fputs("rota: cannot write the answer\n", stderr);
	return r == COMMAND_DONE ? COMMAND_FAILED : r;
}
