/* SPDX-License-Identifier: Apache-2.0 */
/* The state of the agent as one JSON document, for `rota status`. */
#pragma once

#include <stdint.h>

#include "core/device.h"
#include "core/settings.h"
#include "kubelet/plugin.h"

/* All borrowed for the call. */
struct report {
	const struct settings *settings;
	const struct snapshot *snapshot;    /* NULL before the first one */
	const char *fault;                  /* "" while the driver answers */
	const struct plugin_report *plugin; /* NULL while nothing is advertised */
	uint64_t uptime_seconds;
};

/** A malloc'ed JSON document; NULL when memory is out. */
char *report_json(const struct report *report);
