/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `rota config reference`: every row of the schema, as a table, as a JSON document, or as the text
 * of docs/configuration.md. What a row allows is told in full; what this version cannot do of it is
 * told with the part that it needs.
 */
#include "cli/commands.h"

#include <jansson.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/document.h"
#include "cli/output.h"
#include "cli/setting.h"
#include "cli/table.h"
#include "config/schema.h"

enum {
	CELL_BYTES_MAX = 4096,
	TEXT_BYTES_MAX = 256 * 1024,
};

enum format {
	FORMAT_TABLE,
	FORMAT_JSON,
	FORMAT_MARKDOWN,
};

struct values {
	unsigned format; /* enum format */
};

/* One row, ready to print. The texts are borrowed from the arena of the table or the caller. */
struct cells {
	struct buf name;
	struct buf allowed;
	struct buf flags; /* with their aliases */
	struct buf needs;
};

static const char preface[] =
	"# Configuration\n"
	"\n"
	"This is what `rota config reference` prints; `make docs` writes this file from the table in\n"
	"`src/config/schema.c`.\n"
	"\n"
	"A value comes from a flag of `rota agent`, else from the environment, else from the file that\n"
	"`--config-file` or `CONFIG_FILE` names, else it is the default. `rota config show` says what is\n"
	"in force and who said it; `rota config check FILE` says all that is wrong with a file.\n"
	"\n"
	"The file is the one of NVIDIA's device plugin, YAML or JSON. Without a `rota:` block it is read\n"
	"as that plugin reads it: what is unknown, repeated or dropped is a warning, and dropped are\n"
	"`resources`, and `devices` and `rename` of a shared resource. With a `rota:` block, even an empty\n"
	"one, these count, the file is read strictly, and each of the following is refused:\n"
	"\n"
	"- a key that is not in this list, one that is written in another case, one that stands twice;\n"
	"- YAML 1.1's other words for true and false (`yes`, `off`), numbers that are not plain, durations\n"
	"  without a unit;\n"
	"- an entry that has no effect: a name that is never advertised, also because of the `migStrategy`\n"
	"  in force or of `resources`; a pattern behind one that matches all, or of `resources.mig` where\n"
	"  the `migStrategy` is `none`;\n"
	"- two entries of one name, or renamed to one name, unless both list devices and have none in\n"
	"  common; a device that is listed twice;\n"
	"- a `rename` to the name of devices that are not shared. To its own name an entry may be renamed:\n"
	"  that undoes `renameByDefault`.\n"
	"\n"
	"A changed file is read again while the agent runs. The column *live* says from when on another\n"
	"value counts: at once (`yes`); for pods that start afterwards, while running ones keep what they\n"
	"have (`new pods`); when the agent starts again (`at start`), as whatever a flag or a variable\n"
	"says.\n"
	"\n"
	"A value that needs a part which this version does not have is refused by the part's name, with\n"
	"and without the block.\n";

/* A type in words, and what it allows whose rows do not say it themselves; NULL: nothing to add. */
static const struct {
	const char *name;
	const char *allowed;
} types[SCHEMA_TYPES] = {
	[SCHEMA_MAP] = { "map", NULL },
	[SCHEMA_EXACT_MAP] = { "map", NULL },
	[SCHEMA_SHARED] = { "list of maps", NULL },
	[SCHEMA_PATTERNS] = { "list of maps", NULL },
	[SCHEMA_VERSION] = { "text", NULL },
	[SCHEMA_BOOL] = { "boolean", "true, false" },
	[SCHEMA_TEXT] = { "text", NULL },
	[SCHEMA_BESIDE] = { "text", NULL },
	[SCHEMA_LISTEN] = { "address", NULL },
	[SCHEMA_CHOICE] = { "choice", NULL },
	[SCHEMA_CHOICES] = { "list of choices", NULL },
	[SCHEMA_XIDS_OFF] = { "list of Xids", NULL },
	[SCHEMA_XIDS_ON] = { "list of Xids", NULL },
	[SCHEMA_DURATION] = { "duration", NULL },
	[SCHEMA_NUMBER] = { "number", NULL },
	[SCHEMA_NAME] = { "resource name", "a name such as nvidia.com/gpu" },
	[SCHEMA_DEVICES] = { "devices", "all, a count, a list of indices and ids" },
	[SCHEMA_CHANNELS] = { "list of numbers", "[], [0]" },
	[SCHEMA_LIMIT] = { "choice or size", NULL },
	[SCHEMA_ABSENT] = { "map", NULL },
};

/* From when on a changed value counts; NULL: it has no effect, or is a group. */
static const char *live_of(const struct schema_key *key)
{
	switch (key->live) {
	case SCHEMA_LIVE_NONE:
		break;
	case SCHEMA_LIVE_YES:
		return "yes";
	case SCHEMA_LIVE_NEW_PODS:
		return "new pods";
	case SCHEMA_LIVE_AT_START:
		return "at start";
	}
	return NULL;
}

static void put_allowed(const struct schema_key *key, struct buf *out)
{
	bool is_any_text = key->type == SCHEMA_TEXT && key->max == 0;
	if (key->allowed && !is_any_text) {
		(void)buf_text(out, key->allowed);
		return;
	}
	for (const struct schema_choice *choice = key->choices; choice && choice->word; choice++)
		(void)buf_printf(out, "%s%s", out->len > 0 ? ", " : "", choice->word);
	if (!key->choices && types[key->type].allowed)
		(void)buf_text(out, types[key->type].allowed);
}

/* The values of a row, but for its choices, that need its part. */
static void put_refused(const struct schema_key *key, struct buf *out)
{
	if (key->type == SCHEMA_BOOL)
		(void)buf_text(out, "true");
	else if (key->type == SCHEMA_LIMIT)
		(void)buf_text(out, "a size");
	else if (key->type == SCHEMA_DURATION)
		(void)buf_printf(out, "other than %s", key->option.default_text);
	else
		(void)buf_text(out, "the key");
}

/* "observe, enforce: turns" */
static void put_needs(const struct schema_key *key, struct buf *out)
{
	const char *last = NULL;
	for (const struct schema_choice *choice = key->choices; choice && choice->word; choice++) {
		if (!choice->needs)
			continue;
		bool is_same = last && strcmp(last, choice->needs) == 0;
		if (last && !is_same)
			(void)buf_printf(out, ": %s; ", last);
		(void)buf_printf(out, "%s%s", is_same ? ", " : "", choice->word);
		last = choice->needs;
	}
	if (key->needs) {
		if (last)
			(void)buf_text(out, ", ");
		put_refused(key, out);
		last = key->needs;
	}
	if (last)
		(void)buf_printf(out, ": %s", last);
}

static const char *default_of(const struct schema_key *key)
{
	if (!key->option.default_text)
		return key->missing ? "required" : "-";
	return key->option.default_text[0] != '\0' ? key->option.default_text : "none";
}

static const char *text_of(const struct buf *buf)
{
	return buf->len > 0 ? buf->data : "-";
}

static void cells_init(struct cells *cells, const struct schema_key *key)
{
	*cells = (struct cells){
		.name = BUF_INIT(CELL_BYTES_MAX),
		.allowed = BUF_INIT(CELL_BYTES_MAX),
		.flags = BUF_INIT(CELL_BYTES_MAX),
		.needs = BUF_INIT(CELL_BYTES_MAX),
	};
	setting_name(key, &cells->name);
	put_allowed(key, &cells->allowed);
	put_needs(key, &cells->needs);
	if (key->option.name)
		(void)buf_printf(&cells->flags, "--%s", key->option.name);
	for (size_t i = 0; i < OPTION_ALIASES_MAX; i++)
		if (key->option.aliases[i])
			(void)buf_printf(&cells->flags, ", --%s", key->option.aliases[i]);
}

static void cells_done(struct cells *cells)
{
	buf_done(&cells->name);
	buf_done(&cells->allowed);
	buf_done(&cells->flags);
	buf_done(&cells->needs);
}

static int cells_error(const struct cells *cells)
{
	int first = cells->name.error ? cells->name.error : cells->allowed.error;
	int second = cells->flags.error ? cells->flags.error : cells->needs.error;
	return first ? first : second;
}

#define cleanup_cells CLEANUP(cells_done)

static void add_row(struct table *table, const struct schema_key *key)
{
	cleanup_cells struct cells cells = { 0 };
	cells_init(&cells, key);
	if (cells_error(&cells))
		table->error = cells_error(&cells);
	table_cell(table, "%s", text_of(&cells.name));
	table_cell(table, "%s", types[key->type].name);
	table_cell(table, "%s", text_of(&cells.allowed));
	table_cell(table, "%s", default_of(key));
	table_cell(table, "%s", text_of(&cells.flags));
	table_cell(table, "%s", key->option.env ? key->option.env : "-");
	table_cell(table, "%s", live_of(key) ? live_of(key) : "-");
	table_cell(table, "%s", text_of(&cells.needs));
	table_cell(table, "%s", key->option.help);
}

static int print_table(const struct schema_key *keys, size_t count)
{
	static const char *const headings[] = {
		"SETTING",     "TYPE", "ALLOWED",         "DEFAULT", "FLAG",
		"ENVIRONMENT", "LIVE", "NOT HERE: NEEDS", "WHAT",    NULL
	};
	cleanup_table struct table table = { 0 };
	cleanup_buf struct buf out = BUF_INIT(TEXT_BYTES_MAX);
	table_begin(&table, headings);
	for (size_t i = 0; i < count; i++)
		add_row(&table, &keys[i]);
	int r = table_print(&table, &out);
	return output_text(r < 0 ? NULL : &out);
}

/* The words of an "A, B" list, each after @prefix. */
static json_t *words_json(const char *list)
{
	json_t *words = json_array();
	for (const char *at = list; at && *at != '\0';) {
		size_t length = strcspn(at, ",");
		words = document_append(words, json_stringn(at, length));
		at += length;
		at += strspn(at, ", ");
	}
	return words;
}

static json_t *need_json(const char *value, const char *part)
{
	return json_pack("{s:s, s:s}", "value", value, "part", part);
}

static json_t *needs_json(const struct schema_key *key)
{
	json_t *needs = json_array();
	for (const struct schema_choice *choice = key->choices; choice && choice->word; choice++)
		if (choice->needs)
			needs = document_append(needs, need_json(choice->word, choice->needs));
	cleanup_buf struct buf refused = BUF_INIT(CELL_BYTES_MAX);
	put_refused(key, &refused);
	if (key->needs)
		needs = document_append(needs, need_json(refused.data, key->needs));
	return needs;
}

static json_t *key_json(const struct schema_key *key)
{
	cleanup_cells struct cells cells = { 0 };
	cells_init(&cells, key);
	if (cells_error(&cells))
		return NULL;
	return json_pack("{s:s?, s:s, s:s?, s:s?, s:b, s:b, s:o, s:o, s:s?, s:o, s:s}", "key",
			 key->path, "type", types[key->type].name, "allowed", cells.allowed.data,
			 "default", key->option.default_text, "required",
			 (int)(key->missing != NULL), "strictOnly", (int)(key->note != NULL),
			 "flags", words_json(cells.flags.data), "environment",
			 words_json(key->option.env), "live", live_of(key), "needs",
			 needs_json(key), "doc", key->option.help);
}

static int print_json(const struct schema_key *keys, size_t count)
{
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++)
		list = document_append(list, key_json(&keys[i]));
	return output_json(json_pack("{s:o}", "settings", list));
}

/* The words of an "A, B" list as code. */
static void put_code(const char *list, struct buf *out)
{
	for (const char *at = list; at && *at != '\0';) {
		size_t length = strcspn(at, ",");
		(void)buf_printf(out, "%s`%.*s`", at > list ? ", " : "", (int)length, at);
		at += length;
		at += strspn(at, ", ");
	}
}

/* What Markdown would read as markup stands for itself. */
static void put_escaped(const char *text, struct buf *out)
{
	for (const char *at = text; *at != '\0'; at++)
		(void)buf_printf(out, strchr("<*_|", *at) ? "\\%c" : "%c", *at);
}

static void markdown_row(const struct schema_key *key, struct buf *out)
{
	cleanup_cells struct cells cells = { 0 };
	cells_init(&cells, key);
	if (cells_error(&cells)) {
		out->error = cells_error(&cells);
		return;
	}
	bool is_value = key->option.default_text && key->option.default_text[0] != '\0';
	(void)buf_printf(out, "| `%s` | %s", cells.name.data, types[key->type].name);
	if (cells.allowed.len > 0)
		(void)buf_printf(out, ": %s", cells.allowed.data);
	(void)buf_printf(out, is_value ? " | `%s` | " : " | %s | ", default_of(key));
	put_code(cells.flags.data, out);
	if (cells.flags.len > 0)
		(void)buf_text(out, ", ");
	put_code(key->option.env, out);
	bool has_neither = cells.flags.len == 0 && !key->option.env;
	(void)buf_text(out, has_neither ? "- | " : " | ");
	put_escaped(key->option.help, out);
	(void)buf_printf(out, " | %s | %s |\n", live_of(key) ? live_of(key) : "-",
			 text_of(&cells.needs));
}

static size_t section_length(const struct schema_key *key)
{
	return key->path ? strcspn(key->path, ".") : 0;
}

static bool is_same_section(const struct schema_key *a, const struct schema_key *b)
{
	size_t length = section_length(a);
	return length == section_length(b) &&
	       strncmp(a->path ? a->path : "", b->path ? b->path : "", length) == 0;
}

static int print_markdown(const struct schema_key *keys, size_t count)
{
	cleanup_buf struct buf out = BUF_INIT(TEXT_BYTES_MAX);
	(void)buf_text(&out, preface);
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || !is_same_section(&keys[i], &keys[i - 1])) {
			size_t length = section_length(&keys[i]);
			(void)buf_printf(&out, "\n## %s%.*s%s\n\n",
					 length > 0 ? "`" : "Flags and variables only", (int)length,
					 length > 0 ? keys[i].path : "", length > 0 ? "`" : "");
			(void)buf_text(&out, "| setting | type | default | flag, variable | what | "
					     "live | not in this version: what it needs |\n"
					     "|---|---|---|---|---|---|---|\n");
		}
		markdown_row(&keys[i], &out);
	}
	return output_text(&out);
}

static int run(const void *input, const struct option_words *arguments)
{
	(void)arguments;
	const struct values *values = input;
	size_t count = 0;
	const struct schema_key *keys = schema_keys(&count);
	switch ((enum format)values->format) {
	case FORMAT_TABLE:
		return print_table(keys, count);
	case FORMAT_JSON:
		return print_json(keys, count);
	case FORMAT_MARKDOWN:
		return print_markdown(keys, count);
	}
	return COMMAND_FAILED;
}

static const char *const formats[] = { "table", "json", "markdown", NULL };

static const struct option own_options[] = {
	{ .name = "output",
	  .aliases = { "o" },
	  .value_name = "FORMAT",
	  .help = "table, json or markdown",
	  .default_text = "table",
	  .choices = formats,
	  .kind = OPTION_CHOICE,
	  .offset = offsetof(struct values, format) },
};

static const struct option_table own_table = OPTION_TABLE(own_options);

static const struct command_options options[] = { { &own_table, 0 } };

const struct command command_config_reference = {
	.name = "config reference",
	.synopsis = "[-o table|json|markdown]",
	.summary = "every setting: type, values, default, flag, variable",
	.details =
		"The settings of the file, the flags and the environment, from the same table that "
		"the agent reads them by. A value that this version does not have is listed with "
		"the part that it needs.",
	.options = options,
	.options_count = ARRAY_LEN(options),
	.values_bytes = sizeof(struct values),
	.run = run,
};
