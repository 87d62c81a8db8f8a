/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Prometheus reads, from one table of names, types and helps (Prometheus text format 0.0.4),
 * and the same table for people.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "core/device.h"

/* One resource as the agent advertises it. */
struct metrics_resource {
	const char *name;
	uint64_t replicas;
	uint64_t healthy;
	bool is_registered;
	uint64_t registrations;
	uint64_t allocations;
	uint64_t refusals;
};

/* All borrowed for the call. */
struct metrics_view {
	bool is_driver_up;
	bool is_config_refused;
	uint64_t xids;
	uint64_t complaints;
	const struct snapshot *snapshot; /* NULL before the first one */
	const struct metrics_resource *resources;
	size_t resources_count;
	uint64_t uptime_seconds;
};

/** Append the exposition. A failure is kept in @out. */
void metrics_expose(const struct metrics_view *view, struct buf *out);

/** Append the table of docs/metrics.md, in Markdown. A failure is kept in @out. */
void metrics_document(struct buf *out);
