/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns everything of the stand-in kubelet. A change anywhere (a list, a pod that comes or goes)
 * only starts the scheduler's idle handle; binding, admission and starts happen from there, so that
 * no callback works on what another one is walking.
 */
#include "sim/kubelet/simnode.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "sim/kubelet/checkpoint.h"
#include "sim/kubelet/events.h"

#define CHECKPOINT_FILE "kubelet_internal_checkpoint"

enum {
	PATH_BYTES = 4096,
	CHECKPOINT_BYTES_MAX = 64 << 20, /* 10 000 devices a resource are below 1 MiB */
	CHECKPOINT_MODE = 0600,
};

static void run_scheduler(uv_idle_t *idle);

static void schedule_later(struct simnode *node)
{
	(void)uv_idle_start(&node->scheduler, run_scheduler); /* fails only without a callback */
}

static void tell(const char *text)
{
	events_emit("warning", json_pack("{s:s}", "message", text));
}

static void tell_pod(const struct simnode *node, const struct pod *pod)
{
	events_emit("pod", events_pod(pod, &node->tables));
}

static void enter(struct simnode *node, struct pod *pod, enum pod_stage stage, const char *reason,
		  const char *message)
{
	pod_enter(pod, stage, reason, message);
	tell_pod(node, pod);
	schedule_later(node);
}

/* Told once for each change, as a watch on the Node object shows it. */
static void tell_node(struct simnode *node)
{
	json_t *values = events_node(&node->tables);
	char *text = values ? json_dumps(values, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	if (text && node->node_text && strcmp(text, node->node_text) == 0) {
		json_decref(values);
		free(text);
		return;
	}
	free(node->node_text);
	node->node_text = text;
	events_emit("node", values);
}

/* Kubelet goes on when it cannot write its checkpoint, and so do we. */
static void write_checkpoint(const struct simnode *node)
{
	char path[PATH_BYTES];
	struct err err = ERR_INIT;
	(void)snprintf(path, sizeof(path), "%s/%s", node->options->directory, CHECKPOINT_FILE);
	cleanup_free char *text = checkpoint_encode(&node->tables);
	int r = text ? file_write(path, text, strlen(text), CHECKPOINT_MODE, &err)
		     : err_errno(&err, -ENOMEM, "%s", path);
	if (r < 0)
		tell(err.msg);
}

/* A missing or torn file is no reason not to start; kubelet only logs it. */
static void read_checkpoint(struct simnode *node)
{
	char path[PATH_BYTES];
	struct err err = ERR_INIT;
	cleanup_free char *text = NULL;
	(void)snprintf(path, sizeof(path), "%s/%s", node->options->directory, CHECKPOINT_FILE);
	int r = file_read(path, CHECKPOINT_BYTES_MAX, &text, NULL, &err);
	if (r == -ENOENT)
		return;
	if (r == 0) {
		r = checkpoint_decode(text, &node->tables, &err);
		if (r < 0)
			(void)err_wrap(&err, r, "%s", path);
	}
	if (r < 0)
		tell(err.msg);
}

static struct pod *find(const struct simnode *node, const char *name)
{
	struct pod *pod = node->pods;
	while (pod && strcmp(pod->spec.name, name) != 0)
		pod = pod->next;
	return pod;
}

static uint64_t now_ns(void)
{
	return uv_hrtime();
}

static void on_grace(uv_timer_t *timer)
{
	struct simnode *node = container_of(timer, struct simnode, grace);
	uint64_t grace_ns = node->options->grace_ms * CLOCK_NS_PER_MS;
	bool is_pending = false;
	for (size_t i = 0; i < node->tables.count; i++) {
		struct listing *listing = &node->tables.resources[i]->listing;
		(void)listing_expire(listing, now_ns(), grace_ns);
		is_pending = is_pending || listing->state == LISTING_LOST;
	}
	if (is_pending) /* the latest loss started the timer anew and is a little younger */
		(void)uv_timer_start(timer, on_grace, 1 + node->options->grace_ms / 10, 0);
	tell_node(node);
}

static void lose(struct simnode *node, struct resource_entry *entry)
{
	entry->endpoint = NULL;
	listing_lose(&entry->listing, now_ns());
	(void)uv_timer_start(&node->grace, on_grace, node->options->grace_ms, 0);
	write_checkpoint(node);
	tell_node(node);
}

static int on_registered(struct registry_owner *owner, struct endpoint *endpoint,
			 const char *socket, struct err *err)
{
	struct simnode *node = container_of(owner, struct simnode, registry_owner);
	const struct message_options *options = endpoint_options(endpoint);
	struct resource_entry *entry;
	int r = tables_get(&node->tables, endpoint_resource(endpoint), &entry, err);
	if (r < 0)
		return r;

	entry->endpoint = endpoint;
	entry->options = *options;
	events_emit("registered", json_pack("{s:s, s:s, s:{s:b, s:b}}", "resource", entry->name,
					    "endpoint", socket, "options", "preStartRequired",
					    (int)options->is_pre_start_required,
					    "getPreferredAllocationAvailable",
					    (int)options->is_preferred_available));
	return 0;
}

static void on_refused(struct registry_owner *owner, const char *resource, const char *reason)
{
	(void)owner;
	events_emit("refused", json_pack("{s:s, s:s}", "resource", resource, "message", reason));
}

static int on_list(struct registry_owner *owner, struct endpoint *endpoint, const uint8_t *message,
		   size_t length, struct err *err)
{
	struct simnode *node = container_of(owner, struct simnode, registry_owner);
	struct resource_entry *entry = tables_find(&node->tables, endpoint_resource(endpoint));
	/* An old instance of the plugin may still stream; only the newest counts. */
	if (!entry || entry->endpoint != endpoint)
		return 0;
	int r = message_read_list(message, length, &entry->listing, err);
	if (r < 0)
		return r;

	const struct listing *listing = &entry->listing;
	events_emit("list", json_pack("{s:s, s:I, s:I}", "resource", entry->name, "healthy",
				      (json_int_t)listing->healthy, "unhealthy",
				      (json_int_t)(listing->count - listing->healthy)));
	write_checkpoint(node);
	tell_node(node);
	schedule_later(node);
	return 0;
}

static void on_ended(struct registry_owner *owner, struct endpoint *endpoint, const char *reason)
{
	struct simnode *node = container_of(owner, struct simnode, registry_owner);
	struct resource_entry *entry = tables_find(&node->tables, endpoint_resource(endpoint));
	events_emit("ended", json_pack("{s:s, s:s}", "resource", endpoint_resource(endpoint),
				       "message", reason));
	/* Up to 1.36 kubelet looked the instance up by resource name alone. */
	if (entry && entry->endpoint && entry->endpoint != endpoint &&
	    node->options->is_race_of_1_36)
		registry_disconnect(node->registry, TAKE_PTR(entry->endpoint));
	if (entry && (!entry->endpoint || entry->endpoint == endpoint))
		lose(node, entry);
}

/* What pods that are bound have asked for; the scheduler knows nothing of ids. */
static size_t requested(const struct simnode *node, const char *resource)
{
	size_t sum = 0;
	for (const struct pod *pod = node->pods; pod; pod = pod->next)
		if (pod->spec.resource && pod_is_bound(pod) &&
		    strcmp(pod->spec.resource, resource) == 0)
			sum += pod->spec.count;
	return sum;
}

static bool fits(const struct simnode *node, const struct pod *pod)
{
	if (!pod->spec.resource)
		return true;
	const struct resource_entry *entry = tables_find(&node->tables, pod->spec.resource);
	size_t allocatable = entry ? entry->listing.healthy : 0;
	size_t taken = requested(node, pod->spec.resource);
	return taken <= allocatable && allocatable - taken >= pod->spec.count;
}

static void fail_start(struct simnode *node, struct pod *pod, const char *reason,
		       const char *message)
{
	enter(node, pod, POD_BACKOFF, reason, message);
	pod_start_later(pod, node->options->backoff_ms);
}

static void tell_started(const struct simnode *node, const struct pod *pod,
			 const struct launch *launch)
{
	json_t *annotations = json_object();
	for (size_t i = 0; i < launch->annotations_count; i++)
		(void)json_object_set_new(annotations, launch->annotations[i].name,
					  json_string(launch->annotations[i].value));
	events_emit("started", json_pack("{s:s, s:I, s:i, s:o}", "name", pod->spec.name, "pid",
					 (json_int_t)pod->pid, "mounts", (int)launch->mounts_count,
					 "annotations", annotations));
	tell_pod(node, pod);
}

static void start_process(struct simnode *node, struct pod *pod)
{
	struct err err = ERR_INIT;
	cleanup_arena struct arena arena = { 0 };
	struct launch launch = { 0 };
	const struct holding *held = NULL;
	if (pod->spec.resource)
		held = holdings_find(&node->tables.holdings, pod->spec.name, pod->spec.resource);
	const struct launch_pod of_pod = {
		.name = pod->spec.name,
		.env = pod->spec.env,
		.allocation = held ? held->response : NULL,
		.allocation_length = held ? held->response_length : 0,
	};
	int r = launch_prepare(&node->options->launch, &of_pod, &arena, &launch, &err);
	if (r == 0)
		r = pod_start(pod, &launch, &err);
	if (r < 0) {
		fail_start(node, pod, "RunContainerError", err.msg);
		return;
	}
	pod->restarts += pod->has_run ? 1 : 0;
	pod->has_run = true;
	pod_enter(pod, POD_RUNNING, NULL, NULL);
	tell_started(node, pod, &launch);
}

static void forget(struct simnode *node, struct pod *pod);

static void end_pre_start(struct rpc_reply *reply, enum rpc_status status, const char *text)
{
	struct pod *pod = container_of(reply, struct pod, pre_start);
	struct simnode *node = container_of(pod->owner, struct simnode, pod_owner);
	pod->is_calling = false;
	if (pod->stage == POD_DELETING) {
		forget(node, pod);
		return;
	}
	if (status == RPC_OK) {
		start_process(node, pod);
		return;
	}
	cleanup_free char *error = endpoint_error(status, text);
	fail_start(node, pod, "CreateContainerConfigError", error ? error : text);
}

/* Returns 1 when the plugin was asked, 0 when it need not be, or a negative errno. */
static int call_pre_start(struct simnode *node, struct pod *pod, struct err *err)
{
	if (!pod->spec.resource)
		return 0;
	const struct resource_entry *entry = tables_find(&node->tables, pod->spec.resource);
	const struct holding *held = holdings_find(&node->tables.holdings, pod->spec.name,
						   pod->spec.resource);
	if (!held || !entry || !entry->options.is_pre_start_required)
		return 0;
	if (!entry->endpoint)
		return err_set(err, -EAGAIN, "endpoint of %s has been stopped", entry->name);

	cleanup_free uint8_t *message = NULL;
	size_t length = 0;
	int r = message_pre_start(&held->ids, &message, &length);
	if (r < 0)
		return err_errno(err, r, "PreStartContainer");
	pod->pre_start = (struct rpc_reply){ .on_done = end_pre_start };
	r = endpoint_call(entry->endpoint, "PreStartContainer", message, length,
			  ENDPOINT_PRE_START_MS, &pod->pre_start, err);
	pod->is_calling = r == 0;
	return r < 0 ? r : 1;
}

static void start_pod(struct simnode *node, struct pod *pod)
{
	struct err err = ERR_INIT;
	enter(node, pod, POD_STARTING, "ContainerCreating", NULL);
	int r = call_pre_start(node, pod, &err);
	if (r < 0)
		fail_start(node, pod, "CreateContainerConfigError", err.msg);
	else if (r == 0)
		start_process(node, pod);
}

static void on_start_due(struct pod_owner *owner, struct pod *pod)
{
	struct simnode *node = container_of(owner, struct simnode, pod_owner);
	if (!node->registry) /* nobody restarts containers while kubelet is down */
		pod_start_later(pod, node->options->backoff_ms);
	else
		start_pod(node, pod);
}

static void fail_admission(struct simnode *node, struct pod *pod, const char *error)
{
	char *message = NULL;
	if (asprintf(&message, "Allocate failed due to %s, which is unexpected", error) < 0)
		message = NULL;
	enter(node, pod, POD_FAILED, "UnexpectedAdmissionError", message ? message : error);
	free(message);
}

static void on_admitted(struct admission *admission, const char *error)
{
	struct simnode *node = container_of(admission, struct simnode, admission);
	struct pod *pod = TAKE_PTR(node->admitting);
	schedule_later(node);
	if (!pod)
		return;
	if (pod->stage == POD_DELETING) {
		forget(node, pod);
		return;
	}
	write_checkpoint(node);
	if (error)
		fail_admission(node, pod, error);
	else
		start_pod(node, pod);
}

static void admit(struct simnode *node, struct pod *pod)
{
	enter(node, pod, POD_ADMITTING, "ContainerCreating", NULL);
	if (!pod->spec.resource) {
		start_pod(node, pod);
		return;
	}
	node->admitting = pod;
	admission_begin(&node->admission, pod->spec.name, pod->spec.resource, pod->spec.count);
}

static void hold_back(struct simnode *node, struct pod *pod)
{
	char message[PATH_BYTES];
	if (pod->reason)
		return;
	(void)snprintf(message, sizeof(message), "0/1 nodes are available: 1 Insufficient %s.",
		       pod->spec.resource);
	pod_enter(pod, POD_WAITING, "Unschedulable", message);
	tell_pod(node, pod);
}

/* One admission at a time; its end starts the scheduler again. */
static void run_scheduler(uv_idle_t *idle)
{
	struct simnode *node = container_of(idle, struct simnode, scheduler);
	(void)uv_idle_stop(idle);
	for (struct pod *pod = node->pods; pod; pod = pod->next) {
		if (pod->stage != POD_WAITING)
			continue;
		if (!fits(node, pod)) {
			hold_back(node, pod);
			continue;
		}
		if (!node->registry || node->admission.is_busy)
			return;
		admit(node, pod);
	}
}

static void take_exit(struct simnode *node, struct pod *pod, int status)
{
	bool is_success = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	char message[64];
	if (WIFSIGNALED(status))
		(void)snprintf(message, sizeof(message), "signal %d", WTERMSIG(status));
	else
		(void)snprintf(message, sizeof(message), "exit status %d", WEXITSTATUS(status));
	const char *reason = is_success ? "Completed" : "Error";
	if (pod->stage == POD_DELETING) {
		forget(node, pod);
	} else if (pod->spec.is_restarted) {
		fail_start(node, pod, reason, message);
	} else {
		holdings_drop(&node->tables.holdings, pod->spec.name);
		write_checkpoint(node);
		enter(node, pod, is_success ? POD_SUCCEEDED : POD_FAILED, reason, message);
	}
}

static void on_child(uv_signal_t *signal, int number)
{
	(void)number;
	struct simnode *node = container_of(signal, struct simnode, child);
	struct pod *next;
	for (struct pod *pod = node->pods; pod; pod = next) {
		int status = 0;
		next = pod->next; /* the pod may be forgotten */
		if (pod_reap(pod, &status))
			take_exit(node, pod, status);
	}
}

static bool is_at_rest(const struct simnode *node, const struct pod *pod)
{
	return pod->pid <= 0 && !pod->is_calling && node->admitting != pod;
}

/* The pod is deleted and nothing of it runs: give its devices back. */
static void forget(struct simnode *node, struct pod *pod)
{
	if (!is_at_rest(node, pod))
		return;
	struct pod **place = &node->pods;
	while (*place != pod)
		place = &(*place)->next;
	*place = pod->next;
	node->pods_count--;
	holdings_drop(&node->tables.holdings, pod->spec.name);
	write_checkpoint(node);
	events_emit("deleted", json_pack("{s:s}", "name", pod->spec.name));
	pod_free(pod);
	schedule_later(node);
}

int simnode_init(struct simnode *node, uv_loop_t *loop, const struct simnode_options *options,
		 struct err *err)
{
	*node = (struct simnode){ .options = options, .loop = loop };
	node->registry_owner = (struct registry_owner){ on_registered, on_refused, on_list,
							on_ended };
	node->pod_owner = (struct pod_owner){ on_start_due };
	node->admission = (struct admission){ .tables = &node->tables,
					      .seed = options->seed,
					      .on_done = on_admitted };
	(void)uv_idle_init(loop, &node->scheduler); /* as the timer's: cannot fail */
	(void)uv_timer_init(loop, &node->grace);
	int r = uv_signal_init(loop, &node->child);
	if (r == 0)
		r = uv_signal_start(&node->child, on_child, SIGCHLD);
	return r < 0 ? err_errno(err, r, "SIGCHLD") : 0;
}

static bool is_known(const char *pod, const void *context)
{
	return find(context, pod) != NULL;
}

int simnode_start(struct simnode *node, struct err *err)
{
	if (node->registry)
		return err_set(err, -EALREADY, "kubelet runs already");
	tables_done(&node->tables);
	read_checkpoint(node);
	/* It may name pods of an earlier node in the same directory. */
	holdings_keep(&node->tables.holdings, is_known, node);
	int r = registry_start(node->loop, node->options->directory, &node->registry_owner,
			       &node->registry, err);
	if (r < 0)
		return r;
	events_emit("ready", json_pack("{s:s, s:I}", "directory", node->options->directory, "pid",
				       (json_int_t)getpid()));
	tell_node(node);
	schedule_later(node);
	return 0;
}

int simnode_stop(struct simnode *node, struct err *err)
{
	if (!node->registry)
		return err_set(err, -EALREADY, "kubelet is stopped already");
	struct pod *admitting = TAKE_PTR(node->admitting);
	admission_give_up(&node->admission);
	registry_stop(TAKE_PTR(node->registry));
	(void)uv_timer_stop(&node->grace);
	for (size_t i = 0; i < node->tables.count; i++)
		node->tables.resources[i]->endpoint = NULL;
	if (admitting && admitting->stage == POD_DELETING)
		forget(node, admitting);
	else if (admitting)
		enter(node, admitting, POD_WAITING, NULL, NULL);
	return 0;
}

const struct pod *simnode_find(const struct simnode *node, const char *name)
{
	return find(node, name);
}

int simnode_create(struct simnode *node, struct arena *arena, const struct pod_spec *spec,
		   struct err *err)
{
	if (find(node, spec->name))
		return err_set(err, -EEXIST, "pod \"%s\" exists already", spec->name);
	if (node->pods_count == SIMNODE_PODS_MAX)
		return err_set(err, -ENOSPC, "this node takes at most %d pods", SIMNODE_PODS_MAX);
	struct pod *pod;
	int r = pod_new(node->loop, arena, spec, &node->pod_owner, &pod, err);
	if (r < 0)
		return r;

	struct pod **place = &node->pods;
	while (*place)
		place = &(*place)->next;
	*place = pod;
	node->pods_count++;
	tell_pod(node, pod);
	schedule_later(node);
	return 0;
}

int simnode_delete(struct simnode *node, const char *name, struct err *err)
{
	struct pod *pod = find(node, name);
	if (!pod)
		return err_set(err, -ENOENT, "pod \"%s\" not found", name);
	if (pod->stage == POD_DELETING)
		return 0;
	(void)uv_timer_stop(&pod->timer);
	enter(node, pod, POD_DELETING, NULL, NULL);
	pod_terminate(pod, node->options->terminate_ms);
	forget(node, pod);
	return 0;
}

void simnode_done(struct simnode *node)
{
	struct pod *pod = node->pods;
	node->admitting = NULL;
	admission_give_up(&node->admission);
	for (; pod; pod = pod->next)
		pod->stage = POD_DELETING; /* so that no end of a call starts it again */
	registry_stop(TAKE_PTR(node->registry));
	while ((pod = node->pods)) {
		node->pods = pod->next;
		pod_kill(pod);
		pod_free(pod);
	}
	uv_close((uv_handle_t *)&node->scheduler, NULL);
	uv_close((uv_handle_t *)&node->grace, NULL);
	uv_close((uv_handle_t *)&node->child, NULL);
	tables_done(&node->tables);
	free(node->node_text);
}
