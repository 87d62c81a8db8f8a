/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See cdi_spec.h. Rules of names and versions are those of the CDI specification 1.1.0 and of the
 * library that runtimes read it with, which is the stricter one. jansson's setters take the value,
 * also on failure and also when it is NULL, so one check of their sum is enough.
 */
#include "cdi/cdi_spec.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/document.h"
#include "base/text.h"

DEFINE_CLEANUP(json_t *, json_cleanup, json_decref);
#define cleanup_json CLEANUP(json_cleanup)

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_alphanumeric(char c)
{
	return is_letter(c) || text_is_digit(c);
}

/* Alphanumeric ends, and inside also @inside. */
static bool is_name(const char *name, size_t length, const char *inside)
{
	if (length == 0 || !is_alphanumeric(name[0]) || !is_alphanumeric(name[length - 1]))
		return false;
	for (size_t i = 0; i < length; i++)
		if (!is_alphanumeric(name[i]) && !strchr(inside, name[i]))
			return false;
	return true;
}

static bool is_kind_part(const char *name, size_t length, size_t max)
{
	return length <= max && is_name(name, length, "_-.") && is_letter(name[0]);
}

static bool is_kind(const char *kind)
{
	size_t vendor = strcspn(kind, "/");
	if (kind[vendor] == '\0')
		return false;
	const char *class = kind + vendor + 1;
	return is_kind_part(kind, vendor, CDI_VENDOR_LENGTH_MAX) &&
	       is_kind_part(class, strlen(class), CDI_CLASS_LENGTH_MAX);
}

static bool is_text(const char *text)
{
	return text_is_utf8((const uint8_t *)text, strlen(text));
}

static int check_path(const char *what, const char *path, struct err *err)
{
	if (path[0] != '/')
		return err_set(err, -EINVAL, "%s %s: not an absolute path", what, path);
	if (!is_text(path))
		return err_set(err, -EINVAL, "%s %s: not UTF-8", what, path);
	return 0;
}

static int check_hook(const struct cdi_hook_call *hook, struct err *err)
{
	for (size_t i = 0; hook->args[i]; i++)
		if (!is_text(hook->args[i]))
			return err_set(err, -EINVAL, "hook %s: argument %s is not UTF-8",
				       hook->path, hook->args[i]);
	return check_path("hook", hook->path, err);
}

static int check_edits(const struct cdi_edits *edits, struct err *err)
{
	int r = 0;
	for (size_t i = 0; i < edits->nodes_count && r == 0; i++) {
		const struct cdi_node *node = &edits->nodes[i];
		r = check_path("device node", node->path, err);
		if (r == 0 && node->host_path)
			r = check_path("device node", node->host_path, err);
	}
	for (size_t i = 0; i < edits->mounts_count && r == 0; i++) {
		r = check_path("mount", edits->mounts[i].host_path, err);
		if (r == 0)
			r = check_path("mount", edits->mounts[i].container_path, err);
	}
	for (size_t i = 0; i < edits->hooks_count && r == 0; i++)
		r = check_hook(&edits->hooks[i], err);
	return r;
}

static int check_device(const struct cdi_spec *spec, size_t position, struct err *err)
{
	const struct cdi_device *device = &spec->devices[position];
	if (!is_name(device->name, strlen(device->name), "_-.:"))
		return err_set(err, -EINVAL, "device %s: not a name that CDI allows", device->name);
	for (size_t i = 0; i < position; i++)
		if (strcmp(spec->devices[i].name, device->name) == 0)
			return err_set(err, -EINVAL, "device %s: there are two", device->name);
	if (cdi_edits_are_empty(&device->edits))
		return err_set(err, -EINVAL, "device %s: has no edits", device->name);
	return check_edits(&device->edits, err);
}

static int check(const struct cdi_spec *spec, struct err *err)
{
	if (!is_kind(spec->kind))
		return err_set(err, -EINVAL, "not a kind that CDI allows");
	if (spec->devices_count == 0)
		return err_set(err, -EINVAL, "has no device");
	int r = check_edits(&spec->edits, err);
	for (size_t i = 0; i < spec->devices_count && r == 0; i++)
		r = check_device(spec, i, err);
	return r;
}

static bool has_host_path(const struct cdi_edits *edits)
{
	for (size_t i = 0; i < edits->nodes_count; i++)
		if (edits->nodes[i].host_path)
			return true;
	return false;
}

static bool needs_0_5(const struct cdi_spec *spec)
{
	for (size_t i = 0; i < spec->devices_count; i++)
		if (text_is_digit(spec->devices[i].name[0]) ||
		    has_host_path(&spec->devices[i].edits))
			return true;
	return has_host_path(&spec->edits);
}

static bool needs_0_6(const struct cdi_spec *spec)
{
	for (size_t i = 0; i < spec->devices_count; i++)
		if (spec->devices[i].annotations_count > 0)
			return true;
	return strchr(spec->kind + strcspn(spec->kind, "/"), '.') != NULL;
}

static bool needs_0_7(const struct cdi_spec *spec)
{
	for (size_t i = 0; i < spec->devices_count; i++)
		if (spec->devices[i].edits.gids_count > 0)
			return true;
	return spec->edits.gids_count > 0;
}

static const char *version_of(const struct cdi_spec *spec)
{
	static const struct {
		const char *version;
		bool (*is_needed)(const struct cdi_spec *spec);
	} versions[] = {
		{ "0.7.0", needs_0_7 }, /* additionalGids */
		{ "0.6.0", needs_0_6 }, /* annotations, a dot in the class */
		{ "0.5.0", needs_0_5 }, /* hostPath of a node, a name that begins with a digit */
	};
	for (size_t i = 0; i < ARRAY_LEN(versions); i++)
		if (versions[i].is_needed(spec))
			return versions[i].version;
	return "0.3.0";
}

/* Makers of JSON: a new value, NULL when memory is out. */
typedef json_t *make_fn(const void *item);

/* @bytes: the size of one of the @items. */
static json_t *list_json(const void *items, size_t count, size_t bytes, make_fn *make)
{
	cleanup_json json_t *array = json_array();
	int r = 0;
	for (size_t i = 0; i < count; i++)
		r += json_array_append_new(array, make((const char *)items + i * bytes));
	return r == 0 ? TAKE_PTR(array) : NULL;
}

static json_t *text_json(const void *item)
{
	return json_string(*(const char *const *)item);
}

static json_t *texts_json(const char *const *texts)
{
	size_t count = 0;
	while (texts[count])
		count++;
	return list_json(texts, count, sizeof(*texts), text_json);
}

static json_t *gid_json(const void *item)
{
	return json_integer(*(const uint32_t *)item);
}

static json_t *node_json(const void *item)
{
	const struct cdi_node *node = item;
	cleanup_json json_t *object = json_object();
	int r = json_object_set_new(object, "path", json_string(node->path));
	if (node->host_path)
		r += json_object_set_new(object, "hostPath", json_string(node->host_path));
	return r == 0 ? TAKE_PTR(object) : NULL;
}

static json_t *hook_json(const void *item)
{
	const struct cdi_hook_call *hook = item;
	cleanup_json json_t *object = json_object();
	int r = json_object_set_new(object, "hookName", json_string(hook->name));
	r += json_object_set_new(object, "path", json_string(hook->path));
	r += json_object_set_new(object, "args", texts_json(hook->args));
	r += json_object_set_new(object, "env", texts_json(hook->envs));
	return r == 0 ? TAKE_PTR(object) : NULL;
}

static json_t *mount_json(const void *item)
{
	const struct cdi_mount *mount = item;
	cleanup_json json_t *object = json_object();
	int r = json_object_set_new(object, "hostPath", json_string(mount->host_path));
	r += json_object_set_new(object, "containerPath", json_string(mount->container_path));
	r += json_object_set_new(object, "options", texts_json(mount->options));
	return r == 0 ? TAKE_PTR(object) : NULL;
}

/* A runtime of an old version refuses a key that it does not know, be its list empty. */
static json_t *edits_json(const struct cdi_edits *edits)
{
	const struct {
		const char *key;
		const void *items;
		size_t count;
		size_t bytes;
		make_fn *make;
	} lists[] = {
		{ "env", edits->envs, edits->envs_count, sizeof(*edits->envs), text_json },
		{ "deviceNodes", edits->nodes, edits->nodes_count, sizeof(*edits->nodes),
		  node_json },
		{ "hooks", edits->hooks, edits->hooks_count, sizeof(*edits->hooks), hook_json },
		{ "mounts", edits->mounts, edits->mounts_count, sizeof(*edits->mounts),
		  mount_json },
		{ "additionalGids", edits->gids, edits->gids_count, sizeof(*edits->gids),
		  gid_json },
	};
	cleanup_json json_t *object = json_object();
	int r = 0;
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		if (lists[i].count > 0)
			r += json_object_set_new(object, lists[i].key,
						 list_json(lists[i].items, lists[i].count,
							   lists[i].bytes, lists[i].make));
	return r == 0 ? TAKE_PTR(object) : NULL;
}

static json_t *annotations_json(const struct cdi_device *device)
{
	cleanup_json json_t *object = json_object();
	int r = 0;
	for (size_t i = 0; i < device->annotations_count; i++)
		r += json_object_set_new(object, device->annotations[i].key,
					 json_string(device->annotations[i].value));
	return r == 0 ? TAKE_PTR(object) : NULL;
}

static json_t *device_json(const void *item)
{
	const struct cdi_device *device = item;
	cleanup_json json_t *object = json_object();
	int r = json_object_set_new(object, "name", json_string(device->name));
	if (device->annotations_count > 0)
		r += json_object_set_new(object, "annotations", annotations_json(device));
	r += json_object_set_new(object, "containerEdits", edits_json(&device->edits));
	return r == 0 ? TAKE_PTR(object) : NULL;
}

static json_t *spec_json(const struct cdi_spec *spec)
{
	cleanup_json json_t *object = json_object();
	int r = json_object_set_new(object, "cdiVersion", json_string(version_of(spec)));
	r += json_object_set_new(object, "kind", json_string(spec->kind));
	r += json_object_set_new(
		object, "devices",
		list_json(spec->devices, spec->devices_count, sizeof(*spec->devices), device_json));
	r += json_object_set_new(object, "containerEdits", edits_json(&spec->edits));
	return r == 0 ? TAKE_PTR(object) : NULL;
}

int cdi_spec_encode(const struct cdi_spec *spec, char **ret, struct err *err)
{
	int r = check(spec, err);
	if (r < 0)
		return err_wrap(err, r, "%s", spec->kind);
	cleanup_json json_t *json = spec_json(spec);
	char *text = document_text(json, JSON_COMPACT);
	if (!text)
		return err_set(err, -ENOMEM, "%s: out of memory", spec->kind);
	*ret = text;
	return 0;
}
