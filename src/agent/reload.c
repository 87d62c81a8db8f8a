/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See reload.h. The file is read on the loop: one of at most 1 MiB on the node's own disk or
 * memory, and only when it changed, or a person or a tool asks for it by SIGHUP. One that this node
 * cannot follow is tried again, since nodes change: a GPU is being partitioned, a channel is made.
 */
#include "agent/reload.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "base/log.h"

static void note_refusal(struct reload *reload, const char *cause)
{
	if (reload->refusal[0] == '\0')
		reload->refused_since = time(NULL);
	(void)snprintf(reload->refusal, sizeof(reload->refusal), "%s",
		       cause); /* as long as an err's text */
	if (repeat_is_due(&reload->repeat, cause, uv_hrtime()))
		log_error("new configuration refused, keeping the old one", KV_STR("cause", cause));
}

static void on_retry(uv_timer_t *timer);

static void read_anew(struct reload *reload)
{
	struct err err = ERR_INIT;
	cleanup_settings struct settings *settings = NULL;
	(void)uv_timer_stop(&reload->retry); /* cannot fail on a live timer */
	int r = reload->load(reload, &settings, &err);
	if (r < 0) {
		note_refusal(reload, err.msg);
		return;
	}
	const char *file = settings->config_file;
	r = reload->follow(reload, settings, &err);
	if (r < 0) {
		note_refusal(reload, err.msg);
		(void)uv_timer_start(&reload->retry, on_retry, RELOAD_RETRY_MS,
				     0); /* fails only while closing */
		return;
	}
	(void)TAKE_PTR(settings); /* in force */
	reload->refusal[0] = '\0';
	log_info("configuration read again", KV_STR("file", file));
}

static void on_retry(uv_timer_t *timer)
{
	read_anew(container_of(timer, struct reload, retry));
}

static void on_change(struct config_watch *watch)
{
	struct reload *reload = container_of(watch, struct reload, watch);
	log_info("configuration file changed", KV_STR("file", watch->path));
	read_anew(reload);
}

void reload_start(struct reload *reload, uv_loop_t *loop, const struct settings *settings)
{
	(void)uv_timer_init(loop, &reload->retry); /* only sets fields */
	reload->watch.on_change = on_change;
	if (settings->config_file[0] == '\0')
		return;
	if (config_watch_start(&reload->watch, loop, settings->config_file,
			       settings->config_digest) < 0)
		log_warn("cannot watch the configuration file, SIGHUP reads it again; its path is "
			 "too long",
			 KV_STR("file", settings->config_file));
}

void reload_now(struct reload *reload)
{
	config_watch_settle(&reload->watch);
	read_anew(reload);
}

void reload_stop(struct reload *reload)
{
	uv_close((uv_handle_t *)&reload->retry, NULL);
	config_watch_stop(&reload->watch);
}
