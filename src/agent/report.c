/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fields of `rota status -o json` are an interface: they may be added to, not renamed. jansson
 * keeps the order, so that two documents can be compared by eye.
 */
#include "agent/report.h"

#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/document.h"

enum {
	SINCE_BYTES = 64, /* RFC 3339, also for a year of ten digits */
};

static json_t *device_json(const struct device *device)
{
	return json_pack("{s:s, s:s, s:s, s:o, s:I, s:o, s:b, s:s}", "index", device->index, "uuid",
			 device->uuid, "model", device->model, "migProfile",
			 device_is_part(device) ? json_string(device->profile) : json_null(),
			 "memoryBytes", (json_int_t)device->memory_bytes, "numaNode",
			 device->numa_node == NUMA_NONE ? json_null()
							: json_integer(device->numa_node),
			 "healthy", (int)device->is_healthy, "reason", device->reason);
}

static json_t *devices_json(const struct report *report)
{
	json_t *devices = json_array();
	for (size_t i = 0; report->snapshot && i < report->snapshot->devices_count; i++)
		devices = document_append(devices, device_json(&report->snapshot->devices[i]));
	return devices;
}

static json_t *complaints_json(const struct report *report)
{
	const struct plan *plan = report->plan;
	json_t *complaints = json_array();
	if (report->undescribed[0])
		complaints = document_append(complaints, json_string(report->undescribed));
	for (size_t i = 0; i < plan->complaints_count; i++)
		complaints = document_append(complaints, json_string(plan->complaints[i]));
	if (plan->refusal)
		complaints = document_append(complaints, json_string(plan->refusal));
	return complaints;
}

static json_t *resource_json(const struct plugin_report *plugin)
{
	return json_pack("{s:s, s:s, s:b, s:I, s:I, s:b, s:I, s:I, s:I}", "name",
			 plugin->resource->name, "socket", plugin->socket, "shared",
			 (int)plugin->resource->is_shared, "replicas",
			 (json_int_t)plugin->resource->replicas_count, "healthy",
			 (json_int_t)resource_healthy_count(plugin->resource), "registered",
			 (int)plugin->is_registered, "registrations",
			 (json_int_t)plugin->registrations, "allocations",
			 (json_int_t)plugin->allocations, "refusals", (json_int_t)plugin->refusals);
}

static json_t *driver_json(const struct report *report)
{
	const struct snapshot *snapshot = report->snapshot;
	uint32_t cuda = snapshot ? snapshot->cuda_version : 0;
	return json_pack("{s:b, s:s, s:s, s:o}", "ok",
			 (int)(snapshot != NULL && report->fault[0] == '\0'), "fault",
			 report->fault, "version", snapshot ? snapshot->driver_version : "", "cuda",
			 json_sprintf("%u.%u", cuda / 1000, cuda % 1000 / 10));
}

/* null while the file on disk is in force. */
static json_t *refusal_json(const struct report *report)
{
	if (report->refusal[0] == '\0')
		return json_null();
	char since[SINCE_BYTES] = "";
	struct tm utc;
	if (gmtime_r(&report->refused_since, &utc))
		(void)strftime(since, sizeof(since), "%Y-%m-%dT%H:%M:%SZ",
			       &utc); /* "" if it fails */
	return json_pack("{s:s, s:s}", "since", since, "cause", report->refusal);
}

char *report_json(const struct report *report)
{
	json_t *resources = json_array();
	for (size_t i = 0; i < report->plugins_count; i++)
		resources = document_append(resources, resource_json(&report->plugins[i]));
	json_t *document = json_pack(
		"{s:s, s:i, s:I, s:s, s:o, s:s, s:o, s:o, s:o, s:o}", "version", ROTA_VERSION,
		"pid", (int)getpid(), "uptimeSeconds", (json_int_t)report->uptime_seconds,
		"configFile", report->settings->config_file, "configRefused", refusal_json(report),
		"kubeletSocket", report->settings->kubelet_socket, "driver", driver_json(report),
		"complaints", complaints_json(report), "resources", resources, "devices",
		devices_json(report));
	char *text = document_text(document, JSON_COMPACT);
	json_decref(document);
	return text;
}
