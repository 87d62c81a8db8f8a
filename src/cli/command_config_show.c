/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `rota config show`: the settings that `rota agent` would have here with these flags, this
 * environment and this file, and which of them said what. Asks no agent and no driver.
 */
#include "cli/commands.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "base/document.h"
#include "cli/output.h"
#include "cli/setting.h"
#include "cli/settings_of.h"
#include "cli/table.h"

enum {
	CELL_BYTES_MAX = 1 << 20,
	TEXT_BYTES_MAX = 4 << 20,
};

struct values {
	struct output output;
	struct option_given flags;
};

static json_t *setting_json(const struct settings *settings, const struct schema_key *key)
{
	cleanup_buf struct buf flag = BUF_INIT(CELL_BYTES_MAX);
	if (key->option.name)
		(void)buf_printf(&flag, "--%s", key->option.name);
	if (flag.error < 0)
		return NULL;
	return json_pack("{s:s?, s:s?, s:s?, s:o, s:o}", "key", key->path, "flag", flag.data,
			 "variable", key->path || key->option.name ? NULL : key->option.env,
			 "value", setting_value(settings, key), "origin",
			 setting_origin(settings, key));
}

static int print_json(const struct settings *settings)
{
	size_t count = 0;
	const struct schema_key *keys = schema_keys(&count);
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++)
		if (setting_is_shown(&keys[i]))
			list = document_append(list, setting_json(settings, &keys[i]));
	return output_json(json_pack("{s:o}", "settings", list));
}

static void add_row(struct table *table, const struct settings *settings,
		    const struct schema_key *key)
{
	cleanup_buf struct buf name = BUF_INIT(CELL_BYTES_MAX);
	cleanup_buf struct buf shown = BUF_INIT(CELL_BYTES_MAX);
	cleanup_buf struct buf origin = BUF_INIT(CELL_BYTES_MAX);
	json_t *value = setting_value(settings, key);
	setting_name(key, &name);
	setting_value_text(value, &shown);
	setting_origin_text(settings, key, &origin);
	json_decref(value);
	if (name.error < 0 || shown.error < 0 || origin.error < 0) {
		table->error = name.error < 0 ? name.error : shown.error;
		table->error = table->error < 0 ? table->error : origin.error;
		return;
	}
	table_cell(table, "%s", name.data);
	table_cell(table, "%s", shown.data);
	table_cell(table, "%s", origin.data);
}

static int print_table(const struct settings *settings)
{
	static const char *const headings[] = { "SETTING", "VALUE", "ORIGIN", NULL };
	size_t count = 0;
	const struct schema_key *keys = schema_keys(&count);
	cleanup_table struct table table = { 0 };
	cleanup_buf struct buf out = BUF_INIT(TEXT_BYTES_MAX);
	table_begin(&table, headings);
	for (size_t i = 0; i < count; i++)
		if (setting_is_shown(&keys[i]))
			add_row(&table, settings, &keys[i]);
	int r = table_print(&table, &out);
	return output_text(r < 0 ? NULL : &out);
}

static int run(const void *input, const struct option_words *arguments)
{
	(void)arguments;
	const struct values *values = input;
	cleanup_settings struct settings *settings = NULL;
	struct err err = ERR_INIT;
	int r = settings_of(&values->flags, &settings, &err);
	if (r < 0) {
		(void)fprintf(stderr, "rota config show: %s\n", err.msg);
		return settings_exit(r);
	}
	return values->output.format == OUTPUT_JSON ? print_json(settings) : print_table(settings);
}

static const struct command_options options[] = {
	{ &output_options, offsetof(struct values, output) },
	{ &schema_options, offsetof(struct values, flags) },
};

const struct command command_config_show = {
	.name = "config show",
	.synopsis = "[-o table|json] [OPTIONS]",
	.summary = "the settings in force and where each comes from",
	.details = "Takes the flags and the environment of rota agent and reads the file that they "
		   "name, as the agent would. A flag wins over the environment, the environment "
		   "over the file. What is read and has no effect is not listed.",
	.options = options,
	.options_count = ARRAY_LEN(options),
	.values_bytes = sizeof(struct values),
	.run = run,
};
