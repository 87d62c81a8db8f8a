/* SPDX-License-Identifier: Apache-2.0 */
#include "given.h"

#include <errno.h>

#include "failing.h"

static const char gpu[] = "nvidia.com/gpu";

/* A node and what is wanted of it. */
struct fixture {
	struct snapshot *snapshot;
	struct settings settings;
	struct plan plan;
};

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	plan_done(&fixture->plan);
	fixture->snapshot = snapshot_free(fixture->snapshot);
	return 0;
}

static int set_up(void **state)
{
	static struct fixture fixture;
	fixture = (struct fixture){ 0 };
	*state = &fixture;
	return 0;
}

/* Makes device @position a part of GPU @parent. */
static void given_part(struct fixture *fixture, size_t position, int32_t parent,
		       const char *profile)
{
	struct device *device = &fixture->snapshot->devices[position];
	struct arena *arena = &fixture->snapshot->arena;
	fixture->snapshot->devices[parent].is_mig = true;
	device->parent = parent;
	device->profile = profile;
	device->uuid = arena_printf(arena, "MIG-%zu", position);
	device->index = arena_printf(arena, "%d:%zu", (int)parent, position - (size_t)parent - 1);
	device->gpu_instance = (uint32_t)position;
	device->compute_instance = 0;
}

/* GPU 0 with a 1g.5gb, a 1g.5gb+me and a 1c.3g.20gb; GPU 4 whole. */
static void given_mixed_node(struct fixture *fixture)
{
	fixture->snapshot = given_snapshot(5);
	given_part(fixture, 1, 0, "1g.5gb");
	given_part(fixture, 2, 0, "1g.5gb+me");
	given_part(fixture, 3, 0, "1c.3g.20gb");
}

static void make(struct fixture *fixture)
{
	struct err err = ERR_INIT;
	plan_done(&fixture->plan);
	assert_int_equal(plan_make(&fixture->settings, fixture->snapshot, &fixture->plan, &err), 0);
}

/* Each device as "name*replicas", "-" for one that is not advertised. */
static void assert_plan(struct fixture *fixture, const char *expected)
{
	char text[1024] = "";
	make(fixture);
	for (size_t i = 0; i < fixture->plan.devices_count; i++) {
		const struct plan_device *device = &fixture->plan.devices[i];
		size_t used = strlen(text);
		if (device->name == PLAN_NOT_ADVERTISED)
			(void)snprintf(text + used, sizeof(text) - used, "%s-", i ? " " : "");
		else
			(void)snprintf(text + used, sizeof(text) - used, "%s%s*%u", i ? " " : "",
				       fixture->plan.names[device->name] + strlen("nvidia.com/"),
				       device->replicas);
	}
	assert_string_equal(text, expected);
}

static void assert_complaint(const struct fixture *fixture, const char *expected)
{
	for (size_t i = 0; i < fixture->plan.complaints_count; i++)
		if (strcmp(fixture->plan.complaints[i], expected) == 0)
			return;
	fail_msg("no complaint \"%s\", first of %zu: %s", expected, fixture->plan.complaints_count,
		 fixture->plan.complaints_count ? fixture->plan.complaints[0] : "");
}

static void every_gpu_is_whole_when_nothing_is_said(void **state)
{
	struct fixture *fixture = *state;
	fixture->snapshot = given_snapshot(2);
	assert_plan(fixture, "gpu*1 gpu*1");
	assert_int_equal(fixture->plan.names_count, 1);
	assert_string_equal(fixture->plan.names[0], gpu);
	assert_int_equal(plan_find(&fixture->plan, gpu), 0);
	assert_int_equal(plan_find(&fixture->plan, "nvidia.com/other"), PLAN_NOT_ADVERTISED);
}

static void a_node_without_devices_has_no_names(void **state)
{
	struct fixture *fixture = *state;
	fixture->snapshot = given_snapshot(0);
	assert_plan(fixture, "");
	assert_int_equal(fixture->plan.names_count, 0);
}

static void set_shared(struct fixture *fixture, struct shared_resource *shared, size_t count)
{
	fixture->settings.time_slicing.resources = shared;
	fixture->settings.time_slicing.resources_count = count;
}

static void of_two_entries_the_one_with_more_replicas_counts(void **state)
{
	struct fixture *fixture = *state;
	struct shared_resource shared[] = {
		{ .name = gpu, .replicas = 3 },
		{ .name = "nvidia.com/mig-1g.5gb", .replicas = 7 },
		{ .name = gpu, .rename = "nvidia.com/gpu.shared", .replicas = 5 },
		{ .name = gpu, .replicas = 2 },
	};
	fixture->snapshot = given_snapshot(1);
	set_shared(fixture, shared, ARRAY_LEN(shared));
	assert_plan(fixture, "gpu.shared*5");
}

static void shares_the_first_so_many(void **state)
{
	struct fixture *fixture = *state;
	struct shared_resource shared = { .name = gpu, .replicas = 4 };
	shared.devices = (struct device_choice){ .kind = DEVICE_CHOICE_COUNT, .count = 2 };
	fixture->snapshot = given_snapshot(3);
	set_shared(fixture, &shared, 1);
	assert_plan(fixture, "gpu*4 gpu*4 gpu*1");
	assert_int_equal(fixture->plan.complaints_count, 0);

	shared.devices.count = 4;
	assert_plan(fixture, "gpu*4 gpu*4 gpu*4");
	assert_complaint(fixture, "sharing of nvidia.com/gpu: requested 4 devices to be "
				  "replicated, but only 3 devices available; all of them are "
				  "shared");
}

static void shares_those_that_are_listed(void **state)
{
	struct fixture *fixture = *state;
	static const char *const list[] = { "2", "GPU-0", "7", "GPU-9" };
	struct shared_resource shared = { .name = gpu, .replicas = 4 };
	shared.devices = (struct device_choice){ .kind = DEVICE_CHOICE_LIST,
						 .list = list,
						 .list_count = ARRAY_LEN(list) };
	fixture->snapshot = given_snapshot(3);
	set_shared(fixture, &shared, 1);
	assert_plan(fixture, "gpu*4 gpu*1 gpu*4");
	assert_int_equal(fixture->plan.complaints_count, 2);
	assert_complaint(fixture, "sharing of nvidia.com/gpu: no matching device at index: 7; see "
				  "`rota devices`");
	assert_complaint(fixture, "sharing of nvidia.com/gpu: no matching device with UUID: "
				  "GPU-9; see `rota devices`");
}

static void unlike_lists_share_unlike(void **state)
{
	struct fixture *fixture = *state;
	static const char *const first[] = { "0" };
	static const char *const second[] = { "1" };
	struct shared_resource shared[] = {
		{ .name = gpu,
		  .replicas = 2,
		  .devices = { .kind = DEVICE_CHOICE_LIST, .list = first, .list_count = 1 } },
		{ .name = gpu,
		  .rename = "nvidia.com/tenth",
		  .replicas = 10,
		  .devices = { .kind = DEVICE_CHOICE_LIST, .list = second, .list_count = 1 } },
	};
	fixture->snapshot = given_snapshot(3);
	set_shared(fixture, shared, ARRAY_LEN(shared));
	assert_plan(fixture, "gpu*2 tenth*10 gpu*1");
}

static void patterns_name_gpus_by_product(void **state)
{
	struct fixture *fixture = *state;
	struct resource_pattern patterns[] = {
		{ "*T4", "nvidia.com/t4" },
		{ "NVIDIA A100*40GB", "nvidia.com/a100" },
	};
	struct shared_resource shared = { .name = "nvidia.com/a100", .replicas = 2 };
	fixture->settings.gpu_patterns = (struct resource_patterns){ patterns, 2 };
	fixture->snapshot = given_snapshot(3);
	fixture->snapshot->devices[1].model = "NVIDIA A100-SXM4-40GB";
	fixture->snapshot->devices[2].model = "NVIDIA L4";
	set_shared(fixture, &shared, 1);
	assert_plan(fixture, "t4*1 a100*2 -");
	assert_complaint(fixture, "GPU name 'NVIDIA L4' does not match any resource patterns, so "
				  "it is not advertised; add a pattern to resources.gpus");
}

static void a_pattern_is_anchored_at_both_ends(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		const char *pattern;
		const char *model;
		bool is_match;
	} rows[] = {
		{ "*", "Tesla T4", true },
		{ "*", "", true },
		{ "", "", true },
		{ "", "T4", false },
		{ "T4", "Tesla T4", false },
		{ "Tesla", "Tesla T4", false },
		{ "Tesla*", "Tesla T4", true },
		{ "*T4", "Tesla T4", true },
		{ "*T4*", "Tesla T4", true },
		{ "T*a*4", "Tesla T4", true },
		{ "T*4*4", "Tesla T4", false },
		{ "Tesla ?4", "Tesla T4", false },
		{ "*ab", "aab", true },
		{ "a*b*c", "aXbXbc", true },
		{ "tesla T4", "Tesla T4", false },
		{ "Tesla T4**", "Tesla T4", true },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct resource_pattern pattern = { rows[i].pattern, "nvidia.com/x" };
		fixture->settings.gpu_patterns = (struct resource_patterns){ &pattern, 1 };
		fixture->snapshot = snapshot_free(fixture->snapshot);
		fixture->snapshot = given_snapshot(1);
		fixture->snapshot->devices[0].model = rows[i].model;
		assert_plan(fixture, rows[i].is_match ? "x*1" : "-");
	}
}

static void none_advertises_a_gpu_in_mig_mode_whole(void **state)
{
	struct fixture *fixture = *state;
	given_mixed_node(fixture);
	assert_plan(fixture, "gpu*1 - - - gpu*1");
	assert_complaint(fixture,
			 "GPU 0 is in MIG mode, but migStrategy is none, so it is advertised "
			 "whole while no pod holds a part of it; set migStrategy to mixed or "
			 "single, or switch its MIG mode off");
}

static void mixed_names_parts_by_profile(void **state)
{
	struct fixture *fixture = *state;
	struct shared_resource shared = { .name = "nvidia.com/mig-1g.5gb", .replicas = 2 };
	fixture->settings.mig_strategy = MIG_STRATEGY_MIXED;
	given_mixed_node(fixture);
	set_shared(fixture, &shared, 1);
	assert_plan(fixture, "- mig-1g.5gb*2 mig-1g.5gb.me*1 mig-1c.3g.20gb*1 gpu*1");
	assert_int_equal(fixture->plan.complaints_count, 0);
}

static void mixed_names_parts_by_pattern(void **state)
{
	struct fixture *fixture = *state;
	struct resource_pattern pattern = { "1g.*", "nvidia.com/small" };
	fixture->settings.mig_strategy = MIG_STRATEGY_MIXED;
	fixture->settings.mig_patterns = (struct resource_patterns){ &pattern, 1 };
	given_mixed_node(fixture);
	assert_plan(fixture, "- small*1 small*1 - gpu*1");
	assert_complaint(fixture, "MIG profile '1c.3g.20gb' does not match any resource patterns, "
				  "so it is not advertised; add a pattern to resources.mig");
}

static void mixed_complains_of_a_gpu_without_parts(void **state)
{
	struct fixture *fixture = *state;
	fixture->settings.mig_strategy = MIG_STRATEGY_MIXED;
	fixture->snapshot = given_snapshot(2);
	fixture->snapshot->devices[1].is_mig = true;
	assert_plan(fixture, "gpu*1 -");
	assert_complaint(fixture, "GPU 1 is in MIG mode and has no MIG devices, so nothing of it "
				  "is advertised; create some (`nvidia-smi mig -cgi`), or switch "
				  "its MIG mode off");
}

static void parts_are_listed_by_index_uuid_or_the_old_form(void **state)
{
	struct fixture *fixture = *state;
	static const char *const list[] = { "0:0", "MIG-2", "MIG-GPU-0/3/0" };
	struct shared_resource shared = { .name = gpu, .replicas = 2 };
	shared.devices = (struct device_choice){ DEVICE_CHOICE_LIST, 0, list, ARRAY_LEN(list) };
	fixture->settings.mig_strategy = MIG_STRATEGY_SINGLE;
	fixture->snapshot = given_snapshot(5);
	for (size_t i = 1; i < 5; i++)
		given_part(fixture, i, 0, "1g.5gb");
	set_shared(fixture, &shared, 1);
	assert_plan(fixture, "- gpu*2 gpu*2 gpu*2 gpu*1");
	assert_int_equal(fixture->plan.complaints_count, 0);
}

static void single_names_parts_of_one_kind_as_gpus(void **state)
{
	struct fixture *fixture = *state;
	struct resource_pattern pattern = { "1g.5gb", "nvidia.com/slice" };
	fixture->settings.mig_strategy = MIG_STRATEGY_SINGLE;
	fixture->snapshot = given_snapshot(3);
	given_part(fixture, 1, 0, "1g.5gb");
	given_part(fixture, 2, 0, "1g.5gb");
	assert_plan(fixture, "- gpu*1 gpu*1");
	fixture->settings.mig_patterns = (struct resource_patterns){ &pattern, 1 };
	assert_plan(fixture, "- slice*1 slice*1");
	assert_null(fixture->plan.refusal);
}

static void single_without_mig_is_as_none(void **state)
{
	struct fixture *fixture = *state;
	fixture->settings.mig_strategy = MIG_STRATEGY_SINGLE;
	fixture->snapshot = given_snapshot(2);
	assert_plan(fixture, "gpu*1 gpu*1");
}

static void assert_refused(struct fixture *fixture, const char *expected)
{
	fixture->settings.mig_strategy = MIG_STRATEGY_SINGLE;
	make(fixture);
	assert_non_null(fixture->plan.refusal);
	assert_int_equal(strncmp(fixture->plan.refusal, expected, strlen(expected)), 0);
	assert_int_equal(fixture->plan.names_count, 0);
	for (size_t i = 0; i < fixture->plan.devices_count; i++)
		assert_int_equal(fixture->plan.devices[i].name, PLAN_NOT_ADVERTISED);
}

static void single_refuses_a_gpu_without_parts(void **state)
{
	struct fixture *fixture = *state;
	fixture->snapshot = given_snapshot(3);
	given_part(fixture, 1, 0, "1g.5gb");
	fixture->snapshot->devices[2].is_mig = true;
	assert_refused(fixture, "invalid MIG configuration: at least one device with "
				"migEnabled=true was not configured correctly: device 2 has no MIG "
				"devices configured; partition all GPUs of the node alike");
}

static void single_refuses_parts_of_two_kinds(void **state)
{
	struct fixture *fixture = *state;
	given_mixed_node(fixture);
	assert_refused(fixture, "invalid MIG configuration: more than one MIG device type present "
				"on node (1g.5gb, 1g.5gb+me); ");
}

static void single_refuses_whole_gpus_beside_parts(void **state)
{
	struct fixture *fixture = *state;
	fixture->snapshot = given_snapshot(3);
	given_part(fixture, 1, 0, "1g.5gb");
	assert_refused(fixture, "invalid MIG configuration: all devices on the node must be "
				"configured with the same migEnabled value; ");
}

static void names_and_complaints_are_bounded(void **state)
{
	struct fixture *fixture = *state;
	static char texts[PLAN_NAMES_MAX + 1][16];
	struct resource_pattern patterns[PLAN_NAMES_MAX + 1];
	struct err err = ERR_INIT;
	fixture->snapshot = given_snapshot(PLAN_NAMES_MAX + 1);
	for (size_t i = 0; i <= PLAN_NAMES_MAX; i++) {
		(void)snprintf(texts[i], sizeof(texts[i]), "model-%zu", i);
		patterns[i] = (struct resource_pattern){ texts[i], texts[i] };
		fixture->snapshot->devices[i].model = texts[i];
	}
	fixture->settings.gpu_patterns = (struct resource_patterns){ patterns,
								     ARRAY_LEN(patterns) };
	assert_int_equal(plan_make(&fixture->settings, fixture->snapshot, &fixture->plan, &err),
			 -E2BIG);
	assert_string_equal(err.msg, "the node would have more than 32 resource names, name fewer "
				     "in resources and sharing");
	fixture->settings.gpu_patterns.count = 1;
	make(fixture);
	assert_int_equal(fixture->plan.complaints_count, PLAN_COMPLAINTS_MAX);
}

/* plan_make() with the @n-th allocation failing. */
static int make_without_memory(struct fixture *fixture, unsigned n)
{
	plan_done(&fixture->plan);
	failing_calloc = n;
	int r = plan_make(&fixture->settings, fixture->snapshot, &fixture->plan, NULL);
	failing_calloc = 0;
	assert_true(r == 0 || r == -ENOMEM);
	return r;
}

/* Texts of a chunk each, so that each allocation can fail. */
static const char no_capabilities[] =
	"GPU 0: missing MIG GPU instance capability path: /proc/driver/nvidia-caps/mig-minors lacks "
	"2 of its MIG devices, so containers cannot use them; if the host's file lacks them too, "
	"load the nvidia module anew or reboot the node";

static void parts_without_capabilities_are_told_of_once_a_gpu(void **state)
{
	struct fixture *fixture = *state;
	given_mixed_node(fixture);
	fixture->settings.mig_strategy = MIG_STRATEGY_MIXED;
	fixture->settings.pass_device_specs = true;
	fixture->snapshot->devices[1].gpu_capability = 12;
	fixture->snapshot->devices[2].gpu_capability = 13;
	fixture->snapshot->devices[2].compute_capability = 14;
	assert_plan(fixture, "- mig-1g.5gb*1 mig-1g.5gb.me*1 mig-1c.3g.20gb*1 gpu*1");
	assert_complaint(fixture, no_capabilities);
	assert_int_equal(fixture->plan.complaints_count, 1);
	fixture->snapshot->devices[1].compute_capability = 15;
	fixture->snapshot->devices[3].gpu_capability = 16;
	fixture->snapshot->devices[3].compute_capability = 17;
	make(fixture);
	assert_int_equal(fixture->plan.complaints_count, 0);
}

static void capabilities_matter_where_containers_are_given_nodes(void **state)
{
	static const struct {
		unsigned lists;
		enum mig_strategy mig_strategy;
		bool pass_device_specs;
		size_t complaints;
	} cases[] = {
		{ DEVICE_LIST_ENVVAR | DEVICE_LIST_VOLUME_MOUNTS, MIG_STRATEGY_MIXED, false, 0 },
		{ DEVICE_LIST_ENVVAR, MIG_STRATEGY_MIXED, true, 1 },
		{ DEVICE_LIST_CDI_ANNOTATIONS, MIG_STRATEGY_MIXED, false, 1 },
		{ DEVICE_LIST_CDI_CRI, MIG_STRATEGY_MIXED, false, 1 },
		{ DEVICE_LIST_CDI_CRI, MIG_STRATEGY_NONE, true, 1 }, /* that it is whole */
	};
	struct fixture *fixture = *state;
	given_mixed_node(fixture);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		fixture->settings.device_list_strategies = cases[i].lists;
		fixture->settings.mig_strategy = cases[i].mig_strategy;
		fixture->settings.pass_device_specs = cases[i].pass_device_specs;
		make(fixture);
		assert_int_equal(fixture->plan.complaints_count, cases[i].complaints);
		bool is_of_whole = cases[i].mig_strategy == MIG_STRATEGY_NONE;
		assert_true(cases[i].complaints == 0 ||
			    is_of_whole == !strstr(fixture->plan.complaints[0], "missing MIG"));
	}
}

static void what_is_missing_is_not_advertised_and_refuses_nothing(void **state)
{
	struct fixture *fixture = *state;
	static struct resource_pattern any = { "*", gpu };
	given_mixed_node(fixture);
	fixture->snapshot->devices[4].index = "";
	fixture->settings.mig_strategy = MIG_STRATEGY_MIXED;
	fixture->settings.gpu_patterns = (struct resource_patterns){ &any, 1 };
	assert_plan(fixture, "- mig-1g.5gb*1 mig-1g.5gb.me*1 mig-1c.3g.20gb*1 -");
	for (size_t i = 2; i < 4; i++)
		fixture->snapshot->devices[i].profile = "1g.5gb";
	fixture->settings.mig_strategy = MIG_STRATEGY_SINGLE;
	assert_plan(fixture, "- gpu*1 gpu*1 gpu*1 -");
	assert_null(fixture->plan.refusal);
}

static void what_the_driver_cannot_describe_comes_first(void **state)
{
	struct fixture *fixture = *state;
	fixture->snapshot = given_snapshot(1);
	fixture->snapshot->devices[0].is_mig = true;
	assert_true(snapshot_add_lost(fixture->snapshot, "GPU 1 is lost: 100%s"));
	make(fixture);
	assert_int_equal(fixture->plan.complaints_count, 2);
	assert_string_equal(fixture->plan.complaints[0], "GPU 1 is lost: 100%s");
}

static void what_the_driver_cannot_describe_is_told_though_nothing_is_offered(void **state)
{
	struct fixture *fixture = *state;
	given_mixed_node(fixture);
	fixture->settings.mig_strategy = MIG_STRATEGY_SINGLE;
	assert_true(snapshot_add_lost(fixture->snapshot, "GPU 1 is lost"));
	make(fixture);
	assert_non_null(fixture->plan.refusal);
	assert_complaint(fixture, "GPU 1 is lost");
}

static void a_gpu_whose_xids_are_not_reported_is_a_complaint(void **state)
{
	struct fixture *fixture = *state;
	fixture->snapshot = given_snapshot(2);
	fixture->snapshot->devices[1].is_unwatched = true;
	xid_set_add(&fixture->settings.health_xids, 79);
	make(fixture);
	assert_int_equal(fixture->plan.complaints_count, 1);
	assert_complaint(fixture, "GPU 1: the driver reports no Xid errors of it, so only what "
				  "it answers when asked makes the GPU unhealthy; use a newer "
				  "driver or GPU, or set DP_DISABLE_HEALTHCHECKS=xids to do "
				  "without Xids on this node");
	fixture->settings.health_xids = (struct xid_set){ 0 };
	make(fixture);
	assert_int_equal(fixture->plan.complaints_count, 0);
}

static void fails_cleanly_when_memory_is_out(void **state)
{
	struct fixture *fixture = *state;
	static char longer[5000];
	static const char *const list[] = { "9" };
	struct shared_resource shared[] = {
		{ .name = gpu, .replicas = 2, .devices = { DEVICE_CHOICE_LIST, 0, list, 1 } },
		{ .name = gpu,
		  .replicas = 2,
		  .devices = { .kind = DEVICE_CHOICE_COUNT, .count = 99 } },
	};
	enum mig_strategy strategies[] = { MIG_STRATEGY_NONE, MIG_STRATEGY_SINGLE,
					   MIG_STRATEGY_MIXED };
	memset(longer, 'x', sizeof(longer) - 1);
	for (size_t i = 0; i < ARRAY_LEN(strategies); i++) {
		int r = -ENOMEM;
		unsigned failures = 0;
		fixture->snapshot = snapshot_free(fixture->snapshot);
		given_mixed_node(fixture);
		fixture->snapshot->devices[1].profile = longer;
		fixture->settings.mig_strategy = strategies[i];
		set_shared(fixture, shared, ARRAY_LEN(shared));
		for (unsigned n = 1; r < 0; n++) {
			r = make_without_memory(fixture, n);
			failures += r < 0 ? 1 : 0;
		}
		assert_true(failures > 0);
	}
}

/* So many devices that each complaint is the first text of a chunk. */
static void a_complaint_without_memory_is_a_failure(void **state)
{
	struct fixture *fixture = *state;
	enum {
		DEVICES = 254
	};
	static const char *const list[] = { "999" };
	struct shared_resource shared = { .name = gpu, .replicas = 2 };
	shared.devices = (struct device_choice){ DEVICE_CHOICE_LIST, 0, list, 1 };
	fixture->snapshot = given_snapshot(DEVICES);
	set_shared(fixture, &shared, 1);
	assert_int_equal(make_without_memory(fixture, 2), -ENOMEM);
	assert_int_equal(make_without_memory(fixture, 3), 0);
	fixture->snapshot->devices[0].is_mig = true;
	assert_int_equal(make_without_memory(fixture, 2), -ENOMEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(every_gpu_is_whole_when_nothing_is_said),
		TEST(a_node_without_devices_has_no_names),
		TEST(of_two_entries_the_one_with_more_replicas_counts),
		TEST(shares_the_first_so_many),
		TEST(shares_those_that_are_listed),
		TEST(unlike_lists_share_unlike),
		TEST(patterns_name_gpus_by_product),
		TEST(a_pattern_is_anchored_at_both_ends),
		TEST(none_advertises_a_gpu_in_mig_mode_whole),
		TEST(mixed_names_parts_by_profile),
		TEST(mixed_names_parts_by_pattern),
		TEST(mixed_complains_of_a_gpu_without_parts),
		TEST(parts_are_listed_by_index_uuid_or_the_old_form),
		TEST(single_names_parts_of_one_kind_as_gpus),
		TEST(single_without_mig_is_as_none),
		TEST(single_refuses_a_gpu_without_parts),
		TEST(single_refuses_parts_of_two_kinds),
		TEST(single_refuses_whole_gpus_beside_parts),
		TEST(names_and_complaints_are_bounded),
		TEST(parts_without_capabilities_are_told_of_once_a_gpu),
		TEST(capabilities_matter_where_containers_are_given_nodes),
		TEST(what_is_missing_is_not_advertised_and_refuses_nothing),
		TEST(what_the_driver_cannot_describe_comes_first),
		TEST(what_the_driver_cannot_describe_is_told_though_nothing_is_offered),
		TEST(a_gpu_whose_xids_are_not_reported_is_a_complaint),
		TEST(fails_cleanly_when_memory_is_out),
		TEST(a_complaint_without_memory_is_a_failure),
#undef TEST
	};
	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
