/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The node agent: wires the modules on one loop and decides when it ends. The driver's answers and
 * events become a belief (vitals), which with the settings and what pods hold (occupancy) makes
 * what kubelet is told (offer); reload replaces the settings.
 */
#include "agent/agent.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "agent/endpoints.h"
#include "agent/occupancy.h"
#include "agent/offer.h"
#include "agent/reload.h"
#include "agent/report.h"
#include "agent/vitals.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "driver/driver.h"
#include "kubelet/nodes.h"

static const int signal_numbers[] = { SIGTERM, SIGINT, SIGQUIT, SIGHUP };

enum {
	SIGNALS = ARRAY_LEN(signal_numbers),
};

struct agent {
	uv_loop_t loop;
	uv_signal_t signals[SIGNALS];
	struct agent_source *source; /* borrowed, as the next */
	const char *executable;      /* of rota */
	struct settings *settings;   /* owned; in force */
	struct reload reload;
	struct driver *driver; /* owned, as the next two */
	char *driver_root;     /* what it was started with */
	char *root;
	struct driver_listener driver_listener;
	struct vitals vitals;
	struct occupancy occupancy;
	struct offer offer;
	struct endpoints endpoints;
	uint64_t started_ns;
	bool is_stopped;
	struct err failure; /* why we stop; code 0 for a signal */
};

/* A second signal must not cut the end short: its handler is gone, so it would kill us. */
static void block_signals(void)
{
	sigset_t set;
	(void)sigemptyset(&set); /* these fail only for a number that is no signal */
	for (size_t i = 0; i < SIGNALS; i++)
		(void)sigaddset(&set, signal_numbers[i]);
	(void)pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void stop(struct agent *agent)
{
	if (agent->is_stopped)
		return;
	agent->is_stopped = true;
	block_signals();
	for (size_t i = 0; i < SIGNALS; i++)
		uv_close((uv_handle_t *)&agent->signals[i], NULL);
	reload_stop(&agent->reload);
	offer_stop(&agent->offer);
	occupancy_stop(&agent->occupancy);
	endpoints_stop(&agent->endpoints);
	driver_stop(TAKE_PTR(agent->driver));
}

static void on_failure(struct offer *offer, const struct err *err)
{
	struct agent *agent = container_of(offer, struct agent, offer);
	agent->failure = *err;
	stop(agent);
}

static void on_occupancy(struct occupancy *occupancy)
{
	offer_renew_held(&container_of(occupancy, struct agent, occupancy)->offer);
}

/* A device that is ill is watched closely, so that it returns soon after it is well. */
static void on_snapshot(struct driver_listener *listener, struct snapshot *snapshot,
			uint64_t asked_ns)
{
	struct agent *agent = container_of(listener, struct agent, driver_listener);
	bool is_news = vitals_observe(&agent->vitals, agent->settings, snapshot, asked_ns);
	driver_hurry(agent->driver, health_is_anyone_ill(&agent->vitals.health));
	if (is_news)
		offer_renew(&agent->offer);
}

static void on_event(struct driver_listener *listener, const struct device_event *event)
{
	struct agent *agent = container_of(listener, struct agent, driver_listener);
	bool is_news = vitals_event(&agent->vitals, agent->settings, event, uv_hrtime());
	driver_hurry(agent->driver, health_is_anyone_ill(&agent->vitals.health));
	if (is_news)
		offer_update(&agent->offer);
}

static void on_fault(struct driver_listener *listener, enum driver_fault fault, const char *text)
{
	struct agent *agent = container_of(listener, struct agent, driver_listener);
	vitals_fault(&agent->vitals, text);
	bool is_fatal = fault == DRIVER_FAULT_INIT && !agent->vitals.told &&
			agent->settings->fail_on_init_error;
	if (is_fatal) {
		/* A line of its own: a long cause would cut it off. */
		log_warn("no driver at the start, so the agent ends; with "
			 "--fail-on-init-error=false it waits for one");
		(void)err_set(&agent->failure, -ENODEV, "%s", text);
		stop(agent);
		return;
	}
	log_error(agent->vitals.told ? "driver does not answer, its GPUs are unhealthy meanwhile"
				     : "driver does not answer, waiting for it",
		  KV_STR("cause", text));
	offer_update(&agent->offer);
}

static void on_warning(struct driver_listener *listener, const char *text)
{
	(void)listener;
	log_warn("driver has a complaint, going on", KV_STR("cause", text));
}

/* Once for each configuration: a channel that containers must have, or a warning. */
static int check_imex(const struct settings *settings, struct err *err)
{
	struct err cause = ERR_INIT;
	int r = nodes_check_imex(settings, settings->root, &cause);
	if (r < 0 && settings->imex_required)
		return err_set(err, r, "%s", cause.msg);
	if (r < 0)
		log_warn("the IMEX channel is not there, containers go without it until it is",
			 KV_STR("node", ALLOCATION_IMEX_NODE));
	return 0;
}

/* The paths outlive the settings that they are from, which a reload replaces. */
static int start_driver(struct agent *agent, struct err *err)
{
	free(agent->driver_root);
	free(agent->root);
	agent->driver_root = strdup(agent->settings->container_driver_root);
	agent->root = strdup(agent->settings->root);
	if (!agent->driver_root || !agent->root)
		return err_set(err, -ENOMEM, "out of memory");
	const struct driver_options options = {
		.executable = agent->executable,
		.container_driver_root = agent->driver_root,
		.root = agent->root,
		.deadline_ns = agent->settings->driver_deadline_ns,
	};
	return driver_start(&agent->loop, &options, &agent->driver_listener, &agent->driver, err);
}

/* The driver's library is looked for anew only by another process. The one that is stopped starts
 * no more processes, so it needs its paths no more. */
static void renew_driver(struct agent *agent)
{
	struct err err = ERR_INIT;
	driver_stop(TAKE_PTR(agent->driver));
	if (start_driver(agent, &err) == 0)
		return;
	agent->failure = err;
	stop(agent);
}

static int load(struct reload *reload, struct settings **ret, struct err *err)
{
	struct agent *agent = container_of(reload, struct agent, reload);
	return agent->source->load(agent->source, ret, err);
}

static void take_over(struct agent *agent, struct settings *settings)
{
	struct settings *old = agent->settings;
	agent->settings = settings;
	if (strcmp(old->container_driver_root, settings->container_driver_root) != 0)
		renew_driver(agent);
	(void)settings_free(old);
	if (vitals_follow(&agent->vitals, settings))
		offer_update(&agent->offer);
	occupancy_ask(&agent->occupancy);
}

static int follow(struct reload *reload, struct settings *settings, struct err *err)
{
	struct agent *agent = container_of(reload, struct agent, reload);
	int r = check_imex(settings, err);
	if (r == 0)
		r = offer_follow(&agent->offer, settings, err);
	if (r == 0)
		take_over(agent, settings);
	return r;
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct agent *agent = container_of(handle->loop, struct agent, loop);
	if (number == SIGHUP) {
		reload_now(&agent->reload);
		driver_refresh(agent->driver);
		return;
	}
	log_info("stopping", KV_STR("signal", sigabbrev_np(number)));
	stop(agent);
}

static struct report look(struct endpoints *endpoints)
{
	const struct agent *agent = container_of(endpoints, struct agent, endpoints);
	const struct offer *offer = &agent->offer;
	struct report report = {
		.settings = agent->settings,
		.refusal = agent->reload.refusal,
		.refused_since = agent->reload.refused_since,
		.snapshot = agent->vitals.believed,
		.fault = agent->vitals.fault,
		.plan = &offer->adverts.plan,
		.undescribed = offer->description.fault,
		.is_held_known = agent->occupancy.is_known,
		.xids = agent->vitals.xids,
		.uptime_seconds = (uv_hrtime() - agent->started_ns) / CLOCK_NS_PER_S,
	};
	report.plugins_count = adverts_report(&offer->adverts, report.plugins);
	return report;
}

static void start_signals(struct agent *agent)
{
	for (size_t i = 0; i < SIGNALS; i++) {
		(void)uv_signal_init(&agent->loop, &agent->signals[i]); /* the loop is set up */
		int r = uv_signal_start(&agent->signals[i], on_signal, signal_numbers[i]);
		if (r < 0)
			log_warn("cannot catch a signal, going on without it",
				 KV_I64("signal", signal_numbers[i]),
				 KV_STR("cause", uv_strerror(r)));
	}
}

static int run(struct agent *agent, struct err *err)
{
	int r = uv_loop_init(&agent->loop);
	if (r < 0)
		return err_set(err, r, "event loop: %s", uv_strerror(r));
	/* libuv writes with write(2): a peer that is gone would end us instead of the write. */
	(void)signal(SIGPIPE, SIG_IGN);
	start_signals(agent);
	endpoints_start(&agent->endpoints, &agent->loop, agent->settings);
	reload_start(&agent->reload, &agent->loop, agent->settings);
	occupancy_start(&agent->occupancy, &agent->loop, agent->settings->pod_resources_socket);
	offer_start(&agent->offer, &agent->loop, agent->settings, &agent->vitals,
		    &agent->occupancy);
	r = start_driver(agent, err);
	if (r < 0)
		stop(agent);
	(void)uv_run(&agent->loop, UV_RUN_DEFAULT); /* ends when stop() has closed every handle */
	(void)uv_loop_close(&agent->loop);
	if (r < 0)
		return r;
	*err = agent->failure;
	return agent->failure.code;
}

int agent_run(const char *executable, struct agent_source *source, struct err *err)
{
	cleanup_free struct agent *agent = calloc(1, sizeof(*agent));
	if (!agent)
		return err_set(err, -ENOMEM, "out of memory");
	agent->source = source;
	agent->executable = executable;
	agent->driver_listener = (struct driver_listener){
		.on_snapshot = on_snapshot,
		.on_fault = on_fault,
		.on_warning = on_warning,
		.on_event = on_event,
	};
	agent->offer.on_failure = on_failure;
	agent->occupancy.on_change = on_occupancy;
	agent->reload.load = load;
	agent->reload.follow = follow;
	agent->endpoints.look = look;
	agent->started_ns = uv_hrtime();
	int r = source->load(source, &agent->settings, err);
	if (r < 0)
		return r;
	log_info("agent starts", KV_STR("version", ROTA_VERSION),
		 KV_STR("config", agent->settings->config_file));
	r = check_imex(agent->settings, err);
	if (r == 0)
		r = run(agent, err);
	vitals_done(&agent->vitals);
	free(agent->driver_root);
	free(agent->root);
	(void)settings_free(agent->settings);
	return r;
}
