/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts the sources together: flags first, then environment, then the file, each filling only what
 * no stronger one has set. Called by the agent at start and at each reload, and by `config check`.
 */
#include "config/config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "config/apply.h"
#include "config/reader.h"

enum {
	NAME_BYTES = 64,
	FLAG_BYTES_MAX = 64 * 1024, /* of all values of one list flag */
};

/* A list flag that is given again adds to the list. */
static void join_given(const struct option_given *flags, const struct option *option,
		       struct buf *text)
{
	for (size_t i = 0; i < flags->count; i++)
		if (flags->items[i].option == option)
			(void)buf_printf(text, "%s%s", text->len > 0 ? "," : "",
					 flags->items[i].text);
}

static void read_flag(const struct apply *apply, const struct schema_key *key,
		      const struct option_given *flags)
{
	char path[NAME_BYTES];
	(void)snprintf(path, sizeof(path), "--%s", key->option.name);
	struct finding_place place = { .col = key->rank, .path = path };
	bool is_list = key->type == SCHEMA_CHOICES || key->type == SCHEMA_CHANNELS;
	cleanup_buf struct buf text = BUF_INIT(FLAG_BYTES_MAX);
	if (is_list)
		join_given(flags, &key->option, &text);
	if (text.error == -ENOMEM)
		apply->findings->error = -ENOMEM;
	else if (text.error < 0)
		findings_add(apply->findings, &place, FINDING_REFUSE,
			     "too long, allowed: at most %d bytes", FLAG_BYTES_MAX);
	for (size_t i = 0; i < flags->count; i++) {
		if (flags->items[i].option != &key->option)
			continue;
		const char *value = is_list ? text.data : flags->items[i].text;
		apply_text(apply, key, &place, value ? value : "");
		if (is_list)
			return;
	}
}

static void read_flags(const struct apply *apply, const struct option_given *flags)
{
	size_t count = 0;
	const struct schema_key *keys = schema_keys(&count);
	for (size_t i = 0; i < count; i++)
		if (keys[i].option.name)
			read_flag(apply, &keys[i], flags);
}

static const char *environment_find(char *const *environment, const char *name, size_t length)
{
	for (; *environment; environment++)
		if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
			return *environment + length + 1;
	return NULL;
}

/* A variable that exists and is empty is a value, but for lists of numbers and durations. */
static void read_variable(const struct apply *apply, const struct schema_key *key, const char *name,
			  const char *text)
{
	if (text[0] == '\0' && (key->type == SCHEMA_DURATION || key->type == SCHEMA_CHANNELS))
		return;
	if (text[0] == '\0' && key->type == SCHEMA_BOOL)
		text = "false";
	apply_text(apply, key, &(struct finding_place){ .col = key->rank, .path = name }, text);
}

static void read_environment(const struct apply *apply, char *const *environment)
{
	size_t count = 0;
	const struct schema_key *keys = schema_keys(&count);
	for (size_t i = 0; i < count; i++) {
		const char *text = NULL;
		char name[NAME_BYTES];
		for (const char *at = keys[i].option.env; at && *at != '\0' && !text;) {
			size_t length = strcspn(at, ",");
			text = environment_find(environment, at, length);
			(void)snprintf(name, sizeof(name), "%.*s", (int)length, at);
			at += length;
			at += strspn(at, ", ");
		}
		if (text)
			read_variable(apply, &keys[i], name, text);
	}
}

static int read_text(const struct apply *apply, const char *text, size_t length, struct err *err)
{
	cleanup_arena struct arena scratch = { 0 };
	struct tree *root = NULL;
	struct tree_position position;
	struct err cause = ERR_INIT;
	int r = tree_parse(text, length, &scratch, &root, &position, &cause);
	if (r == -ENOMEM)
		return err_set(err, r, "out of memory");
	if (r < 0) {
		struct finding_place place = { position.line, position.col, "" };
		findings_add(apply->findings, &place, FINDING_REFUSE, "%s", cause.msg);
		return 0;
	}
	reader_read(apply, root, &scratch);
	return 0;
}

static int read_file(const struct apply *apply, struct err *err)
{
	const char *path = apply->settings->config_file;
	if (path[0] == '\0')
		return 0;
	apply->findings->file = arena_printf(&apply->findings->arena, "%s", path);
	if (!apply->findings->file)
		return err_set(err, -ENOMEM, "out of memory");

	cleanup_free char *text = NULL;
	size_t length = 0;
	int r = file_read(path, TREE_BYTES_MAX, &text, &length, err);
	if (r < 0)
		return err_wrap(err, r, "error opening config file");
	apply->settings->config_digest = text_digest(text, length);
	return read_text(apply, text, length, err);
}

/* What a CDI specification has paths of. */
static const struct cdi_path {
	const char *map; /* of its row, with its key */
	const char *key;
	const char *example;
	size_t offset;     /* in struct settings */
	bool may_be_empty; /* another path or the root then stands for it */
} cdi_paths[] = {
	{ "flags.plugin", "nvidiaCTKPath", "/usr/bin/nvidia-ctk",
	  offsetof(struct settings, cdi_hook_path), false },
	{ "flags", "nvidiaDriverRoot", "/", offsetof(struct settings, driver_root), true },
	{ "flags", "nvidiaDevRoot", "/", offsetof(struct settings, dev_root), true },
};

static void check_cdi_path(const struct apply *apply, const struct cdi_path *path)
{
	const struct settings *settings = apply->settings;
	const char *value = NULL;
	memcpy(&value, (const char *)settings + path->offset, sizeof(value));
	if (value[0] == '/' || (value[0] == '\0' && path->may_be_empty))
		return;
	const struct schema_key *key = schema_find(path->map, path->key, true);
	const struct settings_source *source = &settings->sources[schema_index(key)];
	struct finding_place place = { source->line, source->col,
				       source->name ? source->name : key->path };
	char shown[FINDING_SHOWN_BYTES];
	apply_refuse(
		apply, &place,
		"'%s' is not an absolute path, which a cdi strategy needs, write one such as %s",
		finding_shown(value, shown), path->example);
}

/* The paths and the strategies that need them may come from different sources. */
static void check_cdi_paths(const struct apply *apply)
{
	static const unsigned cdi = DEVICE_LIST_CDI_ANNOTATIONS | DEVICE_LIST_CDI_CRI;
	if (!(apply->settings->device_list_strategies & cdi))
		return;
	for (size_t i = 0; i < ARRAY_LEN(cdi_paths); i++)
		check_cdi_path(apply, &cdi_paths[i]);
}

static int refused(const struct findings *findings, const char *file, struct err *err)
{
	const struct finding *first = findings_refusal(findings);
	cleanup_buf struct buf text = BUF_INIT(ERR_TEXT_BYTES + FINDING_TEXT_BYTES);
	if (first)
		finding_print(first, file, &text);
	const char *what = text.data ? text.data : file;
	int code = first && first->place.line > 0 ? -EBADMSG : -EINVAL;
	if (findings->refusals > 1)
		return err_set(err, code, "%s (and %zu more)", what, findings->refusals - 1);
	return err_set(err, code, "%s", what);
}

int config_load(const struct config_inputs *inputs, struct findings *findings,
		struct settings **ret, struct err *err)
{
	cleanup_settings struct settings *settings = settings_new();
	if (!settings)
		return err_set(err, -ENOMEM, "out of memory");
	settings->dev_root = "";
	struct apply apply = { .settings = settings, .findings = findings, .base = settings };
	apply.origin = SETTINGS_ORIGIN_FLAG;
	if (inputs->flags)
		read_flags(&apply, inputs->flags);
	apply.origin = SETTINGS_ORIGIN_ENVIRONMENT;
	if (inputs->environment)
		read_environment(&apply, inputs->environment);
	apply.origin = SETTINGS_ORIGIN_FILE;
	int r = read_file(&apply, err);
	if (r < 0)
		return r;
	check_cdi_paths(&apply);
	if (findings->error < 0)
		return err_set(err, findings->error, "out of memory");
	if (findings->refusals > 0)
		return refused(findings, settings->config_file, err);

	if (settings->dev_root[0] == '\0')
		settings->dev_root = settings->driver_root;
	*ret = TAKE_PTR(settings);
	return 0;
}

int config_check(const char *text, size_t length, struct findings *findings, struct err *err)
{
	cleanup_settings struct settings *settings = settings_new();
	if (!settings)
		return err_set(err, -ENOMEM, "out of memory");
	struct apply apply = {
		.settings = settings,
		.findings = findings,
		.origin = SETTINGS_ORIGIN_FILE,
		.base = settings,
	};
	int r = read_text(&apply, text, length, err);
	if (r < 0)
		return r;
	check_cdi_paths(&apply);
	return findings->error < 0 ? err_set(err, findings->error, "out of memory") : 0;
}
