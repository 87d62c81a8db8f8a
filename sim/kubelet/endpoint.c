/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kubelet's side of v1beta1.DevicePlugin. Kubelet never dials twice and never repeats
 * ListAndWatch: when either is over, the endpoint is of no more use.
 */
#include "sim/kubelet/endpoint.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"

#define SERVICE "/v1beta1.DevicePlugin/"

enum {
	METHOD_BYTES = 64,
	ERROR_BYTES_MAX = 16 * 1024, /* of a plugin's message; gRPC allows 8 KiB of headers */
};

struct endpoint {
	struct endpoint_owner *owner; /* borrowed */
	struct rpc_client *client;    /* owned */
	char *resource;               /* owned */
	struct message_options options;
	bool has_options;
	bool is_closing;
	struct rpc_reply options_reply;
	struct rpc_reply list_reply;
};

char *endpoint_error(enum rpc_status status, const char *text)
{
	struct buf message = BUF_INIT(ERROR_BYTES_MAX);
	(void)buf_printf(&message, "rpc error: code = %s desc = %s", rpc_status_name(status), text);
	return message.data;
}

static void take_options(struct rpc_reply *reply, const uint8_t *message, size_t length)
{
	struct endpoint *endpoint = container_of(reply, struct endpoint, options_reply);
	endpoint->has_options = message_read_options(message, length, &endpoint->options, NULL) ==
				0;
}

/* A plugin that cannot be reached reads as a failed dial, since kubelet dials before it asks. */
static void end_options(struct rpc_reply *reply, enum rpc_status status, const char *text)
{
	struct endpoint *endpoint = container_of(reply, struct endpoint, options_reply);
	if (endpoint->is_closing)
		return;
	if (status == RPC_OK && endpoint->has_options) {
		endpoint->owner->on_options(endpoint->owner, endpoint, NULL);
		return;
	}

	struct buf reason = BUF_INIT(ERROR_BYTES_MAX);
	cleanup_free char *error = endpoint_error(
		status, status == RPC_OK ? "the answer is not a DevicePluginOptions" : text);
	(void)buf_text(&reason, status == RPC_UNAVAILABLE
					? "failed to dial device plugin: "
					: "failed to get device plugin options: ");
	(void)buf_text(&reason, status == RPC_UNAVAILABLE ? text : error ? error : "");
	endpoint->owner->on_options(endpoint->owner, endpoint, reason.data ? reason.data : "");
	buf_done(&reason);
}

static void take_list(struct rpc_reply *reply, const uint8_t *message, size_t length)
{
	struct endpoint *endpoint = container_of(reply, struct endpoint, list_reply);
	if (!endpoint->is_closing)
		endpoint->owner->on_list(endpoint->owner, endpoint, message, length);
}

static void end_list(struct rpc_reply *reply, enum rpc_status status, const char *text)
{
	struct endpoint *endpoint = container_of(reply, struct endpoint, list_reply);
	if (endpoint->is_closing)
		return;
	cleanup_free char *error = endpoint_error(status, text);
	endpoint->owner->on_ended(endpoint->owner, endpoint, error ? error : "");
}

int endpoint_open(uv_loop_t *loop, const char *path, const char *resource,
		  struct endpoint_owner *owner, struct endpoint **ret, struct err *err)
{
	struct endpoint *endpoint = calloc(1, sizeof(*endpoint));
	if (!endpoint)
		return err_errno(err, -ENOMEM, "%s", resource);
	endpoint->owner = owner;
	endpoint->options_reply = (struct rpc_reply){ .on_message = take_options,
						      .on_done = end_options };
	endpoint->list_reply = (struct rpc_reply){ .on_message = take_list, .on_done = end_list };
	endpoint->resource = strdup(resource);
	int r = endpoint->resource ? rpc_client_open(loop, path, &endpoint->client, err)
				   : err_errno(err, -ENOMEM, "%s", resource);
	if (r == 0)
		r = endpoint_call(endpoint, "GetDevicePluginOptions", NULL, 0, ENDPOINT_DIAL_MS,
				  &endpoint->options_reply, err);
	if (r < 0) {
		endpoint_close(endpoint);
		return r;
	}
	*ret = endpoint;
	return 0;
}

const char *endpoint_resource(const struct endpoint *endpoint)
{
	return endpoint->resource;
}

const struct message_options *endpoint_options(const struct endpoint *endpoint)
{
	return &endpoint->options;
}

int endpoint_watch(struct endpoint *endpoint, struct err *err)
{
	return endpoint_call(endpoint, "ListAndWatch", NULL, 0, 0, &endpoint->list_reply, err);
}

int endpoint_call(struct endpoint *endpoint, const char *method, const uint8_t *message,
		  size_t length, uint64_t deadline_ms, struct rpc_reply *reply, struct err *err)
{
	char path[METHOD_BYTES];
	(void)snprintf(path, sizeof(path), "%s%s", SERVICE, method);
	return rpc_client_call(endpoint->client, path, message, length, deadline_ms, reply, err);
}

void endpoint_close(struct endpoint *endpoint)
{
	if (!endpoint)
		return;
	endpoint->is_closing = true;
	rpc_client_close(endpoint->client);
	free(endpoint->resource);
	free(endpoint);
}
