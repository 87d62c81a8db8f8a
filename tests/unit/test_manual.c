/* SPDX-License-Identifier: Apache-2.0 */
/* Manual pages from rows made up for this: what troff would interpret is escaped, nothing is lost.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/manual.h"

enum {
	PAGE_BYTES = 16 * 1024
};

static const struct option options[] = {
	{ .name = "long-name",
	  .aliases = { "l", "other" },
	  .value_name = "WORD",
	  .help = ".first 'quoted' \\ `~^\" word. Second sentence",
	  .env = "ONE, TWO",
	  .default_text = "a-b",
	  .kind = OPTION_TEXT },
	{ .name = "count",
	  .value_name = "N",
	  .help = "a number",
	  .default_text = "",
	  .kind = OPTION_NUMBER,
	  .min = 2,
	  .max = 9 },
	{ .help = "a row without a name" },
	{ .help = "a row of a variable", .env = "ONLY", .default_text = "x" },
};

static const struct option_table table = OPTION_TABLE(options);
static const struct command_options sets[] = { { &table, 0 } };

static const struct command made_up = {
	.name = "made up",
	.synopsis = "[--long-name WORD]",
	.summary = "do nothing",
	.details = "One sentence. .Another one",
	.options = sets,
	.options_count = ARRAY_LEN(sets),
};

static int set_up(void **state)
{
	static const struct buf empty = BUF_INIT(PAGE_BYTES);
	struct buf *page = malloc(sizeof(*page));
	*state = page;
	if (!page)
		return -1;
	*page = empty;
	return 0;
}

static int tear_down(void **state)
{
	buf_done(*state);
	free(*state);
	return 0;
}

static void has(const struct buf *page, const char *text)
{
	if (!strstr(page->data, text))
		fail_msg("no %s in:\n%s", text, page->data);
}

static void escapes_what_troff_would_interpret(void **state)
{
	struct buf *page = *state;
	manual_command(&made_up, page);
	assert_int_equal(page->error, 0);
	has(page, ".TH \"ROTA\\-MADE\\-UP\" 1 ");
	has(page, "rota\\-made\\-up \\- do nothing\n");
	has(page,
	    "\n\\&.first \\(aqquoted\\(aq \\e \\(ga\\(ti\\(ha\\(dq word.\nSecond sentence.\n");
	has(page, "\nOne sentence.\n\\&.Another one.\n");
}

static void tells_all_of_an_option(void **state)
{
	struct buf *page = *state;
	manual_command(&made_up, page);
	has(page,
	    ".TP\n\\fB\\-l\\fR, \\fB\\-\\-long\\-name\\fR, \\fB\\-\\-other\\fR \\fIWORD\\fR\n");
	has(page, "Default: \\fBa\\-b\\fR.\n");
	has(page, "a number.\nFrom 2 to 9.\nDefault: \\fBnone\\fR.\n");
	has(page, "\\fBTWO\\fR\nAs \\fB\\-\\-long\\-name\\fR.\n");
	has(page, ".TP\n\\fBONLY\\fR\na row of a variable.\nDefault: \\fBx\\fR.\n");
	assert_null(strstr(page->data, "a row without"));
}

static void keeps_the_failure_of_a_page_that_is_too_long(void **state)
{
	(void)state;
	for (size_t max = 1; max < 512; max++) {
		struct buf page = BUF_INIT(max);
		manual_command(&made_up, &page);
		int error = page.error;
		buf_done(&page);
		assert_int_not_equal(error, 0);
	}
}

static void names_files_after_commands(void **state)
{
	struct buf *page = *state;
	manual_file_name(&made_up, page);
	assert_string_equal(page->data, "rota-made-up.1");
	buf_consume(page, page->len);
	manual_file_name(NULL, page);
	assert_string_equal(page->data, "rota.1");
}

static void the_overview_lists_what_is_not_hidden(void **state)
{
	struct buf *page = *state;
	manual_overview(page);
	assert_int_equal(page->error, 0);
	has(page, ".TH \"ROTA\" 1 ");
	size_t count = 0;
	const struct command *const *commands = commands_all(&count);
	for (size_t i = 0; i < count; i++) {
		char entry[64];
		(void)snprintf(entry, sizeof(entry), ".TP\n\\fBrota %s\\fR\n", commands[i]->name);
		assert_true((strstr(page->data, entry) != NULL) == !commands[i]->is_hidden);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(escapes_what_troff_would_interpret, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(tells_all_of_an_option, set_up, tear_down),
		cmocka_unit_test_setup_teardown(keeps_the_failure_of_a_page_that_is_too_long,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_overview_lists_what_is_not_hidden, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(names_files_after_commands, set_up, tear_down),
	};
	return cmocka_run_group_tests_name("manual", tests, NULL, NULL);
}
