/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kubelet's calls: decode, ask core/, encode. A request that cannot be served is answered with a
 * gRPC status and NVIDIA's text; kubelet turns that into the pod's UnexpectedAdmissionError.
 */
#include "kubelet/service.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/uuid.h"
#include "core/allocation.h"
#include "core/placement.h"
#include "kubelet/nodes.h"

static void refuse(struct service *service, struct rpc_call *call, enum rpc_status status,
		   const char *text)
{
	service->refusals++;
	service->on_refused(service, text);
	rpc_call_finish(call, status, text);
}

/* A request that is no message of ours is the peer's fault; all else is what kubelet sees as
 * "Unknown". */
static enum rpc_status status_of(int code)
{
	switch (code) {
	case -EBADMSG:
		return RPC_INVALID_ARGUMENT;
	case -E2BIG:
	case -ENOMEM:
		return RPC_RESOURCE_EXHAUSTED;
	default:
		return RPC_UNKNOWN;
	}
}

static void reply(struct rpc_call *call, const struct wire_bytes *bytes)
{
	int r = rpc_call_send(call, bytes->data, bytes->length);
	rpc_call_finish(call, r < 0 ? RPC_RESOURCE_EXHAUSTED : RPC_OK,
			r < 0 ? "out of memory" : NULL);
}

static void on_options(struct rpc_service *rpc, struct rpc_call *call, const uint8_t *message,
		       size_t length)
{
	(void)message;
	(void)length;
	struct service *service = container_of(rpc, struct service, rpc);
	cleanup_wire_bytes struct wire_bytes answer = { 0 };
	struct err err = ERR_INIT;
	int r = wire_encode_options(&answer, &err);
	if (r < 0)
		refuse(service, call, status_of(r), err.msg);
	else
		reply(call, &answer);
}

static void on_list(struct rpc_service *rpc, struct rpc_call *call, const uint8_t *message,
		    size_t length)
{
	(void)message;
	(void)length;
	struct service *service = container_of(rpc, struct service, rpc);
	if (service->watchers_count == SERVICE_WATCHERS_MAX) {
		refuse(service, call, RPC_RESOURCE_EXHAUSTED, "too many open ListAndWatch streams");
		return;
	}
	if (rpc_call_send(call, service->list.data, service->list.length) < 0) {
		refuse(service, call, RPC_RESOURCE_EXHAUSTED, "out of memory");
		return;
	}
	service->watchers[service->watchers_count++] = call;
	service->on_watchers(service);
}

/* The choice for one container; *ret and the room that it needs come from the arena. */
static int prefer(const struct service *service, const struct wire_preference *preference,
		  struct arena *arena, uint32_t **ret, size_t *ret_count, struct err *err)
{
	const struct resource *resource = service->resource;
	size_t offered = preference->available.count + preference->must_include.count;
	uint32_t *available = arena_array(arena, offered, sizeof(*available));
	uint32_t *required = arena_array(arena, preference->must_include.count, sizeof(*required));
	uint32_t *chosen = arena_array(arena, offered, sizeof(*chosen));
	if (!available || !required || !chosen)
		return err_set(err, -ENOMEM, "out of memory");

	/* An id that is not (any more) on our list cannot be chosen, and kubelet tops up what is
	 * missing. */
	const struct wire_ids *offer = &preference->available;
	const struct wire_ids *must = &preference->must_include;
	struct placement_request request = {
		.available = available,
		.available_count = resource_find_known(resource, offer->ids, offer->count,
						       available),
		.required = required,
		.required_count = resource_find_known(resource, must->ids, must->count, required),
		.size = preference->size,
		.policy = service->settings->allocation_policy,
	};
	int r = placement_choose(resource, &request, chosen, ret_count, err);
	if (r == 0)
		*ret = chosen;
	return r;
}

static int answer_preferred(const struct service *service, const uint8_t *message, size_t length,
			    struct wire_bytes *ret, struct err *err)
{
	cleanup_arena struct arena arena = { 0 };
	struct wire_preference *preferences = NULL;
	size_t count = 0;
	int r = wire_decode_preferred(message, length, &arena, &preferences, &count, err);
	if (r < 0)
		return r;
	uint32_t **chosen = arena_array(&arena, count, sizeof(*chosen));
	size_t *counts = arena_array(&arena, count, sizeof(*counts));
	if (!chosen || !counts)
		return err_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < count; i++) {
		r = prefer(service, &preferences[i], &arena, &chosen[i], &counts[i], err);
		if (r < 0)
			return err_wrap(err, r,
					"error getting list of preferred allocation devices");
	}
	return wire_encode_preferred(service->resource, chosen, counts, count, ret, err);
}

static void on_preferred(struct rpc_service *rpc, struct rpc_call *call, const uint8_t *message,
			 size_t length)
{
	struct service *service = container_of(rpc, struct service, rpc);
	cleanup_wire_bytes struct wire_bytes answer = { 0 };
	struct err err = ERR_INIT;
	int r = answer_preferred(service, message, length, &answer, &err);
	if (r < 0)
		refuse(service, call, status_of(r), err.msg);
	else
		reply(call, &answer);
}

/* Only where it is needed, so that its lack refuses nobody else. */
static int make_unique(const struct settings *settings, char ret[static UUID_TEXT_BYTES],
		       struct err *err)
{
	ret[0] = '\0';
	if (!(settings->device_list_strategies & DEVICE_LIST_CDI_ANNOTATIONS))
		return 0;
	int r = uuid_random(ret);
	return r < 0 ? err_errno(err, r, "no random number for the annotation of a container") : 0;
}

static int allocate_all(const struct service *service, const struct wire_ids *containers,
			size_t count, struct edits *edits, struct err *err)
{
	struct allocation_inputs inputs = { 0 };
	nodes_find(service->settings, service->settings->root, &inputs);
	for (size_t i = 0; i < count; i++) {
		char unique[UUID_TEXT_BYTES];
		int r = make_unique(service->settings, unique, err);
		if (r < 0)
			return r;
		inputs.unique = unique;
		r = allocation_make(service->resource, service->settings, &inputs,
				    containers[i].ids, containers[i].count, &edits[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int answer_allocate(struct service *service, const uint8_t *message, size_t length,
			   struct wire_bytes *ret, struct err *err)
{
	cleanup_arena struct arena arena = { 0 };
	struct wire_ids *containers = NULL;
	size_t count = 0;
	int r = wire_decode_allocate(message, length, &arena, &containers, &count, err);
	if (r < 0)
		return r;
	struct edits *edits = arena_array(&arena, count, sizeof(*edits));
	if (!edits)
		return err_set(err, -ENOMEM, "out of memory");

	r = allocate_all(service, containers, count, edits, err);
	if (r == 0)
		r = wire_encode_allocated(edits, count, ret, err);
	for (size_t i = 0; i < count; i++)
		edits_done(&edits[i]);
	for (size_t i = 0; r == 0 && i < count; i++)
		service->on_allocated(service, &containers[i]);
	return r;
}

static void on_allocate(struct rpc_service *rpc, struct rpc_call *call, const uint8_t *message,
			size_t length)
{
	struct service *service = container_of(rpc, struct service, rpc);
	cleanup_wire_bytes struct wire_bytes answer = { 0 };
	struct err err = ERR_INIT;
	int r = answer_allocate(service, message, length, &answer, &err);
	if (r < 0) {
		refuse(service, call, status_of(r), err.msg);
		return;
	}
	service->allocations++;
	reply(call, &answer);
}

/* We say pre_start_required=false; kubelet does not call this, and an empty answer is right if it
 * does. */
static void on_pre_start(struct rpc_service *rpc, struct rpc_call *call, const uint8_t *message,
			 size_t length)
{
	(void)rpc;
	(void)message;
	(void)length;
	reply(call, &(struct wire_bytes){ 0 });
}

static void on_gone(struct rpc_service *rpc, struct rpc_call *call)
{
	struct service *service = container_of(rpc, struct service, rpc);
	for (size_t i = 0; i < service->watchers_count; i++) {
		if (service->watchers[i] != call)
			continue;
		service->watchers[i] = service->watchers[--service->watchers_count];
		service->on_watchers(service);
		return;
	}
}

static const struct rpc_method methods[] = {
	{ "/v1beta1.DevicePlugin/GetDevicePluginOptions", on_options },
	{ "/v1beta1.DevicePlugin/ListAndWatch", on_list },
	{ "/v1beta1.DevicePlugin/GetPreferredAllocation", on_preferred },
	{ "/v1beta1.DevicePlugin/Allocate", on_allocate },
	{ "/v1beta1.DevicePlugin/PreStartContainer", on_pre_start },
};

int service_init(struct service *service, const struct settings *settings,
		 struct resource *resource, struct err *err)
{
	cleanup_resource struct resource *owned = resource;
	int r = wire_encode_list(resource, &service->list, err);
	if (r < 0)
		return r;
	service->rpc = (struct rpc_service){ methods, ARRAY_LEN(methods), on_gone };
	service->settings = settings;
	service->resource = TAKE_PTR(owned);
	return 0;
}

static bool is_same(const struct wire_bytes *a, const struct wire_bytes *b)
{
	return a->length == b->length && memcmp(a->data, b->data, a->length) == 0;
}

int service_update(struct service *service, const struct settings *settings,
		   struct resource *resource, struct err *err)
{
	cleanup_resource struct resource *owned = resource;
	struct wire_bytes list = { 0 };
	int r = wire_encode_list(resource, &list, err);
	if (r < 0)
		return r;
	bool differs = !is_same(&list, &service->list);
	wire_bytes_done(&service->list);
	service->list = list;
	(void)resource_free(service->resource);
	service->resource = TAKE_PTR(owned);
	service->settings = settings;
	if (!differs)
		return 0;

	/* A watcher that cannot be told (out of memory) is ended: kubelet then registers us anew.
	 */
	for (size_t i = service->watchers_count; i-- > 0;) {
		if (rpc_call_send(service->watchers[i], list.data, list.length) == 0)
			continue;
		struct rpc_call *call = service->watchers[i];
		service->watchers[i] = service->watchers[--service->watchers_count];
		rpc_call_finish(call, RPC_RESOURCE_EXHAUSTED, "out of memory");
		service->on_watchers(service);
	}
	return 1;
}

void service_end_watchers(struct service *service)
{
	while (service->watchers_count > 0)
		rpc_call_finish(service->watchers[--service->watchers_count], RPC_OK, NULL);
}

void service_done(struct service *service)
{
	wire_bytes_done(&service->list);
	service->resource = resource_free(service->resource);
}
