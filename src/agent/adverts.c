/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See adverts.h. All lists are worked out before any is handed over, and what is new is started
 * before what is there is changed, so that a failure leaves all as it was.
 */
#include "agent/adverts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/repeat.h"
#include "base/cleanup.h"
#include "base/log.h"

struct advert {
	struct adverts *adverts; /* borrowed, its owner */
	struct list node;        /* in adverts->items */
	struct plugin *plugin;   /* owned */
	struct plugin_listener listener;
	struct repeat repeat;
	bool is_new;      /* started in this update */
	bool was_watched; /* and is watched no more, or is again */
	char name[RESOURCE_NAME_BYTES];
};

/* The plan and the lists of one update; owned. */
struct lists {
	struct plan plan;
	struct resource *items[ADVERTS_MAX]; /* NULL: handed over */
	size_t count;
};

/* How an event of the plugin reads in the log; key is that of its text, NULL when it has none. */
static const struct {
	enum log_level level;
	const char *event;
	const char *key;
	bool is_limited; /* comes again and again while its cause lasts */
} plugin_lines[] = {
	[PLUGIN_SERVING] = { LOG_INFO, "device plugin listens", "socket", false },
	[PLUGIN_SERVE_FAILED] = { LOG_ERROR, "device plugin cannot listen, trying again", "cause",
				  true },
	[PLUGIN_AWAITING] = { LOG_WARN,
			      "kubelet's socket is not there, waiting for it; if kubelet runs, is its "
			      "device-plugins directory mounted here?",
			      "kubelet", false },
	[PLUGIN_REGISTERED] = { LOG_INFO, "registered with kubelet", "kubelet", false },
	[PLUGIN_REGISTER_FAILED] = { LOG_WARN, "kubelet did not register us, trying again", "cause",
				     true },
	[PLUGIN_WATCHED] = { LOG_INFO, "kubelet watches the list of replicas", NULL, true },
	[PLUGIN_UNWATCHED] = { LOG_WARN,
			       "kubelet stopped watching, registering again when it is there", NULL,
			       true },
	[PLUGIN_REFUSED] = { LOG_WARN, "request of kubelet refused", "cause", true },
};

static void on_plugin_event(struct plugin_listener *listener, enum plugin_event event,
			    const char *text)
{
	struct advert *advert = container_of(listener, struct advert, listener);
	advert->was_watched |= event == PLUGIN_UNWATCHED;
	if (advert->was_watched && (event == PLUGIN_WATCHED || event == PLUGIN_UNWATCHED))
		advert->adverts->on_kubelet(advert->adverts);
	if (plugin_lines[event].is_limited &&
	    !repeat_is_due(&advert->repeat, text[0] ? text : plugin_lines[event].event,
			   uv_hrtime()))
		return;
	const struct kv pairs[] = {
		{ 0 },
		KV_STR("resource", advert->name),
		KV_STR(plugin_lines[event].key, text),
	};
	log_event(plugin_lines[event].level, plugin_lines[event].event, pairs,
		  plugin_lines[event].key ? 3 : 2);
}

static void on_allocated(struct plugin_listener *listener, const struct id_text *ids, size_t count)
{
	struct advert *advert = container_of(listener, struct advert, listener);
	advert->adverts->on_allocated(advert->adverts, advert->name, ids, count);
}

static void lists_done(struct lists *lists)
{
	for (size_t i = 0; i < lists->count; i++)
		lists->items[i] = resource_free(lists->items[i]);
	plan_done(&lists->plan);
}

static struct advert *find_advert(const struct adverts *adverts, const char *name)
{
	list_for_each_safe (node, after, &adverts->items) {
		struct advert *advert = container_of(node, struct advert, node);
		if (strcmp(advert->name, name) == 0)
			return advert;
	}
	return NULL;
}

/* A name that this node cannot offer takes nothing else away. */
static int complain(struct plan *plan, const struct err *cause, struct err *err)
{
	if (plan->complaints_count == PLAN_COMPLAINTS_MAX)
		return 0; /* the first ones are kept */
	const char *text = arena_printf(&plan->arena, "%s", cause->msg);
	if (!text)
		return err_set(err, -ENOMEM, "out of memory");
	plan->complaints[plan->complaints_count++] = text;
	return 0;
}

static int make_list(struct lists *lists, const struct settings *settings, const char *name,
		     struct snapshot *snapshot, const struct held *held, struct err *err)
{
	cleanup_resource struct resource *resource = NULL;
	int r = resource_new(&lists->plan, name, snapshot_share(snapshot), held, &resource, err);
	if (r < 0 || resource->replicas_count == 0)
		return r;
	struct err unfit = ERR_INIT;
	if (plugin_check_name(settings->kubelet_socket, name, &unfit) < 0)
		return complain(&lists->plan, &unfit, err);
	if (lists->count == ADVERTS_MAX)
		return err_set(err, -E2BIG, "%s: more than %d resource names are held by pods",
			       name, ADVERTS_MAX);
	lists->items[lists->count++] = TAKE_PTR(resource);
	return 0;
}

static int make_lists(const struct settings *settings, struct snapshot *snapshot,
		      const struct held *held, struct lists *lists, struct err *err)
{
	int r = 0;
	for (size_t i = 0; i < lists->plan.names_count && r == 0; i++)
		r = make_list(lists, settings, lists->plan.names[i], snapshot, held, err);
	for (size_t i = 0; i < held->names_count && r == 0; i++)
		if (plan_find(&lists->plan, held->names[i]) == PLAN_NOT_ADVERTISED)
			r = make_list(lists, settings, held->names[i], snapshot, held, err);
	return r;
}

static void log_list(const struct advert *advert)
{
	struct plugin_report report;
	plugin_report(advert->plugin, &report);
	log_info("replicas advertised", KV_STR("resource", advert->name),
		 KV_U64("count", report.resource->replicas_count),
		 KV_U64("healthy", resource_healthy_count(report.resource)));
}

/* Its plugin forgets the listener that is in it. */
static void advert_stop(struct advert *advert)
{
	list_remove(&advert->node);
	plugin_stop(advert->plugin);
	free(advert);
}

/* @resource is taken. */
static int advert_start(struct adverts *adverts, const struct settings *settings,
			struct resource *resource, struct err *err)
{
	cleanup_resource struct resource *owned = resource;
	cleanup_free struct advert *advert = calloc(1, sizeof(*advert));
	if (!advert)
		return err_set(err, -ENOMEM, "%s: out of memory", resource->name);
	(void)snprintf(advert->name, sizeof(advert->name), "%s", resource->name); /* it fits */
	advert->adverts = adverts;
	advert->listener = (struct plugin_listener){ on_plugin_event, on_allocated };
	int r = plugin_start(adverts->loop, settings, TAKE_PTR(owned), &advert->listener,
			     &advert->plugin, err);
	if (r < 0)
		return r;
	advert->is_new = true;
	list_append(&adverts->items, &advert->node);
	(void)TAKE_PTR(advert); /* the list owns it */
	return 0;
}

/* Names that are not advertised yet; this is what can fail for reasons of the node, so it comes
 * first and is undone. */
static int start_missing(struct adverts *adverts, const struct settings *settings,
			 struct lists *lists, struct err *err)
{
	int r = 0;
	for (size_t i = 0; i < lists->count && r == 0; i++)
		if (!find_advert(adverts, lists->items[i]->name))
			r = advert_start(adverts, settings, TAKE_PTR(lists->items[i]), err);
	list_for_each_safe (node, after, &adverts->items) {
		struct advert *advert = container_of(node, struct advert, node);
		if (advert->is_new && r < 0)
			advert_stop(advert);
		else if (advert->is_new)
			log_list(advert);
	}
	return r;
}

/* A plugin that cannot be told the new settings must not keep the old ones; the next update starts
 * it again. @resource is taken. */
static void advert_update(struct advert *advert, const struct settings *settings,
			  struct resource *resource)
{
	struct err err = ERR_INIT;
	int r = plugin_update(advert->plugin, settings, resource, &err);
	if (r > 0)
		log_list(advert);
	if (r >= 0)
		return;
	log_error("cannot advertise a resource, trying again", KV_STR("resource", advert->name),
		  KV_STR("cause", err.msg));
	advert_stop(advert);
}

/* A name that is gone: kubelet is told an empty list first, so that the node does not go on showing
 * what it had. */
static void advert_end(struct advert *advert, const struct settings *settings,
		       const struct plan *plan, struct snapshot *snapshot)
{
	struct resource *empty = NULL;
	if (resource_new(plan, advert->name, snapshot_share(snapshot), NULL, &empty, NULL) == 0)
		(void)plugin_update(advert->plugin, settings, empty, NULL); /* it ends anyway */
	log_info("resource is advertised no more", KV_STR("resource", advert->name));
	advert_stop(advert);
}

static void update_known(struct adverts *adverts, const struct settings *settings,
			 struct lists *lists, struct snapshot *snapshot)
{
	list_for_each_safe (node, after, &adverts->items) {
		struct advert *advert = container_of(node, struct advert, node);
		struct resource **list = NULL;
		for (size_t i = 0; i < lists->count && !advert->is_new; i++)
			if (lists->items[i] && strcmp(lists->items[i]->name, advert->name) == 0)
				list = &lists->items[i];
		if (list)
			advert_update(advert, settings, TAKE_PTR(*list));
		else if (!advert->is_new)
			advert_end(advert, settings, &lists->plan, snapshot);
		else
			advert->is_new = false;
	}
}

static bool has_complaint(const struct plan *plan, const char *text)
{
	for (size_t i = 0; i < plan->complaints_count; i++)
		if (strcmp(plan->complaints[i], text) == 0)
			return true;
	return false;
}

/* What is new about the plan, each thing once. */
static void log_plan(struct adverts *adverts, const struct plan *plan)
{
	const struct plan *old = &adverts->plan;
	for (size_t i = 0; i < plan->complaints_count; i++)
		if (!has_complaint(old, plan->complaints[i]))
			log_warn("the node is not as configured, going on",
				 KV_STR("cause", plan->complaints[i]));
	if (plan->refusal && (!old->refusal || strcmp(old->refusal, plan->refusal) != 0))
		log_error("no device is offered; what pods hold stays",
			  KV_STR("cause", plan->refusal));
	bool is_idle = plan->devices_count == 0;
	if (is_idle && !adverts->is_idle_said)
		log_warn("no GPU on this node, waiting for one; if there should be one, see what "
			 "nvidia-smi says on the host");
	adverts->is_idle_said = is_idle;
}

void adverts_init(struct adverts *adverts, uv_loop_t *loop)
{
	adverts->loop = loop;
	list_init(&adverts->items);
}

int adverts_update(struct adverts *adverts, const struct settings *settings,
		   struct snapshot *snapshot, const struct held *held, struct err *err)
{
	CLEANUP(lists_done) struct lists lists = { 0 };
	int r = plan_make(settings, snapshot, &lists.plan, err);
	if (r == 0)
		r = make_lists(settings, snapshot, held, &lists, err);
	if (r == 0)
		r = start_missing(adverts, settings, &lists, err);
	if (r < 0)
		return r;
	update_known(adverts, settings, &lists, snapshot);
	log_plan(adverts, &lists.plan);
	struct plan old = adverts->plan;
	adverts->plan = lists.plan;
	lists.plan = old;
	return 0;
}

size_t adverts_report(const struct adverts *adverts, struct plugin_report ret[static ADVERTS_MAX])
{
	size_t count = 0;
	list_for_each_safe (node, after, &adverts->items) {
		struct advert *advert = container_of(node, struct advert, node);
		if (count < ADVERTS_MAX)
			plugin_report(advert->plugin, &ret[count++]);
	}
	return count;
}

void adverts_stop(struct adverts *adverts)
{
	list_for_each_safe (node, after, &adverts->items)
		advert_stop(container_of(node, struct advert, node));
	plan_done(&adverts->plan);
}
