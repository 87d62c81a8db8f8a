/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `rota demo`: the tutorial on a simulated node, before the reader's eyes. Works out what must be
 * seen from the same code that the agent uses, walks the steps, and says at the end whether they
 * hold.
 */
#include "cli/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/document.h"
#include "base/file.h"
#include "base/tree.h"
#include "cli/demo_node.h"
#include "cli/demo_view.h"
#include "cli/demo_walk.h"
#include "cli/output.h"
#include "cli/table.h"
#include "config/config.h"
#include "core/resource.h"

enum {
	GPUS_MAX = 16,
	CELL_BYTES = 96,
	TEXT_BYTES_MAX = 64 * 1024,
	FINDING_BYTES_MAX = 8192,
	MODE_FILE = 0644,
};

struct values {
	struct output output;
	uint64_t gpus;
	uint64_t pods;
	uint64_t replicas;
	const char *config; /* NULL: one made of replicas */
	const char *sim;    /* NULL: beside the executable */
};

/* All that the demo owns. */
struct demo {
	const struct values *values;
	struct demo_plan plan;
	struct demo_view view;
	struct demo_node *node;
	struct demo_step steps[DEMO_STEPS];
	char sim[PATH_MAX];
	char config_path[PATH_MAX];
	char *config_text;         /* owned */
	struct resource *resource; /* owned: what the configuration makes of the node */
};

static int find_sim(const char *given, char ret[static PATH_MAX], struct err *err)
{
	if (given) {
		if (!realpath(given, ret))
			return err_errno(err, -errno, "%s", given);
		return 0;
	}
	char path[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
	if (length < 0)
		return err_errno(err, -errno, "/proc/self/exe");
	path[length] = '\0';
	char *slash = strrchr(path, '/');
	int folder = slash ? (int)(slash - path) : 0;
	if (snprintf(ret, PATH_MAX, "%.*s/sim", folder, path) >= PATH_MAX)
		return err_set(err, -ENAMETOOLONG, "%s: is too long", path);
	if (access(ret, X_OK) < 0)
		return err_errno(err, -errno, "%s: give the simulated tools with --sim", ret);
	return 0;
}

static int make_config(const struct values *values, char **ret, struct err *err)
{
	if (asprintf(ret,
		     "version: v1\n"
		     "sharing:\n"
		     "  timeSlicing:\n"
		     "    resources:\n"
		     "    - name: nvidia.com/gpu\n"
		     "      replicas: %" PRIu64 "\n",
		     values->replicas) < 0) {
		*ret = NULL;
		return err_errno(err, -ENOMEM, "configuration");
	}
	return 0;
}

static int get_config(struct demo *demo, struct err *err)
{
	const char *given = demo->values->config;
	if (!given)
		return make_config(demo->values, &demo->config_text, err);
	if (!realpath(given, demo->config_path))
		return err_errno(err, -errno, "%s", given);
	return file_read(demo->config_path, TREE_BYTES_MAX, &demo->config_text, NULL, err);
}

/* All that is wrong with the file at once, as `rota config check` has it. */
static void print_findings(const struct findings *findings, const char *file)
{
	for (size_t i = 0; i < findings->count; i++) {
		cleanup_buf struct buf line = BUF_INIT(FINDING_BYTES_MAX);
		finding_print(&findings->items[i], file, &line);
		if (line.data)
			(void)fprintf(stderr, "%s\n", line.data);
	}
}

/* Settings as the agent will read them from this file with nothing else said. */
static int read_settings(const struct demo *demo, struct settings **ret, struct err *err)
{
	char variable[PATH_MAX + sizeof("CONFIG_FILE=")];
	(void)snprintf(variable, sizeof(variable), "CONFIG_FILE=%s", demo->config_path);
	char *environment[] = { variable, NULL };
	const struct config_inputs inputs = { .environment = environment };
	cleanup_findings struct findings findings = { 0 };
	int r = config_load(&inputs, &findings, ret, err);
	print_findings(&findings, demo->values->config ? demo->values->config : "configuration");
	return r < 0 ? err_set(err, r, "the agent refuses this configuration") : 0;
}

/* A snapshot with as many GPUs as the scenario; only their number counts here. */
static int make_snapshot(uint64_t gpus, struct snapshot **ret, struct err *err)
{
	struct snapshot *snapshot = snapshot_new(gpus);
	if (!snapshot)
		return err_errno(err, -ENOMEM, "snapshot");
	for (size_t i = 0; i < snapshot->devices_count; i++) {
		const char *uuid = arena_printf(&snapshot->arena, "GPU-%zu", i);
		if (!uuid) {
			(void)snapshot_free(snapshot);
			return err_errno(err, -ENOMEM, "snapshot");
		}
		snapshot->devices[i].uuid = uuid;
		snapshot->devices[i].index = uuid;
		snapshot->devices[i].model = "Tesla T4";
	}
	*ret = snapshot;
	return 0;
}

/* @snapshot is taken. */
static int make_resource(const struct settings *settings, struct snapshot *snapshot,
			 struct resource **ret, struct err *err)
{
	cleanup_snapshot struct snapshot *owned = snapshot;
	cleanup_plan struct plan plan = { 0 };
	int r = plan_make(settings, snapshot, &plan, err);
	if (r < 0)
		return r;
	if (plan.names_count != 1)
		return err_set(err, -EINVAL,
			       "the tutorial is about one resource name, and this configuration "
			       "makes %zu of the simulated GPUs",
			       plan.names_count);
	return resource_new(&plan, plan.names[0], TAKE_PTR(owned), NULL, ret, err);
}

static int make_plan(struct demo *demo, struct err *err)
{
	const struct values *values = demo->values;
	cleanup_settings struct settings *settings = NULL;
	struct snapshot *snapshot = NULL;
	int r = read_settings(demo, &settings, err);
	if (r == 0)
		r = make_snapshot(values->gpus, &snapshot, err);
	if (r == 0)
		r = make_resource(settings, snapshot, &demo->resource, err);
	if (r < 0)
		return r;
	demo->plan = (struct demo_plan){
		.gpus = (unsigned)values->gpus,
		.pods = (unsigned)values->pods,
		.config_path = demo->config_path,
		.config_text = demo->config_text,
		.resource = demo->resource->name,
		.capacity = demo->resource->replicas_count,
	};
	return 0;
}

/* The generated configuration lives in the node's directory, so this comes after it. */
static int write_config(struct demo *demo, struct err *err)
{
	if (demo->values->config)
		return 0;
	(void)snprintf(demo->config_path, sizeof(demo->config_path), "%s/config.yaml",
		       demo->node->directory);
	return file_write(demo->config_path, demo->config_text, strlen(demo->config_text),
			  MODE_FILE, err);
}

static void print_introduction(const struct demo *demo)
{
	const struct values *values = demo->values;
	demo_view_line(&demo->view,
		       "A simulated node with %" PRIu64
		       " Tesla T4, a stand-in kubelet and the real "
		       "agent in %s.\nThere is no cluster: the commands are the tutorial's, and "
		       "below them stands what kubectl would show of this node.",
		       values->gpus, demo->node->directory);
}

static int run_demo(struct demo *demo, struct err *err)
{
	int r = demo_node_open(demo->node, demo->sim, (unsigned)demo->values->gpus,
			       &demo->view.listener, err);
	if (r == 0)
		r = write_config(demo, err);
	if (r == 0)
		r = make_plan(demo, err);
	if (r < 0)
		return r;

	print_introduction(demo);
	demo_view_wait(&demo->view, "the node starts");
	r = demo_node_start_kubelet(demo->node, err);
	demo_view_wait(&demo->view, NULL);
	return r < 0 ? r : demo_walk(&demo->plan, demo->node, &demo->view, demo->steps, err);
}

static void describe(const struct demo_step *step, const struct demo_sight *sight,
		     char ret[static CELL_BYTES])
{
	if (step->number == 2)
		(void)snprintf(ret, CELL_BYTES, "capacity %zu", sight->capacity);
	else
		(void)snprintf(ret, CELL_BYTES,
			       "capacity %zu, %zu Running, %zu Pending, %zu restarts",
			       sight->capacity, sight->running, sight->pending, sight->restarts);
}

static void print_summary(const struct demo *demo)
{
	static const char *const headings[] = { "STEP", "WHAT", "EXPECTED", "SEEN", "OK", NULL };
	cleanup_table struct table table = { 0 };
	cleanup_buf struct buf out = BUF_INIT(TEXT_BYTES_MAX);
	table_begin(&table, headings);
	for (size_t i = 0; i < DEMO_STEPS && demo->steps[i].number > 0; i++) {
		const struct demo_step *step = &demo->steps[i];
		char expected[CELL_BYTES];
		char seen[CELL_BYTES];
		describe(step, &step->expected, expected);
		describe(step, &step->seen, seen);
		table_cell(&table, "%u", step->number);
		table_cell(&table, "%s", step->name);
		table_cell(&table, "%s", expected);
		table_cell(&table, "%s", seen);
		table_cell(&table, "%s", step->is_ok ? "yes" : "no");
	}
	demo_view_heading(&demo->view, "Result");
	if (table_print(&table, &out) == 0)
		demo_view_text(&demo->view, out.data, "");
}

static json_t *sight_json(const struct demo_sight *sight)
{
	return json_pack("{s:I, s:I, s:I, s:I}", "capacity", (json_int_t)sight->capacity, "running",
			 (json_int_t)sight->running, "pending", (json_int_t)sight->pending,
			 "restarts", (json_int_t)sight->restarts);
}

static json_t *steps_json(const struct demo *demo)
{
	json_t *steps = json_array();
	for (size_t i = 0; i < DEMO_STEPS && demo->steps[i].number > 0; i++) {
		const struct demo_step *step = &demo->steps[i];
		json_t *value = json_pack(
			"{s:i, s:s, s:o, s:o, s:b, s:s}", "step", (int)step->number, "name",
			step->name, "expected", sight_json(&step->expected), "seen",
			sight_json(&step->seen), "ok", (int)step->is_ok, "problem", step->problem);
		steps = document_append(steps, value);
	}
	return steps;
}

static int print_json(const struct demo *demo, bool is_ok, double seconds)
{
	const struct values *values = demo->values;
	return output_json(json_pack(
		"{s:b, s:I, s:I, s:s, s:I, s:f, s:o}", "ok", (int)is_ok, "gpus",
		(json_int_t)values->gpus, "pods", (json_int_t)values->pods, "resource",
		demo->plan.resource ? demo->plan.resource : "", "capacity",
		(json_int_t)demo->plan.capacity, "seconds", seconds, "steps", steps_json(demo)));
}

static double seconds_since(uint64_t start_ns)
{
	return (double)(clock_ns() - start_ns) / CLOCK_NS_PER_S;
}

static void print_failure(const struct demo *demo, const struct err *err)
{
	(void)fflush(stdout);
	(void)fprintf(stderr, "rota demo: %s\n", err->msg);
	cleanup_buf struct buf errors = BUF_INIT(TEXT_BYTES_MAX);
	demo_node_agent_errors(demo->node, &errors);
	if (errors.len > 0)
		(void)fprintf(stderr, "The agent's log says:\n%s", errors.data);
}

static int report(struct demo *demo, int result, double seconds, const struct err *err)
{
	bool is_json = demo->values->output.format == OUTPUT_JSON;
	int r = COMMAND_DONE;
	if (is_json)
		r = print_json(demo, result == 0, seconds);
	else if (demo->steps[0].number > 0)
		print_summary(demo);
	if (result < 0)
		print_failure(demo, err);
	else if (!is_json)
		(void)printf("\nEvery step holds, in %.1f s.\n", seconds);
	return result < 0 ? COMMAND_FAILED : r;
}

static int run(const void *input, const struct option_words *arguments)
{
	(void)arguments;
	const struct values *values = input;
	struct err err = ERR_INIT;
	cleanup_free struct demo *demo = calloc(1, sizeof(*demo));
	cleanup_free struct demo_node *node = calloc(1, sizeof(*node));
	if (!demo || !node) {
		(void)fputs("rota demo: out of memory\n", stderr);
		return COMMAND_FAILED;
	}
	demo->values = values;
	demo->node = node;
	demo_view_init(&demo->view, values->output.format == OUTPUT_JSON);
	uint64_t start_ns = clock_ns();
	int r = find_sim(values->sim, demo->sim, &err);
	if (r == 0)
		r = get_config(demo, &err);
	if (r < 0) {
		(void)fprintf(stderr, "rota demo: %s\n", err.msg);
		free(demo->config_text);
		return COMMAND_FAILED;
	}
	r = run_demo(demo, &err);
	int status = report(demo, r, seconds_since(start_ns), &err);
	demo_node_close(node);
	demo->resource = resource_free(demo->resource);
	free(demo->config_text);
	return status;
}

static const struct option demo_options[] = {
	{ .name = "gpus",
	  .value_name = "N",
	  .help = "GPUs of the node, 1 to 16",
	  .default_text = "1",
	  .kind = OPTION_NUMBER,
	  .offset = offsetof(struct values, gpus),
	  .min = 1,
	  .max = GPUS_MAX },
	{ .name = "pods",
	  .value_name = "N",
	  .help = "pods that ask for one GPU each, 1 to 256",
	  .default_text = "5",
	  .kind = OPTION_NUMBER,
	  .offset = offsetof(struct values, pods),
	  .min = 1,
	  .max = DEMO_PODS_MAX },
	{ .name = "replicas",
	  .value_name = "N",
	  .help = "replicas that time slicing makes of each GPU, at least 2",
	  .default_text = "5",
	  .kind = OPTION_NUMBER,
	  .offset = offsetof(struct values, replicas),
	  .min = REPLICAS_MIN,
	  .max = REPLICAS_MAX },
	{ .name = "config",
	  .value_name = "FILE",
	  .help = "configuration of step 4 in place of one made of --replicas",
	  .kind = OPTION_TEXT,
	  .offset = offsetof(struct values, config) },
	{ .name = "sim",
	  .value_name = "DIR",
	  .help = "simulated driver, nvidia-smi and kubelet (sim beside this program)",
	  .kind = OPTION_TEXT,
	  .offset = offsetof(struct values, sim) },
};

static const struct option_table demo_table = OPTION_TABLE(demo_options);

static const struct command_options options[] = {
	{ &output_options, offsetof(struct values, output) },
	{ &demo_table, 0 },
};

static const struct values defaults = { .gpus = 1, .pods = 5, .replicas = 5 };

const struct command command_demo = {
	.name = "demo",
	.synopsis = "[-o table|json] [OPTIONS]",
	.summary = "walk the tutorial on a simulated node",
	.details =
		"Starts a node without hardware (simulated driver, stand-in kubelet, pods that are "
		"processes) and the agent, walks steps 2 to 4 of the tutorial and prints what "
		"kubectl would show. Exit status 1 when a step does not hold. Nothing outside a "
		"temporary directory is touched, and nothing is left behind.",
	.options = options,
	.options_count = ARRAY_LEN(options),
	.values_bytes = sizeof(struct values),
	.defaults = &defaults,
	.run = run,
};
