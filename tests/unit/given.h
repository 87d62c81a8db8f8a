/* SPDX-License-Identifier: Apache-2.0 */
/* Devices and resources made in one line. */
#pragma once

#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "core/resource.h"

/* @count healthy T4s GPU-0, GPU-1, ... on no NUMA node. */
static inline struct snapshot *given_snapshot(size_t count)
{
	struct snapshot *snapshot = snapshot_new(count);
	assert_non_null(snapshot);
	snapshot->driver_version = "550.54.15";
	snapshot->cuda_version = 12040;
	for (size_t i = 0; i < count; i++)
		snapshot->devices[i] = (struct device){
			.uuid = arena_printf(&snapshot->arena, "GPU-%zu", i),
			.index = arena_printf(&snapshot->arena, "%zu", i),
			.model = "Tesla T4",
			.bus_id = "00000000:00:1E.0",
			DEVICE_WHOLE,
			.minor = (uint32_t)i,
			.numa_node = NUMA_NONE,
			.memory_bytes = UINT64_C(16106127360),
			.compute_major = 7,
			.compute_minor = 5,
			.is_healthy = true,
		};
	return snapshot;
}

/* What follows from @settings for @devices GPUs, under @name. */
static inline int given_list(const struct settings *settings, const char *name, size_t devices,
			     const struct held *held, struct resource **ret, struct err *err)
{
	cleanup_snapshot struct snapshot *snapshot = given_snapshot(devices);
	cleanup_plan struct plan plan = { 0 };
	int r = plan_make(settings, snapshot, &plan, err);
	return r < 0 ? r : resource_new(&plan, name, TAKE_PTR(snapshot), held, ret, err);
}

/* @devices GPUs of @replicas each; 1 is "not shared". */
static inline struct resource *given_resource(size_t devices, uint32_t replicas)
{
	struct shared_resource shared = { .name = "nvidia.com/gpu", .replicas = replicas };
	struct settings settings = {
		.time_slicing = { .resources = &shared, .resources_count = replicas > 1 ? 1 : 0 },
	};
	struct resource *resource = NULL;
	struct err err = ERR_INIT;
	assert_int_equal(given_list(&settings, "nvidia.com/gpu", devices, NULL, &resource, &err),
			 0);
	return resource;
}

static inline struct id_text given_id(const char *text)
{
	return (struct id_text){ text, strlen(text) };
}
