/* SPDX-License-Identifier: Apache-2.0 */
/* What is advertised to kubelet: one plugin for each resource name that the plan has, or that pods
 * still hold ids of. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "base/err.h"
#include "base/list.h"
#include "core/held.h"
#include "core/plan.h"
#include "core/resource.h"
#include "kubelet/plugin.h"

enum {
	ADVERTS_MAX = 2 * PLAN_NAMES_MAX, /* those of a plan, and as many that only linger */
};

/* Embedded in its owner, which is found again by container_of. Zero but for what adverts_init()
 * sets. */
struct adverts {
	uv_loop_t *loop;   /* borrowed */
	struct list items; /* of struct advert, owned */
	struct plan plan;  /* the one in force */
	bool is_idle_said; /* that there is no GPU */
	/* A container was given these ids of @resource; borrowed for the call. */
	void (*on_allocated)(struct adverts *adverts, const char *resource,
			     const struct id_text *ids, size_t count);
	/* Kubelet ceased to watch a list, or began again: it is perhaps another one. */
	void (*on_kubelet)(struct adverts *adverts);
};

/** on_allocated and on_kubelet are set by the caller. */
void adverts_init(struct adverts *adverts, uv_loop_t *loop);

/**
 * Advertise what follows from these; what does not differ is not touched. A name whose socket does
 * not fit beside kubelet's is left out, with a complaint in the plan.
 *
 * @settings  borrowed until the next update that succeeds.
 * @snapshot  shared with the lists that are made of it: not to be changed any more.
 * @held      borrowed for the call.
 *
 * Returns 0, or as plan_make(), resource_new() and plugin_start(); then all stays as it was.
 */
int adverts_update(struct adverts *adverts, const struct settings *settings,
		   struct snapshot *snapshot, const struct held *held, struct err *err);

/** How many there are, each in @ret. */
size_t adverts_report(const struct adverts *adverts, struct plugin_report ret[static ADVERTS_MAX]);

void adverts_stop(struct adverts *adverts);
