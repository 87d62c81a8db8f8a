/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files with a `rota:` block, row by row: what is odd elsewhere is refused in them, and each key of
 * the block has its type, its bounds and the part that it needs. Rows of findings are "R" (refused)
 * or "W" (warned), position, path and text. The rules without the block are test_config.c's.
 */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "config/reader.h"

enum {
	TEXT_BYTES = 32 * 1024
};

#define STRICT "; with a rota: block this is refused\n"
#define ABSENT ", which this version does not have, "

/* What a test works on; made anew for each. */
struct fixture {
	struct findings findings;
	struct settings *settings;
	struct arena arena; /* of the tree */
	struct buf lines;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	*state = fixture;
	return fixture ? 0 : -1;
}

static void clear(struct fixture *fixture)
{
	findings_done(&fixture->findings);
	arena_done(&fixture->arena);
	buf_done(&fixture->lines);
	fixture->settings = settings_free(fixture->settings);
}

static int tear_down(void **state)
{
	clear(*state);
	free(*state);
	return 0;
}

static void read_text(struct fixture *fixture, const char *text)
{
	clear(fixture);
	fixture->settings = settings_new();
	assert_non_null(fixture->settings);
	struct tree *root = NULL;
	struct tree_position position;
	assert_int_equal(tree_parse(text, strlen(text), &fixture->arena, &root, &position, NULL),
			 0);
	const struct apply apply = {
		.settings = fixture->settings,
		.findings = &fixture->findings,
		.origin = SETTINGS_ORIGIN_FILE,
		.base = fixture->settings,
	};
	reader_read(&apply, root, &fixture->arena);
	assert_int_equal(fixture->findings.error, 0);
}

static const char *list(struct fixture *fixture)
{
	fixture->lines = (struct buf)BUF_INIT(TEXT_BYTES);
	for (size_t i = 0; i < fixture->findings.count; i++) {
		const struct finding *finding = &fixture->findings.items[i];
		(void)buf_printf(&fixture->lines, "%s %u:%u %s%s%s\n",
				 finding->severity == FINDING_REFUSE ? "R" : "W",
				 finding->place.line, finding->place.col, finding->place.path,
				 finding->place.path[0] != '\0' ? ": " : "", finding->text);
	}
	return fixture->lines.data ? fixture->lines.data : "";
}

struct row {
	const char *text;
	const char *findings; /* "" when there are none */
};

static void check_rows(struct fixture *fixture, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		read_text(fixture, rows[i].text);
		const char *got = list(fixture);
		if (strcmp(got, rows[i].findings) != 0)
			print_error("of:\n%s\ngot:\n%s\nwanted:\n%s\n", rows[i].text, got,
				    rows[i].findings);
		assert_string_equal(got, rows[i].findings);
	}
}

static void a_block_makes_the_file_strict_even_when_it_is_empty(void **state)
{
	static const struct row rows[] = {
		{ "rota:\n", "" },
		{ "rota: {}\n", "" },
		{ "rota: {turns: ~, memory: {}, health: ~}\n", "" },
		{ "rota: {}\nversion: v1\nflags: {migStrategy: none, failOnInitError: true}\n",
		  "" },
		{ "rota:\nflag: {}\n",
		  "R 2:1 flag: unknown key, it has no effect, did you mean flags?" STRICT },
		{ "flags: {foobar: 1}\nrota: {}\n",
		  "R 1:9 flags.foobar: unknown key, it has no effect, known here: migStrategy, "
		  "failOnInitError, mpsRoot, nvidiaDriverRoot, nvidiaDevRoot, gdrcopyEnabled, "
		  "gdsEnabled, mofedEnabled, useNodeFeatureAPI, deviceDiscoveryStrategy, plugin, "
		  "gfd" STRICT },
		{ "rota: {}\nFlags: {migstrategy: none}\n",
		  "R 2:1 flags: Flags is read as flags, write flags" STRICT
		  "R 2:9 flags.migStrategy: migstrategy is read as migStrategy, write "
		  "migStrategy" STRICT },
		{ "Rota: {}\n", "R 1:1 rota: Rota is read as rota, write rota" STRICT },
		{ "rota: {}\nflags: {failOnInitError: yes}\n",
		  "R 2:26 flags.failOnInitError: yes is read as true, write true" STRICT },
		{ "rota: {}\nflags: {failOnInitError: OFF}\n",
		  "R 2:26 flags.failOnInitError: OFF is read as false, write false" STRICT },
		{ "rota: {}\nflags: {gfd: {sleepInterval: 60}}\n",
		  "R 2:30 flags.gfd.sleepInterval: a number is read as nanoseconds, write 60ns or a "
		  "larger unit such as 60s" STRICT },
		{ "rota: {}\nflags:\n  migStrategy: none\n  migStrategy: none\n",
		  "R 3:3 flags.migStrategy: the key stands again in line 4 and only the last one "
		  "counts, write it once" STRICT },
		{ "rota: {}\nrota: {}\n",
		  "R 1:1 rota: the key stands again in line 2 and only the last one counts, write "
		  "it once" STRICT },
		{ "rota: 1\n", "R 1:7 rota: 1 is a number, allowed: a map\n" },
		{ "rota: []\n", "R 1:7 rota: a list is not allowed here, allowed: a map\n" },
	};
	check_rows(*state, rows, ARRAY_LEN(rows));
}

#define MIXED   "flags: {migStrategy: mixed}\n"
#define SINGLE  "flags: {migStrategy: single}\n"
#define NEVER   " is never advertised, the entry has no effect: "
#define ENTRIES "rota:\nsharing: {timeSlicing: {resources: ["
#define ENTRY   "sharing.timeSlicing.resources[0]"
#define SECOND  "sharing.timeSlicing.resources[1]"
#define UUID    "b1028956-cfa2-0990-bf4a-5da9abb51763"
#define TEN     "aaaaaaaaaa"

static void a_strict_file_may_not_hold_what_has_no_effect(void **state)
{
	static const struct row rows[] = {
		{ ENTRIES "{name: nvidia.com/gpu, replicas: 5}]}}\n", "" },
		{ ENTRIES "{name: mig-1g.5gb, replicas: 5}]}}\n" MIXED, "" },
		{ ENTRIES "{name: mig-1g.5gb, replicas: 5}]}}\n",
		  "R 2:44 " ENTRY ".name: nvidia.com/mig-1g.5gb" NEVER
		  "migStrategy is none and parts of GPUs have no names, set it to mixed or leave "
		  "the entry out" STRICT },
		{ ENTRIES "{name: mig-1g.5gb, replicas: 5}]}}\n" SINGLE,
		  "R 2:44 " ENTRY ".name: nvidia.com/mig-1g.5gb" NEVER
		  "with migStrategy single a part is nvidia.com/gpu, share that or set migStrategy "
		  "to mixed" STRICT },
		{ ENTRIES "{name: mig-1g.5gb, replicas: 5}]}}\n" MIXED
			  "resources: {mig: [{pattern: x, name: slow}]}\n",
		  "R 2:44 " ENTRY ".name: nvidia.com/mig-1g.5gb" NEVER
		  "every part of a GPU has a name of resources.mig, share one of those" STRICT },
		{ ENTRIES "{name: slow, replicas: 5}]}}\n"
			  "resources: {mig: [{pattern: x, name: slow}]}\n",
		  "R 2:44 " ENTRY ".name: nvidia.com/slow" NEVER
		  "migStrategy is none and parts of GPUs have no names, set it to mixed or leave "
		  "the entry out" STRICT
		  "R 3:29 resources.mig[0].pattern: the entry has no effect: migStrategy is none "
		  "and parts of GPUs have no names, set it to mixed or leave the entry out" STRICT },
		{ ENTRIES "{name: slow, replicas: 5}]}}\n" SINGLE
			  "resources: {mig: [{pattern: x, name: slow}]}\n",
		  "" },
		{ ENTRIES "{name: gpu, replicas: 5}]}}\n"
			  "resources: {gpus: [{pattern: x, name: a}]}\n" MIXED,
		  "R 2:44 " ENTRY ".name: nvidia.com/gpu" NEVER
		  "every GPU has a name of resources.gpus, share one of those" STRICT },
		{ ENTRIES "{name: gpu, replicas: 5}]}}\n"
			  "resources: {gpus: [{pattern: x, name: a}]}\n" SINGLE,
		  "" },
		{ ENTRIES "{name: gpu, replicas: 0x10}]}}\n",
		  "R 2:59 " ENTRY ".replicas: 0x10 is read as 16, write 16" STRICT },
		{ ENTRIES "{name: other, replicas: 2}]}}\n",
		  "R 2:44 " ENTRY ".name: nvidia.com/other is never advertised, the entry has no "
		  "effect, known: nvidia.com/gpu, nvidia.com/mig-<profile>, the names of resource "
		  "patterns" STRICT },
		{ ENTRIES "{name: fast, replicas: 2}, {name: slow, replicas: 3}]}}\n"
			  "resources: {gpus: [{pattern: '*H100*', name: fast}], mig: [{pattern: "
			  "1g.5gb, name: slow}]}\n" MIXED,
		  "" },
		{ "rota:\nresources: {gpus: [{pattern: \"*\", name: b}, {pattern: a, name: c}]}\n",
		  "R 2:55 resources.gpus[1].pattern: never matches, since entry 0 before it matches "
		  "all that it does, put that one behind it or leave this one out" STRICT },
		{ "rota:\nresources: {mig: [{pattern: 1g.5gb, name: b}, {pattern: 1g.5gb, name: "
		  "c}, {pattern: '', name: d}, {pattern: \"*\", name: e}]}\n" MIXED,
		  "R 2:57 resources.mig[1].pattern: never matches, since entry 0 before it matches "
		  "all that it does, put that one behind it or leave this one out" STRICT
		  "R 2:85 resources.mig[2].pattern: an empty pattern never matches, leave the entry "
		  "out" STRICT },
		{ "rota:\nresources: {mig: [{pattern: \"**\", name: b}, {pattern: x, name: c}]}\n" MIXED,
		  "R 2:55 resources.mig[1].pattern: never matches, since entry 0 before it matches "
		  "all that it does, put that one behind it or leave this one out" STRICT },
		{ "rota:\nresources: {gpus: [{name: b}, {pattern: a, name: b}, {pattern: x*, name: "
		  "b}]}\n",
		  "R 2:20 resources.gpus[0]: resources must have a 'pattern' field set, the key "
		  "pattern is needed here\n" },
	};
	check_rows(*state, rows, ARRAY_LEN(rows));
}

#define DEVICES(value) ENTRIES "{name: gpu, replicas: 5, devices: " value "}]}}\n"
#define AT_DEVICES     "R 2:71 " ENTRY ".devices: "
#define AT_ITEM        " " ENTRY ".devices: "

static void devices_of_a_strict_file_have_bounds(void **state)
{
	static const struct row rows[] = {
		{ DEVICES("all"), "" },
		{ DEVICES("1"), "" },
		{ DEVICES("1024"), "" },
		{ DEVICES("1025"), AT_DEVICES "1025 is not allowed, allowed: all, 1 to 1024\n" },
		{ DEVICES("0x10"), AT_DEVICES "0x10 is read as 16, write 16" STRICT },
		{ DEVICES("0"), AT_DEVICES
		  "devices set as '0' but a count of devices must be > 0, allowed: all, a count, a "
		  "list of indices and ids\n" },
		{ DEVICES("[]"), AT_DEVICES "a list of 0 devices, allowed: 1 to 1024\n" },
		{ DEVICES("[0, 1, \"0:1\", 0:2, GPU-" UUID ", MIG-" UUID "]"), "" },
		{ DEVICES("[0, x]"),
		  "R 2:75" AT_ITEM "unsupported type for device in devices list: x, allowed: an "
		  "index (0), a MIG index (0:1), GPU-<uuid>, MIG-<uuid>\n" },
		{ DEVICES("[0x2]"), "R 2:72" AT_ITEM "0x2 is read as 2, write 2" STRICT },
		{ DEVICES("[0, 1, 0]"),
		  "R 2:78" AT_ITEM "device 0 is shared by entry 0 already, list it once\n" },
		{ DEVICES("[GPU-" UUID ", \"GPU-B1028956CFA20990BF4A5DA9ABB51763\"]"),
		  "R 2:114" AT_ITEM "device GPU-" UUID
		  " is shared by entry 0 already, list it once\n" },
		{ DEVICES("[\"00\", \"0\", \"0:1\", \"0:01\"]"),
		  "R 2:78" AT_ITEM "device 0 is shared by entry 0 already, list it once\n"
		  "R 2:90" AT_ITEM "device 0:1 is shared by entry 0 already, list it once\n" },
	};
	check_rows(*state, rows, ARRAY_LEN(rows));
}

/* Two entries: the second one's keys begin in line 4. */
#define TWO(first, second)                                                  \
	"rota:\nsharing: {timeSlicing: {resources: [\n{replicas: 2, " first \
	"},\n{replicas: 3, " second "}]}}\n"
#define BESIDES \
	" besides entry 0, allowed: one, or lists of devices in both with no device in common\n"

static void entries_of_one_name_must_list_devices_of_their_own(void **state)
{
	static const struct row rows[] = {
		{ TWO("name: gpu, devices: [0]", "name: gpu, devices: [1]"), "" },
		{ TWO("name: gpu, devices: [0], rename: a", "name: gpu, devices: [1], rename: b"),
		  "" },
		{ TWO("name: gpu, devices: [0], rename: a", "name: gpu, devices: [1], rename: a"),
		  "" },
		{ TWO("name: gpu", "name: gpu"),
		  "R 4:21 " SECOND ".name: a second entry for nvidia.com/gpu" BESIDES },
		{ TWO("name: gpu", "name: gpu, devices: [0]"),
		  "R 4:21 " SECOND ".name: a second entry for nvidia.com/gpu" BESIDES },
		{ TWO("name: gpu, devices: 1", "name: gpu, devices: 1"),
		  "R 4:21 " SECOND ".name: a second entry for nvidia.com/gpu" BESIDES },
		{ TWO("name: gpu, devices: [0], rename: a", "name: gpu, rename: b"),
		  "R 4:21 " SECOND ".name: a second entry for nvidia.com/gpu" BESIDES },
		{ TWO("name: gpu, devices: [0, 1]", "name: gpu, devices: [2, 1]"),
		  "R 4:39 " SECOND
		  ".devices: device 1 is shared by entry 0 already, list it once\n" },
		{ TWO("name: gpu, rename: a", "name: mig-1g.5gb, rename: a") MIXED,
		  "R 4:41 " SECOND ".rename: a second entry for nvidia.com/a" BESIDES },
		{ TWO("name: gpu, rename: a, devices: [0]",
		      "name: mig-1g.5gb, rename: a, devices: [\"0:1\"]") MIXED,
		  "" },
		{ TWO("name: gpu, rename: a, devices: [0]",
		      "name: mig-1g.5gb, rename: a, devices: [0]") MIXED,
		  "R 4:54 " SECOND
		  ".devices: device 0 is shared by entry 0 already, list it once\n" },
		{ TWO("name: gpu", "name: mig-1g.5gb") MIXED, "" },
		{ TWO("devices: all", "name: gpu"),
		  "R 3:1 " ENTRY ": no resource name specified, the key name is needed here\n" },
	};
	check_rows(*state, rows, ARRAY_LEN(rows));
}

#define RENAME(value) ENTRIES "{name: gpu, replicas: 5, rename: " value "}]}}\n"
#define TAKEN         " is also the name of devices that are not shared, choose another\n"

static void a_rename_may_not_be_the_name_of_other_devices(void **state)
{
	static const struct row rows[] = {
		{ RENAME("fast"), "" },
		{ RENAME("gpu"), "" },
		{ RENAME("gpu.shared"), "" },
		{ RENAME("F"),
		  "R 2:70 " ENTRY ".rename: incorrect format for resource name 'nvidia.com/F', "
		  "allowed: nvidia.com/ and a-z, 0-9, '-', '.', first and last a letter or a "
		  "digit\n" },
		{ RENAME(TEN TEN TEN TEN TEN "abc"),
		  "R 2:70 " ENTRY ".rename: fully-qualified resource name must be 63 characters or "
		  "less: nvidia.com/" TEN TEN TEN TEN TEN "abc\n" },
		{ ENTRIES "{name: mig-1g.5gb, replicas: 5, rename: gpu}]}}\n" MIXED,
		  "R 2:77 " ENTRY ".rename: nvidia.com/gpu" TAKEN },
		{ TWO("name: mig-1g.5gb, rename: mig-2g.10gb", "name: mig-2g.10gb, rename: b")
			  MIXED,
		  "R 3:41 " ENTRY ".rename: nvidia.com/mig-2g.10gb" TAKEN },
		{ ENTRIES "{name: gpu, replicas: 5, rename: fast}]}}\nresources: {gpus: [{pattern: "
			  "a, name: fast}, {pattern: b, name: gpu}]}\n",
		  "R 2:70 " ENTRY ".rename: nvidia.com/fast" TAKEN },
		{ "rota:\nsharing: {timeSlicing: {renameByDefault: true, resources: [{name: gpu, "
		  "replicas: 5}]}}\nresources: {mig: [{pattern: a, name: gpu.shared}]}\n" MIXED,
		  "R 2:60 " ENTRY ": nvidia.com/gpu.shared" TAKEN },
		{ "rota:\nsharing: {timeSlicing: {renameByDefault: true, resources: [{replicas: 5, "
		  "rename: short, name: mig-" TEN TEN TEN TEN "abc}]}}\n" MIXED,
		  "" },
		{ "rota:\nsharing: {timeSlicing: {renameByDefault: true, resources: [{replicas: 5, "
		  "name: mig-" TEN TEN TEN TEN "abc}]}}\n" MIXED,
		  "R 2:80 " ENTRY ".name: nvidia.com/mig-" TEN TEN TEN TEN
		  "abc has 65 characters with the .shared of renameByDefault, allowed: 63\n" },
	};
	check_rows(*state, rows, ARRAY_LEN(rows));
}

static void lists_of_devices_have_a_bound_together(void **state)
{
	struct fixture *fixture = *state;
	struct buf text = BUF_INIT(TEXT_BYTES);
	for (unsigned more = 0; more < 2; more++) {
		text.len = 0;
		(void)buf_text(&text, ENTRIES);
		for (unsigned i = 0; i < 1024 + more; i++)
			(void)buf_printf(&text, "%s%u",
					 i % 512 > 0 ? ", "
					 : i > 0     ? "]}, {name: gpu, replicas: 2, devices: ["
						     : "{name: gpu, replicas: 2, devices: [",
					 i);
		(void)buf_text(&text, "]}]}}\n");
		read_text(fixture, text.data);
		assert_int_equal(fixture->findings.refusals, more);
	}
	buf_done(&text);
	assert_string_equal(fixture->findings.items[0].text,
			    "more than 1024 devices listed in all entries");
}

static void patterns_devices_and_names_of_a_strict_file_are_stored(void **state)
{
	struct fixture *fixture = *state;
	read_text(fixture, "rota:\n"
			   "resources:\n"
			   "  gpus: [{pattern: \"*T4*\", name: t4}, {pattern: \"*\", name: gpu}]\n"
			   "  mig: [{pattern: 1g.5gb, name: small}]\n"
			   "sharing:\n"
			   "  timeSlicing:\n"
			   "    renameByDefault: true\n"
			   "    resources:\n"
			   "    - {name: gpu, replicas: 2, devices: 3}\n"
			   "    - {name: t4, replicas: 3, devices: [0, 1:2, \"GPU-{" UUID "}\"], "
			   "rename: slow}\n"
			   "    - {name: small, replicas: 4, rename: small}\n" MIXED);
	assert_int_equal(fixture->findings.count, 0);
	const struct settings *settings = fixture->settings;
	assert_int_equal(settings->gpu_patterns.count, 2);
	assert_string_equal(settings->gpu_patterns.items[0].pattern, "*T4*");
	assert_string_equal(settings->gpu_patterns.items[0].name, "nvidia.com/t4");
	assert_string_equal(settings->gpu_patterns.items[1].name, "nvidia.com/gpu");
	assert_int_equal(settings->mig_patterns.count, 1);
	assert_string_equal(settings->mig_patterns.items[0].name, "nvidia.com/small");

	const struct shared_resource *shared = settings->time_slicing.resources;
	assert_int_equal(settings->time_slicing.resources_count, 3);
	assert_string_equal(shared[0].rename, "nvidia.com/gpu.shared");
	assert_int_equal(shared[0].devices.kind, DEVICE_CHOICE_COUNT);
	assert_int_equal(shared[0].devices.count, 3);
	assert_string_equal(shared[1].rename, "nvidia.com/slow");
	assert_int_equal(shared[1].devices.kind, DEVICE_CHOICE_LIST);
	assert_int_equal(shared[1].devices.list_count, 3);
	assert_string_equal(shared[1].devices.list[0], "0");
	assert_string_equal(shared[1].devices.list[1], "1:2");
	assert_string_equal(shared[1].devices.list[2], "GPU-" UUID);
	assert_string_equal(shared[2].rename, "nvidia.com/small");
	assert_int_equal(shared[2].devices.kind, DEVICE_CHOICE_ALL);
}

/* As NVIDIA's plugin: all devices, and no name but that of renameByDefault. */
static void without_the_block_the_same_is_dropped(void **state)
{
	struct fixture *fixture = *state;
	static const char resources[] =
		"resources: {gpus: [{pattern: \"*T4*\", name: t4}], mig: [{pattern: 1g.5gb, name: "
		"s}]}\n";
	static const char entry[] = "{name: gpu, replicas: 2, devices: [0, 0], rename: fast}]}}\n";
	for (unsigned is_renamed = 0; is_renamed < 2; is_renamed++) {
		struct buf text = BUF_INIT(TEXT_BYTES);
		(void)buf_printf(&text,
				 "%ssharing: {timeSlicing: {renameByDefault: %s, resources: [%s",
				 resources, is_renamed ? "true" : "false", entry);
		read_text(fixture, text.data);
		buf_done(&text);
		assert_int_equal(fixture->findings.refusals, 0);
		assert_int_equal(fixture->findings.warnings, 4);
		const struct settings *settings = fixture->settings;
		assert_int_equal(settings->gpu_patterns.count, 0);
		assert_int_equal(settings->mig_patterns.count, 0);
		const struct shared_resource *shared = settings->time_slicing.resources;
		assert_int_equal(shared->devices.kind, DEVICE_CHOICE_ALL);
		if (is_renamed)
			assert_string_equal(shared->rename, "nvidia.com/gpu.shared");
		else
			assert_null(shared->rename);
	}
}

#define TURNS(text)  "rota: {turns: {" text "}}\n"
#define MEMORY(text) "rota: {memory: {" text "}}\n"
#define HEALTH(text) "rota: {health: {" text "}}\n"

static void keys_of_turns(void **state)
{
	static const struct row rows[] = {
		{ TURNS("mode: none, policy: fair, quantum: 10ms, latency: 50ms, pack: false"),
		  "" },
		{ TURNS("mode: observe"),
		  "R 1:22 rota.turns.mode: observe needs turns" ABSENT "allowed: none\n" },
		{ TURNS("mode: enforce"),
		  "R 1:22 rota.turns.mode: enforce needs turns" ABSENT "allowed: none\n" },
		{ TURNS("mode: off"), "R 1:22 rota.turns.mode: off is a boolean, allowed: none\n" },
		{ TURNS("mode: None"), "R 1:22 rota.turns.mode: None, allowed: none\n" },
		{ TURNS("mode: ''"), "R 1:22 rota.turns.mode: (an empty text), allowed: none\n" },
		{ TURNS("Mode: none"),
		  "R 1:16 rota.turns.Mode: unknown key, it has no effect, did you mean "
		  "mode?" STRICT },
		{ TURNS("policy: strict"),
		  "R 1:24 rota.turns.policy: strict needs turns" ABSENT "allowed: fair\n" },
		{ TURNS("policy: other"), "R 1:24 rota.turns.policy: other, allowed: fair\n" },
		{ TURNS("quantum: 0.01s"), "" },
		{ TURNS("quantum: 2ms"),
		  "R 1:25 rota.turns.quantum: 2ms needs turns" ABSENT "allowed: 10ms\n" },
		{ TURNS("quantum: 100ms"),
		  "R 1:25 rota.turns.quantum: 100ms needs turns" ABSENT "allowed: 10ms\n" },
		{ TURNS("quantum: 1999999ns"),
		  "R 1:25 rota.turns.quantum: 1999999ns is not allowed, allowed: 2ms to 100ms\n" },
		{ TURNS("quantum: 101ms"),
		  "R 1:25 rota.turns.quantum: 101ms is not allowed, allowed: 2ms to 100ms\n" },
		{ TURNS("quantum: 10"),
		  "R 1:25 rota.turns.quantum: a number is read as nanoseconds, write 10ns or a "
		  "larger unit such as 60s" STRICT
		  "R 1:25 rota.turns.quantum: 10 is not allowed, allowed: 2ms to 100ms\n" },
		{ TURNS("quantum: short"),
		  "R 1:25 rota.turns.quantum: short, allowed: 2ms to 100ms\n" },
		{ TURNS("latency: 10ms"),
		  "R 1:25 rota.turns.latency: 10ms needs turns" ABSENT "allowed: 50ms\n" },
		{ TURNS("latency: 1s"),
		  "R 1:25 rota.turns.latency: 1s needs turns" ABSENT "allowed: 50ms\n" },
		{ TURNS("latency: 9ms"),
		  "R 1:25 rota.turns.latency: 9ms is not allowed, allowed: 10ms to 1s\n" },
		{ TURNS("latency: 1001ms"),
		  "R 1:25 rota.turns.latency: 1001ms is not allowed, allowed: 10ms to 1s\n" },
		{ TURNS("pack: true"),
		  "R 1:22 rota.turns.pack: true needs turns" ABSENT "allowed: false\n" },
		{ TURNS("pack: 1"), "R 1:22 rota.turns.pack: 1 is a number, allowed: false\n" },
		{ TURNS("share: 1"),
		  "R 1:16 rota.turns.share: unknown key, it has no effect, known "
		  "here: mode, policy, quantum, latency, pack" STRICT },
	};
	check_rows(*state, rows, ARRAY_LEN(rows));
}

static void keys_of_memory_audit_and_health(void **state)
{
	static const struct row rows[] = {
		{ MEMORY("limit: none, overcommit: false"), "" },
		{ MEMORY("limit: share"),
		  "R 1:24 rota.memory.limit: share needs memory limits" ABSENT "allowed: none\n" },
		{ MEMORY("limit: 4Gi"),
		  "R 1:24 rota.memory.limit: 4Gi needs memory limits" ABSENT "allowed: none\n" },
		{ MEMORY("limit: 1048576"),
		  "R 1:24 rota.memory.limit: 1048576 needs memory limits" ABSENT
		  "allowed: none\n" },
		{ MEMORY("limit: 1Ti"),
		  "R 1:24 rota.memory.limit: 1Ti needs memory limits" ABSENT "allowed: none\n" },
		{ MEMORY("limit: 1048575"),
		  "R 1:24 rota.memory.limit: 1048575, allowed: none, share, or a size from 1Mi to "
		  "1Ti such as 4Gi\n" },
		{ MEMORY("limit: 2Ti"),
		  "R 1:24 rota.memory.limit: 2Ti, allowed: none, share, or a size from 1Mi to 1Ti "
		  "such as 4Gi\n" },
		{ MEMORY("limit: 4G"),
		  "R 1:24 rota.memory.limit: 4G, allowed: none, share, or a size from 1Mi to 1Ti "
		  "such as 4Gi\n" },
		{ MEMORY("limit: 1e9"),
		  "R 1:24 rota.memory.limit: 1e9 is a number, allowed: none, share, or a size from "
		  "1Mi to 1Ti such as 4Gi\n" },
		{ MEMORY("limit: [share]"),
		  "R 1:24 rota.memory.limit: a list is not allowed here, allowed: none, share, or a "
		  "size from 1Mi to 1Ti such as 4Gi\n" },
		{ MEMORY("overcommit: true"),
		  "R 1:29 rota.memory.overcommit: true needs memory limits" ABSENT
		  "allowed: false\n" },
		{ "rota: {audit: report}\n", "" },
		{ "rota: {audit: kill}\n",
		  "R 1:15 rota.audit: kill needs the audit of GPU use" ABSENT "allowed: report\n" },
		{ "rota: {audit: none}\n", "R 1:15 rota.audit: none, allowed: report\n" },
		{ HEALTH("settle: 5s"), "" },
		{ HEALTH("settle: 5000ms"), "" },
		{ HEALTH("settle: 0s"), "" },
		{ HEALTH("settle: 1h"), "" },
		{ HEALTH("settle: 1h1s"),
		  "R 1:25 rota.health.settle: 1h1s is not allowed, allowed: 0s to 1h\n" },
		{ HEALTH("settle: infinite"),
		  "R 1:25 rota.health.settle: infinite is not allowed, allowed: 0s to 1h\n" },
		{ HEALTH("settle: -1s"), "R 1:25 rota.health.settle: -1s, allowed: 0s to 1h\n" },
	};
	check_rows(*state, rows, ARRAY_LEN(rows));
}

static const struct settings_source *source_of(const struct settings *settings, const char *map,
					       const char *name)
{
	const struct schema_key *key = schema_find(map, name, true);
	assert_non_null(key);
	return &settings->sources[schema_index(key)];
}

static void the_defaults_of_the_block_are_stored_with_their_line(void **state)
{
	struct fixture *fixture = *state;
	read_text(fixture, "rota:\n  turns:\n    mode: none\n    quantum: 10ms\n"
			   "  memory: {limit: none}\n  audit: report\n  health: {settle: 5s}\n");
	const struct settings *settings = fixture->settings;
	assert_int_equal(fixture->findings.count, 0);
	assert_int_equal(settings->turns_mode, TURNS_NONE);
	assert_int_equal(settings->turns_policy, TURNS_FAIR);
	assert_true(settings->turns_quantum_ns == 10ULL * 1000 * 1000);
	assert_true(settings->turns_latency_ns == 50ULL * 1000 * 1000);
	assert_false(settings->turns_pack);
	assert_int_equal(settings->memory_limit, MEMORY_LIMIT_NONE);
	assert_false(settings->memory_overcommit);
	assert_int_equal(settings->audit, AUDIT_REPORT);
	assert_true(settings->health_settle_ns == 5ULL * 1000 * 1000 * 1000);

	assert_int_equal(source_of(settings, "rota.turns", "mode")->line, 3);
	assert_int_equal(source_of(settings, "rota.turns", "quantum")->line, 4);
	assert_int_equal(source_of(settings, "rota.memory", "limit")->line, 5);
	assert_int_equal(source_of(settings, "rota.health", "settle")->origin,
			 SETTINGS_ORIGIN_FILE);
	assert_int_equal(source_of(settings, "rota.turns", "policy")->origin,
			 SETTINGS_ORIGIN_DEFAULT);
}

static void refusals_beyond_what_is_kept_are_counted_as_refusals(void **state)
{
	struct fixture *fixture = *state;
	struct buf text = BUF_INIT(TEXT_BYTES);
	(void)buf_text(&text, "rota:\n");
	for (unsigned i = 0; i < 2 * FINDINGS_MAX; i++)
		(void)buf_printf(&text, "unknown%u:\n", i);
	read_text(fixture, text.data ? text.data : "");
	buf_done(&text);
	assert_int_equal(fixture->findings.count, FINDINGS_MAX);
	assert_int_equal(fixture->findings.refusals, 2 * FINDINGS_MAX);
	assert_int_equal(fixture->findings.warnings, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_block_makes_the_file_strict_even_when_it_is_empty,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_strict_file_may_not_hold_what_has_no_effect,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(devices_of_a_strict_file_have_bounds, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(entries_of_one_name_must_list_devices_of_their_own,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_rename_may_not_be_the_name_of_other_devices,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(lists_of_devices_have_a_bound_together, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
			patterns_devices_and_names_of_a_strict_file_are_stored, set_up, tear_down),
		cmocka_unit_test_setup_teardown(without_the_block_the_same_is_dropped, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(keys_of_turns, set_up, tear_down),
		cmocka_unit_test_setup_teardown(keys_of_memory_audit_and_health, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			the_defaults_of_the_block_are_stored_with_their_line, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			refusals_beyond_what_is_kept_are_counted_as_refusals, set_up, tear_down),
	};
	return cmocka_run_group_tests_name("reader", tests, NULL, NULL);
}
