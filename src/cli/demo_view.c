/* SPDX-License-Identifier: Apache-2.0 */
/* See demo_view.h. The spinner goes to stderr and only to a terminal, so that a captured output is
 * the tutorial's text alone. */
#include "cli/demo_view.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/table.h"

enum {
	PODS_SHOWN = 20, /* of a long list; the others are counted */
	TEXT_BYTES_MAX = 64 * 1024,
};

static const char spinner[] = "|/-\\";

static void turn(struct demo_listener *listener)
{
	struct demo_view *view = container_of(listener, struct demo_view, listener);
	if (!view->has_spinner || !view->what)
		return;
	(void)fprintf(stderr, "\r%c %s ", spinner[view->turns++ % strlen(spinner)], view->what);
}

void demo_view_init(struct demo_view *view, bool is_quiet)
{
	*view = (struct demo_view){ .listener = { turn },
				    .is_quiet = is_quiet,
				    .has_spinner = isatty(STDERR_FILENO) == 1 };
}

void demo_view_wait(struct demo_view *view, const char *what)
{
	(void)fflush(stdout); /* what was found so far is seen before the wait */
	if (view->turns > 0)
		(void)fputs("\r\033[K", stderr);
	view->turns = 0;
	view->what = what;
}

void demo_view_heading(const struct demo_view *view, const char *text)
{
	if (!view->is_quiet)
		(void)printf("\n== %s\n", text);
}

void demo_view_command(const struct demo_view *view, const char *format, ...)
{
	if (view->is_quiet)
		return;
	va_list args;
	va_start(args, format);
	(void)fputs("\n$ ", stdout);
	/* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): lost when the call is inlined */
	(void)vprintf(format, args);
	(void)putchar('\n');
	va_end(args);
}

void demo_view_line(const struct demo_view *view, const char *format, ...)
{
	if (view->is_quiet)
		return;
	va_list args;
	va_start(args, format);
	/* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): lost when the call is inlined */
	(void)vprintf(format, args);
	(void)putchar('\n');
	va_end(args);
}

void demo_view_capacity(const struct demo_view *view, const struct demo_node *node)
{
	demo_view_command(view, "kubectl get nodes -o json | jq -r '.items[] | "
				"select(.status.capacity.\"nvidia.com/gpu\" != null) | "
				"{name: .metadata.name, capacity: .status.capacity}'");
	demo_view_line(view, "{\n  \"name\": \"demo\",\n  \"capacity\": {");
	const char *name;
	json_t *value;
	size_t left = json_object_size(node->told.capacity);
	json_object_foreach(node->told.capacity, name, value)
	{
		const char *comma = --left > 0 ? "," : "";
		demo_view_line(view, "    \"%s\": \"%lld\"%s", name,
			       (long long)json_integer_value(value), comma);
	}
	demo_view_line(view, "  }\n}");
}

static bool is_running(const struct demo_pod *pod)
{
	return strcmp(pod->phase, "Running") == 0;
}

/* The column STATUS: the phase, or why it is not Running. */
static const char *status(const struct demo_pod *pod)
{
	bool is_waiting = strcmp(pod->reason, "Unschedulable") == 0;
	if (is_running(pod) || is_waiting || pod->reason[0] == '\0')
		return pod->phase;
	return pod->reason;
}

static unsigned long long age_seconds(const struct demo_pod *pod)
{
	return (clock_ns() - pod->created_ns) / CLOCK_NS_PER_S;
}

void demo_view_pods(const struct demo_view *view, const struct demo_node *node)
{
	static const char *const headings[] = {
		"NAME", "READY", "STATUS", "RESTARTS", "AGE", NULL
	};
	cleanup_table struct table table = { 0 };
	cleanup_buf struct buf out = BUF_INIT(TEXT_BYTES_MAX);
	table_begin(&table, headings);
	for (size_t i = 0; i < node->told.pods_count && i < PODS_SHOWN; i++) {
		const struct demo_pod *pod = &node->told.pods[i];
		table_cell(&table, "%s", pod->name);
		table_cell(&table, "%s", is_running(pod) ? "1/1" : "0/1");
		table_cell(&table, "%s", status(pod));
		table_cell(&table, "%u", pod->restarts);
		table_cell(&table, "%llus", age_seconds(pod));
	}
	demo_view_command(view, "kubectl get pods");
	if (table_print(&table, &out) == 0)
		demo_view_text(view, out.data, "");
	if (node->told.pods_count > PODS_SHOWN)
		demo_view_line(view, "(and %zu more)", node->told.pods_count - PODS_SHOWN);
}

void demo_view_text(const struct demo_view *view, const char *text, const char *indent)
{
	while (!view->is_quiet && *text) {
		size_t length = strcspn(text, "\n");
		(void)printf("%s%.*s\n", length > 0 ? indent : "", (int)length, text);
		text += length;
		text += *text == '\n' ? 1 : 0;
	}
}
