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

static void check_settings(const struct settings *settings)
{
	check(settings->mig_strategy == MIG_STRATEGY_NONE, "MIG got through");
	const unsigned known_lists = DEVICE_LIST_ENVVAR | DEVICE_LIST_VOLUME_MOUNTS;
	check(settings->device_list_strategies != 0, "no device list");
	check((settings->device_list_strategies & ~known_lists) == 0, "a device list got through");
	const struct time_slicing *sharing = &settings->time_slicing;
	check(sharing->resources_count <= SCHEMA_ENTRIES_MAX, "too many entries");
	for (size_t i = 0; i < sharing->resources_count; i++) {
		const struct shared_resource *shared = &sharing->resources[i];
		char name[NAME_LENGTH_MAX + 1];
		check(shared->replicas >= REPLICAS_MIN && shared->replicas <= REPLICAS_MAX,
		      "replicas out of range");
		check(shared->name && name_qualify(shared->name, name, NULL) == 0 &&
			      strcmp(name, shared->name) == 0,
		      "a name that is none");
	}
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
	return 0;
}
