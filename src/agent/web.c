/* SPDX-License-Identifier: Apache-2.0 */
/* See web.h. One row a page. */
#include "agent/web.h"

#include <string.h>

#include "base/cleanup.h"
#include "metrics/metrics.h"

static void put_metrics(const struct report *report, struct http_answer *answer)
{
	struct metrics_resource resources[ADVERTS_MAX] = { 0 };
	for (size_t i = 0; i < report->plugins_count; i++) {
		const struct plugin_report *plugin = &report->plugins[i];
		resources[i] = (struct metrics_resource){
			.name = plugin->resource->name,
			.replicas = plugin->resource->replicas_count,
			.healthy = resource_healthy_count(plugin->resource),
			.is_registered = plugin->is_registered,
			.registrations = plugin->registrations,
			.allocations = plugin->allocations,
			.refusals = plugin->refusals,
		};
	}
	const struct metrics_view view = {
		.is_driver_up = report->snapshot && report->fault[0] == '\0',
		.is_config_refused = report->refusal[0] != '\0',
		.xids = report->xids,
		.complaints = report->plan->complaints_count + (report->plan->refusal ? 1 : 0) +
			      (report->undescribed[0] ? 1 : 0),
		.snapshot = report->snapshot,
		.resources = resources,
		.resources_count = report->plugins_count,
		.uptime_seconds = report->uptime_seconds,
	};
	answer->status = 200;
	answer->content_type = "text/plain; version=0.0.4";
	metrics_expose(&view, &answer->body);
}

static void put_health(const struct report *report, struct http_answer *answer)
{
	(void)report;
	answer->status = 200;
	(void)buf_text(&answer->body, "ok\n"); /* the responder sees a failure */
}

static bool is_registered(const struct report *report)
{
	for (size_t i = 0; i < report->plugins_count; i++)
		if (!report->plugins[i].is_registered)
			return false;
	return true;
}

static void put_readiness(const struct report *report, struct http_answer *answer)
{
	const char *reason = NULL;
	if (report->fault[0])
		reason = report->fault;
	else if (!report->snapshot)
		reason = "the driver has not answered yet";
	else if (!report->is_held_known)
		reason = "kubelet has not said yet which ids pods hold";
	else if (report->plan->refusal)
		reason = report->plan->refusal;
	else if (report->undescribed[0])
		reason = report->undescribed;
	else if (report->settings->kubelet_socket[0] && !is_registered(report))
		reason = "not registered with kubelet";
	answer->status = reason ? 503 : 200;
	(void)buf_printf(&answer->body, "%s\n", reason ? reason : "ok"); /* as above */
}

static const struct {
	const char *path;
	void (*put)(const struct report *report, struct http_answer *answer);
} pages[] = {
	{ "/metrics", put_metrics },
	{ "/healthz", put_health },
	{ "/readyz", put_readiness },
};

void web_answer(const struct report *report, const char *path, struct http_answer *answer)
{
	for (size_t i = 0; i < ARRAY_LEN(pages); i++)
		if (strcmp(pages[i].path, path) == 0)
			pages[i].put(report, answer);
}
