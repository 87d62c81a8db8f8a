/* SPDX-License-Identifier: Apache-2.0 */
#include "given.h"

#include <errno.h>
#include <stdlib.h>

#include "core/health.h"
#include "failing.h"
#include "health_oracle.h"

enum {
	SECOND = 1000 * 1000 * 1000,
	STEPS = 16384, /* of the comparison with the oracle */
};

#define SETTLE_NS (UINT64_C(5) * SECOND)

static const struct xid_set default_xids = XID_SET_DEFAULT;
static const struct health_rules rules = { .xids = &default_xids, .settle_ns = SETTLE_NS };
static const struct health_rules at_once = { .xids = &default_xids, .settle_ns = 0 };
static const struct health_rules whole_gpus = { .xids = &default_xids,
						.settle_ns = SETTLE_NS,
						.are_gpus_whole = true };

/* What each test starts with: nothing known, and GPU-0, GPU-1 (in MIG mode, with the parts MIG-1-1
 * and MIG-1-2 of GPU instances 1 and 2), GPU-2, all well. */
struct given {
	struct health health;
	const struct health_rules *rules; /* the default ones, until a test has others */
	struct snapshot *snapshot;
	struct snapshot *marked; /* the last that is() made */
};

enum {
	GPU_0,
	GPU_1,
	PART_1,
	PART_2,
	GPU_2,
	DEVICES,
};

static const char *const uuids[DEVICES] = { "GPU-0", "GPU-1", "MIG-1-1", "MIG-1-2", "GPU-2" };

static void make_part(struct snapshot *snapshot, uint32_t instance)
{
	struct device *part = &snapshot->devices[GPU_1 + instance];
	part->parent = GPU_1;
	part->gpu_instance = instance;
	part->compute_instance = 0;
}

static struct snapshot *make_snapshot(void)
{
	struct snapshot *snapshot = given_snapshot(DEVICES);
	for (size_t i = 0; i < DEVICES; i++) {
		snapshot->devices[i].uuid = uuids[i];
		snapshot->devices[i].recovery = DEVICE_RECOVERY_NONE;
	}
	snapshot->devices[GPU_1].is_mig = true;
	make_part(snapshot, 1);
	make_part(snapshot, 2);
	return snapshot;
}

static int set_up(void **state)
{
	struct given *given = calloc(1, sizeof(*given));
	given->snapshot = make_snapshot();
	given->rules = &rules;
	*state = given;
	return 0;
}

static int tear_down(void **state)
{
	struct given *given = *state;
	health_done(&given->health);
	(void)snapshot_free(given->snapshot);
	(void)snapshot_free(given->marked);
	free(given);
	return 0;
}

/* Seconds are enough for all but the edges. */
static void look_with(struct given *given, const struct health_rules *with, unsigned seconds)
{
	uint64_t now_ns = (uint64_t)seconds * SECOND;
	assert_int_equal(health_observe(&given->health, with, given->snapshot, now_ns), 0);
}

static void look(struct given *given, unsigned seconds)
{
	look_with(given, given->rules, seconds);
}

static bool xid_of_part(struct given *given, const char *uuid, uint64_t xid, uint32_t gpu_instance,
			uint32_t compute_instance, unsigned seconds)
{
	struct device_event event = { uuid, xid, gpu_instance, compute_instance };
	return health_event(&given->health, given->rules, &event, (uint64_t)seconds * SECOND);
}

static bool xid(struct given *given, const char *uuid, uint64_t number, unsigned seconds)
{
	return xid_of_part(given, uuid, number, DEVICE_NO_INSTANCE, DEVICE_NO_INSTANCE, seconds);
}

static const struct device *marked(struct given *given, size_t at)
{
	(void)snapshot_free(given->marked);
	given->marked = snapshot_copy(given->snapshot);
	assert_non_null(given->marked);
	assert_int_equal(health_apply(&given->health, given->rules, given->marked), 0);
	return &given->marked->devices[at];
}

static bool is_well(struct given *given, size_t at)
{
	return marked(given, at)->is_healthy;
}

/* As one text, in the order of the snapshot: + is well, - is not. */
static const char *all(struct given *given)
{
	static char text[DEVICES + 1];
	for (size_t i = 0; i < DEVICES; i++)
		text[i] = is_well(given, i) ? '+' : '-';
	return text;
}

static void assert_reason(struct given *given, size_t at, const char *wanted)
{
	assert_string_equal(marked(given, at)->reason, wanted);
}

static void all_are_well_at_the_start(void **state)
{
	struct given *given = *state;
	assert_string_equal(all(given), "+++++"); /* also before anything was observed */
	look(given, 1);
	assert_string_equal(all(given), "+++++");
	assert_string_equal(marked(given, GPU_0)->reason, "");
	assert_false(health_is_anyone_ill(&given->health));
}

static void an_xid_makes_the_gpu_and_its_parts_ill_and_no_other(void **state)
{
	struct given *given = *state;
	look(given, 1);
	assert_true(xid(given, "GPU-1", 79, 2));
	assert_string_equal(all(given), "+---+");
	assert_true(health_is_anyone_ill(&given->health));
	assert_true(xid(given, "GPU-0", 999, 2));
	assert_string_equal(all(given), "----+");
}

static void an_xid_that_does_not_count_changes_nothing(void **state)
{
	struct given *given = *state;
	static const uint64_t excused[] = { 13, 31, 43, 45, 68, 109 };
	look(given, 1);
	for (size_t i = 0; i < sizeof(excused) / sizeof(excused[0]); i++) {
		assert_false(xid(given, "GPU-0", excused[i], 2));
		assert_false(xid(given, "", excused[i], 2));
	}
	assert_false(health_is_anyone_ill(&given->health));
}

static void an_xid_of_an_unknown_gpu_changes_nothing(void **state)
{
	struct given *given = *state;
	assert_false(xid(given, "GPU-0", 79, 1)); /* nothing is known yet */
	look(given, 1);
	assert_false(xid(given, "GPU-9", 79, 2));
	assert_false(xid_of_part(given, "GPU-9", 94, 1, 0, 2));
	assert_false(health_is_anyone_ill(&given->health));
}

static void an_xid_of_no_gpu_is_of_all(void **state)
{
	struct given *given = *state;
	look(given, 1);
	assert_true(xid_of_part(given, "", 94, 1, 0, 2));
	assert_string_equal(all(given), "-----");
}

static void an_xid_of_a_part_makes_only_that_part_ill(void **state)
{
	struct given *given = *state;
	given->snapshot->devices[PART_2].gpu_instance = 1;
	given->snapshot->devices[PART_2].compute_instance = 7;
	look(given, 1);
	assert_true(xid_of_part(given, "GPU-1", 94, 1, 7, 2));
	assert_string_equal(all(given), "+++-+");
	assert_true(xid_of_part(given, "GPU-1", 999, 1, 0, 2)); /* also one that is not known */
	assert_string_equal(all(given), "++--+");
}

static void an_xid_of_a_gpu_instance_makes_all_parts_in_it_ill(void **state)
{
	struct given *given = *state;
	given->snapshot->devices[PART_2].gpu_instance = 1;
	given->snapshot->devices[PART_2].compute_instance = 7;
	look(given, 1);
	assert_true(xid_of_part(given, "GPU-1", 94, 1, DEVICE_NO_INSTANCE, 2));
	assert_string_equal(all(given), "++--+");
}

static void an_xid_of_a_part_that_is_not_there_changes_nothing(void **state)
{
	struct given *given = *state;
	look(given, 1);
	assert_false(xid_of_part(given, "GPU-1", 94, 5, 0, 2));
	assert_false(xid_of_part(given, "GPU-1", 94, 1, 3, 2));
	assert_false(xid_of_part(given, "GPU-0", 94, 1, 0, 2));
	assert_false(health_is_anyone_ill(&given->health));
}

static void what_concerns_the_whole_gpu_is_of_no_part(void **state)
{
	struct given *given = *state;
	static const uint64_t whole[] = { 48, 74, 79, 119, 120, 154 };
	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
		health_done(&given->health);
		look(given, 1);
		assert_true(xid_of_part(given, "GPU-1", whole[i], 1, 0, 2));
		assert_string_equal(all(given), "+---+");
	}
}

static void an_xid_of_a_part_is_of_a_gpu_that_is_advertised_whole(void **state)
{
	struct given *given = *state;
	given->rules = &whole_gpus;
	look(given, 1);
	assert_true(xid_of_part(given, "GPU-1", 94, 1, 0, 2));
	assert_string_equal(all(given), "+---+");
	look(given, 3);
	look(given, 8);
	assert_string_equal(all(given), "+++++");
	assert_true(xid_of_part(given, "GPU-1", 94, 9, 0, 9)); /* also of one that is not known */
	assert_string_equal(all(given), "+---+");
}

/* Whatever made the part ill, here before the GPU was advertised whole. */
static void a_gpu_that_is_advertised_whole_is_as_ill_as_its_parts(void **state)
{
	struct given *given = *state;
	look(given, 1);
	(void)xid_of_part(given, "GPU-1", 94, 2, 0, 2);
	assert_string_equal(all(given), "+++-+");
	given->rules = &whole_gpus;
	assert_string_equal(all(given), "+-+-+");
	assert_reason(given, GPU_1,
		      "a part of it: Xid 94: a memory error that cannot be corrected hit one "
		      "program and no other; it returns by itself once the driver reports it well");
	look(given, 3);
	look(given, 8);
	assert_string_equal(all(given), "+++++");
	given->snapshot->devices[PART_1].is_healthy = false;
	look(given, 9);
	assert_string_equal(all(given), "+--++");
	given->rules = &rules;
	assert_string_equal(all(given), "++-++");
}

static void rules_are_those_of_the_settings(void **state)
{
	(void)state;
	static const bool are_whole[] = { [MIG_STRATEGY_NONE] = true,
					  [MIG_STRATEGY_SINGLE] = false,
					  [MIG_STRATEGY_MIXED] = false };
	for (size_t i = 0; i < sizeof(are_whole) / sizeof(are_whole[0]); i++) {
		const struct settings settings = { .mig_strategy = (enum mig_strategy)i,
						   .health_settle_ns = 7 };
		struct health_rules made = health_rules_of(&settings);
		assert_int_equal(made.are_gpus_whole, are_whole[i]);
		assert_int_equal(made.settle_ns, 7);
		assert_ptr_equal(made.xids, &settings.health_xids);
	}
}

static void returns_once_it_was_good_for_the_settle_time(void **state)
{
	struct given *given = *state;
	look(given, 1);
	(void)xid(given, "GPU-1", 63, 2);
	look(given, 3);
	assert_string_equal(all(given), "+---+");
	uint64_t due_ns = 3 * (uint64_t)SECOND + SETTLE_NS;
	assert_int_equal(health_observe(&given->health, &rules, given->snapshot, due_ns - 1), 0);
	assert_string_equal(all(given), "+---+");
	assert_int_equal(health_observe(&given->health, &rules, given->snapshot, due_ns), 0);
	assert_string_equal(all(given), "+++++");
	assert_false(health_is_anyone_ill(&given->health));
}

static void time_alone_brings_nobody_back(void **state)
{
	struct given *given = *state;
	look(given, 1);
	(void)xid(given, "GPU-0", 63, 2);
	look(given, 1000); /* the first good one, however late */
	assert_false(is_well(given, GPU_0));
}

static void an_xid_starts_the_settle_time_anew(void **state)
{
	struct given *given = *state;
	look(given, 1);
	(void)xid(given, "GPU-0", 63, 2);
	look(given, 3);
	(void)xid(given, "GPU-0", 63, 7);
	look(given, 8);
	look(given, 12);
	assert_false(is_well(given, GPU_0));
	look(given, 13);
	assert_true(is_well(given, GPU_0));
}

static void a_bad_observation_starts_the_settle_time_anew(void **state)
{
	struct given *given = *state;
	look(given, 1);
	(void)xid(given, "GPU-0", 63, 2);
	look(given, 3);
	given->snapshot->devices[GPU_0].is_healthy = false;
	look(given, 7);
	given->snapshot->devices[GPU_0].is_healthy = true;
	look(given, 9);
	look(given, 13);
	assert_false(is_well(given, GPU_0));
	look(given, 14);
	assert_true(is_well(given, GPU_0));
}

static void without_a_settle_time_one_good_observation_is_enough(void **state)
{
	struct given *given = *state;
	look_with(given, &at_once, 1);
	(void)xid(given, "GPU-0", 63, 2);
	look_with(given, &at_once, 3);
	assert_true(is_well(given, GPU_0));
}

static void what_was_asked_before_an_xid_does_not_excuse_it(void **state)
{
	struct given *given = *state;
	look_with(given, &at_once, 1);
	(void)xid(given, "GPU-0", 63, 5);
	look_with(given, &at_once, 4);
	look_with(given, &at_once, 5);
	assert_false(is_well(given, GPU_0));
	look_with(given, &at_once, 6);
	assert_true(is_well(given, GPU_0));
}

static void time_may_begin_at_zero(void **state)
{
	struct given *given = *state;
	given->snapshot->devices[GPU_0].recovery = DEVICE_RECOVERY_GPU_RESET;
	look(given, 0);
	assert_string_equal(all(given), "-++++");
}

static void a_clock_that_steps_back_brings_nobody_back(void **state)
{
	struct given *given = *state;
	given->snapshot->devices[GPU_0].is_healthy = false;
	look(given, 10);
	given->snapshot->devices[GPU_0].is_healthy = true;
	look(given, 20);
	look(given, 12);
	assert_false(is_well(given, GPU_0));
}

static void an_unreachable_gpu_is_ill_at_once_and_settles(void **state)
{
	struct given *given = *state;
	look(given, 1);
	given->snapshot->devices[GPU_1].is_healthy = false;
	look(given, 2);
	assert_string_equal(all(given), "+---+");
	given->snapshot->devices[GPU_1].is_healthy = true;
	look(given, 3);
	assert_string_equal(all(given), "+---+");
	look(given, 8);
	assert_string_equal(all(given), "+++++");
}

static void one_that_is_ill_when_first_seen_is_ill(void **state)
{
	struct given *given = *state;
	given->snapshot->devices[GPU_0].is_healthy = false;
	given->snapshot->devices[GPU_2].recovery = DEVICE_RECOVERY_NODE_REBOOT;
	look(given, 1);
	assert_string_equal(all(given), "-+++-");
}

static void an_action_that_the_driver_wants_is_an_illness(void **state)
{
	struct given *given = *state;
	for (enum device_recovery i = DEVICE_RECOVERY_GPU_RESET; i <= DEVICE_RECOVERY_OTHER; i++) {
		health_done(&given->health);
		given->snapshot->devices[GPU_1].recovery = DEVICE_RECOVERY_NONE;
		look(given, 1);
		given->snapshot->devices[GPU_1].recovery = i;
		look(given, 2);
		look(given, 100);
		assert_string_equal(all(given), "+---+");
		given->snapshot->devices[GPU_1].recovery = DEVICE_RECOVERY_NONE;
		look(given, 101);
		assert_string_equal(all(given), "+---+");
		look(given, 106);
		assert_string_equal(all(given), "+++++");
	}
}

static void an_old_driver_that_says_nothing_is_well(void **state)
{
	struct given *given = *state;
	given->snapshot->devices[GPU_0].recovery = DEVICE_RECOVERY_UNKNOWN;
	look(given, 1);
	assert_true(is_well(given, GPU_0));
	(void)xid(given, "GPU-0", 63, 2); /* which demands nothing */
	look(given, 3);
	look(given, 8);
	assert_true(is_well(given, GPU_0));
}

static void a_driver_that_wants_nothing_knows_better_than_the_table(void **state)
{
	struct given *given = *state;
	look(given, 1);
	(void)xid(given, "GPU-0", 48, 2);
	look(given, 3);
	look(given, 8);
	assert_true(is_well(given, GPU_0));
}

static void but_not_where_its_action_does_not_follow_the_xid(void **state)
{
	struct given *given = *state;
	look(given, 1);
	(void)xid(given, "GPU-0", 119, 2);
	(void)xid(given, "GPU-0", 48, 2);
	look(given, 3);
	look(given, 1000);
	assert_false(is_well(given, GPU_0));
	given->snapshot->devices[GPU_0].recovery = DEVICE_RECOVERY_GPU_RESET;
	look(given, 1001);
	given->snapshot->devices[GPU_0].recovery = DEVICE_RECOVERY_NONE;
	look(given, 1002);
	look(given, 1007);
	assert_true(is_well(given, GPU_0));
}

/* GPU-0 with an old driver after Xid 48. */
static void fall_ill_with_an_old_driver(struct given *given)
{
	given->snapshot->devices[GPU_0].recovery = DEVICE_RECOVERY_UNKNOWN;
	given->snapshot->devices[GPU_0].ecc_errors = 3;
	look(given, 1);
	(void)xid(given, "GPU-0", 48, 2);
	given->snapshot->devices[GPU_0].ecc_errors = 4;
	look(given, 3);
	look(given, 1000);
	assert_false(is_well(given, GPU_0));
}

static void with_an_old_driver_a_gpu_that_came_back_was_reset(void **state)
{
	struct given *given = *state;
	fall_ill_with_an_old_driver(given);
	given->snapshot->devices[GPU_0].is_healthy = false;
	look(given, 1001);
	given->snapshot->devices[GPU_0].is_healthy = true;
	look(given, 1002);
	look(given, 1007);
	assert_true(is_well(given, GPU_0));
}

static void with_an_old_driver_errors_that_are_gone_are_a_reset(void **state)
{
	struct given *given = *state;
	fall_ill_with_an_old_driver(given);
	given->snapshot->devices[GPU_0].ecc_errors = 0;
	look(given, 1001);
	look(given, 1006);
	assert_true(is_well(given, GPU_0));
}

/* Such as one failing call of the driver: neither it nor what is read again behind it is a fall. */
static void a_count_of_errors_that_is_not_known_is_no_reset_and_is_not_remembered(void **state)
{
	struct given *given = *state;
	fall_ill_with_an_old_driver(given);
	given->snapshot->devices[GPU_0].ecc_errors = DEVICE_ECC_UNKNOWN;
	look_with(given, &at_once, 1001);
	assert_false(is_well(given, GPU_0));
	given->snapshot->devices[GPU_0].ecc_errors = 4;
	look_with(given, &at_once, 1002);
	assert_false(is_well(given, GPU_0));
	given->snapshot->devices[GPU_0].ecc_errors = DEVICE_ECC_UNKNOWN;
	look_with(given, &at_once, 1003);
	given->snapshot->devices[GPU_0].ecc_errors = 3;
	look_with(given, &at_once, 1004);
	assert_true(is_well(given, GPU_0));
}

/* Nor does the first count that is known. */
static void a_count_of_errors_that_is_known_at_last_is_no_reset(void **state)
{
	struct given *given = *state;
	given->snapshot->devices[GPU_0].ecc_errors = DEVICE_ECC_UNKNOWN;
	look(given, 1);
	(void)xid(given, "GPU-0", 119, 2);
	given->snapshot->devices[GPU_0].ecc_errors = 5;
	look_with(given, &at_once, 3);
	assert_false(is_well(given, GPU_0));
}

static void errors_are_remembered_from_one_illness_to_the_next(void **state)
{
	struct given *given = *state;
	fall_ill_with_an_old_driver(given);
	given->snapshot->devices[GPU_0].ecc_errors = 2;
	look_with(given, &at_once, 1001);
	assert_true(is_well(given, GPU_0));
	(void)xid(given, "GPU-0", 48, 1002);
	given->snapshot->devices[GPU_0].ecc_errors = 0;
	look_with(given, &at_once, 1003);
	assert_true(is_well(given, GPU_0));
}

static void a_reset_before_the_xid_does_not_count(void **state)
{
	struct given *given = *state;
	given->snapshot->devices[GPU_0].recovery = DEVICE_RECOVERY_UNKNOWN;
	given->snapshot->devices[GPU_0].is_healthy = false;
	look(given, 1);
	given->snapshot->devices[GPU_0].is_healthy = true;
	look(given, 2);
	(void)xid(given, "GPU-0", 48, 3);
	look(given, 4);
	look(given, 1000);
	assert_false(is_well(given, GPU_0));
}

static void an_action_that_is_not_told_any_more_is_still_owed(void **state)
{
	struct given *given = *state;
	given->snapshot->devices[GPU_0].recovery = DEVICE_RECOVERY_GPU_RESET;
	look(given, 1);
	given->snapshot->devices[GPU_0].recovery = DEVICE_RECOVERY_UNKNOWN;
	look(given, 2);
	look(given, 100);
	assert_false(is_well(given, GPU_0));
	assert_reason(given, GPU_0,
		      "the driver wanted the GPU to be reset; end its programs and reset it with "
		      "`nvidia-smi --gpu-reset`, then it returns by itself");
	given->snapshot->devices[GPU_0].recovery = DEVICE_RECOVERY_NONE;
	look(given, 101);
	look(given, 106);
	assert_true(is_well(given, GPU_0));
}

static void what_a_lost_gpu_is_said_to_want_is_old_news(void **state)
{
	struct given *given = *state;
	look(given, 1);
	(void)xid(given, "GPU-0", 79, 2);
	given->snapshot->devices[GPU_0].is_healthy = false; /* and NONE, as it was before */
	look(given, 3);
	assert_reason(
		given, GPU_0,
		"Xid 79: the GPU fell off the PCIe bus, the driver could not reach it; reboot "
		"the node; it returns by itself if the driver reports it well before that");
}

static void errors_of_memory_alone_make_nobody_ill(void **state)
{
	struct given *given = *state;
	look(given, 1);
	given->snapshot->devices[GPU_0].ecc_errors = 12;
	look(given, 2);
	assert_true(is_well(given, GPU_0));
}

static void a_part_with_an_illness_of_its_own_follows_its_gpu_too(void **state)
{
	struct given *given = *state;
	look(given, 1);
	(void)xid_of_part(given, "GPU-1", 94, 1, 0, 2);
	look(given, 3);
	(void)xid(given, "GPU-1", 63, 6);
	look(given, 8); /* the part has settled, its GPU has not */
	assert_string_equal(all(given), "+---+");
	look(given, 13);
	assert_string_equal(all(given), "+++++");
}

static void a_part_that_is_made_while_its_gpu_is_ill_is_ill(void **state)
{
	struct given *given = *state;
	look(given, 1);
	(void)xid(given, "GPU-1", 79, 2);
	given->snapshot->devices[PART_1].uuid = "MIG-1-9";
	look(given, 3);
	assert_string_equal(all(given), "+---+");
	look(given, 8);
	assert_string_equal(all(given), "+++++");
}

static void illness_goes_with_the_uuid(void **state)
{
	struct given *given = *state;
	look(given, 1);
	(void)xid(given, "GPU-0", 63, 2);
	given->snapshot->devices[GPU_0].uuid = "GPU-2";
	given->snapshot->devices[GPU_2].uuid = "GPU-0";
	look(given, 3);
	assert_string_equal(all(given), "++++-");
	look(given, 8);
	assert_string_equal(all(given), "+++++");
}

static void the_order_of_what_is_marked_may_be_another(void **state)
{
	struct given *given = *state;
	look(given, 1);
	(void)xid(given, "GPU-0", 63, 2);
	given->snapshot->devices[GPU_0].uuid = "GPU-new"; /* which was never observed */
	given->snapshot->devices[GPU_2].uuid = "GPU-0";
	assert_string_equal(all(given), "++++-");
}

static void one_that_is_gone_is_forgotten(void **state)
{
	struct given *given = *state;
	look(given, 1);
	(void)xid(given, "GPU-2", 79, 2);
	given->snapshot->devices_count = DEVICES - 1;
	look(given, 3);
	assert_int_equal(given->health.count, DEVICES - 1);
	assert_false(health_is_anyone_ill(&given->health));
	given->snapshot->devices_count = DEVICES;
	look(given, 4);
	assert_string_equal(all(given), "+++++");
}

static void other_rules_are_for_what_comes(void **state)
{
	struct given *given = *state;
	struct xid_set none = { 0 };
	struct health_rules changed = { .xids = &none, .settle_ns = SECOND };
	look(given, 1);
	(void)xid(given, "GPU-0", 63, 2);
	struct device_event event = { "GPU-2", 63, DEVICE_NO_INSTANCE, DEVICE_NO_INSTANCE };
	assert_false(health_event(&given->health, &changed, &event, 3 * (uint64_t)SECOND));
	assert_string_equal(all(given), "-++++");
	look_with(given, &changed, 4);
	assert_string_equal(all(given), "-++++");
	look_with(given, &changed, 5);
	assert_string_equal(all(given), "+++++");
}

static void says_what_it_is_and_what_helps(void **state)
{
	struct given *given = *state;
	given->snapshot->devices[GPU_0].recovery = DEVICE_RECOVERY_UNKNOWN;
	look(given, 1);
	(void)xid(given, "GPU-0", 94, 2);
	assert_reason(
		given, GPU_0,
		"Xid 94: a memory error that cannot be corrected hit one program and no other; "
		"it returns by itself once the driver reports it well");
	(void)xid(given, "GPU-0", 48, 2);
	(void)xid(given, "GPU-0", 62, 2); /* no worse */
	assert_reason(
		given, GPU_0,
		"Xid 48: the GPU's memory has an error that cannot be corrected; end its "
		"programs and reset it with `nvidia-smi --gpu-reset`, then it returns by itself");
	(void)xid(given, "GPU-0", 79, 2);
	(void)xid(given, "GPU-0", 94, 2);
	assert_reason(
		given, GPU_0,
		"Xid 79: the GPU fell off the PCIe bus; reboot the node; it returns by itself if "
		"the driver reports it well before that");
}

static void says_what_the_driver_wants(void **state)
{
	struct given *given = *state;
	struct device *gpu = &given->snapshot->devices[GPU_0];
	gpu->recovery = DEVICE_RECOVERY_DRAIN_P2P;
	look(given, 1);
	assert_reason(given, GPU_0,
		      "the driver wants all programs to end that reach it from another GPU; it "
		      "returns by itself once the driver reports it well");
	(void)xid(given, "GPU-0", 74, 2);
	assert_reason(
		given, GPU_0,
		"Xid 74: an NVLink of the GPU, or the device at its other end, failed, the "
		"driver wants all programs to end that reach it from another GPU; end its "
		"programs and reset it with `nvidia-smi --gpu-reset`, then it returns by itself");
	gpu->recovery = DEVICE_RECOVERY_NODE_REBOOT;
	look(given, 3);
	assert_reason(
		given, GPU_0,
		"Xid 74: an NVLink of the GPU, or the device at its other end, failed, the "
		"driver wants the node to be rebooted; reboot the node; it returns by itself if "
		"the driver reports it well before that");
}

static void says_that_it_settles(void **state)
{
	struct given *given = *state;
	given->snapshot->devices[GPU_0].recovery = DEVICE_RECOVERY_OTHER;
	given->snapshot->devices[GPU_2].is_healthy = false;
	look(given, 1);
	given->snapshot->devices[GPU_0].recovery = DEVICE_RECOVERY_NONE;
	given->snapshot->devices[GPU_2].is_healthy = true;
	(void)xid(given, "GPU-1", 1, 1);
	look(given, 2);
	assert_reason(
		given, GPU_0,
		"the driver wanted a recovery that Rota does not know, see `nvidia-smi -q`; it "
		"is well again and returns when it stays so");
	assert_reason(
		given, GPU_2,
		"the driver could not reach it; it is well again and returns when it stays so");
	assert_reason(given, PART_1,
		      "its GPU: Xid 1: an error of which Rota knows only the number; it is well "
		      "again and returns when it stays so");
}

static void says_why_it_cannot_be_reached(void **state)
{
	struct given *given = *state;
	given->snapshot->devices[GPU_0].is_healthy = false;
	given->snapshot->devices[GPU_0].reason = "the driver lost it";
	look(given, 1);
	assert_reason(given, GPU_0,
		      "the driver lost it; it returns by itself once the driver reports it well");
	given->snapshot->devices[GPU_0].reason = "";
	assert_reason(
		given, GPU_0,
		"the driver could not reach it; it returns by itself once the driver reports it "
		"well");
}

static void an_illness_that_is_over_leaves_no_trace(void **state)
{
	struct given *given = *state;
	struct device *gpu = &given->snapshot->devices[GPU_0];
	gpu->recovery = DEVICE_RECOVERY_NODE_REBOOT;
	look(given, 1);
	gpu->recovery = DEVICE_RECOVERY_UNKNOWN;
	gpu->is_healthy = false;
	(void)xid(given, "GPU-0", 119, 2);
	look(given, 3);
	gpu->is_healthy = true;
	look(given, 4);
	look(given, 9);
	assert_true(is_well(given, GPU_0));
	(void)xid(given, "GPU-0", 63, 10);
	assert_reason(
		given, GPU_0,
		"Xid 63: a bad row or page of the GPU's memory was retired; it returns by itself "
		"once the driver reports it well");
	gpu->recovery = DEVICE_RECOVERY_NONE;
	look(given, 11);
	look(given, 16);
	assert_true(is_well(given, GPU_0));
}

static void an_action_of_an_illness_before_is_no_proof(void **state)
{
	struct given *given = *state;
	struct device *gpu = &given->snapshot->devices[GPU_0];
	gpu->recovery = DEVICE_RECOVERY_DRAIN_P2P;
	look_with(given, &at_once, 1);
	gpu->recovery = DEVICE_RECOVERY_UNKNOWN;
	look_with(given, &at_once, 2);
	assert_true(is_well(given, GPU_0));
	(void)xid(given, "GPU-0", 119, 3);
	gpu->recovery = DEVICE_RECOVERY_NONE;
	look_with(given, &at_once, 4);
	assert_false(is_well(given, GPU_0));
}

static void holds_no_more_than_a_snapshot_does(void **state)
{
	struct given *given = *state;
	(void)snapshot_free(given->snapshot);
	given->snapshot = given_snapshot(DEVICES_MAX);
	for (unsigned round = 0; round < 20; round++) {
		for (size_t i = 0; i < DEVICES_MAX; i++)
			given->snapshot->devices[i].uuid = arena_printf(&given->snapshot->arena,
									"GPU-%u-%zu", round, i);
		look(given, round + 1);
		assert_int_equal(given->health.count, DEVICES_MAX);
		assert_true(xid(given, "", 79, round + 1));
	}
	given->snapshot->devices_count = 0;
	look(given, 100);
	assert_int_equal(given->health.count, 0);
}

static void an_observation_without_memory_changes_nothing(void **state)
{
	struct given *given = *state;
	(void)snapshot_free(given->snapshot);
	given->snapshot = given_snapshot(DEVICES_MAX); /* more than one chunk of an arena */
	look(given, 1);
	(void)xid(given, "GPU-0", 63, 2);
	int r = -ENOMEM;
	unsigned failures = 0;
	while (r == -ENOMEM) {
		assert_int_equal(given->health.records[GPU_0].state, HEALTH_ILL);
		failing_calloc = ++failures;
		r = health_observe(&given->health, &rules, given->snapshot, 3 * (uint64_t)SECOND);
		failing_calloc = 0;
	}
	assert_int_equal(r, 0);
	assert_true(failures > 2);
	assert_int_equal(given->health.records[GPU_0].state, HEALTH_SETTLING);
}

/* Whether health_apply() ran out of memory at the @nth allocation. */
static bool fails_to_mark(struct given *given, unsigned nth)
{
	(void)snapshot_free(given->marked);
	given->marked = snapshot_copy(given->snapshot);
	assert_non_null(given->marked);
	failing_calloc = nth;
	int r = health_apply(&given->health, given->rules, given->marked);
	failing_calloc = 0;
	assert_true(r == 0 || r == -ENOMEM);
	return r == -ENOMEM;
}

static void a_sentence_without_memory_is_an_error(void **state)
{
	struct given *given = *state;
	(void)snapshot_free(given->snapshot);
	given->snapshot = given_snapshot(DEVICES_MAX);
	for (unsigned with_action = 0; with_action < 2; with_action++) {
		look(given, 1 + with_action);
		for (size_t i = 0; i < DEVICES_MAX; i++) /* with sentences of many lengths */
			(void)xid(given, given->snapshot->devices[i].uuid, 46 + i % 60,
				  2 + with_action);
		unsigned nth = 1;
		while (fails_to_mark(given, nth))
			nth++;
		assert_true(nth > 10);
		for (size_t i = 0; i < DEVICES_MAX; i++)
			given->snapshot->devices[i].recovery = DEVICE_RECOVERY_DRAIN_P2P;
	}
}

/* What is told to health and, in its own words, to the oracle. */
struct world {
	struct given *given;
	struct history *histories; /* of each device */
	struct health_rules rules;
	uint64_t random;
	uint64_t now_ns;
	uint64_t asked_ns;
	size_t places[DEVICES]; /* where each stands in the snapshot */
};

/* 0..@below - 1, by Marsaglia's xorshift. */
static uint32_t dice(struct world *world, uint32_t below)
{
	world->random ^= world->random << 13;
	world->random ^= world->random >> 7;
	world->random ^= world->random << 17;
	return (uint32_t)(world->random % below);
}

static void tell(struct world *world, size_t who, struct report report)
{
	struct history *history = &world->histories[who];
	assert_true(history->count < HISTORY_MAX);
	history->reports[history->count++] = report;
	bool is_well_now = oracle_is_well(history, world->rules.settle_ns);
	history->reports[history->count - 1].is_well = is_well_now;
}

static bool is_meant(const struct world *world, size_t who, const struct device_event *event)
{
	bool is_part = who == PART_1 || who == PART_2;
	if (strcmp(event->uuid, "") == 0)
		return !is_part;
	const struct xid_row *row = xid_find(event->xid);
	bool is_whole = world->rules.are_gpus_whole || (row && row->scope == XID_SCOPE_GPU) ||
			event->gpu_instance == DEVICE_NO_INSTANCE;
	if (is_whole)
		return strcmp(event->uuid, uuids[who]) == 0;
	return is_part && strcmp(event->uuid, "GPU-1") == 0 && event->gpu_instance == who - GPU_1 &&
	       (event->compute_instance == 0 || event->compute_instance == DEVICE_NO_INSTANCE);
}

static void something_goes_wrong(struct world *world)
{
	static const uint64_t xids[] = { 13, 31, 46, 48, 62, 63, 79, 94, 119, 999, 5000 };
	static const char *const gpus[] = { "GPU-0", "GPU-0", "GPU-1", "GPU-1", "GPU-9", "" };
	static const uint32_t instances[] = { DEVICE_NO_INSTANCE, DEVICE_NO_INSTANCE, 1, 2, 9 };
	static const uint32_t compute[] = { DEVICE_NO_INSTANCE, 0, 0, 3 };
	struct device_event event = {
		.uuid = gpus[dice(world, sizeof(gpus) / sizeof(gpus[0]))],
		.xid = xids[dice(world, sizeof(xids) / sizeof(xids[0]))],
		.gpu_instance = instances[dice(world, sizeof(instances) / sizeof(instances[0]))],
		.compute_instance = compute[dice(world, sizeof(compute) / sizeof(compute[0]))],
	};
	bool is_counted = event.xid != 13 && event.xid != 31;
	bool is_anyone = false;
	bool is_known = world->asked_ns > 0; /* something was observed */
	for (size_t i = 0; is_counted && is_known && i < DEVICES; i++) {
		if (!is_meant(world, i, &event))
			continue;
		tell(world, i, (struct report){ .at_ns = world->now_ns, .xid = event.xid });
		is_anyone = true;
	}
	assert_int_equal(health_event(&world->given->health, &world->rules, &event, world->now_ns),
			 is_anyone);
}

/* GPUs get another number, as after a reboot of one of them. */
static void change_places(struct world *world)
{
	struct device *devices = world->given->snapshot->devices;
	struct device first = devices[GPU_0];
	devices[GPU_0] = devices[GPU_2];
	devices[GPU_2] = first;
	size_t place = world->places[GPU_0];
	world->places[GPU_0] = world->places[GPU_2];
	world->places[GPU_2] = place;
}

static void change(struct world *world, struct device *device)
{
	device->is_healthy = dice(world, 6) > 0;
	if (dice(world, 3) == 0)
		device->recovery = (enum device_recovery)dice(world, DEVICE_RECOVERY_OTHER + 1);
	else if (dice(world, 2) == 0)
		device->recovery = DEVICE_RECOVERY_NONE;
	if (dice(world, 8) == 0)
		device->ecc_errors = dice(world, 4) > 0 ? dice(world, 3) : DEVICE_ECC_UNKNOWN;
}

static void the_driver_is_asked(struct world *world)
{
	struct device *devices = world->given->snapshot->devices;
	if (dice(world, 8) == 0)
		change_places(world);
	for (size_t i = 0; i < DEVICES; i++)
		if (dice(world, 2) == 0)
			change(world, &devices[i]);
	uint64_t asked_ns = world->now_ns - dice(world, SECOND);
	if (asked_ns > world->asked_ns)
		world->asked_ns = asked_ns;
	for (size_t i = 0; i < DEVICES; i++) {
		const struct device *device = &devices[world->places[i]];
		tell(world, i,
		     (struct report){ .at_ns = world->asked_ns,
				      .is_reachable = device->is_healthy,
				      .recovery = device->recovery,
				      .ecc_errors = device->ecc_errors });
	}
	assert_int_equal(health_observe(&world->given->health, &world->rules,
					world->given->snapshot, world->asked_ns),
			 0);
}

static bool is_well_alone(const struct world *world, size_t who)
{
	const struct history *history = &world->histories[who];
	return history->count == 0 || history->reports[history->count - 1].is_well;
}

static bool should_be_well(const struct world *world, size_t who)
{
	bool is_part = who == PART_1 || who == PART_2;
	bool has_parts = who == GPU_1 && world->rules.are_gpus_whole;
	return is_well_alone(world, who) && (!is_part || is_well_alone(world, GPU_1)) &&
	       (!has_parts || (is_well_alone(world, PART_1) && is_well_alone(world, PART_2)));
}

static void compare(struct world *world, uint64_t sequence)
{
	const struct device *devices = marked(world->given, GPU_0);
	bool is_anyone_ill = false;
	for (size_t i = 0; i < DEVICES && world->asked_ns > 0; i++) {
		const struct device *device = &devices[world->places[i]];
		if (device->is_healthy != should_be_well(world, i))
			fail_msg("sequence %llu, report %zu: %s", (unsigned long long)sequence,
				 world->histories[i].count, uuids[i]);
		assert_int_equal(device->reason[0] == '\0', device->is_healthy);
		is_anyone_ill = is_anyone_ill || !device->is_healthy;
	}
	assert_int_equal(health_is_anyone_ill(&world->given->health), is_anyone_ill);
}

static void play(uint64_t sequence)
{
	void *state = NULL;
	(void)set_up(&state);
	static const uint64_t settle_seconds[] = { 0, 2, 5 };
	struct world world = {
		.given = state,
		.histories = calloc(DEVICES, sizeof(struct history)),
		.rules = { .xids = &default_xids,
			   .settle_ns = settle_seconds[sequence % 3] * SECOND },
		.random = (sequence + 1) * UINT64_C(0x9E3779B97F4A7C15),
		.now_ns = (uint64_t)10 * SECOND,
		.places = { GPU_0, GPU_1, PART_1, PART_2, GPU_2 },
	};
	assert_non_null(world.histories);
	world.given->rules = &world.rules;
	for (unsigned step = 0; step < HISTORY_MAX; step++) {
		world.now_ns += (uint64_t)dice(&world, 3) * SECOND;
		if (dice(&world, 16) == 0)
			world.rules.are_gpus_whole = !world.rules.are_gpus_whole;
		if (dice(&world, 4) == 0)
			something_goes_wrong(&world);
		else
			the_driver_is_asked(&world);
		compare(&world, sequence);
	}
	assert_int_equal(world.given->health.count, DEVICES);
	free(world.histories);
	(void)tear_down(&state);
}

/* ROTA_SOAK_STEPS plays longer. */
static void agrees_with_the_oracle_on_anything_that_may_happen(void **state)
{
	(void)state;
	const char *text = getenv("ROTA_SOAK_STEPS");
	uint64_t steps = text ? strtoull(text, NULL, 10) : STEPS;
	for (uint64_t i = 0; i < steps / HISTORY_MAX; i++)
		play(i);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(all_are_well_at_the_start),
		TEST(an_xid_makes_the_gpu_and_its_parts_ill_and_no_other),
		TEST(an_xid_that_does_not_count_changes_nothing),
		TEST(an_xid_of_an_unknown_gpu_changes_nothing),
		TEST(an_xid_of_no_gpu_is_of_all),
		TEST(an_xid_of_a_part_makes_only_that_part_ill),
		TEST(an_xid_of_a_gpu_instance_makes_all_parts_in_it_ill),
		TEST(an_xid_of_a_part_that_is_not_there_changes_nothing),
		TEST(what_concerns_the_whole_gpu_is_of_no_part),
		TEST(an_xid_of_a_part_is_of_a_gpu_that_is_advertised_whole),
		TEST(a_gpu_that_is_advertised_whole_is_as_ill_as_its_parts),
		TEST(rules_are_those_of_the_settings),
		TEST(returns_once_it_was_good_for_the_settle_time),
		TEST(time_alone_brings_nobody_back),
		TEST(an_xid_starts_the_settle_time_anew),
		TEST(a_bad_observation_starts_the_settle_time_anew),
		TEST(without_a_settle_time_one_good_observation_is_enough),
		TEST(what_was_asked_before_an_xid_does_not_excuse_it),
		TEST(time_may_begin_at_zero),
		TEST(a_clock_that_steps_back_brings_nobody_back),
		TEST(an_unreachable_gpu_is_ill_at_once_and_settles),
		TEST(one_that_is_ill_when_first_seen_is_ill),
		TEST(an_action_that_the_driver_wants_is_an_illness),
		TEST(an_old_driver_that_says_nothing_is_well),
		TEST(a_driver_that_wants_nothing_knows_better_than_the_table),
		TEST(but_not_where_its_action_does_not_follow_the_xid),
		TEST(with_an_old_driver_a_gpu_that_came_back_was_reset),
		TEST(with_an_old_driver_errors_that_are_gone_are_a_reset),
		TEST(a_count_of_errors_that_is_not_known_is_no_reset_and_is_not_remembered),
		TEST(a_count_of_errors_that_is_known_at_last_is_no_reset),
		TEST(errors_are_remembered_from_one_illness_to_the_next),
		TEST(a_reset_before_the_xid_does_not_count),
		TEST(an_action_that_is_not_told_any_more_is_still_owed),
		TEST(what_a_lost_gpu_is_said_to_want_is_old_news),
		TEST(errors_of_memory_alone_make_nobody_ill),
		TEST(a_part_with_an_illness_of_its_own_follows_its_gpu_too),
		TEST(a_part_that_is_made_while_its_gpu_is_ill_is_ill),
		TEST(illness_goes_with_the_uuid),
		TEST(the_order_of_what_is_marked_may_be_another),
		TEST(one_that_is_gone_is_forgotten),
		TEST(other_rules_are_for_what_comes),
		TEST(says_what_it_is_and_what_helps),
		TEST(says_what_the_driver_wants),
		TEST(says_that_it_settles),
		TEST(says_why_it_cannot_be_reached),
		TEST(an_illness_that_is_over_leaves_no_trace),
		TEST(an_action_of_an_illness_before_is_no_proof),
		TEST(holds_no_more_than_a_snapshot_does),
		TEST(an_observation_without_memory_changes_nothing),
		TEST(a_sentence_without_memory_is_an_error),
		cmocka_unit_test(agrees_with_the_oracle_on_anything_that_may_happen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
