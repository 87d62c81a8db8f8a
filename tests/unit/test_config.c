/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration row by row: every input that NVIDIA's documentation and code settle, with what we
 * say about it and what comes out. Rows of findings are "R" (refused) or "W" (warned), position,
 * path and text.
 */
#include "unit.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/tree.h"
#include "config/config.h"

enum {
	TEXT_BYTES = 32 * 1024,
	PATH_BYTES = 64,
	ENVIRONMENT_MAX = 8,
	FLAGS_MAX = 8,
	ALLOCATIONS_MAX = 10 * 1000,
	PADDING_MAX = 4096, /* a chunk of an arena */
	PADDING_STEP = 32,  /* of what the smallest texts take */
};

#define TEN   "aaaaaaaaaa"
#define LISTS "envvar, volume-mounts, cdi-annotations, cdi-cri"

/* The linker puts these in the place of calloc() and realloc(): arenas and buffers. */
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);

static unsigned allocations_left = UINT_MAX; /* this many succeed, then one fails */

static bool may_allocate(void)
{
	return allocations_left == UINT_MAX || allocations_left-- > 0;
}

void *__wrap_calloc(size_t count, size_t size)
{
	return may_allocate() ? __real_calloc(count, size) : NULL;
}

void *__wrap_realloc(void *memory, size_t size)
{
	return may_allocate() ? __real_realloc(memory, size) : NULL;
}

/* What a test works on; made anew for each. */
struct fixture {
	struct findings findings;
	struct settings *settings;
	struct option_given given;
	struct err err;
	struct arena arena; /* of what is not the config's own */
	int fd;             /* of the file in memory; -1 without one */
	char path[PATH_BYTES];
	char variable[PATH_BYTES + 16];
	char *environment[ENVIRONMENT_MAX + 2];
	char *words[FLAGS_MAX];
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	*state = fixture;
	if (!fixture)
		return -1;
	fixture->fd = -1;
	return 0;
}

static void clear(struct fixture *fixture)
{
	findings_done(&fixture->findings);
	arena_done(&fixture->arena);
	fixture->settings = settings_free(fixture->settings);
	fixture->given.count = 0;
	if (fixture->fd >= 0)
		(void)close(fixture->fd);
	fixture->fd = -1;
}

static int tear_down(void **state)
{
	allocations_left = UINT_MAX;
	clear(*state);
	free(*state);
	return 0;
}

static void list(const struct findings *findings, struct buf *out)
{
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->items[i];
		(void)buf_printf(out, "%s ", finding->severity == FINDING_REFUSE ? "R" : "W");
		if (finding->place.line > 0)
			(void)buf_printf(out, "%u:%u ", finding->place.line, finding->place.col);
		(void)buf_printf(out, "%s%s%s\n", finding->place.path,
				 finding->place.path[0] != '\0' ? ": " : "", finding->text);
	}
}

struct row {
	const char *text;
	const char *findings; /* "" when there are none */
};

static void check_rows(struct fixture *fixture, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int r = config_check(rows[i].text, strlen(rows[i].text), &fixture->findings,
				     &fixture->err);
		assert_int_equal(r, 0);
		struct buf lines = BUF_INIT(TEXT_BYTES);
		list(&fixture->findings, &lines);
		const char *got = lines.data ? lines.data : "";
		if (strcmp(got, rows[i].findings) != 0)
			print_error("of:\n%s\ngot:\n%s\nwanted:\n%s\n", rows[i].text, got,
				    rows[i].findings);
		bool is_equal = strcmp(got, rows[i].findings) == 0;
		buf_done(&lines);
		assert_true(is_equal);
		findings_done(&fixture->findings);
	}
}

static char *copy(struct fixture *fixture, const char *text)
{
	char *copied = arena_copy(&fixture->arena, text, strlen(text));
	assert_non_null(copied);
	return copied;
}

/* Makes ready to load @text as the file (NULL: none) with "NAME=value" and "--flag=value" lists
 * that end with NULL. */
static int prepare(struct fixture *fixture, const char *text, const char *const *environment,
		   const char *const *flags)
{
	clear(fixture);
	size_t count = 0;
	if (text) {
		fixture->fd = memfd_create("config", MFD_CLOEXEC);
		assert_true(fixture->fd >= 0);
		ssize_t length = (ssize_t)strlen(text);
		assert_int_equal(write(fixture->fd, text, (size_t)length), length);
		(void)snprintf(fixture->path, sizeof(fixture->path), "/proc/self/fd/%d",
			       fixture->fd);
		(void)snprintf(fixture->variable, sizeof(fixture->variable), "CONFIG_FILE=%s",
			       fixture->path);
		fixture->environment[count++] = fixture->variable;
	}
	for (; environment && *environment && count < ENVIRONMENT_MAX; environment++)
		fixture->environment[count++] = copy(fixture, *environment);
	fixture->environment[count] = NULL;

	size_t words_count = 0;
	for (; flags && *flags && words_count < FLAGS_MAX; flags++)
		fixture->words[words_count++] = copy(fixture, *flags);
	const struct option_set set = { schema_options, &fixture->given };
	struct option_words words = { fixture->words, words_count };
	struct option_words rest;
	return option_parse(&set, 1, OPTION_ORDER_GO, words, &rest, &fixture->err);
}

static int load(struct fixture *fixture, const char *text, const char *const *environment,
		const char *const *flags)
{
	assert_int_equal(prepare(fixture, text, environment, flags), 0);
	const struct config_inputs inputs = { &fixture->given, fixture->environment };
	return config_load(&inputs, &fixture->findings, &fixture->settings, &fixture->err);
}

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* 1.1 */
static void reading_rules(void **state)
{
	static const struct row rows[] = {
		{ "", "" },
		{ "# nothing\n", "" },
		{ "{}", "" },
		{ "~", "" },
		{ "version: v1\nflags:\nresources:\nsharing:\nimex:\n", "" },
		{ "{\"version\": \"v1\", \"flags\": {\"failOnInitError\": false}}", "" },
		{ "version: \"\"\n", "" },
		{ "version:\n", "" },
		{ "version: v2\n", "R 1:10 version: unknown version: v2, allowed: v1\n" },
		{ "version: 1\n", "R 1:10 version: unknown version: 1, allowed: v1\n" },
		{ "version: true\n", "R 1:10 version: unknown version: true, allowed: v1\n" },
		{ "version: [v1]\n", "R 1:10 version: a list is not allowed here, allowed: v1\n" },
		{ "Version: v1\nFLAGS: {migstrategy: none}\n",
		  "W 1:1 version: Version is read as version, write version\n"
		  "W 2:1 flags: FLAGS is read as flags, write flags\n"
		  "W 2:9 flags.migStrategy: migstrategy is read as migStrategy, write migStrategy\n" },
		{ "health: {}\n",
		  "W 1:1 health: unknown key, it has no effect, did you mean rota.health?\n" },
		{ "metrics: {}\n",
		  "W 1:1 metrics: unknown key, it has no effect, known here: version, "
		  "flags, resources, sharing, imex, rota\n" },
		{ "flag: {}\n",
		  "W 1:1 flag: unknown key, it has no effect, did you mean flags?\n" },
		{ "flags: {passDeviceSpecs: false}\n",
		  "W 1:9 flags.passDeviceSpecs: unknown key, it has no effect, did you mean "
		  "flags.plugin.passDeviceSpecs?\n" },
		{ "flags: {\"a\\e[31mb\": 1}\n",
		  "W 1:9 flags.a\\x1b[31mb: unknown key, it has no effect, known here: "
		  "migStrategy, failOnInitError, mpsRoot, nvidiaDriverRoot, nvidiaDevRoot, "
		  "gdrcopyEnabled, gdsEnabled, mofedEnabled, useNodeFeatureAPI, "
		  "deviceDiscoveryStrategy, plugin, gfd\n" },
		{ "flags:\n  migStrategy: mixed\n  migStrategy: none\n",
		  "W 2:3 flags.migStrategy: the key stands again in line 3 and only the last one "
		  "counts, write it once\n" },
		{ "<<: {version: v2}\n",
		  "R 1:1 merge keys (<<) are not read, write the values out\n" },
		{ "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  config.yaml: |\n"
		  "    version: v1\n",
		  "W 4:1 data: this is a ConfigMap and nothing in it has an effect, check the text "
		  "below data.config.yaml\n" },
		{ "apiVersion: v1\nkind: ConfigMap\n",
		  "W 1:1 this is a ConfigMap and nothing in it has an effect, check the text below "
		  "data.<key>\n" },
		{ "{\"kind\": \"ConfigMap\", \"apiVersion\": \"v1\", \"data\": {\"a\\e\": \"\"}}\n",
		  "W 1:43 data: this is a ConfigMap and nothing in it has an effect, check the text "
		  "below data.a\\x1b\n" },
		{ "apiVersion: v1\nkind: ConfigMap\nversion: v2\n",
		  "W 1:1 apiVersion: unknown key, it has no effect, did you mean version?\n"
		  "W 2:1 kind: unknown key, it has no effect, known here: version, flags, "
		  "resources, sharing, imex, rota\n"
		  "R 3:10 version: unknown version: v2, allowed: v1\n" },
		{ "text\n", "R 1:1 a text is not allowed here, allowed: a map\n" },
		{ "- a\n", "R 1:1 a list is not allowed here, allowed: a map\n" },
		{ "5\n", "R 1:1 a number is not allowed here, allowed: a map\n" },
		{ "a: [\n", "R 2:1 not YAML or JSON: did not find expected node content\n" },
		{ "a: 1\n---\nb: 1\n", "R 2:1 a second document, only one is allowed\n" },
		{ "flags: 5\n", "R 1:8 flags: 5 is a number, allowed: a map\n" },
		{ "flags: []\n", "R 1:8 flags: a list is not allowed here, allowed: a map\n" },
		{ "sharing: no\n", "R 1:10 sharing: no is a boolean, allowed: a map\n" },
	};
	check_rows(*state, rows, ARRAY_LEN(rows));
}

/* 1.3 and the texts of 2.1 */
static void flags_of_the_file(void **state)
{
	static const struct row rows[] = {
		{ "flags:\n  migStrategy: none\n  failOnInitError: true\n  mpsRoot: /run/mps\n"
		  "  nvidiaDriverRoot: /run/nvidia/driver\n  nvidiaDevRoot: /\n"
		  "  gdrcopyEnabled: false\n  gdsEnabled: false\n  mofedEnabled: false\n"
		  "  useNodeFeatureAPI: false\n  deviceDiscoveryStrategy: nvml\n"
		  "  plugin:\n    passDeviceSpecs: false\n    deviceListStrategy: envvar\n"
		  "    deviceIDStrategy: index\n    cdiAnnotationPrefix: x/\n    nvidiaCTKPath: /c\n"
		  "    containerDriverRoot: /d\n    sharedDevicesAllocationPolicy: packed\n"
		  "  gfd:\n    oneshot: true\n    noTimestamp: true\n    sleepInterval: infinite\n"
		  "    outputFile: /o\n    machineTypeFile: /m\n",
		  "" },
		{ "flags: {migStrategy: ~, failOnInitError: null, plugin: , gfd: }\n", "" },
		{ "flags: {migStrategy: mixed}\n", "" },
		{ "flags: {migStrategy: single}\n", "" },
		{ "flags: {migStrategy: all}\n",
		  "R 1:22 flags.migStrategy: unknown MIG strategy: all, allowed: none, single, mixed\n" },
		{ "flags: {migStrategy: \"\"}\n",
		  "R 1:22 flags.migStrategy: unknown MIG strategy: (an empty text), allowed: "
		  "none, single, mixed\n" },
		{ "flags: {migStrategy: 1}\n",
		  "R 1:22 flags.migStrategy: 1 is a number, allowed: none, single, mixed\n" },
		{ "flags: {failOnInitError: yes}\n",
		  "W 1:26 flags.failOnInitError: yes is read as true, write true\n" },
		{ "flags: {failOnInitError: N}\n",
		  "W 1:26 flags.failOnInitError: N is read as false, write false\n" },
		{ "flags: {failOnInitError: \"true\"}\n",
		  "R 1:26 flags.failOnInitError: true is a text, allowed: true, false\n" },
		{ "flags: {failOnInitError: 1}\n",
		  "R 1:26 flags.failOnInitError: 1 is a number, allowed: true, false\n" },
		{ "flags: {mpsRoot: no}\n",
		  "R 1:18 flags.mpsRoot: no is a boolean, allowed: a text, write \"no\"\n" },
		{ "flags: {nvidiaDriverRoot: 5}\n",
		  "R 1:27 flags.nvidiaDriverRoot: 5 is a number, allowed: a text, write \"5\"\n" },
		{ "flags: {nvidiaDriverRoot: {}}\n",
		  "R 1:27 flags.nvidiaDriverRoot: a map is not allowed here, allowed: a text\n" },
		{ "flags: {gdrcopyEnabled: true}\n", "" },
		{ "flags: {gdsEnabled: true}\n", "" },
		{ "flags: {mofedEnabled: on}\n",
		  "W 1:23 flags.mofedEnabled: on is read as true, write true\n" },
		{ "flags: {deviceDiscoveryStrategy: tegra}\n",
		  "R 1:34 flags.deviceDiscoveryStrategy: tegra needs Tegra support, which this "
		  "version does not have, allowed: auto, nvml\n" },
		{ "flags: {deviceDiscoveryStrategy: vfio}\n",
		  "R 1:34 flags.deviceDiscoveryStrategy: vfio needs VFIO support, which this "
		  "version does not have, allowed: auto, nvml\n" },
		{ "flags: {deviceDiscoveryStrategy: csv}\n",
		  "R 1:34 flags.deviceDiscoveryStrategy: invalid --device-discovery-strategy option "
		  "csv, allowed: auto, nvml\n" },
	};
	check_rows(*state, rows, ARRAY_LEN(rows));
}

static void flags_of_the_plugin_and_of_discovery_in_the_file(void **state)
{
	static const struct row rows[] = {
		{ "flags: {plugin: {passDeviceSpecs: true}}\n", "" },
		{ "flags: {plugin: {deviceListStrategy: volume-mounts}}\n", "" },
		{ "flags: {plugin: {deviceListStrategy: [envvar, volume-mounts]}}\n", "" },
		{ "flags: {plugin: {deviceListStrategy: [envvar, envvar]}}\n", "" },
		{ "flags: {plugin: {deviceListStrategy: \"envvar,cdi-cri\"}}\n",
		  "R 1:38 flags.plugin.deviceListStrategy: invalid --device-list-strategy option: "
		  "invalid strategy: envvar,cdi-cri, allowed: " LISTS "\n" },
		{ "flags: {plugin: {deviceListStrategy: [volume-mounts, cdi-annotations]}}\n", "" },
		{ "flags: {plugin: {deviceListStrategy: cdi-cri}}\n", "" },
		{ "flags: {plugin: {deviceListStrategy: [~]}}\n",
		  "R 1:38 flags.plugin.deviceListStrategy: invalid --device-list-strategy option: "
		  "invalid strategy: (an empty text), allowed: " LISTS "\n" },
		{ "flags: {plugin: {deviceListStrategy: []}}\n",
		  "R 1:38 flags.plugin.deviceListStrategy: no device list strategy specified; at "
		  "least one is required, allowed: " LISTS "\n" },
		{ "flags: {plugin: {deviceListStrategy: 5}}\n",
		  "R 1:38 flags.plugin.deviceListStrategy: invalid deviceListStrategy: a number, "
		  "allowed: a text or a list of texts\n" },
		{ "flags: {plugin: {deviceListStrategy: [5]}}\n",
		  "R 1:38 flags.plugin.deviceListStrategy: invalid deviceListStrategy: entry 0 is a "
		  "number, allowed: texts, at most 256\n" },
		{ "flags: {plugin: {deviceIDStrategy: name}}\n",
		  "R 1:36 flags.plugin.deviceIDStrategy: invalid --device-id-strategy option: name, "
		  "allowed: uuid, index\n" },
		{ "flags: {plugin: {sharedDevicesAllocationPolicy: even}}\n",
		  "R 1:49 flags.plugin.sharedDevicesAllocationPolicy: invalid "
		  "--shared-devices-allocation-policy option: even, allowed: distributed, packed\n" },
		{ "flags: {gfd: {sleepInterval: 60000000000}}\n",
		  "W 1:30 flags.gfd.sleepInterval: a number is read as nanoseconds, write "
		  "60000000000ns or a larger unit such as 60s\n" },
		{ "flags: {gfd: {sleepInterval: -5s}}\n",
		  "W 1:30 flags.gfd.sleepInterval: -5s is negative and dropped, it has no effect "
		  "here, write 60s\n" },
		{ "flags: {gfd: {sleepInterval: -1.5}}\n",
		  "W 1:30 flags.gfd.sleepInterval: -1.5 is negative and dropped, it has no effect "
		  "here, write 60s\n" },
		{ "flags: {gfd: {sleepInterval: -5}}\nrota: {}\n",
		  "R 1:30 flags.gfd.sleepInterval: -5 is negative and dropped, it has no effect "
		  "here, write 60s; with a rota: block this is refused\n" },
		{ "rota: {health: {settle: -5s}}\n",
		  "R 1:25 rota.health.settle: -5s, allowed: 0s to 1h\n" },
		{ "flags: {gfd: {sleepInterval: soon}}\n",
		  "R 1:30 flags.gfd.sleepInterval: invalid duration: soon, allowed: a duration such "
		  "as 60s, infinite\n" },
		{ "flags: {gfd: {sleepInterval: true}}\n",
		  "R 1:30 flags.gfd.sleepInterval: invalid duration: true, allowed: a duration such "
		  "as 60s, infinite\n" },
		{ "flags: {gfd: {sleepInterval: [1s]}}\n",
		  "R 1:30 flags.gfd.sleepInterval: invalid duration: a list, allowed: a duration "
		  "such as 60s, infinite\n" },
	};
	check_rows(*state, rows, ARRAY_LEN(rows));
}

/* 1.4 */
static void time_slicing(void **state)
{
	static const struct row rows[] = {
		{ "sharing: {timeSlicing: {resources: [{name: nvidia.com/gpu, replicas: 5}]}}\n",
		  "" },
		{ "sharing: {timeSlicing: {renameByDefault: true, failRequestsGreaterThanOne: "
		  "true, resources: [{name: gpu, devices: all, replicas: 61000}]}}\n",
		  "" },
		{ "Sharing: {TimeSlicing: {resources: [{name: gpu, replicas: 2}]}}\n",
		  "W 1:1 sharing: Sharing is read as sharing, write sharing\n"
		  "W 1:11 sharing.timeSlicing: TimeSlicing is read as timeSlicing, write "
		  "timeSlicing\n" },
		{ "sharing: {timeSlicing: }\n",
		  "R 1:24 sharing.timeSlicing: no resources specified, the key resources is needed "
		  "here\n" },
		{ "sharing: {timeSlicing: {}}\n",
		  "R 1:24 sharing.timeSlicing: no resources specified, the key resources is needed "
		  "here\n" },
		{ "sharing: {timeSlicing: []}\n",
		  "R 1:24 sharing.timeSlicing: a list is not allowed here, allowed: a map\n" },
		{ "sharing: {timeSlicing: {Resources: []}}\n",
		  "R 1:24 sharing.timeSlicing: no resources specified, the key resources is needed "
		  "here\n"
		  "W 1:25 sharing.timeSlicing.Resources: unknown key, it has no effect, did you "
		  "mean resources?\n" },
		{ "sharing: {timeSlicing: {resources: []}}\n",
		  "R 1:36 sharing.timeSlicing.resources: no resources specified, allowed: a list of "
		  "at least one map\n" },
		{ "sharing: {timeSlicing: {resources: ~}}\n",
		  "R 1:36 sharing.timeSlicing.resources: no resources specified, allowed: a list of "
		  "at least one map\n" },
		{ "sharing: {timeSlicing: {resources: {name: gpu}}}\n",
		  "R 1:36 sharing.timeSlicing.resources: a map is not allowed here, allowed: a list "
		  "of maps\n" },
		{ "sharing: {timeSlicing: {resources: [gpu]}}\n",
		  "R 1:37 sharing.timeSlicing.resources[0]: a text is not allowed here, allowed: a "
		  "map\n" },
		{ "sharing: {timeSlicing: {resources: [~]}}\n",
		  "R 1:37 sharing.timeSlicing.resources[0]: no resource name specified, the key "
		  "name is needed here\n"
		  "R 1:37 sharing.timeSlicing.resources[0]: no replicas specified, the key replicas "
		  "is needed here\n" },
		{ "sharing: {timeSlicing: {strategy: x, resources: [{name: gpu, replicas: 2}]}}\n",
		  "W 1:25 sharing.timeSlicing.strategy: unknown key, it has no effect, known here: "
		  "renameByDefault, failRequestsGreaterThanOne, resources\n" },
		{ "sharing: {timeSlicing: {renameByDefault: ~, failRequestsGreaterThanOne: ~, "
		  "resources: [{name: gpu, replicas: 2}]}}\n",
		  "" },
		{ "sharing: {timeSlicing: {renameByDefault: x, resources: [{name: gpu, replicas: "
		  "2}]}}\n",
		  "R 1:42 sharing.timeSlicing.renameByDefault: x is a text, allowed: true, "
		  "false\n" },
		{ "sharing: {mps: ~}\n", "" },
		{ "sharing: {mps: {resources: [{name: gpu, replicas: 2}]}}\n",
		  "R 1:16 sharing.mps: the key needs MPS support, which this version does not have, "
		  "leave it out\n" },
	};
	check_rows(*state, rows, ARRAY_LEN(rows));
}

/* 1.4, name, replicas and rename of an entry; each row is a flow map at 3:5. */
#define ENTRY(inside) "sharing:\n  timeSlicing: {resources: [\n    {" inside "}]}\n"
#define PATH          "sharing.timeSlicing.resources[0]"
#define KNOWN                                                                      \
	"the entry has no effect, known: nvidia.com/gpu, nvidia.com/mig-<profile>" \
	"\n"

static void names_and_replicas_of_an_entry(void **state)
{
	static const struct row rows[] = {
		{ ENTRY("replicas: 2"),
		  "R 3:5 " PATH ": no resource name specified, the key name is needed here\n" },
		{ ENTRY("name: gpu"),
		  "R 3:5 " PATH ": no replicas specified, the key replicas is needed here\n" },
		{ ENTRY("name: gpu, Replicas: 2"),
		  "R 3:5 " PATH ": no replicas specified, the key replicas is needed here\n"
		  "W 3:17 " PATH ".Replicas: unknown key, it has no effect, did you mean "
		  "replicas?\n" },
		{ ENTRY("name: gpu, replicas: 1"),
		  "R 3:27 " PATH ".replicas: number of replicas must be >= 2, 1 is not allowed, "
		  "allowed: 2 to 61000\n" },
		{ ENTRY("name: gpu, replicas: -5"),
		  "R 3:27 " PATH ".replicas: number of replicas must be >= 2, -5 is not allowed, "
		  "allowed: 2 to 61000\n" },
		{ ENTRY("name: gpu, replicas: ~"),
		  "R 3:27 " PATH ".replicas: number of replicas must be >= 2, nothing is not "
		  "allowed, allowed: 2 to 61000\n" },
		{ ENTRY("name: gpu, replicas: 61001"),
		  "R 3:27 " PATH ".replicas: 61001 is not allowed, allowed: 2 to 61000\n" },
		{ ENTRY("name: gpu, replicas: 4294967298"),
		  "R 3:27 " PATH ".replicas: 4294967298 is not allowed, allowed: 2 to 61000\n" },
		{ ENTRY("name: gpu, replicas: 2.0"),
		  "W 3:27 " PATH ".replicas: 2.0 is read as 2, write 2\n" },
		{ ENTRY("name: gpu, replicas: 0x10"),
		  "W 3:27 " PATH ".replicas: 0x10 is read as 16, write 16\n" },
		{ ENTRY("name: gpu, replicas: 2.5"),
		  "R 3:27 " PATH ".replicas: 2.5 is a number, allowed: 2 to 61000\n" },
		{ ENTRY("name: gpu, replicas: \"5\""),
		  "R 3:27 " PATH ".replicas: 5 is a text, allowed: 2 to 61000\n" },
		{ ENTRY("name: gpu, replicas: 10x"),
		  "R 3:27 " PATH ".replicas: 10x is a text, allowed: 2 to 61000\n" },
		{ ENTRY("name: gpu, replicas: 2, replicas: 3"),
		  "W 3:17 " PATH ".replicas: the key stands again in line 3 and only the last one "
		  "counts, write it once\n" },
		{ ENTRY("name: GPU, replicas: 2"),
		  "R 3:12 " PATH ".name: incorrect format for resource name 'nvidia.com/GPU', "
		  "allowed: nvidia.com/ and a-z, 0-9, '-', '.', first and last a letter or a "
		  "digit\n" },
		{ ENTRY("name: ~, replicas: 2"),
		  "R 3:12 " PATH
		  ".name: incorrect format for resource name 'nvidia.com/', allowed: "
		  "nvidia.com/ and a-z, 0-9, '-', '.', first and last a letter or a digit\n" },
		{ ENTRY("name: 5, replicas: 2"),
		  "R 3:12 " PATH ".name: 5 is a number, allowed: a resource name such as "
		  "nvidia.com/gpu\n" },
		{ ENTRY("name: " TEN TEN TEN TEN TEN "abc, replicas: 2"),
		  "R 3:12 " PATH ".name: fully-qualified resource name must be 63 characters or "
		  "less: nvidia.com/" TEN TEN TEN TEN TEN "abc\n" },
		{ ENTRY("name: mig-1g.5gb, replicas: 2") "flags: {migStrategy: mixed}\n", "" },
		{ ENTRY("name: mig-1g.5gb, replicas: 2"),
		  "W 3:12 " PATH ".name: nvidia.com/mig-1g.5gb is never advertised, the entry has "
		  "no effect: migStrategy is none and parts of GPUs have no names, set it to mixed "
		  "or leave the entry out\n" },
		{ ENTRY("name: gpus, replicas: 2"),
		  "W 3:12 " PATH ".name: nvidia.com/gpus is never advertised, " KNOWN },
		{ ENTRY("name: gpu, replicas: 2, rename: fast"),
		  "W 3:38 " PATH
		  ".rename: has no effect, as in NVIDIA's plugin, leave the key out; "
		  "renameByDefault appends .shared, and with a rota: block the key counts\n" },
		{ ENTRY("name: gpu, replicas: 2, rename: ''"),
		  "R 3:38 " PATH ".rename: incorrect format for resource name 'nvidia.com/', "
		  "allowed: nvidia.com/ and a-z, 0-9, '-', '.', first and last a letter or a "
		  "digit\n" },
	};
	check_rows(*state, rows, ARRAY_LEN(rows));
}

#define UUID    "b1028956-cfa2-0990-bf4a-5da9abb51763"
#define CHOICES ", allowed: all, a count, a list of indices and ids\n"
#define NOTE                                                                           \
	"has no effect, as in NVIDIA's plugin: all devices are shared, allowed: all; " \
	"with a rota: block it counts\n"
#define DEVICES  "R 3:40 " PATH ".devices: "
#define NO_ITEM  "R 3:41 " PATH ".devices: unsupported type for device in devices list: "
#define THE_FORM ", allowed: an index (0), a MIG index (0:1), GPU-<uuid>, MIG-<uuid>\n"

static void devices_of_an_entry(void **state)
{
	static const struct row rows[] = {
		{ ENTRY("name: gpu, replicas: 2, devices:  all"), "" },
		{ ENTRY("name: gpu, replicas: 2, devices:  some"), DEVICES
		  "devices set as 'some' but the only valid string input is 'all'" CHOICES },
		{ ENTRY("name: gpu, replicas: 2, devices:  ~"),
		  DEVICES "devices set as '' but the only valid string input is 'all'" CHOICES },
		{ ENTRY("name: gpu, replicas: 2, devices:  0"),
		  DEVICES "devices set as '0' but a count of devices must be > 0" CHOICES },
		{ ENTRY("name: gpu, replicas: 2, devices:  -1"),
		  DEVICES "devices set as '-1' but a count of devices must be > 0" CHOICES },
		{ ENTRY("name: gpu, replicas: 2, devices:  2"), "W 3:40 " PATH ".devices: " NOTE },
		{ ENTRY("name: gpu, replicas: 2, devices:  1.5"),
		  DEVICES "unrecognized type for devices spec: a number" CHOICES },
		{ ENTRY("name: gpu, replicas: 2, devices:  true"),
		  DEVICES "unrecognized type for devices spec: a boolean" CHOICES },
		{ ENTRY("name: gpu, replicas: 2, devices:  {}"),
		  DEVICES "unrecognized type for devices spec: a map" CHOICES },
		{ ENTRY("name: gpu, replicas: 2, devices:  [0, \"1\", \"0:1\", GPU-" UUID
			", MIG-" UUID ", MIG-GPU-" UUID "/3/0]"),
		  "W 3:40 " PATH ".devices: " NOTE },
		{ ENTRY("name: gpu, replicas: 2, devices:  [x]"),
		  "W 3:40 " PATH ".devices: " NOTE NO_ITEM "x" THE_FORM },
		{ ENTRY("name: gpu, replicas: 2, devices:  [-1]"),
		  "W 3:40 " PATH ".devices: " NOTE NO_ITEM "-1" THE_FORM },
		{ ENTRY("name: gpu, replicas: 2, devices:  [{}]"),
		  "W 3:40 " PATH ".devices: " NOTE NO_ITEM "a map" THE_FORM },
	};
	check_rows(*state, rows, ARRAY_LEN(rows));
}

/* NVIDIA does not look at the length again after it has appended the suffix. */
static void the_suffix_shared_must_fit(void **state)
{
	static const struct row rows[] = {
		{ "sharing: {timeSlicing: {renameByDefault: true, resources: [{replicas: 2, name: " TEN
			  TEN TEN TEN "abcdef}]}}\n",
		  "R 1:80 " PATH ".name: nvidia.com/" TEN TEN TEN TEN
		  "abcdef has 64 characters with the .shared of renameByDefault, allowed: 63\n"
		  "W 1:80 " PATH ".name: nvidia.com/" TEN TEN TEN TEN
		  "abcdef is never advertised, " KNOWN },
		{ "sharing: {timeSlicing: {renameByDefault: true, resources: [{replicas: 2, name: " TEN
			  TEN TEN TEN "abcde}]}}\n",
		  "W 1:80 " PATH ".name: nvidia.com/" TEN TEN TEN TEN
		  "abcde is never advertised, " KNOWN },
		{ "sharing: {timeSlicing: {resources: [{replicas: 2, name: gpu}, {replicas: 3, "
		  "name: nvidia.com/gpu}]}}\n",
		  "W 1:83 sharing.timeSlicing.resources[1].name: a second entry for nvidia.com/gpu, "
		  "the larger number of replicas counts, write one\n" },
	};
	check_rows(*state, rows, ARRAY_LEN(rows));
}

/* 1.5 and 1.6 */
static void resources_and_imex(void **state)
{
	static const struct row rows[] = {
		{ "resources: {}\n", "" },
		{ "resources: {gpus: [], mig: ~}\n", "" },
		{ "resources: {gpus: [{pattern: \"*T4*\", name: t4}]}\n",
		  "W 1:19 resources.gpus: resource patterns have no effect, as in NVIDIA's plugin: "
		  "every GPU is nvidia.com/gpu, leave the key out; with a rota: block they count\n" },
		{ "resources: {mig: [{pattern: 1g.5gb, name: small}]}\n",
		  "W 1:18 resources.mig: resource patterns have no effect, as in NVIDIA's plugin, "
		  "leave the key out; with a rota: block they count\n" },
		{ "resources: {gpus: [{Pattern: a, name: b_c}]}\n",
		  "W 1:19 resources.gpus: resource patterns have no effect, as in NVIDIA's plugin: "
		  "every GPU is nvidia.com/gpu, leave the key out; with a rota: block they count\n"
		  "R 1:20 resources.gpus[0]: resources must have a 'pattern' field set, the key "
		  "pattern is needed here\n"
		  "W 1:21 resources.gpus[0].Pattern: unknown key, it has no effect, did you mean "
		  "pattern?\n"
		  "R 1:39 resources.gpus[0].name: incorrect format for resource name "
		  "'nvidia.com/b_c', allowed: nvidia.com/ and a-z, 0-9, '-', '.', first and last a "
		  "letter or a digit\n" },
		{ "resources: {mig: [{pattern: 5}]}\n",
		  "W 1:18 resources.mig: resource patterns have no effect, as in NVIDIA's plugin, "
		  "leave the key out; with a rota: block they count\n"
		  "R 1:19 resources.mig[0]: resources must have a 'name' field set, the key name is "
		  "needed here\n"
		  "R 1:29 resources.mig[0].pattern: 5 is a number, allowed: a text, write \"5\"\n" },
		{ "resources: {gpus: x}\n",
		  "R 1:19 resources.gpus: x is a text, allowed: a list of maps\n" },
		{ "imex: {channelIDs: [], required: true}\n", "" },
		{ "imex: {channelIDs: ~}\n", "" },
		{ "imex: {channelIDs: [0]}\n", "" },
		{ "imex: {channelIDs: [0], required: true}\n", "" },
		{ "imex: {channelIDs: [0, 0]}\n",
		  "R 1:20 imex.channelIDs: invalid IMEX channel IDs: invalid IMEX config: "
		  "channelIDs must be [] or [0]; found [0 0], allowed: [], [0]\n" },
		{ "imex: {channelIDs: [1]}\n",
		  "R 1:20 imex.channelIDs: invalid IMEX channel IDs: invalid IMEX config: "
		  "channelIDs must be [] or [0]; found [1], allowed: [], [0]\n" },
		{ "imex: {channelIDs: [0, 1, 2]}\n",
		  "R 1:20 imex.channelIDs: invalid IMEX channel IDs: invalid IMEX config: "
		  "channelIDs must be [] or [0]; found [0 1 2], allowed: [], [0]\n" },
		{ "imex: {channelIDs: [a]}\n",
		  "R 1:20 imex.channelIDs: a is a text, allowed: [], [0]\n" },
		{ "imex: {channelIDs: 0}\n",
		  "R 1:20 imex.channelIDs: 0 is a number, allowed: [], [0]\n" },
		{ "imex: {required: 1}\n",
		  "R 1:18 imex.required: 1 is a number, allowed: true, false\n" },
	};
	check_rows(*state, rows, ARRAY_LEN(rows));
}

static void values_of_the_file_take_effect(void **state)
{
	struct fixture *fixture = *state;
	static const char text[] =
		"flags:\n  failOnInitError: false\n  mpsRoot: /mps\n  nvidiaDriverRoot: /root\n"
		"  gdrcopyEnabled: true\n  gdsEnabled: true\n  mofedEnabled: true\n"
		"  useNodeFeatureAPI: false\n  deviceDiscoveryStrategy: nvml\n"
		"  plugin:\n    deviceIDStrategy: index\n    containerDriverRoot: /in\n"
		"    sharedDevicesAllocationPolicy: packed\n    cdiAnnotationPrefix: p/\n"
		"    nvidiaCTKPath: /ctk\n    deviceListStrategy: [volume-mounts]\n"
		"    passDeviceSpecs: true\n"
		"  gfd:\n    oneshot: true\n    noTimestamp: true\n    sleepInterval: 1m30s\n"
		"    outputFile: ''\n    machineTypeFile: /type\n"
		"sharing:\n  timeSlicing:\n    renameByDefault: true\n"
		"    failRequestsGreaterThanOne: true\n    resources:\n"
		"    - name: gpu\n      replicas: 5\n      rename: fast\n      devices: [0]\n";
	assert_int_equal(load(fixture, text, NULL, NULL), 0);
	const struct settings *settings = fixture->settings;
	assert_int_equal(fixture->findings.warnings, 2);
	assert_false(settings->fail_on_init_error);
	assert_string_equal(settings->mps_root, "/mps");
	assert_string_equal(settings->driver_root, "/root");
	assert_string_equal(settings->dev_root, "/root");
	assert_false(settings->use_node_feature_api);
	assert_int_equal(settings->discovery_strategy, DISCOVERY_NVML);
	assert_int_equal(settings->device_id_strategy, DEVICE_ID_INDEX);
	assert_string_equal(settings->container_driver_root, "/in");
	assert_int_equal(settings->allocation_policy, ALLOCATION_PACKED);
	assert_string_equal(settings->cdi_annotation_prefix, "p/");
	assert_string_equal(settings->cdi_hook_path, "/ctk");
	assert_int_equal(settings->device_list_strategies, DEVICE_LIST_VOLUME_MOUNTS);
	assert_true(settings->pass_device_specs);
	assert_true(settings->gdrcopy_enabled && settings->gds_enabled && settings->mofed_enabled);
	assert_true(settings->gfd_oneshot);
	assert_true(settings->gfd_no_timestamp);
	assert_true(settings->gfd_sleep_interval_ns == 90000000000ULL);
	assert_string_equal(settings->gfd_output_file, "");
	assert_string_equal(settings->gfd_machine_type_file, "/type");
	assert_true(settings->time_slicing.rename_by_default);
	assert_true(settings->time_slicing.fail_requests_greater_than_one);
	assert_int_equal(settings->time_slicing.resources_count, 1);
	assert_string_equal(settings->time_slicing.resources[0].name, "nvidia.com/gpu");
	assert_string_equal(settings->time_slicing.resources[0].rename, "nvidia.com/gpu.shared");
	assert_int_equal(settings->time_slicing.resources[0].devices.kind, DEVICE_CHOICE_ALL);
	assert_int_equal(settings->time_slicing.resources[0].replicas, 5);
	assert_string_equal(settings->config_file, fixture->path);
}

static void odd_spellings_have_the_effect_that_nvidia_gives_them(void **state)
{
	struct fixture *fixture = *state;
	static const char text[] =
		"FLAGS: {failoniniterror: off, gfd: {sleepInterval: 1e9}}\n"
		"flags: {failOnInitError: true, failOnInitError: no}\n"
		"sharing: {timeSlicing: {resources: [{name: gpu, replicas: 2, replicas: 1_0}]}}\n";
	assert_int_equal(load(fixture, text, NULL, NULL), 0);
	assert_false(fixture->settings->fail_on_init_error);
	assert_true(fixture->settings->gfd_sleep_interval_ns == 1000000000ULL);
	assert_int_equal(fixture->settings->time_slicing.resources[0].replicas, 10);
	assert_int_equal(load(fixture, "flags: {gfd: {sleepInterval: infinite}}", NULL, NULL), 0);
	assert_true(fixture->settings->gfd_sleep_interval_ns == INT64_MAX);
}

static void an_empty_file_and_no_file_are_the_defaults(void **state)
{
	struct fixture *fixture = *state;
	static const char *const texts[] = { NULL, "", "version: v1\n" };
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		assert_int_equal(load(fixture, texts[i], NULL, NULL), 0);
		assert_int_equal(fixture->findings.count, 0);
		assert_true(fixture->settings->fail_on_init_error);
		assert_string_equal(fixture->settings->dev_root, "/");
		assert_int_equal(fixture->settings->time_slicing.resources_count, 0);
	}
	const struct config_inputs none = { 0 };
	clear(fixture);
	assert_int_equal(config_load(&none, &fixture->findings, &fixture->settings, NULL), 0);
}

static unsigned origin_of(const struct settings *settings, const char *path)
{
	size_t count = 0;
	const struct schema_key *keys = schema_keys(&count);
	for (size_t i = 0; i < count; i++)
		if (keys[i].path && strcmp(keys[i].path, path) == 0)
			return settings->sources[i].origin;
	return UINT32_MAX;
}

static const struct settings_source *source_of(const struct settings *settings, const char *map,
					       const char *name)
{
	const struct schema_key *key = schema_find(map, name, true);
	assert_non_null(key);
	return &settings->sources[schema_index(key)];
}

/* 1.7 */
static void a_flag_beats_the_environment_beats_the_file(void **state)
{
	struct fixture *fixture = *state;
	static const char file[] = "flags: {mpsRoot: /file, nvidiaDriverRoot: /file, "
				   "nvidiaDevRoot: /file, migStrategy: mixed}\n";
	assert_int_equal(load(fixture, file,
			      LIST("MPS_ROOT=/env", "NVIDIA_DRIVER_ROOT=/env", "MIG_STRATEGY=none"),
			      LIST("--mps-root=/flag", "-nvidia-driver-root", "/flag")),
			 0);
	const struct settings *settings = fixture->settings;
	assert_string_equal(settings->mps_root, "/flag");
	assert_string_equal(settings->driver_root, "/flag");
	assert_string_equal(settings->dev_root, "/file");
	assert_int_equal(origin_of(settings, "flags.mpsRoot"), SETTINGS_ORIGIN_FLAG);
	assert_int_equal(origin_of(settings, "flags.migStrategy"), SETTINGS_ORIGIN_ENVIRONMENT);
	assert_int_equal(origin_of(settings, "flags.nvidiaDevRoot"), SETTINGS_ORIGIN_FILE);
	assert_int_equal(origin_of(settings, "flags.failOnInitError"), SETTINGS_ORIGIN_DEFAULT);
	assert_string_equal(source_of(settings, "flags", "mpsRoot")->name, "--mps-root");
	assert_string_equal(source_of(settings, "flags", "migStrategy")->name, "MIG_STRATEGY");
	assert_null(source_of(settings, "flags", "nvidiaDevRoot")->name);
	assert_int_equal(source_of(settings, "flags", "nvidiaDevRoot")->line, 1);
	assert_int_equal(source_of(settings, "flags", "mpsRoot")->line, 0);
}

/* Only what takes effect is judged by its meaning; types are always. */
static void an_overridden_value_must_still_have_its_type(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(
		load(fixture, "flags: {migStrategy: 1}\n", LIST("MIG_STRATEGY=none"), NULL),
		-EBADMSG);
	assert_int_equal(load(fixture, NULL, LIST("FAIL_ON_INIT_ERROR=maybe"),
			      LIST("--fail-on-init-error=false")),
			 -EINVAL);
	assert_string_equal(fixture->err.msg, "FAIL_ON_INIT_ERROR: maybe, allowed: true, false");
}

static void a_variable_that_is_set_and_empty_counts_for_texts_and_booleans(void **state)
{
	struct fixture *fixture = *state;
	static const char file[] = "flags: {mpsRoot: /file, failOnInitError: true}\n";
	assert_int_equal(load(fixture, file,
			      LIST("MPS_ROOT=", "FAIL_ON_INIT_ERROR=", "IMEX_CHANNEL_IDS=",
				   "ROTA_DRIVER_DEADLINE=", "NVIDIA_DEV_ROOT=", "KUBELET_SOCKET="),
			      NULL),
			 0);
	assert_string_equal(fixture->settings->mps_root, "");
	assert_false(fixture->settings->fail_on_init_error);
	assert_true(fixture->settings->driver_deadline_ns == 30000000000ULL);
	assert_string_equal(fixture->settings->dev_root, "/");
	assert_string_equal(fixture->settings->kubelet_socket, "");
	assert_int_equal(load(fixture, NULL, LIST("CONFIG_FILE="), NULL), 0);

	static const struct {
		const char *variable;
		const char *words;
	} refused[] = {
		{ "MIG_STRATEGY=",
		  "MIG_STRATEGY: unknown MIG strategy: (an empty text), allowed: none, "
		  "single, mixed" },
		{ "DEVICE_LIST_STRATEGY=",
		  "DEVICE_LIST_STRATEGY: invalid --device-list-strategy option: invalid strategy: "
		  "(an empty text), allowed: " LISTS },
		{ "DEVICE_ID_STRATEGY=", "DEVICE_ID_STRATEGY: invalid --device-id-strategy option: "
					 "(an empty text), allowed: uuid, index" },
	};
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		assert_int_equal(load(fixture, NULL, LIST(refused[i].variable), NULL), -EINVAL);
		assert_string_equal(fixture->err.msg, refused[i].words);
	}
}

static void the_first_variable_that_exists_wins(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(load(fixture, NULL,
			      LIST("CONTAINER_DRIVER_ROOT=/b", "DRIVER_ROOT_CTR_PATH=/a",
				   "NVIDIA_CTK_PATH=/ctk"),
			      NULL),
			 0);
	assert_string_equal(fixture->settings->container_driver_root, "/a");
	assert_string_equal(fixture->settings->cdi_hook_path, "/ctk");
	assert_int_equal(load(fixture, NULL,
			      LIST("CONTAINER_DRIVER_ROOT=/b", "DRIVER_ROOT_CTR_PATH="), NULL),
			 0);
	assert_string_equal(fixture->settings->container_driver_root, "");
}

static void lists_of_flags_and_variables_are_split_and_trimmed(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(load(fixture, NULL, LIST("DEVICE_LIST_STRATEGY= envvar , envvar"), NULL),
			 0);
	assert_int_equal(fixture->settings->device_list_strategies, DEVICE_LIST_ENVVAR);
	assert_int_equal(load(fixture, NULL, NULL, LIST("--device-list-strategy=envvar, cdi-cri")),
			 0);
	assert_int_equal(fixture->settings->device_list_strategies,
			 DEVICE_LIST_ENVVAR | DEVICE_LIST_CDI_CRI);
	assert_int_equal(load(fixture, NULL, NULL,
			      LIST("--device-list-strategy=cdi-annotations",
				   "--device-list-strategy=\tvolume-mounts\n")),
			 0);
	assert_int_equal(fixture->settings->device_list_strategies,
			 DEVICE_LIST_CDI_ANNOTATIONS | DEVICE_LIST_VOLUME_MOUNTS);
	assert_int_equal(
		load(fixture, NULL, LIST("DEVICE_LIST_STRATEGY=volume-mounts, envvar"), NULL), 0);
	assert_int_equal(fixture->settings->device_list_strategies,
			 DEVICE_LIST_ENVVAR | DEVICE_LIST_VOLUME_MOUNTS);
}

/* 2.1: what NVIDIA's plugin looks at first is named first. */
static void the_first_refusal_of_flags_is_the_one_that_nvidia_names(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		const char *variable;
		const char *words;
	} order[] = {
		{ "DEVICE_LIST_STRATEGY=x",
		  "DEVICE_LIST_STRATEGY: invalid --device-list-strategy option: invalid strategy: x" },
		{ "DEVICE_ID_STRATEGY=x",
		  "DEVICE_ID_STRATEGY: invalid --device-id-strategy option: x" },
		{ "SHARED_DEVICES_ALLOCATION_POLICY=x",
		  "SHARED_DEVICES_ALLOCATION_POLICY: invalid --shared-devices-allocation-policy "
		  "option: x" },
		{ "DEVICE_DISCOVERY_STRATEGY=x",
		  "DEVICE_DISCOVERY_STRATEGY: invalid --device-discovery-strategy option x" },
		{ "MIG_STRATEGY=x", "MIG_STRATEGY: unknown MIG strategy: x" },
		{ "IMEX_CHANNEL_IDS=1", "IMEX_CHANNEL_IDS: invalid IMEX channel IDs: invalid IMEX "
					"config: channelIDs must be [] or [0]; found [1]" },
	};
	const char *variables[ARRAY_LEN(order) + 1] = { 0 };
	for (size_t i = ARRAY_LEN(order); i-- > 0;) {
		variables[ARRAY_LEN(order) - 1 - i] = order[i].variable;
		assert_int_equal(load(fixture, "version: v2\n", variables, NULL), -EINVAL);
		assert_int_equal(strncmp(fixture->err.msg, order[i].words, strlen(order[i].words)),
				 0);
	}
}

/* 2.1; unlike NVIDIA's plugin, which takes any word, an unknown one is refused. */
static void flags_and_hooks_of_cdi_are_lists_of_known_words(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(load(fixture, NULL, NULL, NULL), 0);
	assert_int_equal(fixture->settings->cdi_features, 0);
	assert_int_equal(fixture->settings->cdi_disabled_hooks, CDI_HOOK_CHMOD);
	assert_int_equal(
		load(fixture, NULL,
		     LIST("CDI_FEATURE_FLAGS=enable-explicit-driver-libraries, "
			  "disable-nvsandboxutils,enable-coherent-annotations,"
			  "disable-multiple-csv-devices,no-additional-gids-for-device-nodes",
			  "CDI_DISABLE_HOOKS=update-ldcache,create-symlinks"),
		     LIST("--cdi-disable-hooks=enable-cuda-compat")),
		0);
	assert_int_equal(fixture->settings->cdi_features,
			 CDI_EXPLICIT_DRIVER_LIBRARIES | CDI_NO_SANDBOXUTILS |
				 CDI_COHERENT_ANNOTATIONS | CDI_NO_MULTIPLE_CSV_DEVICES |
				 CDI_NO_ADDITIONAL_GIDS);
	assert_int_equal(fixture->settings->cdi_disabled_hooks,
			 CDI_HOOK_CHMOD | CDI_HOOK_ENABLE_CUDA_COMPAT);
	assert_int_equal(load(fixture, NULL, LIST("CDI_FEATURE_FLAGS=", "CDI_DISABLE_HOOKS=all"),
			      LIST("--cdi-feature-flags=disable-ipc-discoverer", "--root=/sim")),
			 0);
	assert_int_equal(fixture->settings->cdi_features, CDI_NO_IPC_DISCOVERER);
	assert_int_equal(fixture->settings->cdi_disabled_hooks, CDI_HOOKS_ALL);
	assert_string_equal(fixture->settings->root, "/sim");
	assert_int_equal(
		load(fixture, NULL, LIST("CDI_FEATURE_FLAGS=", "CDI_DISABLE_HOOKS="), NULL), 0);
	assert_int_equal(fixture->settings->cdi_features, 0);
	assert_int_equal(fixture->settings->cdi_disabled_hooks, CDI_HOOK_CHMOD);
	assert_int_equal(load(fixture, NULL, NULL, LIST("--cdi-disable-hooks=all,chown")), -EINVAL);
	assert_string_equal(fixture->err.msg,
			    "--cdi-disable-hooks: unknown CDI hook: chown, allowed: all, "
			    "update-application-profile, chmod, create-symlinks, "
			    "disable-device-node-modification, enable-cuda-compat, "
			    "update-ldcache");
	assert_int_equal(load(fixture, NULL, LIST("CDI_FEATURE_FLAGS=fast"), NULL), -EINVAL);
	assert_string_equal(fixture->err.msg,
			    "CDI_FEATURE_FLAGS: unknown CDI feature flag: fast, allowed: "
			    "enable-explicit-driver-libraries, disable-nvsandboxutils, "
			    "enable-coherent-annotations, disable-multiple-csv-devices, "
			    "no-additional-gids-for-device-nodes, disable-ipc-discoverer");
}

#define NOT_A_ROOT   " is not an absolute path, which a cdi strategy needs, write one such as /"
#define NOT_ABSOLUTE NOT_A_ROOT "usr/bin/nvidia-ctk"

static void patterns_of_parts_are_judged_by_the_mig_strategy_in_force(void **state)
{
	struct fixture *fixture = *state;
	static const char text[] = "rota: {}\n"
				   "resources: {gpus: [{pattern: '*', name: a}], "
				   "mig: [{pattern: 1g.5gb, name: b}, {name: c, pattern: x}]}\n";
	static const char none[] = ": the entry has no effect: migStrategy is none and parts of "
				   "GPUs have no names, set it to mixed or leave the entry out; "
				   "with a rota: block this is refused\n";
	char wanted[1024];
	(void)snprintf(wanted, sizeof(wanted),
		       "R 2:62 resources.mig[0].pattern%s"
		       "R 2:99 resources.mig[1].pattern%s",
		       none, none);
	const struct row rows[] = { { text, wanted } };
	check_rows(*state, rows, ARRAY_LEN(rows));
	assert_int_equal(load(fixture, text, NULL, LIST("--mig-strategy=single")), 0);
	assert_int_equal(load(fixture, text, LIST("MIG_STRATEGY=mixed"), NULL), 0);
}

static void a_hook_path_of_the_file_is_absolute_where_a_cdi_strategy_needs_it(void **state)
{
	static const struct row rows[] = {
		{ "flags: {plugin: {nvidiaCTKPath: nvidia-ctk}}\n", "" },
		{ "flags: {plugin: {deviceListStrategy: cdi-cri, nvidiaCTKPath: /ctk}}\n", "" },
		{ "flags: {plugin: {deviceListStrategy: cdi-cri}}\n", "" },
		{ "flags: {plugin: {nvidiaCTKPath: nvidia-ctk, deviceListStrategy: [envvar, "
		  "cdi-annotations]}}\n",
		  "R 1:33 flags.plugin.nvidiaCTKPath: 'nvidia-ctk'" NOT_ABSOLUTE "\n" },
		{ "flags: {plugin: {deviceListStrategy: cdi-cri, nvidiaCTKPath: ''}}\n",
		  "R 1:62 flags.plugin.nvidiaCTKPath: ''" NOT_ABSOLUTE "\n" },
	};
	check_rows(*state, rows, ARRAY_LEN(rows));
}

/* An empty one stands for the root, or for the other. */
static void roots_are_absolute_where_a_cdi_strategy_needs_them(void **state)
{
	struct fixture *fixture = *state;
	static const struct row rows[] = {
		{ "flags: {nvidiaDriverRoot: rel, nvidiaDevRoot: rel}\n", "" },
		{ "flags: {nvidiaDriverRoot: '', nvidiaDevRoot: '',\n"
		  "  plugin: {deviceListStrategy: cdi-cri}}\n",
		  "" },
		{ "flags: {nvidiaDriverRoot: rel, nvidiaDevRoot: ./dev,\n"
		  "  plugin: {deviceListStrategy: cdi-cri}}\n",
		  "R 1:27 flags.nvidiaDriverRoot: 'rel'" NOT_A_ROOT "\n"
		  "R 1:47 flags.nvidiaDevRoot: './dev'" NOT_A_ROOT "\n" },
	};
	check_rows(*state, rows, ARRAY_LEN(rows));
	assert_int_equal(load(fixture, NULL, LIST("NVIDIA_DEV_ROOT=dev"),
			      LIST("--device-list-strategy=cdi-annotations")),
			 -EINVAL);
	assert_string_equal(fixture->err.msg, "NVIDIA_DEV_ROOT: 'dev'" NOT_A_ROOT);
}

static void a_hook_path_is_judged_by_the_strategy_in_force(void **state)
{
	struct fixture *fixture = *state;
	static const char cdi[] = "flags: {plugin: {deviceListStrategy: cdi-cri}}\n";
	static const char path[] = "flags: {plugin: {nvidiaCTKPath: ctk}}\n";
	assert_int_equal(load(fixture, path, NULL, NULL), 0);
	assert_int_equal(load(fixture, cdi, LIST("DEVICE_LIST_STRATEGY=envvar"),
			      LIST("--nvidia-cdi-hook-path=ctk")),
			 0);
	assert_int_equal(load(fixture, path, LIST("DEVICE_LIST_STRATEGY=cdi-cri"),
			      LIST("--nvidia-ctk-path=/ctk")),
			 0);
	assert_int_equal(load(fixture, cdi, NULL, LIST("--nvidia-ctk-path=ctk")), -EINVAL);
	assert_string_equal(fixture->err.msg, "--nvidia-cdi-hook-path: 'ctk'" NOT_ABSOLUTE);
	assert_int_equal(load(fixture, cdi, LIST("NVIDIA_CTK_PATH=ctk"), NULL), -EINVAL);
	assert_string_equal(fixture->err.msg, "NVIDIA_CTK_PATH: 'ctk'" NOT_ABSOLUTE);
	assert_int_equal(load(fixture, path, NULL, LIST("--device-list-strategy=cdi-cri")),
			 -EBADMSG);
	assert_non_null(
		strstr(fixture->err.msg, ":1:33: flags.plugin.nvidiaCTKPath: 'ctk'" NOT_ABSOLUTE));
}

static void a_shared_name_is_judged_by_the_mig_strategy_in_force(void **state)
{
	struct fixture *fixture = *state;
	static const char part[] = ENTRY("name: mig-1g.5gb, replicas: 2") "rota: {}\n";
	static const char mixed[] = ENTRY(
		"name: mig-1g.5gb, replicas: 2") "rota: {}\nflags: {migStrategy: mixed}\n";
	assert_int_equal(load(fixture, part, NULL, NULL), -EBADMSG);
	assert_int_equal(load(fixture, part, LIST("MIG_STRATEGY=mixed"), NULL), 0);
	assert_int_equal(load(fixture, mixed, NULL, NULL), 0);
	assert_int_equal(load(fixture, mixed, NULL, LIST("--mig-strategy=none")), -EBADMSG);
}

static void a_list_has_a_bound(void **state)
{
	struct fixture *fixture = *state;
	struct buf text = BUF_INIT(TEXT_BYTES);
	(void)buf_text(&text, "DP_DISABLE_HEALTHCHECKS=48");
	for (unsigned i = 1; i < 256; i++)
		(void)buf_text(&text, ",48");
	int most = load(fixture, NULL, LIST(text.data), NULL);
	size_t warnings = fixture->findings.warnings;
	(void)buf_text(&text, ",48");
	int more = load(fixture, NULL, LIST(text.data), NULL);
	buf_done(&text);
	assert_int_equal(most, 0);
	assert_int_equal(warnings, 0);
	assert_int_equal(more, -EINVAL);
	assert_string_equal(fixture->err.msg, "DP_DISABLE_HEALTHCHECKS: a list of more than 256, "
					      "allowed: at most 256");
}

/* 6; DISABLE=all with ENABLE=48 watches nothing in NVIDIA's plugin, here 48. */
static void variables_say_which_xids_count(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		const char *disable;
		const char *enable;
		const char *count;     /* of these, each is in the set */
		const char *not_count; /* none is */
		size_t warnings;
	} rows[] = {
		{ NULL, NULL, "0 12 48 63 79 1023 1024", "13 31 43 45 68 109", 0 },
		{ "=", "=", "0 12 48 63 79 1023 1024", "13 31 43 45 68 109", 0 },
		{ "=48", NULL, "63 79", "48 13", 0 },
		{ "= 48 ,\t79,,1023", NULL, "63 1022 1024", "48 79 1023 13", 0 },
		{ "=0048", NULL, "4", "48", 0 },
		{ "=all", NULL, "", "0 48 79 1023 1024", 0 },
		{ "=XIDS", NULL, "", "0 48 79 1023 1024", 0 },
		{ "=48, All", NULL, "", "0 48 79 1023 1024", 0 },
		{ "=all", "=48", "48", "0 47 49 79 1024", 0 },
		{ "=48", "=48", "48 79", "13", 0 },
		{ NULL, "=13,31", "13 31 48", "43 45 68 109", 0 },
		{ NULL, "=all", "0 13 31 43 45 68 109 1024", "", 0 },
		{ "=all", "=ALL", "0 13 109 1024", "", 0 },
		{ "=48x,-1,79", NULL, "48", "79", 2 },
		{ "=1024,18446744073709551616", "=xids,1e3", "48 1024", "13", 4 },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char disable[PATH_BYTES];
		char enable[PATH_BYTES];
		(void)snprintf(disable, sizeof(disable), "%s%s",
			       rows[i].disable ? "DP_DISABLE_HEALTHCHECKS" : "X=",
			       rows[i].disable ? rows[i].disable : "");
		(void)snprintf(enable, sizeof(enable), "%s%s",
			       rows[i].enable ? "DP_ENABLE_HEALTHCHECKS" : "Y=",
			       rows[i].enable ? rows[i].enable : "");
		assert_int_equal(load(fixture, NULL, LIST(enable, disable), NULL), 0);
		assert_int_equal(fixture->findings.warnings, rows[i].warnings);
		const struct xid_set *set = &fixture->settings->health_xids;
		char *end = NULL;
		for (const char *at = rows[i].count; *at != '\0'; at = end)
			assert_true(xid_set_has(set, strtoul(at, &end, 10)));
		for (const char *at = rows[i].not_count; *at != '\0'; at = end)
			assert_false(xid_set_has(set, strtoul(at, &end, 10)));
	}
	assert_string_equal(fixture->findings.items[0].place.path, "DP_DISABLE_HEALTHCHECKS");
	assert_string_equal(fixture->findings.items[0].text,
			    "1024 is not an Xid and is skipped, allowed: a list of numbers from 0 "
			    "to 1023, all, xids");
	assert_string_equal(fixture->findings.items[2].place.path, "DP_ENABLE_HEALTHCHECKS");
}

/* 1.6 and 1.7 */
static void imex_channels_from_every_source(void **state)
{
	struct fixture *fixture = *state;
	static const char file[] = "imex: {channelIDs: [0], required: true}\n";
	assert_int_equal(load(fixture, NULL, NULL, NULL), 0);
	assert_false(fixture->settings->imex_channel || fixture->settings->imex_required);
	assert_int_equal(load(fixture, file, NULL, NULL), 0);
	assert_true(fixture->settings->imex_channel && fixture->settings->imex_required);
	assert_int_equal(load(fixture, file, LIST("IMEX_CHANNEL_IDS=", "IMEX_REQUIRED="), NULL), 0);
	assert_true(fixture->settings->imex_channel);
	assert_false(fixture->settings->imex_required);
	assert_int_equal(load(fixture, NULL, LIST("IMEX_CHANNEL_IDS=0"), NULL), 0);
	assert_true(fixture->settings->imex_channel);
	assert_int_equal(load(fixture, "imex: {channelIDs: []}\n", NULL,
			      LIST("--imex-channel-ids=0", "--imex-required")),
			 0);
	assert_true(fixture->settings->imex_channel && fixture->settings->imex_required);
	assert_int_equal(
		load(fixture, NULL, NULL, LIST("--imex-channel-ids=0", "--imex-channel-ids=1")),
		-EINVAL);
	assert_int_equal(load(fixture, NULL, LIST("IMEX_CHANNEL_IDS=0,x"), NULL), -EINVAL);
	assert_string_equal(fixture->err.msg, "IMEX_CHANNEL_IDS: x, allowed: [], [0]");
}

#define LISTEN_ALLOWED ":PORT or NUMBER:PORT, a port of 1 to 65535"

static void our_own_flags_have_bounds(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(
		load(fixture, NULL,
		     LIST("ROTA_AGENT_SOCKET=/a", "ROTA_LOG_LEVEL=debug", "ROTA_LOG_FORMAT=json"),
		     LIST("--driver-deadline=100ms", "--log-level=warn",
			  "--http-listen=[::1]:8402")),
		0);
	assert_string_equal(fixture->settings->http_listen, "[::1]:8402");
	assert_string_equal(fixture->settings->agent_socket, "/a");
	assert_true(fixture->settings->driver_deadline_ns == 100000000ULL);
	assert_int_equal(fixture->settings->log_level, LOG_WARN);
	assert_int_equal(fixture->settings->log_format, LOG_FORMAT_JSON);
	static const struct {
		const char *flag;
		const char *words;
	} refused[] = {
		{ "--driver-deadline=99ms",
		  "--driver-deadline: 99ms is not allowed, allowed: 100ms to 10m" },
		{ "--driver-deadline=601s",
		  "--driver-deadline: 601s is not allowed, allowed: 100ms to 10m" },
		{ "--driver-deadline=30",
		  "--driver-deadline: invalid duration: 30, allowed: 100ms to 10m" },
		{ "--log-level=trace", "--log-level: unknown log level: trace, allowed: error, "
				       "warn, info, debug" },
		{ "--log-format=xml",
		  "--log-format: unknown log format: xml, allowed: logfmt, json" },
		{ "--agent-socket=", "--agent-socket: (an empty text), allowed: a path of at most "
				     "107 bytes, the most that a unix socket can have" },
		{ "--http-listen=8080",
		  "--http-listen: invalid address: 8080, allowed: " LISTEN_ALLOWED },
		{ "--http-listen=:99999",
		  "--http-listen: invalid address: :99999, allowed: " LISTEN_ALLOWED },
		{ "--http-listen=localhost:80",
		  "--http-listen: invalid address: localhost:80, allowed: " LISTEN_ALLOWED },
		{ "--fail-on-init-error=maybe",
		  "--fail-on-init-error: maybe, allowed: true, false" },
	};
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		assert_int_equal(load(fixture, NULL, NULL, LIST(refused[i].flag)), -EINVAL);
		assert_string_equal(fixture->err.msg, refused[i].words);
	}
}

static void an_address_that_is_empty_is_nowhere(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(load(fixture, NULL, LIST("ROTA_HTTP_LISTEN=:80"), LIST("--http-listen=")),
			 0);
	assert_string_equal(fixture->settings->http_listen, "");
	assert_int_equal(load(fixture, NULL, LIST("ROTA_HTTP_LISTEN=80"), LIST("--http-listen=")),
			 -EINVAL);
	assert_string_equal(fixture->err.msg,
			    "ROTA_HTTP_LISTEN: invalid address: 80, allowed: " LISTEN_ALLOWED);
}

static void a_path_that_no_socket_can_have_is_refused(void **state)
{
	struct fixture *fixture = *state;
	char flag[160] = "--kubelet-socket=/";
	size_t length = strlen(flag);
	memset(flag + length, 'x', 107);
	assert_int_equal(load(fixture, NULL, NULL, LIST(flag)), -EINVAL);
	flag[length + 106] = '\0';
	assert_int_equal(load(fixture, NULL, NULL, LIST(flag)), 0);
}

static void a_path_beside_which_no_socket_of_ours_fits_is_refused(void **state)
{
	struct fixture *fixture = *state;
	char flag[160] = "--kubelet-socket=/";
	size_t length = strlen(flag);
	memset(flag + length, 'x', 92); /* with both slashes a folder of 93 bytes */
	memcpy(flag + length + 91, "/k", 3);
	assert_int_equal(load(fixture, NULL, NULL, LIST(flag)), -EINVAL);
	assert_non_null(strstr(fixture->err.msg, "in a folder of at most 92"));
	assert_non_null(strstr(fixture->err.msg, "nvidia-gpu.sock"));
	memcpy(flag + length + 90, "/k", 3);
	assert_int_equal(load(fixture, NULL, NULL, LIST(flag)), 0);
}

static void the_error_is_the_first_refusal_and_a_count(void **state)
{
	struct fixture *fixture = *state;
	static const char text[] =
		"flags: {failOnInitError: yes}\n"
		"sharing: {timeSlicing: {resources: [{name: gpu, replicas: 1}]}}\n"
		"imex: 5\nversion: v2\n";
	assert_int_equal(load(fixture, text, NULL, NULL), -EBADMSG);
	assert_null(fixture->settings);
	char wanted[ERR_TEXT_BYTES];
	(void)snprintf(wanted, sizeof(wanted),
		       "%s:2:59: " PATH ".replicas: number of replicas must be >= 2, 1 is not "
		       "allowed, allowed: 2 to 61000 (and 2 more)",
		       fixture->path);
	assert_string_equal(fixture->err.msg, wanted);
	assert_int_equal(fixture->findings.count, 4);
}

static void a_missing_file_is_named(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(load(fixture, NULL, NULL, LIST("--config-file=/nonexistent/rota.yaml")),
			 -ENOENT);
	assert_string_equal(fixture->err.msg, "error opening config file: /nonexistent/rota.yaml: "
					      "No such file or directory");
}

static void thousands_of_findings_are_bounded_and_counted(void **state)
{
	struct fixture *fixture = *state;
	struct buf text = BUF_INIT(TREE_BYTES_MAX);
	for (unsigned i = 0; i < 5000; i++)
		(void)buf_printf(&text, "unknown%u: %u\n", i, i);
	(void)buf_text(&text, "version: v2\n");
	int r = config_check(text.data, text.len, &fixture->findings, &fixture->err);
	buf_done(&text);
	assert_int_equal(r, 0);
	assert_int_equal(fixture->findings.count, FINDINGS_MAX);
	assert_int_equal(fixture->findings.warnings, 5000);
	assert_int_equal(fixture->findings.refusals, 1);
	assert_int_equal(findings_refusal(&fixture->findings)->place.line, 5001);
}

static void more_entries_than_any_node_has_are_refused(void **state)
{
	struct fixture *fixture = *state;
	struct buf text = BUF_INIT(TREE_BYTES_MAX);
	(void)buf_text(&text, "sharing: {timeSlicing: {resources: [");
	for (unsigned i = 0; i <= SCHEMA_ENTRIES_MAX; i++)
		(void)buf_text(&text, "a,");
	(void)buf_text(&text, "]}}\n");
	int r = config_check(text.data, text.len, &fixture->findings, &fixture->err);
	buf_done(&text);
	assert_int_equal(r, 0);
	assert_int_equal(fixture->findings.refusals, 1);
	assert_string_equal(fixture->findings.items[0].text, "1025 entries, allowed: at most 1024");
}

/* A file whose values fill some of the arena before the sharing is read. */
static void write_file(struct buf *text, unsigned padding)
{
	text->len = 0;
	(void)buf_text(text, "flags: {MigStrategy: none, plugin: {deviceListStrategy: [envvar]}}\n"
			     "sharing: {timeSlicing: {resources: [{name: gpu, replicas: 2}");
	for (unsigned i = 0; i < 20; i++)
		(void)buf_text(text, ", {name: gpu, replicas: 2, rename: x}");
	(void)buf_printf(text, "]}}\nunknown: %0*d\n", (int)padding + 1, 0);
}

/* The same with what only a `rota:` block brings. */
static void write_strict_file(struct buf *text, unsigned padding)
{
	text->len = 0;
	(void)buf_printf(text, "rota:\nflags: {nvidiaDriverRoot: /%0*d}\n", (int)padding + 1, 0);
	(void)buf_text(text, "resources: {gpus: [{pattern: x, name: gpu}], mig: []}\n"
			     "sharing: {timeSlicing: {renameByDefault: true, resources: [");
	for (unsigned i = 0; i < 21; i++)
		(void)buf_printf(text, "%s{name: gpu, replicas: 2, devices: [%u]%s}",
				 i > 0 ? ", " : "", i, i % 2 > 0 ? ", rename: x" : "");
	(void)buf_text(text, "]}}\n");
}

/* Either all entries are there or nothing is. */
static void check_loaded(const struct fixture *fixture, int r)
{
	if (r < 0) {
		assert_int_equal(r, -ENOMEM);
		assert_null(fixture->settings);
		assert_non_null(strstr(fixture->err.msg, "memory"));
		return;
	}
	const struct time_slicing *sharing = &fixture->settings->time_slicing;
	assert_int_equal(sharing->resources_count, 21);
	for (size_t i = 0; i < sharing->resources_count; i++) {
		assert_non_null(sharing->resources[i].name);
		assert_int_equal(sharing->resources[i].replicas, 2);
		const struct device_choice *devices = &sharing->resources[i].devices;
		if (sharing->rename_by_default) {
			assert_non_null(sharing->resources[i].rename);
			assert_int_equal(devices->list_count, 1);
			assert_non_null(devices->list[0]);
		}
	}
}

/* Fails the first, second, ... allocation until none is left to fail; returns how many did. */
static unsigned load_with_failures(struct fixture *fixture, const char *text)
{
	const char *const flags[] = { "--device-list-strategy=envvar", "--mps-root=/x",
				      "--cdi-disable-hooks=all", NULL };
	for (unsigned failures = 0; failures < ALLOCATIONS_MAX; failures++) {
		assert_int_equal(prepare(fixture, text, NULL, flags), 0);
		const struct config_inputs inputs = { &fixture->given, fixture->environment };
		allocations_left = failures;
		int r = config_load(&inputs, &fixture->findings, &fixture->settings, &fixture->err);
		bool has_failed = allocations_left == UINT_MAX;
		allocations_left = UINT_MAX;
		check_loaded(fixture, r);
		if (!has_failed)
			return failures;
	}
	return ALLOCATIONS_MAX;
}

/* The arenas allocate by the chunk, so what falls on a chunk's end is moved by the padding. */
static void memory_that_runs_out_anywhere_leaves_no_hole(void **state)
{
	struct fixture *fixture = *state;
	struct buf text = BUF_INIT(TEXT_BYTES);
	for (unsigned padding = 0; padding < PADDING_MAX; padding += PADDING_STEP) {
		write_file(&text, padding);
		assert_in_range(load_with_failures(fixture, text.data), 5, ALLOCATIONS_MAX - 1);
		write_strict_file(&text, padding);
		assert_in_range(load_with_failures(fixture, text.data), 5, ALLOCATIONS_MAX - 1);
	}
	buf_done(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reading_rules, set_up, tear_down),
		cmocka_unit_test_setup_teardown(flags_of_the_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(flags_of_the_plugin_and_of_discovery_in_the_file,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(time_slicing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(names_and_replicas_of_an_entry, set_up, tear_down),
		cmocka_unit_test_setup_teardown(devices_of_an_entry, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_suffix_shared_must_fit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(resources_and_imex, set_up, tear_down),
		cmocka_unit_test_setup_teardown(values_of_the_file_take_effect, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			odd_spellings_have_the_effect_that_nvidia_gives_them, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_empty_file_and_no_file_are_the_defaults, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_flag_beats_the_environment_beats_the_file, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(an_overridden_value_must_still_have_its_type,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_variable_that_is_set_and_empty_counts_for_texts_and_booleans, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(the_first_variable_that_exists_wins, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(lists_of_flags_and_variables_are_split_and_trimmed,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			the_first_refusal_of_flags_is_the_one_that_nvidia_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(flags_and_hooks_of_cdi_are_lists_of_known_words,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			patterns_of_parts_are_judged_by_the_mig_strategy_in_force, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			a_hook_path_of_the_file_is_absolute_where_a_cdi_strategy_needs_it, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(roots_are_absolute_where_a_cdi_strategy_needs_them,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_hook_path_is_judged_by_the_strategy_in_force,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_shared_name_is_judged_by_the_mig_strategy_in_force, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_list_has_a_bound, set_up, tear_down),
		cmocka_unit_test_setup_teardown(variables_say_which_xids_count, set_up, tear_down),
		cmocka_unit_test_setup_teardown(imex_channels_from_every_source, set_up, tear_down),
		cmocka_unit_test_setup_teardown(our_own_flags_have_bounds, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_address_that_is_empty_is_nowhere, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_path_that_no_socket_can_have_is_refused, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
			a_path_beside_which_no_socket_of_ours_fits_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_error_is_the_first_refusal_and_a_count, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_missing_file_is_named, set_up, tear_down),
		cmocka_unit_test_setup_teardown(thousands_of_findings_are_bounded_and_counted,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(more_entries_than_any_node_has_are_refused, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(memory_that_runs_out_anywhere_leaves_no_hole,
						set_up, tear_down),
	};
	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
