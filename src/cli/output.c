/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by all listings, so that -o means the same everywhere. */
#include "cli/output.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "base/document.h"
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

static int fail(void)
{
	(void)fputs("rota: out of memory\n", stderr);
	return COMMAND_FAILED;
}

int output_json(json_t *root)
{
	/* Whole before the first byte: what has no memory half way would be half an answer. */
	cleanup_free char *text = document_text(root, JSON_INDENT(2));
	json_decref(root);
	if (!text)
		return fail();
	(void)puts(text); /* main() sees what cannot be written */
	return COMMAND_DONE;
}

int output_text(const struct buf *text)
{
	if (!text || text->error < 0)
		return fail();
	(void)fputs(text->data, stdout); /* as above */
	return COMMAND_DONE;
}
