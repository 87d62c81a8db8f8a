/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See adverts.h. All lists are worked out before any is handed over. The configured name comes
 * first, and its failure leaves all as it was; a name that only lingers must not hold it up.
 */
#include "agent/adverts.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/log.h"

/* The lists of one update; owned. */
struct lists {
	struct resource *items[RESOURCE_NAMES];
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
	[PLUGIN_WATCHED] = { LOG_INFO, "kubelet watches the list of replicas", NULL, false },
	[PLUGIN_UNWATCHED] = { LOG_WARN,
			       "kubelet stopped watching, registering again when it is there", NULL,
			       false },
	[PLUGIN_REFUSED] = { LOG_WARN, "request of kubelet refused", "cause", true },
};

static void on_plugin_event(struct plugin_listener *listener, enum plugin_event event,
			    const char *text)
{
	struct advert *advert = container_of(listener, struct advert, listener);
	if (plugin_lines[event].is_limited &&
	    !repeat_is_due(&advert->adverts->repeat, text, uv_hrtime()))
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
	for (size_t i = 0; i < RESOURCE_NAMES; i++)
		lists->items[i] = resource_free(lists->items[i]);
}

static int make_lists(const struct settings *settings, const struct snapshot *snapshot,
		      const struct held *held, struct lists *ret, struct err *err)
{
	for (size_t i = 0; i < RESOURCE_NAMES; i++) {
		struct snapshot *copy = snapshot_copy(snapshot);
		if (!copy)
			return err_set(err, -ENOMEM, "out of memory");
		int r = resource_new_named(settings, resource_name(i), copy, held, &ret->items[i],
					   err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* @resource is taken. */
static int hand_over(struct advert *advert, const struct settings *settings,
		     struct resource *resource, struct err *err)
{
	size_t count = resource->replicas_count;
	size_t healthy = resource_healthy_count(resource);
	bool is_new = !advert->plugin;
	int r = is_new ? plugin_start(advert->adverts->loop, settings, resource, &advert->listener,
				      &advert->plugin, err)
		       : plugin_update(advert->plugin, settings, resource, err);
	if (r > 0 || (r == 0 && is_new))
		log_info("replicas advertised", KV_STR("resource", advert->name),
			 KV_U64("count", count), KV_U64("healthy", healthy));
	return r < 0 ? r : 0;
}

/* A name that is not configured: it goes with the last id that a pod holds. A plugin that cannot be
 * told the new settings must not keep the old ones. */
static void linger(struct advert *advert, const struct settings *settings,
		   struct resource *resource)
{
	if (resource->replicas_count == 0) {
		(void)resource_free(resource);
		plugin_stop(TAKE_PTR(advert->plugin));
		return;
	}
	struct err err = ERR_INIT;
	if (hand_over(advert, settings, resource, &err) == 0)
		return;
	log_error("cannot advertise what pods still hold under an old name",
		  KV_STR("resource", advert->name), KV_STR("cause", err.msg));
	plugin_stop(TAKE_PTR(advert->plugin));
}

static bool is_idle(const struct adverts *adverts)
{
	for (size_t i = 0; i < RESOURCE_NAMES; i++)
		if (adverts->items[i].plugin)
			return false;
	return true;
}

static int hand_over_all(struct adverts *adverts, const struct settings *settings,
			 struct lists *lists, struct err *err)
{
	size_t own = 0;
	while (resource_name(own) != resource_name_of(settings))
		own++;
	if (lists->items[own]->replicas_count == 0 && is_idle(adverts)) {
		if (!adverts->is_idle_said)
			log_warn("no GPU on this node, waiting for one; if there should be one, "
				 "see what nvidia-smi says on the host");
		adverts->is_idle_said = true;
		return 0;
	}
	adverts->is_idle_said = false;
	int r = hand_over(&adverts->items[own], settings, TAKE_PTR(lists->items[own]), err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < RESOURCE_NAMES; i++)
		if (i != own)
			linger(&adverts->items[i], settings, TAKE_PTR(lists->items[i]));
	return 0;
}

void adverts_init(struct adverts *adverts, uv_loop_t *loop)
{
	adverts->loop = loop;
	for (size_t i = 0; i < RESOURCE_NAMES; i++)
		adverts->items[i] = (struct advert){
			.adverts = adverts,
			.name = resource_name(i),
			.listener = { on_plugin_event, on_allocated },
		};
}

int adverts_update(struct adverts *adverts, const struct settings *settings,
		   const struct snapshot *snapshot, const struct held *held, struct err *err)
{
	struct lists lists = { 0 };
	int r = make_lists(settings, snapshot, held, &lists, err);
	if (r == 0)
		r = hand_over_all(adverts, settings, &lists, err);
	lists_done(&lists);
	return r;
}

size_t adverts_report(const struct adverts *adverts,
		      struct plugin_report ret[static RESOURCE_NAMES])
{
	size_t count = 0;
	for (size_t i = 0; i < RESOURCE_NAMES; i++)
		if (adverts->items[i].plugin)
			plugin_report(adverts->items[i].plugin, &ret[count++]);
	return count;
}

void adverts_stop(struct adverts *adverts)
{
	for (size_t i = 0; i < RESOURCE_NAMES; i++)
		plugin_stop(TAKE_PTR(adverts->items[i].plugin));
}
