/* SPDX-License-Identifier: Apache-2.0 */
/* What is advertised to kubelet: one plugin for each resource name that is configured, or that pods
 * still hold ids of. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "agent/repeat.h"
#include "base/err.h"
#include "core/held.h"
#include "core/resource.h"
#include "kubelet/plugin.h"

struct adverts;

struct advert {
	struct adverts *adverts; /* borrowed, its owner */
	const char *name;        /* a constant of core/ */
	struct plugin *plugin;   /* owned; NULL while nothing is advertised under the name */
	struct plugin_listener listener;
};

/* Embedded in its owner, which is found again by container_of. */
struct adverts {
	uv_loop_t *loop; /* borrowed */
	struct advert items[RESOURCE_NAMES];
	struct repeat repeat;
	bool is_idle_said; /* that there is no GPU */
	/* A container was given these ids of @resource; borrowed for the call. */
	void (*on_allocated)(struct adverts *adverts, const char *resource,
			     const struct id_text *ids, size_t count);
};

/** on_allocated is set by the caller. */
void adverts_init(struct adverts *adverts, uv_loop_t *loop);

/**
 * Advertise what follows from these; what does not differ is not touched.
 *
 * @settings  borrowed until the next update that succeeds.
 * @snapshot  borrowed for the call, as @held.
 *
 * Returns 0, or as resource_new() and plugin_start(); then all stays as it was.
 */
int adverts_update(struct adverts *adverts, const struct settings *settings,
		   const struct snapshot *snapshot, const struct held *held, struct err *err);

/** How many there are, each in @ret. */
size_t adverts_report(const struct adverts *adverts,
		      struct plugin_report ret[static RESOURCE_NAMES]);

void adverts_stop(struct adverts *adverts);
