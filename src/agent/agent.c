/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The node agent. Two things change what is advertised, the settings and the driver's snapshot;
 * both end in advertise(), which works out the resource and hands the plugin the difference. What
 * cannot be advertised changes nothing: the old list stays and the log says why.
 */
#include "agent/agent.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uv.h>

#include "agent/adverts.h"
#include "agent/config_watch.h"
#include "agent/description.h"
#include "agent/repeat.h"
#include "agent/report.h"
#include "agent/vitals.h"
#include "agent/web.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "control/control.h"
#include "core/missing.h"
#include "core/resource.h"
#include "driver/driver.h"
#include "kubelet/nodes.h"
#include "kubelet/pods.h"

static const int signal_numbers[] = { SIGTERM, SIGINT, SIGQUIT, SIGHUP };

/* Kubelet lists an id only after it has our answer to Allocate. */
#define PODS_GRACE_NS UINT64_C(10000000000)

enum {
	SIGNALS = ARRAY_LEN(signal_numbers),
	CONTROL_RETRY_MS = 5000, /* an agent that we replace goes away, a directory is mounted */
	ADVERTISE_RETRY_MS = 1000,
	RELOAD_RETRY_MS = 5000,
};

struct agent {
	uv_loop_t loop;
	uv_signal_t signals[SIGNALS];
	struct agent_source *source; /* borrowed, as the next */
	const char *executable;      /* of rota */
	struct settings *settings;   /* owned */
	struct config_watch config_watch;
	struct report_refusal refusal; /* of the file on disk; "" while it is in force */
	struct driver *driver;         /* owned, as the next */
	char *driver_root;             /* what it was started with */
	char *root;
	struct driver_listener driver_listener;
	struct vitals vitals; /* of the devices */
	struct adverts adverts;
	uv_timer_t advertise_retry; /* runs after memory was out */
	struct pods *pods;          /* owned; NULL when kubelet is not to be asked what pods hold */
	struct pods_listener pods_listener;
	struct repeat pods_repeat;
	struct held held;
	struct description description;
	uv_timer_t description_timer; /* the next look at it */
	uv_timer_t reload_retry;      /* runs while the node cannot follow the file */
	struct repeat refusal_repeat;
	bool is_held_known; /* kubelet has answered, or will not */
	bool was_offered;   /* the node could be advertised as it was asked for, once */
	struct repeat advertise_repeat;
	bool is_absence_said;    /* that it cannot be asked */
	struct control *control; /* owned; NULL when there is no place for its socket */
	struct control_handler control_handler;
	uv_timer_t control_retry; /* runs while there is no place */
	struct http_server *http; /* owned; NULL when none is asked for or its port is taken */
	struct http_handler http_handler;
	uint64_t started_ns;
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

static void close_once(void *handle)
{
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void stop(struct agent *agent)
{
	block_signals();
	for (size_t i = 0; i < SIGNALS; i++)
		close_once(&agent->signals[i]);
	close_once(&agent->control_retry);
	close_once(&agent->advertise_retry);
	close_once(&agent->description_timer);
	close_once(&agent->reload_retry);
	config_watch_stop(&agent->config_watch);
	adverts_stop(&agent->adverts);
	pods_stop(TAKE_PTR(agent->pods));
	control_stop(TAKE_PTR(agent->control));
	http_stop(TAKE_PTR(agent->http));
	driver_stop(TAKE_PTR(agent->driver));
}

/* Advertise what follows from @settings, what is believed of the devices and what pods hold. On
 * failure all stays as it was. Before it is known what pods hold, an id of theirs could be
 * missing. */
static int advertise(struct agent *agent, const struct settings *settings, struct err *err)
{
	if (!agent->vitals.believed || !agent->is_held_known)
		return 0;
	cleanup_snapshot struct snapshot *offered = missing_join(agent->vitals.believed,
								 &agent->held);
	if (!offered || description_mark(&agent->description, offered) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	return adverts_update(&agent->adverts, settings, offered, &agent->held, err);
}

/* A node that cannot be advertised as it was asked for ends the agent at its start, as NVIDIA's
 * plugin does; later it must not. */
static void stop_if_refused(struct agent *agent)
{
	const char *refusal = agent->adverts.plan.refusal;
	bool is_fatal = refusal && !agent->was_offered && agent->settings->fail_on_init_error;
	agent->was_offered |= agent->vitals.believed && agent->is_held_known && !refusal;
	if (!is_fatal)
		return;
	(void)err_set(&agent->failure, -EINVAL, "%s", refusal);
	stop(agent);
}

static void on_advertise_retry(uv_timer_t *timer);
static void look_after_description(struct agent *agent);

/* Memory may be there again later, when neither the driver nor kubelet has news for us. */
static void advertise_or_log(struct agent *agent)
{
	struct err err = ERR_INIT;
	int r = advertise(agent, agent->settings, &err);
	if (r < 0 && repeat_is_due(&agent->advertise_repeat, err.msg, uv_hrtime()))
		log_error("cannot advertise, keeping what was advertised before",
			  KV_STR("cause", err.msg));
	if (r == -ENOMEM || agent->vitals.is_stale) /* starting it fails only while closing */
		(void)uv_timer_start(&agent->advertise_retry, on_advertise_retry,
				     ADVERTISE_RETRY_MS, 0);
	if (r == 0)
		stop_if_refused(agent);
}

static void on_advertise_retry(uv_timer_t *timer)
{
	struct agent *agent = container_of(timer, struct agent, advertise_retry);
	vitals_retry(&agent->vitals, agent->settings);
	advertise_or_log(agent);
}

/* Tell container runtimes what Allocate will name, before kubelet is offered any of it. The first
 * time there is nothing to go on with. False when the agent ends. */
static bool describe_or_stop(struct agent *agent)
{
	struct err err = ERR_INIT;
	int r = description_write(&agent->description, agent->settings, agent->vitals.told, &err);
	if (r < 0 && !description_is_begun(&agent->description)) {
		agent->failure = err;
		stop(agent);
		return false;
	}
	look_after_description(agent);
	return true;
}

static void on_description(uv_timer_t *timer)
{
	struct agent *agent = container_of(timer, struct agent, description_timer);
	bool was_faulty = agent->description.fault[0] != '\0';
	if (describe_or_stop(agent) && was_faulty)
		advertise_or_log(agent);
}

static void look_after_description(struct agent *agent)
{
	unsigned cdi = DEVICE_LIST_CDI_ANNOTATIONS | DEVICE_LIST_CDI_CRI;
	uint64_t ms = agent->description.fault[0] ? DESCRIPTION_RETRY_MS : DESCRIPTION_LOOK_MS;
	if ((agent->settings->device_list_strategies & cdi) != 0)
		(void)uv_timer_start(&agent->description_timer, on_description, ms,
				     0); /* fails only while closing */
	else
		(void)uv_timer_stop(&agent->description_timer); /* cannot fail */
}

/* A device that is ill is watched closely, so that it returns soon after it is well. */
static void on_snapshot(struct driver_listener *listener, struct snapshot *snapshot,
			uint64_t asked_ns)
{
	struct agent *agent = container_of(listener, struct agent, driver_listener);
	bool is_news = vitals_observe(&agent->vitals, agent->settings, snapshot, asked_ns);
	driver_hurry(agent->driver, health_is_anyone_ill(&agent->vitals.health));
	if (is_news && describe_or_stop(agent))
		advertise_or_log(agent);
}

static void on_event(struct driver_listener *listener, const struct device_event *event)
{
	struct agent *agent = container_of(listener, struct agent, driver_listener);
	bool is_news = vitals_event(&agent->vitals, agent->settings, event, uv_hrtime());
	driver_hurry(agent->driver, health_is_anyone_ill(&agent->vitals.health));
	if (is_news)
		advertise_or_log(agent);
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
	advertise_or_log(agent);
}

static void on_allocated(struct adverts *adverts, const char *resource, const struct id_text *ids,
			 size_t count)
{
	struct agent *agent = container_of(adverts, struct agent, adverts);
	struct id_text name = { resource, strlen(resource) };
	for (size_t i = 0; i < count; i++)
		if (held_add(&agent->held, name, ids[i], uv_hrtime()) < 0)
			log_warn("cannot keep in mind that an id was handed out; a smaller "
				 "configuration may take it off the list",
				 KV_STR("resource", resource));
	pods_ask(agent->pods);
}

static void on_held(struct pods_listener *listener, struct held *held, uint64_t asked_ns)
{
	struct agent *agent = container_of(listener, struct agent, pods_listener);
	uint64_t keep_ns = asked_ns > PODS_GRACE_NS ? asked_ns - PODS_GRACE_NS : 0;
	if (held_replace(&agent->held, held, keep_ns) < 0)
		log_warn("cannot take over what pods hold, keeping what was known");
	agent->is_held_known = true;
	advertise_or_log(agent);
}

/* What was known stays. */
static void on_pods_fault(struct pods_listener *listener, bool is_absent, const char *text)
{
	struct agent *agent = container_of(listener, struct agent, pods_listener);
	if (is_absent && !agent->is_absence_said)
		log_info("kubelet cannot be asked which ids pods hold, since its socket is not "
			 "here; those count that this agent hands out",
			 KV_STR("socket", text));
	if (!is_absent && repeat_is_due(&agent->pods_repeat, text, uv_hrtime()))
		log_warn("kubelet does not say which ids pods hold, trying again",
			 KV_STR("cause", text));
	agent->is_absence_said |= is_absent;
	if (agent->is_held_known)
		return;
	agent->is_held_known = true;
	advertise_or_log(agent);
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

/* Settings that this node cannot follow are refused as a file that cannot be read. */
static int check_plan(const struct agent *agent, const struct settings *settings, struct err *err)
{
	cleanup_plan struct plan plan = { 0 };
	if (!agent->vitals.believed)
		return 0;
	int r = plan_make(settings, agent->vitals.believed, &plan, err);
	return r == 0 && plan.refusal ? err_set(err, -EINVAL, "%s", plan.refusal) : r;
}

/* The first refusal of a row counts: since then the file is not the one in force. */
static void note_refusal(struct agent *agent, const char *cause)
{
	if (agent->refusal.cause[0] == '\0')
		agent->refusal.since = time(NULL);
	(void)snprintf(agent->refusal.cause, sizeof(agent->refusal.cause), "%s",
		       cause); /* as long as an err's text */
	if (repeat_is_due(&agent->refusal_repeat, cause, uv_hrtime()))
		log_error("new configuration refused, keeping the old one", KV_STR("cause", cause));
}

static void on_reload_retry(uv_timer_t *timer);
static void renew_driver(struct agent *agent);

/* All of a new configuration or nothing: names by index in a description are of no use to a list of
 * uuids. */
static int apply(struct agent *agent, const struct settings *settings, struct err *err)
{
	const struct snapshot *told = agent->vitals.told;
	int r = told ? description_write(&agent->description, settings, told, err) : 0;
	if (r == 0)
		r = advertise(agent, settings, err);
	if (r < 0 && told) /* the first failure is reported */
		(void)description_write(&agent->description, agent->settings, told, NULL);
	look_after_description(agent);
	return r;
}

/* What is asked for is in order; whether this node can follow now is another matter. */
static int follow(struct agent *agent, const struct settings *settings, struct err *err)
{
	int r = check_imex(settings, err);
	if (r == 0)
		r = check_plan(agent, settings, err);
	return r == 0 ? apply(agent, settings, err) : r;
}

static void take_over(struct agent *agent, struct settings *settings)
{
	struct settings *old = agent->settings;
	agent->settings = settings;
	if (strcmp(old->container_driver_root, settings->container_driver_root) != 0)
		renew_driver(agent);
	(void)settings_free(old);
	look_after_description(agent);
	pods_ask(agent->pods);
	agent->refusal.cause[0] = '\0';
	log_info("configuration read again", KV_STR("file", settings->config_file));
}

/* Reads a file on the loop: one of at most 1 MiB on the node's own disk or memory, and only when it
 * changed, or a person or a tool asks for it by SIGHUP. One that this node cannot follow is tried
 * again, since nodes change: a GPU is being partitioned, a channel is made. */
static void reload(struct agent *agent)
{
	struct err err = ERR_INIT;
	cleanup_settings struct settings *settings = NULL;
	(void)uv_timer_stop(&agent->reload_retry); /* cannot fail on a live timer */
	int r = agent->source->load(agent->source, &settings, &err);
	if (r < 0) {
		note_refusal(agent, err.msg);
		return;
	}
	r = follow(agent, settings, &err);
	if (r < 0) {
		note_refusal(agent, err.msg);
		(void)uv_timer_start(&agent->reload_retry, on_reload_retry, RELOAD_RETRY_MS,
				     0); /* fails only while closing */
		return;
	}
	take_over(agent, TAKE_PTR(settings));
}

static void on_reload_retry(uv_timer_t *timer)
{
	reload(container_of(timer, struct agent, reload_retry));
}

static void on_config_change(struct config_watch *watch)
{
	struct agent *agent = container_of(watch, struct agent, config_watch);
	log_info("configuration file changed", KV_STR("file", agent->settings->config_file));
	reload(agent);
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct agent *agent = container_of(handle->loop, struct agent, loop);
	if (number == SIGHUP) {
		config_watch_settle(&agent->config_watch);
		reload(agent);
		driver_refresh(agent->driver);
		return;
	}
	log_info("stopping", KV_STR("signal", sigabbrev_np(number)));
	stop(agent);
}

/* The state as of now. */
static struct report look(const struct agent *agent)
{
	struct report report = {
		.settings = agent->settings,
		.refusal = &agent->refusal,
		.snapshot = agent->vitals.believed,
		.fault = agent->vitals.fault,
		.plan = &agent->adverts.plan,
		.undescribed = agent->description.fault,
		.is_held_known = agent->is_held_known,
		.xids = agent->vitals.xids,
		.uptime_seconds = (uv_hrtime() - agent->started_ns) / CLOCK_NS_PER_S,
	};
	report.plugins_count = adverts_report(&agent->adverts, report.plugins);
	return report;
}

static char *on_request(struct control_handler *handler, const char *request)
{
	struct agent *agent = container_of(handler, struct agent, control_handler);
	if (strcmp(request, "status") != 0)
		return strdup("{\"error\": \"unknown request, known: status\"}");
	struct report report = look(agent);
	return report_json(&report);
}

static void on_page(struct http_handler *handler, const char *path, struct http_answer *answer)
{
	struct agent *agent = container_of(handler, struct agent, http_handler);
	struct report report = look(agent);
	web_answer(&report, path, answer);
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

static int open_control(struct agent *agent, struct err *err)
{
	return control_start(&agent->loop, agent->settings->agent_socket, &agent->control_handler,
			     &agent->control, err);
}

static void on_control_retry(uv_timer_t *timer)
{
	struct agent *agent = container_of(timer, struct agent, control_retry);
	struct err err = ERR_INIT; /* was said at the start */
	if (open_control(agent, &err) < 0)
		return;
	(void)uv_timer_stop(timer); /* cannot fail on a live timer */
	log_info("socket for `rota status` made", KV_STR("socket", agent->settings->agent_socket));
}

/* The socket serves `rota status` only, and NVIDIA's manifests give no place for it: its lack is no
 * reason not to serve kubelet. */
static void start_control(struct agent *agent)
{
	struct err err = ERR_INIT;
	(void)uv_timer_init(&agent->loop, &agent->control_retry); /* only sets fields */
	if (open_control(agent, &err) == 0)
		return;
	log_warn("no socket for `rota status`, going on without it and trying again",
		 KV_STR("cause", err.msg));
	(void)uv_timer_start(&agent->control_retry, on_control_retry, CONTROL_RETRY_MS,
			     CONTROL_RETRY_MS); /* fails only while closing */
}

/* Probes and metrics are no reason not to serve kubelet either. */
static void start_http(struct agent *agent)
{
	struct err err = ERR_INIT;
	if (agent->settings->http_listen[0] == '\0')
		return;
	if (http_start(&agent->loop, agent->settings->http_listen, &agent->http_handler,
		       &agent->http, &err) < 0)
		log_warn("no metrics and no probes, going on without them",
			 KV_STR("cause", err.msg));
}

static void start_config_watch(struct agent *agent)
{
	const struct settings *settings = agent->settings;
	if (settings->config_file[0] == '\0')
		return;
	if (config_watch_start(&agent->config_watch, &agent->loop, settings->config_file,
			       settings->config_digest) < 0)
		log_warn("cannot watch the configuration file, SIGHUP reads it again; its path is "
			 "too long",
			 KV_STR("file", settings->config_file));
}

static void start_pods(struct agent *agent)
{
	struct err err = ERR_INIT;
	const char *path = agent->settings->pod_resources_socket;
	agent->is_held_known = path[0] == '\0';
	if (agent->is_held_known)
		return;
	if (pods_start(&agent->loop, path, &agent->pods_listener, &agent->pods, &err) == 0)
		return;
	agent->is_held_known = true;
	log_warn("cannot ask kubelet which ids pods hold, going on without it",
		 KV_STR("cause", err.msg));
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

static int run(struct agent *agent, struct err *err)
{
	int r = uv_loop_init(&agent->loop);
	if (r < 0)
		return err_set(err, r, "event loop: %s", uv_strerror(r));
	/* libuv writes with write(2): a peer that is gone would end us instead of the write. */
	(void)signal(SIGPIPE, SIG_IGN);
	adverts_init(&agent->adverts, &agent->loop);
	(void)uv_timer_init(&agent->loop, &agent->advertise_retry); /* these only set fields */
	(void)uv_timer_init(&agent->loop, &agent->description_timer);
	(void)uv_timer_init(&agent->loop, &agent->reload_retry);
	start_signals(agent);
	start_control(agent);
	start_http(agent);
	start_config_watch(agent);
	start_pods(agent);
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
	agent->adverts.on_allocated = on_allocated;
	agent->pods_listener = (struct pods_listener){ on_held, on_pods_fault };
	agent->control_handler.answer = on_request;
	agent->http_handler.answer = on_page;
	agent->config_watch.on_change = on_config_change;
	agent->started_ns = uv_hrtime();
	int r = source->load(source, &agent->settings, err);
	if (r < 0)
		return r;
	log_info("agent starts", KV_STR("version", ROTA_VERSION),
		 KV_STR("config", agent->settings->config_file));
	r = check_imex(agent->settings, err);
	if (r == 0)
		r = run(agent, err);
	held_done(&agent->held);
	vitals_done(&agent->vitals);
	description_done(&agent->description);
	free(agent->driver_root);
	free(agent->root);
	(void)settings_free(agent->settings);
	return r;
}
