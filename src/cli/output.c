/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by all listings, so that -o means the same everywhere. */
#include "cli/output.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "cli/command.h"

static const char *const formats[] = { "table", "json", NULL };

static const struct option options[] = {
	{ .name = "output",
	  .aliases = { "o" },
	  .value_name = "FORMAT",
	  .help = "table or json",
	  .default_text = "table",
	  .choices = formats,
	  .kind = OPTION_CHOICE,
	  .offset = offsetof(struct output, format) },
};

const struct option_table output_options = OPTION_TABLE(options);

int output_json(json_t *root)
{
	if (!root) {
		(void)fputs("rota: out of memory\n", stderr);
		return COMMAND_FAILED;
	}
	int r = json_dumpf(root, stdout, JSON_INDENT(2));
	json_decref(root);
	if (r < 0 || putchar('\n') == EOF) {
		(void)fputs("rota: cannot write the answer\n", stderr);
		return COMMAND_FAILED;
	}
	return COMMAND_DONE;
}
