/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Glue of one plugin: what service, server and watch see goes into the state machine of
 * registration, and what that says is done here. Every callback only kicks the timer, and the timer
 * alone advances the machine, so that nothing is closed inside its own callback.
 */
#include "kubelet/plugin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/unix_socket.h"
#include "kubelet/registration.h"
#include "kubelet/service.h"
#include "kubelet/watch.h"
#include "kubelet/wire.h"
#include "rpc/client.h"

enum {
	SOCKET_PATH_BYTES = UNIX_SOCKET_PATH_MAX + 1,
	/* Kubelet dials us inside Register with a deadline of 10 s; ours must be longer. */
	REGISTER_DEADLINE_MS = 15000,
	STEPS_MAX = 2, /* serve, then register */
};

static const char default_kubelet_socket[] = "/var/lib/kubelet/device-plugins/kubelet.sock";
static const char register_method[] = "/v1beta1.Registration/Register";

struct plugin {
	uv_loop_t *loop;
	struct plugin_listener *listener; /* borrowed; NULL after plugin_stop() */
	struct service service;
	struct rpc_server *server; /* owned; NULL while not serving */
	struct registration registration;
	struct watch watch;
	uv_timer_t timer;           /* advances the machine */
	struct rpc_client *kubelet; /* owned; while Register is under way */
	struct rpc_reply answer;
	bool is_awaiting; /* kubelet's socket was absent at the last look */
	bool is_answered; /* the call ended, its client is to be closed */
	uint64_t registrations;
	char kubelet_path[SOCKET_PATH_BYTES]; /* "": do not register */
	char socket_path[SOCKET_PATH_BYTES];
};

static void tell(struct plugin *plugin, enum plugin_event event, const char *text)
{
	if (plugin->listener)
		plugin->listener->on_event(plugin->listener, event, text);
}

static void advance(uv_timer_t *timer);

static void kick(struct plugin *plugin)
{
	(void)uv_timer_start(&plugin->timer, advance, 0, 0); /* fails only while closing */
}

static void on_change(struct watch *watch)
{
	kick(container_of(watch, struct plugin, watch));
}

static void on_watchers(struct service *service)
{
	struct plugin *plugin = container_of(service, struct plugin, service);
	if (service->watchers_count == 0)
		tell(plugin, PLUGIN_UNWATCHED, "");
	else if (service->watchers_count == 1)
		tell(plugin, PLUGIN_WATCHED, "");
	kick(plugin);
}

static void on_refused(struct service *service, const char *text)
{
	tell(container_of(service, struct plugin, service), PLUGIN_REFUSED, text);
}

static void on_allocated(struct service *service, const struct wire_ids *ids)
{
	struct plugin *plugin = container_of(service, struct plugin, service);
	if (plugin->listener)
		plugin->listener->on_allocated(plugin->listener, ids->ids, ids->count);
}

static void on_answer(struct rpc_reply *reply, enum rpc_status status, const char *text)
{
	struct plugin *plugin = container_of(reply, struct plugin, answer);
	plugin->is_answered = true;
	registration_answered(&plugin->registration, status == RPC_OK, uv_hrtime());
	if (status == RPC_OK) {
		plugin->registrations++;
		tell(plugin, PLUGIN_REGISTERED, plugin->kubelet_path);
	} else if (status != RPC_CANCELLED) {
		tell(plugin, PLUGIN_REGISTER_FAILED, text);
	}
	kick(plugin);
}

static int serve(struct plugin *plugin, struct err *err)
{
	rpc_server_stop(TAKE_PTR(plugin->server)); /* its watchers are told that they are gone */
	return rpc_server_start(plugin->loop, plugin->socket_path, &plugin->service.rpc,
				&plugin->server, err);
}

static void serve_or_retry(struct plugin *plugin)
{
	struct err err = ERR_INIT;
	if (serve(plugin, &err) == 0) {
		tell(plugin, PLUGIN_SERVING, plugin->socket_path);
		return;
	}
	registration_serve_failed(&plugin->registration, uv_hrtime());
	tell(plugin, PLUGIN_SERVE_FAILED, err.msg);
}

static int call_register(struct plugin *plugin, struct err *err)
{
	const char *endpoint = strrchr(plugin->socket_path, '/');
	endpoint = endpoint ? endpoint + 1 : plugin->socket_path;
	cleanup_wire_bytes struct wire_bytes request = { 0 };
	int r = wire_encode_register(endpoint, plugin->service.resource->name, &request, err);
	if (r < 0)
		return r;
	r = rpc_client_open(plugin->loop, plugin->kubelet_path, &plugin->kubelet, err);
	if (r < 0)
		return r;
	plugin->answer.on_done = on_answer;
	return rpc_client_call(plugin->kubelet, register_method, request.data, request.length,
			       REGISTER_DEADLINE_MS, &plugin->answer, err);
}

/* The old streams end first: up to 1.36 kubelet drops the newer registration otherwise. */
static void register_or_retry(struct plugin *plugin)
{
	service_end_watchers(&plugin->service);
	struct err err = ERR_INIT;
	if (call_register(plugin, &err) == 0)
		return;
	registration_answered(&plugin->registration, false, uv_hrtime());
	plugin->is_answered = true;
	tell(plugin, PLUGIN_REGISTER_FAILED, err.msg);
}

static void schedule(struct plugin *plugin, uint64_t now_ns)
{
	uint64_t due_ns = registration_due_ns(&plugin->registration);
	if (due_ns == UINT64_MAX)
		return;
	uint64_t wait_ms = due_ns > now_ns ? (due_ns - now_ns) / 1000000 + 1 : 1;
	(void)uv_timer_start(&plugin->timer, advance, wait_ms, 0);
}

static void note_kubelet(struct plugin *plugin, bool is_there)
{
	if (!is_there && !plugin->is_awaiting && plugin->kubelet_path[0])
		tell(plugin, PLUGIN_AWAITING, plugin->kubelet_path);
	plugin->is_awaiting = !is_there;
}

static void advance(uv_timer_t *timer)
{
	struct plugin *plugin = container_of(timer, struct plugin, timer);
	if (plugin->is_answered) {
		plugin->is_answered = false;
		rpc_client_close(TAKE_PTR(plugin->kubelet));
	}
	if (plugin->kubelet_path[0] == '\0' && !plugin->server)
		serve_or_retry(plugin);
	for (int i = 0; i < STEPS_MAX; i++) {
		struct registration_view view = {
			.kubelet = watch_identify(plugin->kubelet_path),
			.is_reachable = plugin->server && rpc_server_is_reachable(plugin->server),
			.has_stream = plugin->service.watchers_count > 0,
		};
		view.is_vacant = !view.is_reachable && unix_socket_is_vacant(plugin->socket_path);
		note_kubelet(plugin, view.kubelet.inode != 0);
		enum registration_action action = registration_step(&plugin->registration, &view,
								    uv_hrtime());
		if (action == REGISTRATION_NOTHING)
			break;
		if (action == REGISTRATION_SERVE)
			serve_or_retry(plugin);
		else
			register_or_retry(plugin);
	}
	schedule(plugin, uv_hrtime());
}

/* NVIDIA's name, beside kubelet's socket: "nvidia-gpu.sock" for "nvidia.com/gpu". */
static int make_path(const char *kubelet_socket, const char *resource,
		     char ret[static SOCKET_PATH_BYTES], struct err *err)
{
	const char *beside = kubelet_socket[0] ? kubelet_socket : default_kubelet_socket;
	const char *slash = strrchr(beside, '/');
	const char *name = strchr(resource, '/');
	int directory = slash ? (int)(slash + 1 - beside) : 0;
	char path[SOCKET_PATH_BYTES];
	int length = snprintf(path, sizeof(path),
			      "%.*s" RESOURCE_SOCKET_BEFORE "%s" RESOURCE_SOCKET_AFTER, directory,
			      beside, name ? name + 1 : resource);
	if (length >= SOCKET_PATH_BYTES)
		return err_set(err, -ENAMETOOLONG,
			       "%s: its socket beside kubelet's has a path of %d bytes, of at most "
			       "%d; give it a shorter name, or --kubelet-socket a shorter folder",
			       resource, length, UNIX_SOCKET_PATH_MAX);
	memcpy(ret, path, sizeof(path));
	return 0;
}

int plugin_check_name(const char *kubelet_socket, const char *resource, struct err *err)
{
	char path[SOCKET_PATH_BYTES];
	return make_path(kubelet_socket, resource, path, err);
}

static int set_paths(struct plugin *plugin, const char *kubelet_socket, const char *resource,
		     struct err *err)
{
	if (snprintf(plugin->kubelet_path, SOCKET_PATH_BYTES, "%s", kubelet_socket) >=
	    SOCKET_PATH_BYTES)
		return err_set(err, -ENAMETOOLONG,
			       "kubelet-socket: %.80s...: a socket path has at most %d bytes",
			       kubelet_socket, UNIX_SOCKET_PATH_MAX);
	return make_path(kubelet_socket, resource, plugin->socket_path, err);
}

static void release(struct watch *watch)
{
	struct plugin *plugin = container_of(watch, struct plugin, watch);
	service_done(&plugin->service);
	free(plugin);
}

int plugin_start(uv_loop_t *loop, const struct settings *settings, struct resource *resource,
		 struct plugin_listener *listener, struct plugin **ret, struct err *err)
{
	cleanup_resource struct resource *owned = resource;
	cleanup_free struct plugin *plugin = calloc(1, sizeof(*plugin));
	if (!plugin)
		return err_set(err, -ENOMEM, "%s: out of memory", resource->name);
	plugin->loop = loop;
	plugin->listener = listener;
	plugin->service.on_watchers = on_watchers;
	plugin->service.on_allocated = on_allocated;
	plugin->service.on_refused = on_refused;
	plugin->watch.on_change = on_change;
	plugin->watch.on_closed = release;
	int r = set_paths(plugin, settings->kubelet_socket, resource->name, err);
	if (r < 0)
		return r;
	r = service_init(&plugin->service, settings, TAKE_PTR(owned), err);
	if (r < 0)
		return r;
	r = watch_start(&plugin->watch, loop, plugin->socket_path);
	if (r < 0) {
		service_done(&plugin->service);
		return err_set(err, r, "%s: cannot watch its directory: %s", plugin->socket_path,
			       uv_strerror(r));
	}
	(void)uv_timer_init(loop, &plugin->timer); /* cannot fail */
	kick(plugin);
	*ret = TAKE_PTR(plugin);
	return 0;
}

int plugin_update(struct plugin *plugin, const struct settings *settings, struct resource *resource,
		  struct err *err)
{
	return service_update(&plugin->service, settings, resource, err);
}

void plugin_report(const struct plugin *plugin, struct plugin_report *ret)
{
	*ret = (struct plugin_report){
		.resource = plugin->service.resource,
		.socket = plugin->socket_path,
		.is_registered = plugin->registration.state == REGISTRATION_SERVING,
		.registrations = plugin->registrations,
		.allocations = plugin->service.allocations,
		.refusals = plugin->service.refusals,
	};
}

static void on_timer_closed(uv_handle_t *handle)
{
	watch_stop(&container_of(handle, struct plugin, timer)->watch);
}

void plugin_stop(struct plugin *plugin)
{
	if (!plugin)
		return;
	plugin->listener = NULL;
	uv_close((uv_handle_t *)&plugin->timer, on_timer_closed);
	rpc_client_close(TAKE_PTR(plugin->kubelet));
	service_end_watchers(&plugin->service);
	rpc_server_stop(TAKE_PTR(plugin->server));
}
