/* SPDX-License-Identifier: Apache-2.0 */
/* How the GPUs of a scenario are linked: the key `links`. */
#pragma once

struct reading;
struct scenario;
struct tree;

/** Fills pairs and switch_links of a scenario whose GPUs are known. 0, -EINVAL, -ENOMEM. */
int wiring_read(struct reading *reading, const struct tree *node, struct scenario *scenario);
