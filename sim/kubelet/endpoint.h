/* SPDX-License-Identifier: Apache-2.0 */
/* One registration of one plugin: kubelet's connection to its socket. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "rpc/client.h"
#include "sim/kubelet/messages.h"

enum {
	ENDPOINT_DIAL_MS = 10 * 1000,      /* kubelet's own deadline */
	ENDPOINT_PRE_START_MS = 30 * 1000, /* kubelet's own deadline */
};

struct endpoint;

/* Embedded in its owner, which is found again by container_of. */
struct endpoint_owner {
	/* The plugin told its options (@reason NULL), or could not be asked. Once. */
	void (*on_options)(struct endpoint_owner *owner, struct endpoint *endpoint,
			   const char *reason);
	/* A message of ListAndWatch, borrowed for the call. */
	void (*on_list)(struct endpoint_owner *owner, struct endpoint *endpoint,
			const uint8_t *message, size_t length);
	/* ListAndWatch is over. Once; not when the endpoint is closed from here. */
	void (*on_ended)(struct endpoint_owner *owner, struct endpoint *endpoint,
			 const char *reason);
};

/**
 * Dial and ask for the options; on_options follows later.
 *
 * @owner  must live until endpoint_close().
 *
 * Returns 0, -ENAMETOOLONG, -ENOMEM.
 */
int endpoint_open(uv_loop_t *loop, const char *path, const char *resource,
		  struct endpoint_owner *owner, struct endpoint **ret, struct err *err);

const char *endpoint_resource(const struct endpoint *endpoint);
const struct message_options *endpoint_options(const struct endpoint *endpoint);

/** Open ListAndWatch, without a deadline. 0 or -ENOMEM. */
int endpoint_watch(struct endpoint *endpoint, struct err *err);

/**
 * Call another method of the plugin.
 *
 * @method  of v1beta1.DevicePlugin, by its last part: "Allocate".
 *
 * Returns as rpc_client_call().
 */
int endpoint_call(struct endpoint *endpoint, const char *method, const uint8_t *message,
		  size_t length, uint64_t deadline_ms, struct rpc_reply *reply, struct err *err);

/** "rpc error: code = Unknown desc = text", as gRPC's Go prints it; the caller's to free(). */
char *endpoint_error(enum rpc_status status, const char *text);

/** Not from inside a callback of this endpoint. Calls in flight end with CANCELLED. NULL is
 * allowed. */
void endpoint_close(struct endpoint *endpoint);
