/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device plugin for one resource: serves DevicePlugin on a socket beside kubelet's and keeps
 * itself registered. Nothing here blocks or logs; what happens is told to the listener.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "core/resource.h"
#include "core/settings.h"

struct plugin;

enum plugin_event {
	PLUGIN_SERVING,         /* text: our socket */
	PLUGIN_SERVE_FAILED,    /* text: cause and remedy; tried again */
	PLUGIN_AWAITING,        /* kubelet's socket is not there; text: its path */
	PLUGIN_REGISTERED,      /* text: kubelet's socket */
	PLUGIN_REGISTER_FAILED, /* text: cause; tried again */
	PLUGIN_WATCHED,         /* kubelet opened ListAndWatch */
	PLUGIN_UNWATCHED,       /* the last ListAndWatch ended */
	PLUGIN_REFUSED,         /* a call of kubelet was refused; text: what it was told */
};

/* Embedded in its owner, which is found again by container_of. @text is borrowed for the call, ""
 * when there is none. */
struct plugin_listener {
	void (*on_event)(struct plugin_listener *listener, enum plugin_event event,
			 const char *text);
	/* Kubelet is told that a container gets these ids; borrowed for the call. */
	void (*on_allocated)(struct plugin_listener *listener, const struct id_text *ids,
			     size_t count);
};

/* For the status of the agent; texts are borrowed from the plugin. */
struct plugin_report {
	const struct resource *resource;
	const char *socket;
	bool is_registered; /* kubelet watches us */
	uint64_t registrations;
	uint64_t allocations;
	uint64_t refusals;
};

/**
 * Whether a plugin of this resource can have its socket beside kubelet's.
 *
 * @kubelet_socket  as in the settings.
 *
 * Returns 0, or -ENAMETOOLONG, as plugin_start() would.
 */
int plugin_check_name(const char *kubelet_socket, const char *resource, struct err *err);

/**
 * Start to serve and register; goes on trying for as long as it lives.
 *
 * @settings  borrowed, must outlive the plugin or be replaced by plugin_update().
 * @resource  taken, also on failure.
 *
 * Returns 0, -ENAMETOOLONG (a socket path), -EMSGSIZE (list too large for kubelet), -ENOMEM.
 */
int plugin_start(uv_loop_t *loop, const struct settings *settings, struct resource *resource,
		 struct plugin_listener *listener, struct plugin **ret, struct err *err);

/** Advertise this from now on: 1 when kubelet's list changes, 0 when not; errors as plugin_start().
 * @resource is taken. */
int plugin_update(struct plugin *plugin, const struct settings *settings, struct resource *resource,
		  struct err *err);

void plugin_report(const struct plugin *plugin, struct plugin_report *ret);

/** End streams and calls, remove our socket, forget the listener. Memory goes when the loop has
 * closed the handles. NULL is allowed. */
void plugin_stop(struct plugin *plugin);
