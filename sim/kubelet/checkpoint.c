/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The form of kubelet's kubelet_internal_checkpoint: entries by pod with ids grouped by NUMA node,
 * registered resources with their healthy ids, and a checksum over the data, so that a torn file is
 * noticed. Kubelet's own checksum is of its in-memory form; ours is FNV-1a of the compact text.
 */
#include "sim/kubelet/checkpoint.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "sim/kubelet/base64.h"

#define CONTAINER_NAME "main"
#define NO_NUMA_NODE   "-1"

static uint32_t fnv1a(const char *text)
{
	uint32_t hash = 2166136261U;
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 16777619U;
	return hash;
}

static int checksum(const json_t *data, uint32_t *ret)
{
	cleanup_free char *text = json_dumps(data, JSON_COMPACT | JSON_SORT_KEYS);
	if (!text)
		return -ENOMEM;
	*ret = fnv1a(text);
	return 0;
}

static int add_id(json_t *groups, const struct listing *listing, const char *id)
{
	const struct listing_device *device = listing ? listing_find(listing, id) : NULL;
	char node[24] = NO_NUMA_NODE;
	if (device && device->nodes_count > 0)
		(void)snprintf(node, sizeof(node), "%" PRId64, device->nodes[0]);
	json_t *group = json_object_get(groups, node);
	if (!group) {
		group = json_array();
		if (json_object_set_new(groups, node, group) < 0)
			return -ENOMEM;
	}
	return json_array_append_new(group, json_string(id)) < 0 ? -ENOMEM : 0;
}

static json_t *encode_holding(const struct tables *tables, const struct holding *holding)
{
	const struct resource_entry *entry = tables_find(tables, holding->resource);
	json_auto_t *groups = json_object();
	for (size_t i = 0; i < holding->ids.count; i++)
		if (add_id(groups, entry ? &entry->listing : NULL, holding->ids.items[i]) < 0)
			return NULL;
	cleanup_free char *response = base64_encode(holding->response, holding->response_length);
	if (!response)
		return NULL;
	return json_pack("{s:s, s:s, s:s, s:O, s:s}", "PodUID", holding->pod, "ContainerName",
			 CONTAINER_NAME, "ResourceName", holding->resource, "DeviceIDs", groups,
			 "AllocResp", response);
}

static json_t *encode_healthy(const struct listing *listing)
{
	json_auto_t *list = json_array();
	for (size_t i = 0; i < listing->count; i++)
		if (listing->devices[i].is_healthy &&
		    json_array_append_new(list, json_string(listing->devices[i].id)) < 0)
			return NULL;
	return TAKE_PTR(list);
}

static json_t *encode_data(const struct tables *tables)
{
	json_auto_t *entries = json_array();
	json_auto_t *registered = json_object();
	for (size_t i = 0; i < tables->holdings.count; i++)
		if (json_array_append_new(entries,
					  encode_holding(tables, &tables->holdings.items[i])) < 0)
			return NULL;
	for (size_t i = 0; i < tables->count; i++)
		if (json_object_set_new(registered, tables->resources[i]->name,
					encode_healthy(&tables->resources[i]->listing)) < 0)
			return NULL;
	return json_pack("{s:O, s:O}", "PodDeviceEntries", entries, "RegisteredDevices",
			 registered);
}

char *checkpoint_encode(const struct tables *tables)
{
	json_auto_t *data = encode_data(tables);
	uint32_t sum = 0;
	if (!data || checksum(data, &sum) < 0)
		return NULL;
	json_auto_t *root = json_pack("{s:O, s:I}", "Data", data, "Checksum", (json_int_t)sum);
	return root ? json_dumps(root, JSON_COMPACT) : NULL;
}

static int decode_ids(json_t *groups, struct ids *ids)
{
	const char *node;
	json_t *group;
	json_object_foreach(groups, node, group)
	{
		size_t i;
		json_t *id;
		json_array_foreach(group, i, id)
		{
			if (!json_is_string(id))
				return -EINVAL;
			int r = ids_add(ids, json_string_value(id), json_string_length(id));
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int decode_holding(json_t *value, struct holdings *holdings)
{
	const char *pod;
	const char *resource;
	const char *text;
	json_t *groups;
	if (json_unpack(value, "{s:s, s:s, s:o, s:s}", "PodUID", &pod, "ResourceName", &resource,
			"DeviceIDs", &groups, "AllocResp", &text) < 0)
		return -EINVAL;

	cleanup_ids struct ids ids = { 0 };
	int r = decode_ids(groups, &ids);
	if (r < 0)
		return r;

	cleanup_free uint8_t *response = NULL;
	size_t length = 0;
	r = base64_decode(text, &response, &length);
	if (r < 0)
		return r;

	r = holdings_put(holdings, pod, resource, &ids, response, length);
	if (r < 0)
		return r;
	(void)TAKE_PTR(response);
	return 0;
}

static int decode_data(json_t *data, struct tables *tables, struct err *err)
{
	json_t *entries;
	json_t *registered;
	if (json_unpack(data, "{s:o, s:o}", "PodDeviceEntries", &entries, "RegisteredDevices",
			&registered) < 0)
		return err_set(err, -EINVAL, "it has no list of pods or of resources");

	size_t i;
	json_t *value;
	json_array_foreach(entries, i, value)
	{
		int r = decode_holding(value, &tables->holdings);
		if (r < 0)
			return err_errno(err, r, "pod entry %zu", i);
	}
	const char *name;
	json_object_foreach(registered, name, value)
	{
		struct resource_entry *entry;
		int r = tables_get(tables, name, &entry, err);
		if (r < 0)
			return r;
		listing_stop(&entry->listing);
	}
	return 0;
}

int checkpoint_decode(const char *text, struct tables *tables, struct err *err)
{
	json_error_t where;
	json_auto_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &where);
	if (!root)
		return err_set(err, -EINVAL, "line %d: %s", where.line, where.text);

	json_t *data;
	json_int_t wanted;
	if (json_unpack(root, "{s:o, s:I}", "Data", &data, "Checksum", &wanted) < 0)
		return err_set(err, -EINVAL, "it has no data or no checksum");

	uint32_t sum = 0;
	int r = checksum(data, &sum);
	if (r < 0)
		return err_errno(err, r, "checksum");
	if (wanted != (json_int_t)sum)
		return err_set(err, -EINVAL, "its checksum is wrong");

	r = decode_data(data, tables, err);
	if (r < 0)
		tables_done(tables);
	return r;
}
