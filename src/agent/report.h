/* SPDX-License-Identifier: Apache-2.0 */
/* The state of the agent as one JSON document, for `rota status`. */
#pragma once

#include <stdint.h>
#include <time.h>

#include "agent/adverts.h"
#include "core/device.h"
#include "core/settings.h"
#include "kubelet/plugin.h"

/* All borrowed for the call. */
struct report {
	const struct settings *settings;
	const char *refusal; /* of the file on disk; "" while it is in force */
	time_t refused_since;
	const struct snapshot *snapshot; /* as believed; NULL before the first one */
	const char *fault;               /* "" while the driver answers */
	const struct plan *plan;
	const char
		*undescribed; /* why container runtimes do not know the devices; "" when they do */
	bool is_held_known;   /* what pods hold */
	uint64_t xids;        /* that the driver reported */
	struct plugin_report plugins[ADVERTS_MAX];
	size_t plugins_count; /* 0 while nothing is advertised */
	uint64_t uptime_seconds;
};

/** A malloc'ed JSON document; NULL when memory is out. */
char *report_json(const struct report *report);
