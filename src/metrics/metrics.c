/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A row of the table is a metric; its scope says what it has a sample for, and with which labels.
 * One loop prints the samples, another the document, so that a metric cannot be without help, type
 * or labels in either.
 */
#include "metrics/metrics.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"

enum scope {
	SCOPE_AGENT,
	SCOPE_DRIVER,
	SCOPE_DEVICE,
	SCOPE_RESOURCE,
};

enum {
	LABELS_MAX = 4, /* of one sample */
	CUDA_BYTES = 32,
};

/* NULL: no further one. */
static const char *const labels[][LABELS_MAX] = {
	[SCOPE_AGENT] = { NULL },
	[SCOPE_DRIVER] = { "driver", "cuda" },
	[SCOPE_DEVICE] = { "gpu", "uuid", "model", "mig_profile" },
	[SCOPE_RESOURCE] = { "resource" },
};

struct metric {
	const char *name;
	const char *type;
	const char *help;
	enum scope scope;
	uint64_t (*value)(const struct metrics_view *view, size_t i);
};

static uint64_t one(const struct metrics_view *view, size_t i)
{
	(void)view;
	(void)i;
	return 1;
}

static uint64_t uptime(const struct metrics_view *view, size_t i)
{
	(void)i;
	return view->uptime_seconds;
}

static uint64_t driver_up(const struct metrics_view *view, size_t i)
{
	(void)i;
	return view->is_driver_up;
}

static uint64_t config_refused(const struct metrics_view *view, size_t i)
{
	(void)i;
	return view->is_config_refused;
}

static uint64_t complaints(const struct metrics_view *view, size_t i)
{
	(void)i;
	return view->complaints;
}

static uint64_t xids(const struct metrics_view *view, size_t i)
{
	(void)i;
	return view->xids;
}

static uint64_t device_healthy(const struct metrics_view *view, size_t i)
{
	return view->snapshot->devices[i].is_healthy;
}

static uint64_t device_memory(const struct metrics_view *view, size_t i)
{
	return view->snapshot->devices[i].memory_bytes;
}

static uint64_t replicas(const struct metrics_view *view, size_t i)
{
	return view->resources[i].replicas;
}

static uint64_t replicas_healthy(const struct metrics_view *view, size_t i)
{
	return view->resources[i].healthy;
}

static uint64_t registered(const struct metrics_view *view, size_t i)
{
	return view->resources[i].is_registered;
}

static uint64_t registrations(const struct metrics_view *view, size_t i)
{
	return view->resources[i].registrations;
}

static uint64_t allocations(const struct metrics_view *view, size_t i)
{
	return view->resources[i].allocations;
}

static uint64_t refusals(const struct metrics_view *view, size_t i)
{
	return view->resources[i].refusals;
}

static const struct metric metrics[] = {
	{ "rota_uptime_seconds", "gauge", "Seconds since the agent started.", SCOPE_AGENT, uptime },
	{ "rota_driver_up", "gauge",
	  "1 while the NVIDIA driver answers; 0 while its GPUs are advertised as unhealthy.",
	  SCOPE_AGENT, driver_up },
	{ "rota_config_refused", "gauge",
	  "1 while the configuration on disk is refused and the one before it is in force.",
	  SCOPE_AGENT, config_refused },
	{ "rota_complaints", "gauge",
	  "What is odd about the node and its configuration; `rota status` says it in words.",
	  SCOPE_AGENT, complaints },
	{ "rota_xids_total", "counter",
	  "Xid errors that the driver reported, whether they count or not.", SCOPE_AGENT, xids },
	{ "rota_driver_info", "gauge", "Always 1; versions of the driver and of its CUDA.",
	  SCOPE_DRIVER, one },
	{ "rota_gpu_healthy", "gauge", "1 while the GPU, or the part of one, is healthy.",
	  SCOPE_DEVICE, device_healthy },
	{ "rota_gpu_memory_bytes", "gauge", "Memory of it in bytes, as the driver says.",
	  SCOPE_DEVICE, device_memory },
	{ "rota_replicas", "gauge", "Replicas in the list that kubelet is sent.", SCOPE_RESOURCE,
	  replicas },
	{ "rota_replicas_healthy", "gauge", "Those of them that are healthy.", SCOPE_RESOURCE,
	  replicas_healthy },
	{ "rota_registered", "gauge", "1 while kubelet watches the list of replicas.",
	  SCOPE_RESOURCE, registered },
	{ "rota_registrations_total", "counter", "Times kubelet registered the resource.",
	  SCOPE_RESOURCE, registrations },
	{ "rota_allocations_total", "counter", "Allocate calls of kubelet that were served.",
	  SCOPE_RESOURCE, allocations },
	{ "rota_refusals_total", "counter", "Calls of kubelet that were refused.", SCOPE_RESOURCE,
	  refusals },
};

static size_t samples(const struct metrics_view *view, enum scope scope)
{
	switch (scope) {
	case SCOPE_AGENT:
		return 1;
	case SCOPE_DRIVER:
		return view->snapshot ? 1 : 0;
	case SCOPE_DEVICE:
		return view->snapshot ? view->snapshot->devices_count : 0;
	case SCOPE_RESOURCE:
		return view->resources_count;
	}
	return 0;
}

/* A label's value, escaped as the format asks for. */
static void put_label(struct buf *out, const char *before, const char *name, const char *value)
{
	(void)buf_printf(out, "%s%s=\"", before, name);
	for (; *value; value++) {
		if (*value == '\\' || *value == '"')
			(void)buf_text(out, "\\");
		(void)buf_append(out, *value == '\n' ? "\\n" : value, *value == '\n' ? 2 : 1);
	}
	(void)buf_text(out, "\"");
}

/* @ret: in the order of labels. */
static void label_values(const struct metrics_view *view, enum scope scope, size_t i,
			 char cuda[static CUDA_BYTES], const char *ret[static LABELS_MAX])
{
	const struct snapshot *snapshot = view->snapshot;
	switch (scope) {
	case SCOPE_AGENT:
		return;
	case SCOPE_DRIVER:
		(void)snprintf(cuda, CUDA_BYTES, "%" PRIu32 ".%" PRIu32,
			       snapshot->cuda_version / 1000, snapshot->cuda_version % 1000 / 10);
		ret[0] = snapshot->driver_version;
		ret[1] = cuda;
		return;
	case SCOPE_DEVICE:
		ret[0] = snapshot->devices[i].index;
		ret[1] = snapshot->devices[i].uuid;
		ret[2] = snapshot->devices[i].model;
		ret[3] = snapshot->devices[i].profile;
		return;
	case SCOPE_RESOURCE:
		ret[0] = view->resources[i].name;
		return;
	}
}

static void put_labels(const struct metrics_view *view, enum scope scope, size_t i, struct buf *out)
{
	char cuda[CUDA_BYTES] = "";
	const char *values[LABELS_MAX] = { NULL };
	label_values(view, scope, i, cuda, values);
	for (size_t n = 0; n < LABELS_MAX && labels[scope][n]; n++)
		put_label(out, n == 0 ? "{" : ",", labels[scope][n], values[n]);
	if (labels[scope][0])
		(void)buf_text(out, "}");
}

void metrics_expose(const struct metrics_view *view, struct buf *out)
{
	for (size_t m = 0; m < ARRAY_LEN(metrics); m++) {
		const struct metric *metric = &metrics[m];
		(void)buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help,
				 metric->name, metric->type);
		for (size_t i = 0; i < samples(view, metric->scope); i++) {
			(void)buf_text(out, metric->name);
			put_labels(view, metric->scope, i, out);
			(void)buf_printf(out, " %" PRIu64 "\n", metric->value(view, i));
		}
	}
}

void metrics_document(struct buf *out)
{
	(void)buf_text(out, "| metric | type | labels | meaning |\n|---|---|---|---|\n");
	for (size_t m = 0; m < ARRAY_LEN(metrics); m++) {
		const struct metric *metric = &metrics[m];
		(void)buf_printf(out, "| `%s` | %s | ", metric->name, metric->type);
		for (size_t n = 0; n < LABELS_MAX && labels[metric->scope][n]; n++)
			(void)buf_printf(out, "%s%s", n == 0 ? "" : ", ", labels[metric->scope][n]);
		(void)buf_printf(out, " | %s |\n", metric->help);
	}
}
