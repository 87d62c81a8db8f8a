/* SPDX-License-Identifier: Apache-2.0 */
/* What goes wrong in a scenario: the keys `faults` and `events`. */
#pragma once

struct reading;
struct tree;

/** Both fill a struct scenario; as reading_fn. */
int incident_read_faults(struct reading *reading, const struct tree *list, void *ret);
int incident_read_events(struct reading *reading, const struct tree *list, void *ret);
