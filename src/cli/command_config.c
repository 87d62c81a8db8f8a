/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `rota config check`: what the agent would say about a configuration file, all of it at once and
 * before a node finds out. Reads the file alone, as on a node without flags and environment.
 */
#include "cli/commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/document.h"
#include "base/file.h"
#include "base/tree.h"
#include "cli/output.h"
#include "config/config.h"

enum {
	TEXT_BYTES_MAX = 4 << 20, /* FINDINGS_MAX lines with the name of the file */
	PART_BYTES = 4096,
};

struct values {
	struct output output;
	bool is_lenient;
};

static const char *effect(const struct finding *finding)
{
	return finding->severity == FINDING_REFUSE ? "the agent refuses the file"
						   : "the agent warns and goes on";
}

static int read_stdin(struct buf *text, struct err *err)
{
	char part[PART_BYTES];
	size_t length = 0;
	while ((length = fread(part, 1, sizeof(part), stdin)) > 0)
		if (buf_append(text, part, length) < 0)
			return err_set(err, text->error, "stdin: larger than %d bytes",
				       TREE_BYTES_MAX);
	return ferror(stdin) ? err_set(err, -EIO, "stdin: cannot be read") : 0;
}

static int check(const char *file, struct findings *findings, struct err *err)
{
	if (strcmp(file, "-") == 0) {
		cleanup_buf struct buf text = BUF_INIT(TREE_BYTES_MAX);
		int r = read_stdin(&text, err);
		return r < 0 ? r
			     : config_check(text.data ? text.data : "", text.len, findings, err);
	}
	cleanup_free char *text = NULL;
	size_t length = 0;
	int r = file_read_stream(file, TREE_BYTES_MAX, &text, &length, err);
	return r < 0 ? r : config_check(text, length, findings, err);
}

static int print_lines(const struct findings *findings, const char *file, bool is_lenient)
{
	cleanup_buf struct buf out = BUF_INIT(TEXT_BYTES_MAX);
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->items[i];
		finding_print(finding, file, &out);
		(void)buf_printf(&out, " (%s)\n", effect(finding));
	}
	size_t more = findings->refusals + findings->warnings - findings->count;
	if (more > 0)
		(void)buf_printf(&out, "%s: and %zu more\n", file, more);
	bool is_ok = findings->refusals == 0;
	if (is_ok && findings->warnings == 0)
		(void)buf_printf(&out, "%s: ok\n", file);
	else if (is_ok && is_lenient)
		(void)buf_printf(&out, "%s: ok, with %zu warning%s\n", file, findings->warnings,
				 findings->warnings == 1 ? "" : "s");
	return output_text(&out);
}

static json_t *finding_json(const struct finding *finding)
{
	bool is_refused = finding->severity == FINDING_REFUSE;
	return json_pack("{s:I, s:I, s:s, s:s, s:s}", "line", (json_int_t)finding->place.line,
			 "column", (json_int_t)finding->place.col, "path", finding->place.path,
			 "text", finding->text, "effect", is_refused ? "refuse" : "warn");
}

static int print_json(const struct findings *findings, const char *file, bool is_ok)
{
	json_t *list = json_array();
	for (size_t i = 0; i < findings->count; i++)
		list = document_append(list, finding_json(&findings->items[i]));
	return output_json(json_pack("{s:s, s:b, s:I, s:I, s:o}", "file", file, "ok", (int)is_ok,
				     "refusals", (json_int_t)findings->refusals, "warnings",
				     (json_int_t)findings->warnings, "findings", list));
}

static int run(const void *input, const struct option_words *arguments)
{
	const struct values *values = input;
	const char *file = arguments->items[0];
	cleanup_findings struct findings findings = { 0 };
	struct err err = ERR_INIT;
	if (check(file, &findings, &err) < 0) {
		(void)fprintf(stderr, "rota config check: %s\n", err.msg);
		return COMMAND_FAILED;
	}
	size_t bad = findings.refusals + (values->is_lenient ? 0 : findings.warnings);
	int r = values->output.format == OUTPUT_JSON
			? print_json(&findings, file, bad == 0)
			: print_lines(&findings, file, values->is_lenient);
	return bad > 0 ? COMMAND_FAILED : r;
}

static const struct option own_options[] = {
	{ .name = "lenient",
	  .help = "only what the agent refuses makes the check fail, warnings do not",
	  .kind = OPTION_SWITCH,
	  .offset = offsetof(struct values, is_lenient) },
};

static const struct option_table own_table = OPTION_TABLE(own_options);

static const struct command_options options[] = {
	{ &own_table, 0 },
	{ &output_options, offsetof(struct values, output) },
};

const struct command command_config_check = {
	.name = "config check",
	.synopsis = "FILE [--lenient] [-o table|json]",
	.summary = "say all that is wrong with a configuration file",
	.details =
		"FILE is YAML or JSON, - is stdin. Each line is FILE:LINE:COLUMN: key: what is "
		"wrong, what is allowed (what the agent does with it). Any finding ends with exit "
		"code 1.",
	.options = options,
	.options_count = ARRAY_LEN(options),
	.values_bytes = sizeof(struct values),
	.arguments_min = 1,
	.arguments_max = 1,
	.run = run,
};
