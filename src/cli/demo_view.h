/* SPDX-License-Identifier: Apache-2.0 */
/* What a person sees of the demo: commands as the tutorial writes them and what kubectl would show.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "cli/demo_node.h"

struct demo_view {
	struct demo_listener listener; /* turns the spinner */
	bool is_quiet;                 /* nothing is printed: the result comes as JSON */
	bool has_spinner;              /* stderr is a terminal */
	unsigned turns;                /* of the spinner; 0: none to be wiped */
	const char *what;              /* borrowed: what is waited for */
};

void demo_view_init(struct demo_view *view, bool is_quiet);

/** Name what is waited for from now on; NULL: nothing. Wipes the spinner. */
void demo_view_wait(struct demo_view *view, const char *what);

void demo_view_heading(const struct demo_view *view, const char *text);

/** "$ command". */
__attribute__((format(printf, 2, 3))) void demo_view_command(const struct demo_view *view,
							     const char *format, ...);

/** One line of a command's output. */
__attribute__((format(printf, 2, 3))) void demo_view_line(const struct demo_view *view,
							  const char *format, ...);

/** The tutorial's jq over `kubectl get nodes`. */
void demo_view_capacity(const struct demo_view *view, const struct demo_node *node);

/** `kubectl get pods`. */
void demo_view_pods(const struct demo_view *view, const struct demo_node *node);

/** A text as it is, indented by @indent. */
void demo_view_text(const struct demo_view *view, const char *text, const char *indent);
