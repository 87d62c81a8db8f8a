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

static int fail(const char *why)
{
	(void)fprintf(stderr, "rota: %s\n", why);
	return COMMAND_FAILED;
}

int output_json(json_t *root)
{
	if (!root)
		return fail("out of memory");
	int r = json_dumpf(root, stdout, JSON_INDENT(2));
	json_decref(root);
	return r < 0 || putchar('\n') == EOF ? fail("cannot write the answer") : COMMAND_DONE;
}

int output_text(const struct buf *text)
{
	if (!text || text->error < 0)
		return fail("out of memory");
	return fputs(text->data, stdout) == EOF ? fail("cannot write the answer") : COMMAND_DONE;
}
