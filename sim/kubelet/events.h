/* SPDX-License-Identifier: Apache-2.0 */
/* What the stand-in kubelet tells: one JSON object a line on stdout. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "sim/kubelet/pod.h"
#include "sim/kubelet/tables.h"

/** Print {"event": @name, ...@fields}. @fields: a reference is taken over, NULL when memory was
 * out. Blocks while the reader of stdout does not read. */
void events_emit(const char *name, json_t *fields);

/** name, phase, reason, message, restarts, devices, pid; a new reference or NULL. */
json_t *events_pod(const struct pod *pod, const struct tables *tables);

/** {"capacity": {...}, "allocatable": {...}}; a new reference or NULL. */
json_t *events_node(const struct tables *tables);

/** Resources with their devices; a new reference or NULL. */
json_t *events_resources(const struct tables *tables);
