/* SPDX-License-Identifier: Apache-2.0 */
/* The key `mig` of a scenario: what fits, where it goes, and what is refused. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "sim/mig_layout.h"
#include "sim/model.h"
#include "sim/scenario.h"

static const char a100[] = "NVIDIA A100-SXM4-40GB";

static int parse_on(const char *model, const char *mig, struct scenario **ret, struct err *err)
{
	char text[512];
	(void)snprintf(text, sizeof(text), "gpus: [{model: %s, mig: %s}]", model, mig);
	return scenario_parse("sim.yaml", text, strlen(text), ret, err);
}

static struct scenario *parse(const char *mig)
{
	struct scenario *scenario = NULL;
	struct err err = ERR_INIT;
	if (parse_on(a100, mig, &scenario, &err) < 0)
		fail_msg("%s", err.msg);
	return scenario;
}

/* "2:3g.20gb 3:2g.10gb": ids and profiles in the order of the driver. */
static void expect_layout(const char *mig, const char *expected)
{
	struct scenario *scenario = parse(mig);
	char text[256] = "";
	for (size_t i = 0; i < scenario->gpus[0].instances_count; i++) {
		const struct scenario_instance *instance = &scenario->gpus[0].instances[i];
		size_t used = strlen(text);
		(void)snprintf(text + used, sizeof(text) - used, "%s%u:%s", i > 0 ? " " : "",
			       instance->id, instance->profile->name);
	}
	assert_string_equal(text, expected);
	scenario_free(scenario);
}

/* The position of @message in what is said is not of interest. */
static void expect_refusal(const char *model, const char *mig, const char *message)
{
	struct scenario *scenario = NULL;
	struct err err = ERR_INIT;
	assert_int_equal(parse_on(model, mig, &scenario, &err), -EINVAL);
	if (!strstr(err.msg, message))
		fail_msg("%s\nis not: %s", err.msg, message);
}

static void an_empty_list_is_mig_mode_without_parts(void **state)
{
	(void)state;
	struct scenario *scenario = parse("[]");
	assert_true(scenario->gpus[0].is_mig);
	assert_int_equal(scenario->gpus[0].instances_count, 0);
	scenario_free(scenario);
}

static void instances_have_the_ids_of_the_real_driver(void **state)
{
	(void)state;
	expect_layout("[7g.40gb]", "0:7g.40gb");
	expect_layout("[3g.20gb]", "2:3g.20gb");
	expect_layout("[3g.20gb, 3g.20gb]", "1:3g.20gb 2:3g.20gb");
	expect_layout("[4g.20gb, 3g.20gb]", "1:4g.20gb 2:3g.20gb");
	expect_layout("[2g.10gb, 2g.10gb, 2g.10gb]", "3:2g.10gb 4:2g.10gb 5:2g.10gb");
	expect_layout("[1g.5gb, 1g.5gb, 1g.5gb, 1g.5gb, 1g.5gb, 1g.5gb, 1g.5gb]",
		      "7:1g.5gb 8:1g.5gb 9:1g.5gb 10:1g.5gb 11:1g.5gb 12:1g.5gb 13:1g.5gb");
	expect_layout("[1g.10gb, 1g.10gb, 1g.10gb, 1g.10gb]",
		      "3:1g.10gb 4:1g.10gb 5:1g.10gb 6:1g.10gb");
}

/* As nvidia-mig-parted's all-balanced, in any order of the file. */
static void the_balanced_layout_fits_in_any_order(void **state)
{
	(void)state;
	static const char expected[] = "2:3g.20gb 3:2g.10gb 9:1g.5gb 10:1g.5gb";
	expect_layout("[1g.5gb, 1g.5gb, 2g.10gb, 3g.20gb]",
		      "2:3g.20gb 4:2g.10gb 7:1g.5gb 8:1g.5gb");
	expect_layout("[3g.20gb, {profile: 2g.10gb, start: 0}, 1g.5gb, 1g.5gb]", expected);
	expect_layout("[1g.5gb, 3g.20gb, 1g.5gb, {profile: 2g.10gb, start: 0}]", expected);
}

/* Every list of up to seven profiles: it fits exactly if some choice of places does. */
/* NOLINTNEXTLINE(misc-no-recursion): as deep as the list is long, at most seven */
static bool fits_somehow(const struct mig_profile *const *profiles, size_t count, unsigned taken)
{
	if (count == 0)
		return true;
	const struct mig_profile *profile = profiles[0];
	for (unsigned start = 0; start <= profile->last_start; start += profile->width) {
		unsigned mask = ((1U << profile->width) - 1) << start;
		if ((taken & mask) == 0 && fits_somehow(profiles + 1, count - 1, taken | mask))
			return true;
	}
	return false;
}

static void expect_same_verdict(const struct mig_geometry *mig, const unsigned *choice,
				size_t count)
{
	char text[256] = "[";
	const struct mig_profile *profiles[MODEL_SLICES_MAX];
	unsigned slices = 0;
	for (size_t i = 0; i < count; i++) {
		profiles[i] = &mig->profiles[choice[i]];
		slices += profiles[i]->slices;
		(void)strcat(strcat(text, i > 0 ? ", " : ""), profiles[i]->name);
	}
	(void)strcat(text, "]");
	struct scenario *scenario = NULL;
	bool fits = slices <= mig->slices && fits_somehow(profiles, count, 0);
	bool is_taken = parse_on(a100, text, &scenario, NULL) == 0;
	if (fits != is_taken)
		fail_msg("%s %s", text, fits ? "fits and is refused" : "is taken and does not fit");
	scenario_free(scenario);
}

static bool is_within_counts(const struct mig_geometry *mig, const unsigned *choice, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		unsigned same = 0;
		for (size_t j = 0; j < count; j++)
			same += choice[j] == choice[i];
		if (same > mig->profiles[choice[i]].count_max)
			return false;
	}
	return true;
}

static void takes_what_fits_somehow_and_nothing_else(void **state)
{
	(void)state;
	const struct mig_geometry *mig = model_get(a100)->mig;
	for (size_t count = 1; count <= 5; count++) {
		unsigned choice[MODEL_SLICES_MAX] = { 0 };
		size_t at = 0;
		while (at < count) {
			if (is_within_counts(mig, choice, count))
				expect_same_verdict(mig, choice, count);
			for (at = 0; at < count && ++choice[at] == mig->profiles_count; at++)
				choice[at] = 0;
		}
	}
}

static void media_and_graphics_variants_are_profiles_of_their_own(void **state)
{
	(void)state;
	struct scenario *scenario = NULL;
	expect_layout("[1g.5gb+me, 1g.5gb]", "12:1g.5gb+me 13:1g.5gb");
	assert_int_equal(parse_on("NVIDIA RTX PRO 6000 Blackwell Server Edition",
				  "[1g.24gb+gfx, 1g.24gb+me.all, 2g.48gb-me]", &scenario, NULL),
			 0);
	assert_int_equal(scenario->gpus[0].instances_count, 3);
	scenario_free(scenario);
}

static void compute_instances_divide_a_gpu_instance(void **state)
{
	(void)state;
	struct scenario *scenario = parse(
		"[{profile: 3g.20gb, compute: [1c.3g.20gb, {profile: 2c.3g.20gb, "
		"uuid: MIG-x}]}, {profile: 2g.10gb, compute: []}, 1g.5gb]");
	const struct scenario_instance *instance = &scenario->gpus[0].instances[0];
	char name[MIG_LAYOUT_NAME_BYTES];
	assert_int_equal(instance->computes_count, 2);
	assert_int_equal(instance->computes[0].slices, 1);
	assert_int_equal(instance->computes[1].slices, 2);
	assert_int_equal(instance->computes[1].id, 1);
	assert_string_equal(instance->computes[1].uuid, "MIG-x");
	mig_layout_name(instance, &instance->computes[1], name);
	assert_string_equal(name, "2c.3g.20gb");
	assert_int_equal(scenario->gpus[0].instances[1].computes_count, 0);
	instance = &scenario->gpus[0].instances[2];
	mig_layout_name(instance, &instance->computes[0], name);
	assert_string_equal(name, "1g.5gb");
	scenario_free(scenario);
}

static const char *first_part_uuid(const struct scenario *scenario, size_t position)
{
	return scenario->gpus[position].instances[0].computes[0].uuid;
}

static void uuids_stay_when_another_gpu_leaves_the_list(void **state)
{
	(void)state;
	static const char both[] = "gpus: [{uuid: GPU-a, model: NVIDIA A30, mig: [1g.6gb]},"
				   "{uuid: GPU-b, model: NVIDIA A30, mig: [1g.6gb]}]";
	static const char one[] = "gpus: [{uuid: GPU-b, model: NVIDIA A30, mig: [1g.6gb]}]";
	struct scenario *before = NULL;
	struct scenario *after = NULL;
	struct err err = ERR_INIT;
	assert_int_equal(scenario_parse("sim.yaml", both, strlen(both), &before, &err), 0);
	assert_int_equal(scenario_parse("sim.yaml", one, strlen(one), &after, &err), 0);
	assert_string_not_equal(first_part_uuid(before, 0), first_part_uuid(before, 1));
	assert_string_equal(first_part_uuid(before, 1), first_part_uuid(after, 0));
	scenario_free(before);
	scenario_free(after);
}

static void uuids_follow_the_ids_and_stay(void **state)
{
	(void)state;
	struct scenario *a = parse("[{profile: 1g.5gb, start: 0}, {profile: 1g.5gb, start: 3}]");
	struct scenario *b = parse("[2g.10gb, {profile: 1g.5gb, start: 3}]");
	assert_string_equal(a->gpus[0].instances[1].computes[0].uuid,
			    b->gpus[0].instances[1].computes[0].uuid);
	assert_string_not_equal(a->gpus[0].instances[0].computes[0].uuid,
				a->gpus[0].instances[1].computes[0].uuid);
	assert_memory_equal(a->gpus[0].instances[0].computes[0].uuid, "MIG-", 4);
	scenario_free(a);
	scenario_free(b);
}

static void refuses_what_does_not_fit(void **state)
{
	(void)state;
	static const struct {
		const char *mig;
		const char *message;
	} cases[] = {
		{ "[4g.20gb, 4g.20gb]", "mig: at most 1 of 4g.20gb fit on one GPU" },
		{ "[1g.5gb+me, 1g.5gb+me]", "mig: at most 1 of 1g.5gb+me fit on one GPU" },
		{ "[4g.20gb, 3g.20gb, 1g.5gb]", "mig: has 8 compute slices, this GPU has 7" },
		{ "[3g.20gb, 3g.20gb, 1g.5gb]", "mig: there is no room for a 1g.5gb" },
		{ "[{profile: 3g.20gb, start: 0}, 4g.20gb]",
		  "mig: there is no room for a 4g.20gb" },
		{ "[{profile: 3g.20gb, start: 2}]", "3g.20gb cannot start at memory slice 2" },
		{ "[{profile: 1g.5gb, start: 7}]", "1g.5gb cannot start at memory slice 7" },
		{ "[{profile: 1g.5gb, start: 1}, {profile: 2g.10gb, start: 0}]",
		  "2g.10gb cannot start at memory slice 0" },
		{ "[{profile: 1g.5gb, start: 8}]", "start: must be a number of 0 to 7" },
		{ "[1g.5gb, 1g.5gb, 1g.5gb, 1g.5gb, 1g.5gb, 1g.5gb, 1g.5gb, 1g.5gb, 1g.5gb]",
		  "mig: has 9 entries, at most 8 are allowed" },
		{ "[1g.6gb]", "this GPU has no profile 1g.6gb, did you mean 1g.5gb?" },
		{ "[potato]", "this GPU has no profile potato" },
		{ "[{start: 0}]", "a part needs the key profile" },
		{ "[[]]", "must be a map" },
		{ "1g.5gb", "mig: must be a list" },
		{ "[{profile: 2g.10gb, uuid: MIG-a, compute: []}]",
		  "uuid goes with the entries of compute, where there are some" },
		{ "[{profile: 2g.10gb, uuid: GPU-a}]",
		  "uuid: must be a text such as MIG-<hex digits and dashes>" },
		{ "[{profile: 2g.10gb, uuid: 'MIG-a b'}]",
		  "uuid: must be a text such as MIG-<hex digits and dashes>" },
		{ "[{profile: 2g.10gb, uuid: MIG-a}, {profile: 1g.5gb, uuid: MIG-a}]",
		  "the uuid MIG-a stands twice" },
		{ "[{profile: 2g.10gb, compute: [{profile: 1c.2g.10gb, uuid: MIG-a}, "
		  "{profile: 1c.2g.10gb, uuid: MIG-a}]}]",
		  "the uuid MIG-a stands twice" },
		{ "[{profile: 2g.10gb, compute: [{uuid: MIG-a}]}]",
		  "a part needs the key profile" },
		{ "[{profile: 2g.10gb, compute: [2g.10gb, 1c.2g.10gb]}]",
		  "compute: has 3 slices, 2g.10gb has 2" },
		{ "[{profile: 2g.10gb, compute: [3c.2g.10gb]}]",
		  "2g.10gb has no compute instance 3c.2g.10gb; one is named such as 1c.2g.10gb" },
		{ "[{profile: 4g.20gb, compute: [3c.4g.20gb]}]",
		  "4g.20gb has no compute instance 3c.4g.20gb" },
		{ "[{profile: 7g.40gb, compute: [5c.7g.40gb]}]",
		  "7g.40gb has no compute instance 5c.7g.40gb" },
		{ "[{profile: 2g.10gb, compute: [1c.1g.5gb]}]",
		  "2g.10gb has no compute instance 1c.1g.5gb" },
		{ "[{profile: 2g.10gb, compute: [x]}]", "2g.10gb has no compute instance x" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		expect_refusal(a100, cases[i].mig, cases[i].message);
	expect_refusal("Tesla T4", "[]", "sim.yaml:1:31: mig: Tesla T4 has no MIG");
}

static void parts_of_two_gpus_have_uuids_of_their_own(void **state)
{
	(void)state;
	static const char text[] =
		"gpus: [{model: NVIDIA A30, mig: [{profile: 1g.6gb, uuid: MIG-a}]},"
		"{model: NVIDIA A30, mig: [{profile: 1g.6gb, uuid: MIG-a}]}]";
	static const char same[] = "gpus: [{model: NVIDIA A30, mig: [4g.24gb]},"
				   "{model: NVIDIA A30, mig: [4g.24gb]}]";
	struct scenario *scenario = NULL;
	struct err err = ERR_INIT;
	assert_int_equal(scenario_parse("sim.yaml", text, strlen(text), &scenario, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "the uuid MIG-a stands twice"));
	assert_int_equal(scenario_parse("sim.yaml", same, strlen(same), &scenario, &err), 0);
	scenario_free(scenario);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_list_is_mig_mode_without_parts),
		cmocka_unit_test(instances_have_the_ids_of_the_real_driver),
		cmocka_unit_test(the_balanced_layout_fits_in_any_order),
		cmocka_unit_test(takes_what_fits_somehow_and_nothing_else),
		cmocka_unit_test(media_and_graphics_variants_are_profiles_of_their_own),
		cmocka_unit_test(compute_instances_divide_a_gpu_instance),
		cmocka_unit_test(uuids_follow_the_ids_and_stay),
		cmocka_unit_test(uuids_stay_when_another_gpu_leaves_the_list),
		cmocka_unit_test(refuses_what_does_not_fit),
		cmocka_unit_test(parts_of_two_gpus_have_uuids_of_their_own),
	};
	return cmocka_run_group_tests_name("mig_layout", tests, NULL, NULL);
}
