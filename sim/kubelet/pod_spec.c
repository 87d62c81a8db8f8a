/* SPDX-License-Identifier: Apache-2.0 */
/* See pod_spec.h. Every key is checked by hand, because the reader of the error is a test's author.
 */
#include "sim/kubelet/pod_spec.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"

static const char name_letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-.";

static const char *const known_keys[] = { "name",    "resource", "count",
					  "command", "env",      "restartPolicy" };

static int check_keys(json_t *value, struct err *err)
{
	const char *key;
	json_t *child;
	json_object_foreach(value, key, child)
	{
		bool is_known = false;
		for (size_t i = 0; i < ARRAY_LEN(known_keys); i++)
			is_known = is_known || strcmp(key, known_keys[i]) == 0;
		if (!is_known)
			return err_set(err, -EINVAL, "pod.%s: unknown key", key);
	}
	return 0;
}

static int read_name(const json_t *value, struct arena *arena, const char **ret, struct err *err)
{
	const char *name = json_string_value(json_object_get(value, "name"));
	size_t length = name ? strlen(name) : 0;
	if (length == 0 || length > POD_NAME_BYTES_MAX || strspn(name, name_letters) != length)
		return err_set(err, -EINVAL,
			       "pod.name: must be 1 to %d of a-z, 0-9, \"-\" and \".\"",
			       POD_NAME_BYTES_MAX);
	*ret = arena_copy(arena, name, length);
	return *ret ? 0 : err_errno(err, -ENOMEM, "pod.name");
}

static int read_request(const json_t *value, struct arena *arena, struct pod_spec *spec,
			struct err *err)
{
	const json_t *resource = json_object_get(value, "resource");
	const json_t *count = json_object_get(value, "count");
	if (!resource && !count)
		return 0;
	if (!json_is_string(resource) || json_string_length(resource) == 0)
		return err_set(err, -EINVAL, "pod.resource: must be the name of a resource");
	json_int_t wanted = count ? json_integer_value(count) : 1;
	if (wanted < 1 || wanted > POD_COUNT_MAX)
		return err_set(err, -EINVAL, "pod.count: must be 1 to %d", POD_COUNT_MAX);

	spec->resource = arena_copy(arena, json_string_value(resource),
				    json_string_length(resource));
	spec->count = (size_t)wanted;
	return spec->resource ? 0 : err_errno(err, -ENOMEM, "pod.resource");
}

static int read_command(const json_t *value, struct arena *arena, char ***ret, struct err *err)
{
	const json_t *list = json_object_get(value, "command");
	size_t count = json_array_size(list);
	if (count == 0 || count > POD_WORDS_MAX)
		return err_set(err, -EINVAL, "pod.command: must be a list of 1 to %d words",
			       POD_WORDS_MAX);
	char **words = arena_array(arena, count + 1, sizeof(*words));
	if (!words)
		return err_errno(err, -ENOMEM, "pod.command");
	for (size_t i = 0; i < count; i++) {
		const json_t *word = json_array_get(list, i);
		if (!json_is_string(word))
			return err_set(err, -EINVAL, "pod.command[%zu]: must be a string", i);
		words[i] = arena_copy(arena, json_string_value(word), json_string_length(word));
		if (!words[i])
			return err_errno(err, -ENOMEM, "pod.command");
	}
	*ret = words;
	return 0;
}

static int read_env(const json_t *value, struct arena *arena, char ***ret, struct err *err)
{
	json_t *map = json_object_get(value, "env");
	size_t count = json_object_size(map);
	if ((map && !json_is_object(map)) || count > POD_ENV_MAX)
		return err_set(err, -EINVAL, "pod.env: must be a map of at most %d strings",
			       POD_ENV_MAX);
	char **pairs = arena_array(arena, count + 1, sizeof(*pairs));
	if (!pairs)
		return err_errno(err, -ENOMEM, "pod.env");

	size_t used = 0;
	const char *name;
	json_t *text;
	json_object_foreach(map, name, text)
	{
		if (!json_is_string(text) || name[0] == '\0' || strchr(name, '='))
			return err_set(err, -EINVAL, "pod.env.%s: must be a name with a string",
				       name);
		pairs[used] = arena_printf(arena, "%s=%s", name, json_string_value(text));
		if (!pairs[used++])
			return err_errno(err, -ENOMEM, "pod.env");
	}
	*ret = pairs;
	return 0;
}

static int read_policy(const json_t *value, bool *ret, struct err *err)
{
	const json_t *policy = json_object_get(value, "restartPolicy");
	const char *text = policy ? json_string_value(policy) : "Always";
	if (!text || (strcmp(text, "Always") != 0 && strcmp(text, "Never") != 0))
		return err_set(err, -EINVAL, "pod.restartPolicy: must be Always or Never");
	*ret = strcmp(text, "Always") == 0;
	return 0;
}

int pod_spec_parse(json_t *value, struct arena *arena, struct pod_spec *ret, struct err *err)
{
	struct pod_spec spec = { 0 };
	if (!json_is_object(value))
		return err_set(err, -EINVAL, "pod: must be a map with name and command");
	int r = check_keys(value, err);
	if (r == 0)
		r = read_name(value, arena, &spec.name, err);
	if (r == 0)
		r = read_request(value, arena, &spec, err);
	if (r == 0)
		r = read_command(value, arena, &spec.command, err);
	if (r == 0)
		r = read_env(value, arena, &spec.env, err);
	if (r == 0)
		r = read_policy(value, &spec.is_restarted, err);
	if (r == 0)
		*ret = spec;
	return r;
}
