/* SPDX-License-Identifier: Apache-2.0 */
/* What goes wrong in a scenario: the keys `faults` and `events`. */
#pragma once

struct reading;
struct scenario;
struct tree;

/** Fills a struct scenario; as reading_fn. */
int incident_read_faults(struct reading *reading, const struct tree *list, void *ret);

/** The events of a scenario whose GPUs are read: what becomes of them is checked against them. As
 * reading_fn otherwise. */
int incident_read_events(struct reading *reading, const struct tree *list,
			 struct scenario *scenario);
