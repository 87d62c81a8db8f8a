/* SPDX-License-Identifier: Apache-2.0 */
/* The five methods of DevicePlugin for one resource; knows nothing of sockets or registration. */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "core/resource.h"
#include "core/settings.h"
#include "kubelet/wire.h"
#include "rpc/server.h"

enum {
	SERVICE_WATCHERS_MAX = 16
}; /* kubelet opens one; more than a few is a fault of the peer */

/* Embedded in its owner. Counters are for the status of the agent. */
struct service {
	struct rpc_service rpc;
	const struct settings
		*settings; /* borrowed, outlives the service or service_update() replaces it */
	struct resource *resource; /* owned */
	struct wire_bytes list;    /* owned: what watchers were last sent */
	struct rpc_call *watchers[SERVICE_WATCHERS_MAX];
	size_t watchers_count;
	uint64_t allocations;
	uint64_t refusals;
	/* A ListAndWatch was opened or ended. */
	void (*on_watchers)(struct service *service);
	/* A container was given these ids. */
	void (*on_allocated)(struct service *service, const struct wire_ids *ids);
	/* A call was refused; @text is what kubelet was told. */
	void (*on_refused)(struct service *service, const char *text);
};

/** @resource is taken, also on failure. 0, -EMSGSIZE (list too large for kubelet), -ENOMEM. */
int service_init(struct service *service, const struct settings *settings,
		 struct resource *resource, struct err *err);

/**
 * Serve this resource from now on; watchers are sent the new list if it differs.
 *
 * @resource  taken, also on failure; then the old one stays.
 * Returns 1 when the list differs, 0 when not, or as service_init().
 */
int service_update(struct service *service, const struct settings *settings,
		   struct resource *resource, struct err *err);

/** End every ListAndWatch in good order, so that none ends after a new registration. */
void service_end_watchers(struct service *service);

void service_done(struct service *service);
