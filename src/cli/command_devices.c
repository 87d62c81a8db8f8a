/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `rota devices`: what the driver has and what would be advertised of it with this configuration.
 * Asks a driver process of its own, so that it also works where no agent runs.
 */
#include "cli/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <uv.h>

#include "base/cleanup.h"
#include "base/document.h"
#include "cli/output.h"
#include "cli/settings_of.h"
#include "cli/table.h"
#include "config/schema.h"
#include "core/health.h"
#include "core/plan.h"
#include "driver/driver.h"

enum {
	TEXT_BYTES_MAX = 1 << 20,
	NUMA_BYTES = 16,
};

static const char executable[] = "/proc/self/exe";

struct values {
	struct output output;
	struct option_given flags;
};

/* One question to the driver. */
struct question {
	struct driver_listener listener;
	struct driver *driver;
	struct snapshot *snapshot; /* owned */
	struct err fault;
};

static void on_snapshot(struct driver_listener *listener, struct snapshot *snapshot,
			uint64_t asked_ns)
{
	(void)asked_ns;
	struct question *question = container_of(listener, struct question, listener);
	question->snapshot = snapshot;
	driver_stop(TAKE_PTR(question->driver));
}

static void on_fault(struct driver_listener *listener, enum driver_fault fault, const char *text)
{
	(void)fault;
	struct question *question = container_of(listener, struct question, listener);
	(void)err_set(&question->fault, -ENODEV, "%s", text);
	driver_stop(TAKE_PTR(question->driver));
}

static void on_warning(struct driver_listener *listener, const char *text)
{
	(void)listener;
	(void)fprintf(stderr, "rota devices: %s\n", text);
}

static int ask_driver(const struct settings *settings, struct snapshot **ret, struct err *err)
{
	uv_loop_t loop;
	int r = uv_loop_init(&loop);
	if (r < 0)
		return err_set(err, r, "event loop: %s", uv_strerror(r));
	struct question question = { .listener = { on_snapshot, on_fault, on_warning, NULL } };
	const struct driver_options driver_options = {
		.executable = executable,
		.container_driver_root = settings->container_driver_root,
		.root = settings->root,
		.deadline_ns = settings->driver_deadline_ns,
	};
	r = driver_start(&loop, &driver_options, &question.listener, &question.driver, err);
	(void)uv_run(&loop, UV_RUN_DEFAULT); /* until the driver is stopped */
	(void)uv_loop_close(&loop);
	if (r < 0)
		return r;
	if (!question.snapshot)
		return err_set(err, -ENODEV, "%s",
			       question.fault.code < 0 ? question.fault.msg
						       : "the driver process gave no answer");
	*ret = question.snapshot;
	return 0;
}

/* What is shown of one device. name: NULL when it is not advertised. */
struct view {
	const struct device *device;
	const char *name;
	uint32_t replicas;
};

static struct view view_of(const struct snapshot *snapshot, const struct plan *plan, size_t i)
{
	const struct plan_device *planned = &plan->devices[i];
	bool is_advertised = planned->name != PLAN_NOT_ADVERTISED;
	return (struct view){
		.device = &snapshot->devices[i],
		.name = is_advertised ? plan->names[planned->name] : NULL,
		.replicas = is_advertised ? planned->replicas : 0,
	};
}

static json_t *device_json(const struct view *view)
{
	const struct device *device = view->device;
	char compute[32];
	(void)snprintf(compute, sizeof(compute), "%" PRIu32 ".%" PRIu32, device->compute_major,
		       device->compute_minor);
	return json_pack(
		"{s:s, s:s, s:s, s:o, s:b, s:s, s:I, s:o, s:s, s:b, s:s, s:s?, s:I}", "index",
		device->index, "uuid", device->uuid, "model", device->model, "migProfile",
		device_is_part(device) ? json_string(device->profile) : json_null(), "migEnabled",
		(int)device->is_mig, "busId", device->bus_id, "memoryBytes",
		(json_int_t)device->memory_bytes, "numaNode",
		device->numa_node == NUMA_NONE ? json_null() : json_integer(device->numa_node),
		"computeCapability", compute, "healthy", (int)device->is_healthy, "reason",
		device->reason, "resource", view->name, "replicas", (json_int_t)view->replicas);
}

static int print_json(const struct snapshot *snapshot, const struct plan *plan)
{
	json_t *devices = json_array();
	for (size_t i = 0; i < snapshot->devices_count; i++) {
		struct view view = view_of(snapshot, plan, i);
		devices = document_append(devices, device_json(&view));
	}
	return output_json(
		json_pack("{s:s, s:o}", "driver", snapshot->driver_version, "devices", devices));
}

static void add_row(struct table *table, const struct view *view)
{
	const struct device *device = view->device;
	bool is_part = device_is_part(device);
	char numa[NUMA_BYTES] = "-";
	if (device->numa_node != NUMA_NONE)
		(void)snprintf(numa, sizeof(numa), "%" PRId32, device->numa_node);
	table_cell(table, "%s", device->index);
	table_cell(table, "%s", device->uuid);
	table_cell(table, "%s%s%s", device->model, is_part ? " MIG " : "", device->profile);
	table_cell(table, "%" PRIu64 "MiB", device->memory_bytes >> 20);
	table_cell(table, "%s", numa);
	table_cell(table, "%s", device->is_healthy ? "healthy" : "unhealthy");
	table_cell(table, "%s", view->name ? view->name : "-");
	table_cell(table, "%" PRIu32, view->replicas);
}

static int print_table(const struct snapshot *snapshot, const struct plan *plan)
{
	static const char *const headings[] = { "GPU",    "UUID",     "MODEL",    "MEMORY", "NUMA",
						"HEALTH", "RESOURCE", "REPLICAS", NULL };
	if (snapshot->devices_count == 0) {
		(void)printf("driver %s has no GPU\n", snapshot->driver_version);
		return COMMAND_DONE;
	}
	cleanup_table struct table table = { 0 };
	cleanup_buf struct buf out = BUF_INIT(TEXT_BYTES_MAX);
	table_begin(&table, headings);
	for (size_t i = 0; i < snapshot->devices_count; i++) {
		struct view view = view_of(snapshot, plan, i);
		add_row(&table, &view);
	}
	int r = table_print(&table, &out);
	return output_text(r < 0 ? NULL : &out);
}

static void print_complaints(const struct snapshot *snapshot, const struct plan *plan)
{
	for (size_t i = 0; i < snapshot->devices_count; i++)
		if (snapshot->devices[i].reason[0])
			(void)fprintf(stderr, "rota devices: GPU %s: %s\n",
				      snapshot->devices[i].index, snapshot->devices[i].reason);
	for (size_t i = 0; i < plan->complaints_count; i++)
		(void)fprintf(stderr, "rota devices: %s\n", plan->complaints[i]);
	if (plan->refusal)
		(void)fprintf(stderr, "rota devices: nothing is offered: %s\n", plan->refusal);
}

/* Who is ill as of now; what was before is known to the agent only. */
static int judge(const struct settings *settings, struct snapshot *snapshot, struct err *err)
{
	const struct health_rules rules = health_rules_of(settings);
	cleanup_health struct health health = { 0 };
	int r = health_observe(&health, &rules, snapshot, 0);
	if (r == 0)
		r = health_apply(&health, &rules, snapshot);
	return r < 0 ? err_set(err, r, "out of memory") : 0;
}

static int run(const void *opaque, const struct option_words *arguments)
{
	(void)arguments;
	const struct values *values = opaque;
	cleanup_settings struct settings *settings = NULL;
	cleanup_snapshot struct snapshot *snapshot = NULL;
	cleanup_plan struct plan plan = { 0 };
	struct err err = ERR_INIT;
	int r = settings_of(&values->flags, &settings, &err);
	if (r == 0)
		r = ask_driver(settings, &snapshot, &err);
	int code = settings ? COMMAND_FAILED : settings_exit(r);
	if (r == 0)
		r = judge(settings, snapshot, &err);
	if (r == 0)
		r = plan_make(settings, snapshot, &plan, &err);
	if (r < 0 || !snapshot) { /* one of them is enough; analysers want the other */
		(void)fprintf(stderr, "rota devices: %s\n", err.msg);
		return code;
	}
	print_complaints(snapshot, &plan);
	return values->output.format == OUTPUT_JSON ? print_json(snapshot, &plan)
						    : print_table(snapshot, &plan);
}

static const struct command_options options[] = {
	{ &output_options, offsetof(struct values, output) },
	{ &schema_options, offsetof(struct values, flags) },
};

const struct command command_devices = {
	.name = "devices",
	.synopsis = "[-o table|json] [OPTIONS]",
	.summary = "what the driver has and what would be advertised of it",
	.details = "Asks the driver itself, whether an agent runs or not, and takes the flags and "
		   "the environment of rota agent. What an agent remembers of Xids and what pods "
		   "hold is told by rota status.",
	.options = options,
	.options_count = ARRAY_LEN(options),
	.values_bytes = sizeof(struct values),
	.run = run,
};
