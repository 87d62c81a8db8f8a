/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a configuration file: text to tree to findings and settings. What is not refused
 * must be settings that the agent can work with; findings must be sorted, bounded and printable.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/tree.h"
#include "config/config.h"
#include "config/name.h"
#include "config/reader.h"

enum {
	LINE_BYTES = 64 * 1024
};

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void check(bool holds, const char *what)
{
	if (holds)
		return;
	(void)fprintf(stderr, "fuzz_config: %s\n", what);
	abort();
}

static void check_text(const char *text)
{
	for (; *text != '\0'; text++)
		check((unsigned char)*text >= 0x20 && *text != 0x7f, "a control character");
}

static void check_findings(const struct findings *findings)
{
	check(findings->count <= FINDINGS_MAX, "too many findings");
	check(findings->refusals + findings->warnings >= findings->count, "findings uncounted");
	check((findings->refusals > 0) == (findings_refusal(findings) != NULL), "a lost refusal");
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding_place *at = &findings->items[i].place;
		check(at->line > 0 && at->col > 0, "a finding without a place");
		check(findings->items[i].text[0] != '\0', "a finding without a text");
		check_text(findings->items[i].text);
		check_text(at->path);
		const struct finding_place *before = &findings->items[i > 0 ? i - 1 : i].place;
		check(before->line < at->line ||
			      (before->line == at->line && before->col <= at->col),
		      "findings out of order");
	}
}

static void check_name(const char *name)
{
	char full[NAME_LENGTH_MAX + 1];
	check(name && name_qualify(name, full, NULL) == 0 && strcmp(full, name) == 0,
	      "a name that is none");
}

static void check_devices(const struct device_choice *choice)
{
	check(choice->kind != DEVICE_CHOICE_COUNT ||
		      (choice->count > 0 && choice->count <= SCHEMA_DEVICES_MAX),
	      "a count out of range");
	check((choice->kind == DEVICE_CHOICE_LIST) == (choice->list_count > 0),
	      "a list of nothing");
	check(choice->list_count <= SCHEMA_DEVICES_MAX, "too many devices");
	for (size_t i = 0; i < choice->list_count; i++) {
		char device[NAME_DEVICE_BYTES];
		check(name_read_device(choice->list[i], device) &&
			      strcmp(device, choice->list[i]) == 0,
		      "a device that is none");
		for (size_t k = 0; k < i; k++)
			check(strcmp(device, choice->list[k]) != 0, "a device twice");
	}
}

static void check_sharing(const struct time_slicing *sharing)
{
	check(sharing->resources_count <= SCHEMA_ENTRIES_MAX, "too many entries");
	for (size_t i = 0; i < sharing->resources_count; i++) {
		const struct shared_resource *shared = &sharing->resources[i];
		check(shared->replicas >= REPLICAS_MIN && shared->replicas <= REPLICAS_MAX,
		      "replicas out of range");
		check_name(shared->name);
		check(shared->rename || !sharing->rename_by_default, "not renamed");
		if (shared->rename)
			check_name(shared->rename);
		check_devices(&shared->devices);
	}
}

static void check_patterns(const struct resource_patterns *patterns)
{
	check(patterns->count <= SCHEMA_ENTRIES_MAX, "too many patterns");
	for (size_t i = 0; i < patterns->count; i++) {
		check(patterns->items[i].pattern && patterns->items[i].pattern[0] != '\0',
		      "no pattern");
		check_name(patterns->items[i].name);
	}
}

static void check_settings(const struct settings *settings)
{
	const unsigned known_lists = DEVICE_LIST_ENVVAR | DEVICE_LIST_VOLUME_MOUNTS |
				     DEVICE_LIST_CDI_ANNOTATIONS | DEVICE_LIST_CDI_CRI;
	check(settings->mig_strategy <= MIG_STRATEGY_MIXED, "an unknown MIG strategy");
	check(settings->device_list_strategies != 0, "no device list");
	check((settings->device_list_strategies & ~known_lists) == 0, "a device list got through");
	check(settings->turns_mode == TURNS_NONE, "turns got through");
	check_sharing(&settings->time_slicing);
	check_patterns(&settings->gpu_patterns);
	check_patterns(&settings->mig_patterns);
}

static void read_settings(const char *text, size_t length)
{
	cleanup_findings struct findings findings = { 0 };
	cleanup_arena struct arena scratch = { 0 };
	cleanup_settings struct settings *settings = settings_new();
	check(settings != NULL, "out of memory");
	struct tree *root = NULL;
	struct tree_position position;
	if (tree_parse(text, length, &scratch, &root, &position, NULL) < 0)
		return;
	const struct apply apply = {
		.settings = settings,
		.findings = &findings,
		.origin = SETTINGS_ORIGIN_FILE,
		.base = settings,
	};
	reader_read(&apply, root, &scratch);
	if (findings.refusals == 0)
		check_settings(settings);
}

/* The same bytes as the text of each flag and variable. */
static void read_texts(const char *data, size_t size, struct findings *findings)
{
	cleanup_settings struct settings *settings = settings_new();
	check(settings != NULL, "out of memory");
	const char *text = arena_copy(&settings->arena, data, size);
	check(text != NULL, "out of memory");
	const struct apply apply = {
		.settings = settings,
		.findings = findings,
		.origin = SETTINGS_ORIGIN_ENVIRONMENT,
		.base = settings,
	};
	size_t count = 0;
	const struct schema_key *keys = schema_keys(&count);
	for (size_t i = 0; i < count; i++)
		if (keys[i].option.env)
			apply_text(&apply, &keys[i], &(struct finding_place){ .path = "x" }, text);
	check(findings->error == 0, "out of memory");
	check((settings->cdi_disabled_hooks & CDI_HOOK_CHMOD) != 0, "chmod came back");
	check((settings->cdi_disabled_hooks & ~(unsigned)CDI_HOOKS_ALL) == 0, "an unknown hook");
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	const char *text = size > 0 ? (const char *)data : "";
	cleanup_findings struct findings findings = { 0 };
	check(config_check(text, size, &findings, NULL) == 0, "out of memory");
	check_findings(&findings);
	cleanup_buf struct buf lines = BUF_INIT(LINE_BYTES);
	for (size_t i = 0; i < findings.count; i++)
		finding_print(&findings.items[i], "file", &lines);
	read_settings(text, size);
	read_texts(text, size, &findings);
	return 0;
}
