/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program with which the build writes the manual pages: FOLDER PAGE... The pages are named by
 * the build, which must know them before it runs this; a command without a page is an error.
 * With --metrics it writes the table of docs/metrics.md to a file.
 */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/commands.h"
#include "cli/manual.h"
#include "metrics/metrics.h"

enum {
	PAGE_BYTES_MAX = 256 * 1024,
	PATH_BYTES_MAX = 4096,
};

static const char *text_of(const struct buf *buf)
{
	return buf->data ? buf->data : "";
}

static int write_file(const char *path, const struct buf *text)
{
	FILE *file = fopen(path, "we");
	size_t written = file ? fwrite(text->data, 1, text->len, file) : 0;
	if (file && fclose(file) == 0 && written == text->len)
		return 0;
	(void)fprintf(stderr, "%s: %m\n", path);
	return -1;
}

/* @pages: those that the build expects. */
static int write_page(const char *folder, const struct command *command, char *const *pages)
{
	cleanup_buf struct buf path = BUF_INIT(PATH_BYTES_MAX);
	cleanup_buf struct buf name = BUF_INIT(PATH_BYTES_MAX);
	cleanup_buf struct buf text = BUF_INIT(PAGE_BYTES_MAX);
	manual_file_name(command, &name);
	if (command)
		manual_command(command, &text);
	else
		manual_overview(&text);
	(void)buf_printf(&path, "%s/%s", folder, text_of(&name));
	if (name.error < 0 || text.error < 0 || path.error < 0) {
		(void)fputs("a page or its name is too long, or memory is out\n", stderr);
		return -1;
	}
	while (*pages && strcmp(*pages, text_of(&name)) != 0)
		pages++;
	if (!*pages) {
		(void)fprintf(stderr, "%s is not among manual_pages in src/cli/meson.build\n",
			      text_of(&name));
		return -1;
	}
	return write_file(text_of(&path), &text);
}

static int write_pages(const char *folder, char *const *pages)
{
	size_t count = 0;
	const struct command *const *commands = commands_all(&count);
	int r = write_page(folder, NULL, pages);
	for (size_t i = 0; r == 0 && i < count; i++)
		if (!commands[i]->is_hidden)
			r = write_page(folder, commands[i], pages);
	return r == 0 ? COMMAND_DONE : COMMAND_FAILED;
}

static int write_metrics(const char *path)
{
	cleanup_buf struct buf text = BUF_INIT(PAGE_BYTES_MAX);
	metrics_document(&text);
	if (text.error == 0)
		return write_file(path, &text) == 0 ? COMMAND_DONE : COMMAND_FAILED;
	(void)fputs("the table of metrics is too long, or memory is out\n", stderr);
	return COMMAND_FAILED;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--metrics") == 0)
		return write_metrics(argv[2]);
	if (argc > 2)
		return write_pages(argv[1], argv + 2);
	(void)fputs("Usage: manual FOLDER PAGE...\n       manual --metrics FILE\n", stderr);
	return COMMAND_USAGE;
}
