/* SPDX-License-Identifier: Apache-2.0 */
/* The state of the agent as one JSON document, for `rota status`. */
#pragma once

#include <stdint.h>
#include <time.h>

#include "agent/adverts.h"
#include "base/err.h"
#include "core/device.h"
#include "core/settings.h"
#include "kubelet/plugin.h"

/* Why the configuration file on disk is not the one in force. */
struct report_refusal {
	char cause[ERR_TEXT_BYTES]; /* with file, line and column; "" when it is in force */
	time_t since;               /* the first refusal since it was in force */
};

/* All borrowed for the call. */
struct report {
	const struct settings *settings;
	const struct report_refusal *refusal;
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
