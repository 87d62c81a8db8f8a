/* SPDX-License-Identifier: Apache-2.0 */
/* Kubelet's registration server and the plugins that registered with it. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "sim/kubelet/endpoint.h"

struct registry;

/* Embedded in its owner, which is found again by container_of. */
struct registry_owner {
	/* @endpoint told its options and serves its resource from now on; Register is answered
	 * after this. The reason of a refusal goes to the plugin. 0 or a negative errno. */
	int (*on_registered)(struct registry_owner *owner, struct endpoint *endpoint,
			     const char *socket, struct err *err);
	/* A Register call was refused with @reason. */
	void (*on_refused)(struct registry_owner *owner, const char *resource, const char *reason);
	/* A list arrived. A negative errno ends the stream with @err as its reason. */
	int (*on_list)(struct registry_owner *owner, struct endpoint *endpoint,
		       const uint8_t *message, size_t length, struct err *err);
	/* ListAndWatch is over; @endpoint is closed soon after this returns. */
	void (*on_ended)(struct registry_owner *owner, struct endpoint *endpoint,
			 const char *reason);
};

/**
 * Start as kubelet does: delete every socket in @directory (made if it is missing), then listen on
 * kubelet.sock there.
 *
 * @owner  must live until registry_stop() returned.
 *
 * Returns 0, -ENAMETOOLONG, -ENOMEM or the errno of what failed.
 */
int registry_start(uv_loop_t *loop, const char *directory, struct registry_owner *owner,
		   struct registry **ret, struct err *err);

/** Close the connection of @endpoint soon, without on_ended. */
void registry_disconnect(struct registry *registry, const struct endpoint *endpoint);

/** Close server and connections; calls in flight end with CANCELLED. No callback comes after.
 * NULL is allowed. Memory goes when the loop has run. */
void registry_stop(struct registry *registry);
