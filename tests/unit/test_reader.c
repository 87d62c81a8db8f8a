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

#define ENTRIES "rota:\nsharing: {timeSlicing: {resources: ["
#define ENTRY   "sharing.timeSlicing.resources[0]"

static void a_strict_file_may_not_hold_what_would_be_dropped(void **state)
{
	static const struct row rows[] = {
		{ ENTRIES "{name: nvidia.com/gpu, replicas: 5}]}}\n", "" },
		{ ENTRIES "{name: gpu, replicas: 5, devices: all}]}}\n", "" },
		{ ENTRIES "{name: gpu, replicas: 5, devices: [0]}]}}\n",
		  "R 2:71 " ENTRY ".devices: the key needs sharing of chosen devices" ABSENT
		  "allowed: all\n" },
		{ ENTRIES "{name: gpu, replicas: 5, devices: 2}]}}\n",
		  "R 2:71 " ENTRY ".devices: the key needs sharing of chosen devices" ABSENT
		  "allowed: all\n" },
		{ ENTRIES "{name: gpu, replicas: 5, rename: fast}]}}\n",
		  "R 2:70 " ENTRY ".rename: the key needs names of single entries" ABSENT
		  "leave it out\n" },
		{ ENTRIES "{name: gpu, replicas: 0x10}]}}\n",
		  "R 2:59 " ENTRY ".replicas: 0x10 is read as 16, write 16" STRICT },
		{ ENTRIES "{name: other, replicas: 2}]}}\n",
		  "R 2:44 " ENTRY ".name: nvidia.com/other is not advertised by this version, the "
		  "entry has no effect, known: nvidia.com/gpu" STRICT },
		{ ENTRIES "{name: gpu, replicas: 2}, {name: gpu, replicas: 3}]}}\n",
		  "R 2:70 sharing.timeSlicing.resources[1].name: a second entry for "
		  "nvidia.com/gpu, the larger number of replicas counts, write one" STRICT },
		{ "rota:\nresources: {gpus: [{pattern: a, name: b}], mig: []}\n",
		  "R 2:19 resources.gpus: the key needs resource patterns" ABSENT
		  "leave it out\n" },
		{ "rota:\nresources: {mig: [{pattern: 1g.5gb, name: b}]}\n",
		  "R 2:18 resources.mig: the key needs resource patterns" ABSENT "leave it out\n" },
	};
	check_rows(*state, rows, ARRAY_LEN(rows));
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
		{ HEALTH("settle: 0s"),
		  "R 1:25 rota.health.settle: 0s needs health checks" ABSENT "allowed: 5s\n" },
		{ HEALTH("settle: 1h"),
		  "R 1:25 rota.health.settle: 1h needs health checks" ABSENT "allowed: 5s\n" },
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
		cmocka_unit_test_setup_teardown(a_strict_file_may_not_hold_what_would_be_dropped,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(keys_of_turns, set_up, tear_down),
		cmocka_unit_test_setup_teardown(keys_of_memory_audit_and_health, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			the_defaults_of_the_block_are_stored_with_their_line, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			refusals_beyond_what_is_kept_are_counted_as_refusals, set_up, tear_down),
	};
	return cmocka_run_group_tests_name("reader", tests, NULL, NULL);
}
