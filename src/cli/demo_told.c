/* SPDX-License-Identifier: Apache-2.0 */
/* See demo_told.h. The last that was told of a thing counts. */
#include "cli/demo_told.h"

#include <stdio.h>
#include <string.h>

static struct demo_pod *find_pod(struct demo_told *told, const char *name)
{
	for (size_t i = 0; i < told->pods_count; i++)
		if (strcmp(told->pods[i].name, name) == 0)
			return &told->pods[i];
	return NULL;
}

static void copy_text(char *to, size_t size, const json_t *event, const char *key)
{
	const char *text = json_string_value(json_object_get(event, key));
	(void)snprintf(to, size, "%s", text ? text : "");
}

static void take_pod(struct demo_told *told, const json_t *event)
{
	const char *name = json_string_value(json_object_get(event, "name"));
	struct demo_pod *pod = name ? find_pod(told, name) : NULL;
	if (!pod)
		return;
	copy_text(pod->phase, sizeof(pod->phase), event, "phase");
	copy_text(pod->reason, sizeof(pod->reason), event, "reason");
	pod->restarts = (unsigned)json_integer_value(json_object_get(event, "restarts"));
	pod->pid = json_integer_value(json_object_get(event, "pid"));
}

static void take_deleted(struct demo_told *told, const json_t *event)
{
	const char *name = json_string_value(json_object_get(event, "name"));
	struct demo_pod *pod = name ? find_pod(told, name) : NULL;
	if (!pod)
		return;
	size_t behind = (size_t)(&told->pods[told->pods_count] - pod) - 1;
	memmove(pod, pod + 1, behind * sizeof(*pod));
	told->pods_count--;
}

static void keep(json_t **place, json_t *value)
{
	json_decref(*place);
	*place = json_incref(value);
}

static void take_event(struct demo_told *told, json_t *event)
{
	const char *kind = json_string_value(json_object_get(event, "event"));
	if (!kind)
		return;
	if (strcmp(kind, "pod") == 0) {
		take_pod(told, event);
	} else if (strcmp(kind, "deleted") == 0) {
		take_deleted(told, event);
	} else if (strcmp(kind, "answer") == 0) {
		keep(&told->answer, event);
	} else if (strcmp(kind, "node") == 0) {
		keep(&told->capacity, json_object_get(event, "capacity"));
		keep(&told->allocatable, json_object_get(event, "allocatable"));
	}
}

static void take_lines(struct demo_told *told)
{
	char *end;
	while (told->line.len > 0 && (end = memchr(told->line.data, '\n', told->line.len))) {
		size_t length = (size_t)(end - told->line.data);
		json_t *event = json_loadb(told->line.data, length, 0, NULL);
		if (event)
			take_event(told, event);
		json_decref(event);
		buf_consume(&told->line, length + 1);
	}
}

void demo_told_init(struct demo_told *told)
{
	memset(told, 0, sizeof(*told)); /* too large for a literal on the stack */
	told->line.max = DEMO_TOLD_LINE_BYTES_MAX;
}

int demo_told_take(struct demo_told *told, const char *bytes, size_t length)
{
	int r = buf_append(&told->line, bytes, length);
	if (r == 0)
		take_lines(told);
	return r;
}

size_t demo_told_capacity(const struct demo_told *told, const char *resource)
{
	return (size_t)json_integer_value(json_object_get(told->capacity, resource));
}

size_t demo_told_allocatable(const struct demo_told *told, const char *resource)
{
	return (size_t)json_integer_value(json_object_get(told->allocatable, resource));
}

void demo_told_done(struct demo_told *told)
{
	json_decref(told->capacity);
	json_decref(told->allocatable);
	json_decref(told->answer);
	buf_done(&told->line);
}
