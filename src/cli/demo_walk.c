/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See demo_walk.h. A step waits for what it expects, prints what there is, and compares. That pods
 * stay Pending is known when the scheduler has said so of each, not by waiting some time.
 */
#include "cli/demo_walk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static const char whole_resource[] = "nvidia.com/gpu";
static const char manifest_default[] = "deploy/manifests/nvidia-device-plugin-default.yml";
static const char manifest_pods[] = "deploy/manifests/gpu-pod.yml";
static const char manifest_config[] = "deploy/manifests/nvidia-device-plugin-config.yml";
static const char manifest_slicing[] = "deploy/manifests/nvidia-device-plugin-time-slicing.yml";

/* nvidia-smi's table is complete when this part of it begins. */
static const char smi_end[] = "| Processes:";
static const char gpu_model[] = "Tesla T4";

enum {
	PODS_NAMED = 5, /* in the output of an apply */
};

/* What a wait looks for. */
struct goal {
	const char *resource;
	struct demo_sight expected;
};

static struct demo_sight look(const struct demo_node *node, const char *resource)
{
	struct demo_sight sight = { .capacity = demo_told_capacity(&node->told, resource) };
	for (size_t i = 0; i < node->told.pods_count; i++) {
		const struct demo_pod *pod = &node->told.pods[i];
		sight.running += strcmp(pod->phase, "Running") == 0 ? 1 : 0;
		sight.pending += strcmp(pod->phase, "Pending") == 0 ? 1 : 0;
		sight.restarts += pod->restarts;
	}
	return sight;
}

static bool is_as_expected(const struct demo_sight *seen, const struct demo_sight *expected)
{
	return seen->capacity == expected->capacity && seen->running == expected->running &&
	       seen->pending == expected->pending && seen->restarts == expected->restarts;
}

/* The scheduler has decided about every pod, so that nothing will change by itself. */
static bool is_settled(const struct demo_node *node)
{
	for (size_t i = 0; i < node->told.pods_count; i++) {
		const struct demo_pod *pod = &node->told.pods[i];
		bool is_waiting = strcmp(pod->reason, "Unschedulable") == 0;
		bool is_decided = strcmp(pod->phase, "Pending") != 0 || is_waiting;
		if (!is_decided)
			return false;
	}
	return true;
}

static bool is_reached(const struct demo_node *node, const void *context)
{
	const struct goal *goal = context;
	struct demo_sight seen = look(node, goal->resource);
	return demo_told_allocatable(&node->told, goal->resource) == goal->expected.capacity &&
	       is_settled(node) && is_as_expected(&seen, &goal->expected);
}

/* Waits for the step's expectation and notes what there was in the end. */
static int await(struct demo_node *node, struct demo_view *view, struct demo_step *step,
		 const char *resource, const char *what, struct err *err)
{
	struct goal goal = { resource, step->expected };
	demo_view_wait(view, what);
	int r = demo_node_wait(node, is_reached, &goal, err);
	demo_view_wait(view, NULL);
	step->seen = look(node, resource);
	step->is_ok = r == 0;
	if (r == -ETIMEDOUT)
		return err_set(err, r, "what was expected did not come within a minute");
	return r;
}

static int step_plain(const struct demo_plan *plan, struct demo_node *node, struct demo_view *view,
		      struct demo_step *step, struct err *err)
{
	*step = (struct demo_step){ .number = 2, .name = "the plugin, without sharing" };
	step->expected.capacity = plan->gpus;
	demo_view_heading(view, "2. The plugin, without sharing");
	demo_view_command(view, "kubectl label nodes demo instanceType=gpu");
	demo_view_line(view, "node/demo labeled");
	demo_view_command(view, "kubectl apply -f %s", manifest_default);
	demo_view_line(view, "daemonset.apps/nvidia-device-plugin-daemonset created");
	int r = demo_node_start_agent(node, NULL, err);
	if (r == 0)
		r = await(node, view, step, whole_resource, "the plugin registers", err);
	demo_view_capacity(view, node);
	return r;
}

static void view_created(const struct demo_view *view, const struct demo_plan *plan)
{
	for (unsigned i = 1; i <= plan->pods && i <= PODS_NAMED; i++)
		demo_view_line(view, "pod/gpu-pod-%u created", i);
	if (plan->pods > PODS_NAMED)
		demo_view_line(view, "(and %u more)", plan->pods - PODS_NAMED);
}

static int create_pods(const struct demo_plan *plan, struct demo_node *node, const char *resource,
		       struct err *err)
{
	int r = 0;
	for (unsigned i = 0; i < plan->pods && r == 0; i++)
		r = demo_node_create_pod(node, resource, err);
	return r;
}

static const struct demo_pod *first_running(const struct demo_node *node)
{
	for (size_t i = 0; i < node->told.pods_count; i++)
		if (strcmp(node->told.pods[i].phase, "Running") == 0)
			return &node->told.pods[i];
	return NULL;
}

static size_t count_text(const char *text, const char *part)
{
	size_t count = 0;
	for (const char *at = strstr(text, part); at; at = strstr(at + 1, part))
		count++;
	return count;
}

/* What one pod sees of the node: the one GPU that it was given, however many there are. */
static int show_smi(struct demo_node *node, struct demo_view *view, struct err *err)
{
	const struct demo_pod *pod = first_running(node);
	cleanup_free char *log = NULL;
	if (!pod)
		return 0;
	demo_view_wait(view, "nvidia-smi in a pod");
	int r = demo_node_wait_log(node, pod->name, smi_end, &log, err);
	demo_view_wait(view, NULL);
	if (r < 0)
		return r;

	/* Only the GPUs: between them and the processes stands a line of spaces. */
	char *end = strstr(log, "\n ");
	if (end)
		end[1] = '\0';
	demo_view_command(view, "kubectl logs %s", pod->name);
	demo_view_text(view, log, "");
	size_t count = count_text(log, gpu_model);
	if (count != 1)
		return err_set(err, -EPROTO, "%s was given one GPU and sees %zu", pod->name, count);
	return 0;
}

static int step_pods(const struct demo_plan *plan, struct demo_node *node, struct demo_view *view,
		     struct demo_step *step, struct err *err)
{
	*step = (struct demo_step){ .number = 3, .name = "pods with one GPU each" };
	step->expected.capacity = plan->gpus;
	step->expected.running = plan->pods < plan->gpus ? plan->pods : plan->gpus;
	step->expected.pending = plan->pods - step->expected.running;
	demo_view_heading(view, "3. Pods, one GPU each");
	demo_view_command(view, "kubectl apply -f %s", manifest_pods);
	view_created(view, plan);
	int r = create_pods(plan, node, whole_resource, err);
	if (r == 0)
		r = await(node, view, step, whole_resource, "pods start", err);
	demo_view_pods(view, node);
	if (r == 0)
		r = show_smi(node, view, err);
	step->is_ok = r == 0;
	return r;
}

/* The file as it stands in a ConfigMap. */
static void show_config(const struct demo_plan *plan, struct demo_view *view)
{
	demo_view_command(view, "cat %s", manifest_config);
	demo_view_line(view, "apiVersion: v1\n"
			     "kind: ConfigMap\n"
			     "metadata:\n"
			     "  name: nvidia-device-plugin-config\n"
			     "  namespace: kube-system\n"
			     "data:\n"
			     "  config.yaml: |");
	demo_view_text(view, plan->config_text, "    ");
	demo_view_command(view, "kubectl apply -f %s", manifest_config);
	demo_view_line(view, "configmap/nvidia-device-plugin-config created");
	demo_view_command(view, "kubectl apply -f %s", manifest_slicing);
	demo_view_line(view, "daemonset.apps/nvidia-device-plugin-daemonset configured");
}

/* Pods that ask for a name that is no longer offered would wait for ever. */
static int rename_pods(const struct demo_plan *plan, struct demo_node *node, struct demo_view *view,
		       struct err *err)
{
	if (strcmp(plan->resource, whole_resource) == 0)
		return 0;
	demo_view_line(view, "\nThis configuration renames %s; the pods now ask for %s.",
		       whole_resource, plan->resource);
	demo_view_command(view, "kubectl delete -f %s", manifest_pods);
	int r = demo_node_delete_pods(node, err);
	if (r < 0)
		return r;
	demo_view_command(view, "sed 's|%s|%s|' %s | kubectl apply -f -", whole_resource,
			  plan->resource, manifest_pods);
	view_created(view, plan);
	return create_pods(plan, node, plan->resource, err);
}

static int step_slicing(const struct demo_plan *plan, struct demo_node *node,
			struct demo_view *view, struct demo_step *step, struct err *err)
{
	*step = (struct demo_step){ .number = 4, .name = "time slicing" };
	step->expected.capacity = plan->capacity;
	step->expected.running = plan->pods < plan->capacity ? plan->pods : plan->capacity;
	step->expected.pending = plan->pods - step->expected.running;
	demo_view_heading(view, "4. Time slicing");
	show_config(plan, view);
	demo_view_wait(view, "the plugin is rolled");
	demo_node_stop_agent(node);
	int r = demo_node_start_agent(node, plan->config_path, err);
	if (r == 0)
		r = rename_pods(plan, node, view, err);
	if (r == 0)
		r = await(node, view, step, plan->resource, "replicas are advertised", err);
	demo_view_wait(view, NULL);
	demo_view_capacity(view, node);
	demo_view_pods(view, node);
	return r;
}

int demo_walk(const struct demo_plan *plan, struct demo_node *node, struct demo_view *view,
	      struct demo_step steps[static DEMO_STEPS], struct err *err)
{
	static int (*const walk[DEMO_STEPS])(
		const struct demo_plan *, struct demo_node *, struct demo_view *,
		struct demo_step *, struct err *) = { step_plain, step_pods, step_slicing };
	int r = 0;
	for (size_t i = 0; i < DEMO_STEPS && r == 0; i++) {
		struct err local = ERR_INIT;
		r = walk[i](plan, node, view, &steps[i], &local);
		demo_view_wait(view, NULL);
		if (r < 0) {
			(void)snprintf(steps[i].problem, sizeof(steps[i].problem), "%s", local.msg);
			(void)err_set(err, r, "step %u, %s: %s", steps[i].number, steps[i].name,
				      local.msg);
		}
	}
	return r;
}
