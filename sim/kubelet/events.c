/* SPDX-License-Identifier: Apache-2.0 */
/* See events.h. Event and state are written by the same functions, so that they cannot differ. */
#include "sim/kubelet/events.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

static const char *const states[] = {
	[LISTING_SILENT] = "silent",
	[LISTING_CURRENT] = "listed",
	[LISTING_LOST] = "lost",
	[LISTING_STOPPED] = "stopped",
};

/* A reader that is gone shows as the end of stdin, so a failed write needs no handling here. */
static void write_all(const char *text, size_t length)
{
	while (length > 0) {
		ssize_t written = write(STDOUT_FILENO, text, length);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0 && errno == EAGAIN) { /* stdin made a shared pipe non-blocking */
			(void)poll(&(struct pollfd){ STDOUT_FILENO, POLLOUT, 0 }, 1, -1);
			continue;
		}
		if (written < 0)
			return;
		text += written;
		length -= (size_t)written;
	}
}

void events_emit(const char *name, json_t *fields)
{
	json_auto_t *body = fields;
	json_auto_t *event = json_pack("{s:s}", "event", name);
	if (!event || !body || json_object_update(event, body) < 0)
		return;
	cleanup_free char *line = json_dumps(event, JSON_COMPACT);
	if (!line)
		return;
	size_t length = strlen(line);
	line[length] =
		'\n'; /* in place of the terminator, so that the line goes out in one write */
	write_all(line, length + 1);
}

json_t *events_pod(const struct pod *pod, const struct tables *tables)
{
	const struct holding *held = NULL;
	if (pod->spec.resource)
		held = holdings_find(&tables->holdings, pod->spec.name, pod->spec.resource);
	json_auto_t *devices = json_array();
	for (size_t i = 0; held && i < held->ids.count; i++)
		if (json_array_append_new(devices, json_string(held->ids.items[i])) < 0)
			return NULL;
	return json_pack("{s:s, s:s, s:s?, s:s?, s:I, s:I, s:O}", "name", pod->spec.name, "phase",
			 pod_phase(pod), "reason", pod->reason, "message", pod->message, "restarts",
			 (json_int_t)pod->restarts, "pid", (json_int_t)pod->pid, "devices",
			 devices);
}

json_t *events_node(const struct tables *tables)
{
	json_auto_t *capacity = json_object();
	json_auto_t *allocatable = json_object();
	for (size_t i = 0; i < tables->count; i++) {
		const struct resource_entry *entry = tables->resources[i];
		if (entry->listing.state == LISTING_SILENT)
			continue;
		json_t *all = json_integer((json_int_t)entry->listing.count);
		json_t *healthy = json_integer((json_int_t)entry->listing.healthy);
		if (json_object_set_new(capacity, entry->name, all) < 0 ||
		    json_object_set_new(allocatable, entry->name, healthy) < 0)
			return NULL;
	}
	return json_pack("{s:O, s:O}", "capacity", capacity, "allocatable", allocatable);
}

static json_t *device_json(const struct listing_device *device)
{
	json_auto_t *nodes = json_array();
	for (size_t i = 0; i < device->nodes_count; i++)
		if (json_array_append_new(nodes, json_integer(device->nodes[i])) < 0)
			return NULL;
	return json_pack("{s:s, s:b, s:O}", "id", device->id, "healthy", (int)device->is_healthy,
			 "numa", nodes);
}

static json_t *resource_json(const struct resource_entry *entry)
{
	const struct listing *listing = &entry->listing;
	json_auto_t *devices = json_array();
	for (size_t i = 0; i < listing->count; i++)
		if (json_array_append_new(devices, device_json(&listing->devices[i])) < 0)
			return NULL;
	return json_pack("{s:s, s:b, s:O}", "state", states[listing->state], "served",
			 (int)(entry->endpoint != NULL), "devices", devices);
}

json_t *events_resources(const struct tables *tables)
{
	json_auto_t *resources = json_object();
	for (size_t i = 0; i < tables->count; i++)
		if (json_object_set_new(resources, tables->resources[i]->name,
					resource_json(tables->resources[i])) < 0)
			return NULL;
	return TAKE_PTR(resources);
}
