/* SPDX-License-Identifier: Apache-2.0 */
/*
 * v1beta1.Registration. Register is answered only after the plugin was dialled and told its
 * options, so a plugin must serve before it registers. Endpoints that are over are closed by an
 * idle handle, because a client may not be closed inside its own callback.
 */
#include "sim/kubelet/registry.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/unix_socket.h"
#include "rpc/server.h"
#include "sim/kubelet/extended_name.h"
#include "wire.pb-c.h"

#define KUBELET_SOCKET    "kubelet.sock"
#define SUPPORTED_VERSION "v1beta1"

enum {
	DIRECTORY_MODE = 0750,
	REGISTRATIONS_MAX = 256, /* plugins connected at a time; a node has a handful */
};

/* One Register call and what came of it. */
struct registration {
	struct registration *next;
	struct registry *registry; /* borrowed, outlives it */
	struct endpoint_owner owner;
	struct endpoint *endpoint; /* owned */
	struct rpc_call *call;     /* borrowed; NULL once answered or given up by the plugin */
	char *socket;              /* owned: the endpoint as it was named */
	bool is_over;
};

struct registry {
	uv_loop_t *loop;              /* borrowed */
	struct registry_owner *owner; /* borrowed */
	char *directory;              /* owned */
	struct rpc_service service;
	struct rpc_server *server; /* owned */
	struct registration *registrations;
	unsigned count;
	uv_idle_t sweep; /* runs while some registration is over */
	bool is_stopping;
};

static void registration_free(struct registration *registration)
{
	endpoint_close(registration->endpoint);
	free(registration->socket);
	free(registration);
}

static void sweep_over(uv_idle_t *idle)
{
	struct registry *registry = container_of(idle, struct registry, sweep);
	(void)uv_idle_stop(idle);
	struct registration **place = &registry->registrations;
	while (*place) {
		struct registration *registration = *place;
		if (!registration->is_over) {
			place = &registration->next;
			continue;
		}
		*place = registration->next;
		registry->count--;
		registration_free(registration);
	}
}

static void finish_later(struct registration *registration)
{
	registration->is_over = true;
	if (!registration->registry->is_stopping)
		(void)uv_idle_start(&registration->registry->sweep, sweep_over);
}

static void refuse(struct registry *registry, struct rpc_call *call, const char *resource,
		   const char *reason)
{
	registry->owner->on_refused(registry->owner, resource, reason);
	if (call)
		rpc_call_finish(call, RPC_UNKNOWN, reason);
}

static void take_options(struct endpoint_owner *owner, struct endpoint *endpoint,
			 const char *reason)
{
	struct registration *registration = container_of(owner, struct registration, owner);
	struct registry *registry = registration->registry;
	struct rpc_call *call = TAKE_PTR(registration->call);
	struct err err = ERR_INIT;
	int r = 0;
	if (!reason)
		r = registry->owner->on_registered(registry->owner, endpoint, registration->socket,
						   &err);
	if (reason || r < 0) {
		refuse(registry, call, endpoint_resource(endpoint), reason ? reason : err.msg);
		finish_later(registration);
		return;
	}

	if (call) {
		/* An Empty is no bytes. A lost answer shows as a broken call at the plugin. */
		(void)rpc_call_send(call, NULL, 0);
		rpc_call_finish(call, RPC_OK, NULL);
	}
	if (endpoint_watch(endpoint, &err) < 0) {
		registry->owner->on_ended(registry->owner, endpoint, err.msg);
		finish_later(registration);
	}
}

static void take_list(struct endpoint_owner *owner, struct endpoint *endpoint,
		      const uint8_t *message, size_t length)
{
	struct registration *registration = container_of(owner, struct registration, owner);
	struct registry *registry = registration->registry;
	struct err err = ERR_INIT;
	if (registration->is_over)
		return;
	if (registry->owner->on_list(registry->owner, endpoint, message, length, &err) < 0) {
		registry->owner->on_ended(registry->owner, endpoint, err.msg);
		finish_later(registration);
	}
}

static void end_list(struct endpoint_owner *owner, struct endpoint *endpoint, const char *reason)
{
	struct registration *registration = container_of(owner, struct registration, owner);
	struct registry *registry = registration->registry;
	if (registration->is_over)
		return;
	registry->owner->on_ended(registry->owner, endpoint, reason);
	finish_later(registration);
}

/* Not a registration yet: the name's form is checked before anything is dialled. */
static int check_request(const Wire__RegisterRequest *request, struct err *err)
{
	if (strcmp(request->version, SUPPORTED_VERSION) != 0)
		return err_set(
			err, -EINVAL,
			"requested API version \"%s\" is not supported by kubelet. Supported version is [\"%s\"]",
			request->version, SUPPORTED_VERSION);
	if (!extended_name_is_valid(request->resource_name))
		return err_set(err, -EINVAL, "the ResourceName \"%s\" is invalid",
			       request->resource_name);
	return 0;
}

static int start_registration(struct registry *registry, struct rpc_call *call,
			      const Wire__RegisterRequest *request, struct err *err)
{
	char path[UNIX_SOCKET_PATH_MAX + 1];
	int length = snprintf(path, sizeof(path), "%s/%s", registry->directory, request->endpoint);
	if (length < 0 || length > UNIX_SOCKET_PATH_MAX)
		return err_set(
			err, -ENAMETOOLONG,
			"failed to dial device plugin: the socket's path has more than %d bytes",
			UNIX_SOCKET_PATH_MAX);
	if (registry->count == REGISTRATIONS_MAX)
		return err_set(err, -ENOSPC, "this node takes at most %d plugins at a time",
			       REGISTRATIONS_MAX);

	struct registration *registration = calloc(1, sizeof(*registration));
	if (!registration)
		return err_errno(err, -ENOMEM, "registration");
	registration->registry = registry;
	registration->owner = (struct endpoint_owner){ take_options, take_list, end_list };
	registration->call = call;
	registration->socket = strdup(request->endpoint);
	int r = registration->socket
			? endpoint_open(registry->loop, path, request->resource_name,
					&registration->owner, &registration->endpoint, err)
			: err_errno(err, -ENOMEM, "registration");
	if (r < 0) {
		registration_free(registration);
		return r;
	}
	registration->next = registry->registrations;
	registry->registrations = registration;
	registry->count++;
	return 0;
}

static void on_register(struct rpc_service *service, struct rpc_call *call, const uint8_t *message,
			size_t length)
{
	struct registry *registry = container_of(service, struct registry, service);
	struct err err = ERR_INIT;
	Wire__RegisterRequest *request = wire__register_request__unpack(NULL, length, message);
	if (!request) {
		rpc_call_finish(call, RPC_INTERNAL, "the request is not a RegisterRequest");
		return;
	}
	int r = check_request(request, &err);
	if (r == 0)
		r = start_registration(registry, call, request, &err);
	if (r < 0)
		refuse(registry, call, request->resource_name, err.msg);
	wire__register_request__free_unpacked(request, NULL);
}

static void on_gone(struct rpc_service *service, struct rpc_call *call)
{
	struct registry *registry = container_of(service, struct registry, service);
	struct registration *registration = registry->registrations;
	for (; registration; registration = registration->next)
		if (registration->call == call)
			registration->call = NULL;
}

static const struct rpc_method methods[] = {
	{ "/v1beta1.Registration/Register", on_register },
};

/* What kubelet does at each start: a plugin whose socket is gone knows that it must come again. */
static int wipe_sockets(const char *directory, struct err *err)
{
	DIR *entries = opendir(directory);
	if (!entries)
		return err_errno(err, -errno, "%s", directory);
	int r = 0;
	const struct dirent *entry;
	while (r == 0 && (entry = readdir(entries))) {
		struct stat status;
		if (fstatat(dirfd(entries), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISSOCK(status.st_mode))
			continue;
		if (unlinkat(dirfd(entries), entry->d_name, 0) < 0 && errno != ENOENT)
			r = err_errno(err, -errno, "%s/%s", directory, entry->d_name);
	}
	(void)closedir(entries);
	return r;
}

static int listen_at(struct registry *registry, struct err *err)
{
	char path[UNIX_SOCKET_PATH_MAX + 1];
	int length = snprintf(path, sizeof(path), "%s/%s", registry->directory, KUBELET_SOCKET);
	if (length < 0 || length > UNIX_SOCKET_PATH_MAX)
		return err_set(err, -ENAMETOOLONG, "%s: a socket's path has at most %d bytes",
			       registry->directory, UNIX_SOCKET_PATH_MAX);
	if (mkdir(registry->directory, DIRECTORY_MODE) < 0 && errno != EEXIST)
		return err_errno(err, -errno, "%s", registry->directory);
	int r = wipe_sockets(registry->directory, err);
	if (r < 0)
		return r;
	return rpc_server_start(registry->loop, path, &registry->service, &registry->server, err);
}

int registry_start(uv_loop_t *loop, const char *directory, struct registry_owner *owner,
		   struct registry **ret, struct err *err)
{
	struct registry *registry = calloc(1, sizeof(*registry));
	if (!registry)
		return err_errno(err, -ENOMEM, "registration server");
	registry->loop = loop;
	registry->owner = owner;
	registry->service = (struct rpc_service){ methods, ARRAY_LEN(methods), on_gone };
	(void)uv_idle_init(loop, &registry->sweep); /* cannot fail */
	registry->directory = strdup(directory);
	int r = registry->directory ? listen_at(registry, err)
				    : err_errno(err, -ENOMEM, "%s", directory);
	if (r < 0) {
		registry_stop(registry);
		return r;
	}
	*ret = registry;
	return 0;
}

void registry_disconnect(struct registry *registry, const struct endpoint *endpoint)
{
	struct registration *registration = registry->registrations;
	for (; registration; registration = registration->next)
		if (registration->endpoint == endpoint)
			finish_later(registration);
}

static void free_registry(uv_handle_t *handle)
{
	struct registry *registry = container_of((uv_idle_t *)handle, struct registry, sweep);
	free(registry->directory);
	free(registry);
}

void registry_stop(struct registry *registry)
{
	if (!registry)
		return;
	registry->is_stopping = true;
	rpc_server_stop(registry->server);
	while (registry->registrations) {
		struct registration *registration = registry->registrations;
		registry->registrations = registration->next;
		registration_free(registration);
	}
	uv_close((uv_handle_t *)&registry->sweep, free_registry);
}
