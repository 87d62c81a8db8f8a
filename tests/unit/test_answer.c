/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "driver/answer.h"
#include "failing.h"

enum {
	TEXT_MAX = 512
};

/*
 * A snapshot of healthy devices: pairs of index and uuid, ended by NULL. An index with a colon is a
 * part of the GPU named before it.
 */
static struct snapshot *snapshot_of(const char *const *pairs)
{
	size_t count = 0;
	int32_t gpu = DEVICE_NO_PARENT;
	while (pairs[2 * count])
		count++;
	struct snapshot *snapshot = snapshot_new(count);
	for (size_t i = 0; i < count; i++) {
		struct device *device = &snapshot->devices[i];
		device->index = pairs[2 * i];
		device->uuid = pairs[2 * i + 1];
		device->recovery = DEVICE_RECOVERY_NONE;
		device->is_healthy = true;
		if (strchr(device->index, ':'))
			device->parent = gpu;
		else
			gpu = (int32_t)i;
	}
	return snapshot;
}

#define SNAPSHOT(...) snapshot_of((const char *const[]){ __VA_ARGS__, NULL })
#define NOTHING       snapshot_of((const char *const[]){ NULL })

/* "index=uuid " of each, with ! behind a sick one, and the uuid of its GPU before a part. */
static void expect(const struct snapshot *snapshot, const char *expected)
{
	struct buf text = BUF_INIT(TEXT_MAX);
	(void)buf_text(&text, "");
	for (size_t i = 0; i < snapshot->devices_count; i++) {
		const struct device *device = &snapshot->devices[i];
		if (device_is_part(device)) {
			assert_true((size_t)device->parent < i);
			(void)buf_printf(&text, "%s/", snapshot->devices[device->parent].uuid);
		}
		(void)buf_printf(&text, "%s=%s%s ", device->index, device->uuid,
				 device->is_healthy ? "" : "!");
		assert_int_equal(device->is_healthy, device->reason[0] == '\0');
	}
	assert_string_equal(text.data, expected);
	buf_done(&text);
}

/* Merges and frees what went in. */
static struct snapshot *merge(struct snapshot *now, struct snapshot *before, const char *lost,
			      bool is_forgetting)
{
	struct lost_gpu gpus[] = { { lost, "fell ill" } };
	struct answer answer = { .snapshot = now, .lost = gpus, .lost_count = lost ? 1 : 0 };
	struct snapshot *result = NULL;
	assert_int_equal(answer_merge(&answer, before, is_forgetting, &result), 0);
	snapshot_free(before);
	answer_done(&answer);
	assert_null(answer.snapshot);
	return result;
}

static void expect_merged(struct snapshot *now, struct snapshot *before, const char *lost,
			  const char *expected)
{
	struct snapshot *result = merge(now, before, lost, false);
	expect(result, expected);
	snapshot_free(result);
}

static void what_answers_is_what_there_is(void **state)
{
	(void)state;
	expect_merged(SNAPSHOT("0", "a", "1", "b"), NULL, NULL, "0=a 1=b ");
	expect_merged(SNAPSHOT("0", "a", "1", "b"), SNAPSHOT("0", "a"), NULL, "0=a 1=b ");
}

static void a_lost_gpu_stays_sick_in_its_place(void **state)
{
	(void)state;
	expect_merged(SNAPSHOT("0", "a", "10", "c"), SNAPSHOT("0", "a", "2", "b", "10", "c"), "2",
		      "0=a 2=b! 10=c ");
}

static void a_lost_gpu_says_why_and_no_more_what_it_needs(void **state)
{
	(void)state;
	struct snapshot *result = merge(NOTHING, SNAPSHOT("0", "a"), "0", false);
	assert_string_equal(result->devices[0].reason, "fell ill");
	assert_int_equal(result->devices[0].recovery, DEVICE_RECOVERY_UNKNOWN);
	snapshot_free(result);
}

static void a_lost_gpu_that_was_never_seen_is_only_told_of(void **state)
{
	(void)state;
	struct snapshot *first = merge(SNAPSHOT("0", "a"), NULL, "1", false);
	expect(first, "0=a ");
	assert_int_equal(first->lost_count, 1);
	assert_memory_equal(first->lost[0], "GPU 1 ", 6);
	assert_non_null(strstr(first->lost[0], ": fell ill"));
	struct snapshot *second = merge(SNAPSHOT("0", "a"), first, "1", true);
	expect(second, "0=a ");
	assert_int_equal(second->lost_count, 1);
	struct snapshot *back = merge(SNAPSHOT("0", "a", "1", "b"), second, NULL, false);
	expect(back, "0=a 1=b ");
	assert_int_equal(back->lost_count, 0);
	snapshot_free(back);
}

static void a_lost_gpu_that_stays_is_not_told_of_twice(void **state)
{
	(void)state;
	struct snapshot *result = merge(NOTHING, SNAPSHOT("0", "a", "0:1", "x"), "0", false);
	assert_int_equal(result->lost_count, 0);
	snapshot_free(result);
}

static void a_lost_gpu_keeps_its_parts(void **state)
{
	(void)state;
	expect_merged(SNAPSHOT("1", "b", "1:0", "q"),
		      SNAPSHOT("0", "a", "0:1", "x", "0:10", "y", "1", "b", "1:0", "q"), "0",
		      "0=a! a/0:1=x! a/0:10=y! 1=b b/1:0=q ");
}

static void a_gpu_that_is_no_longer_counted_stays_sick(void **state)
{
	(void)state;
	struct snapshot *result = merge(SNAPSHOT("0", "a"),
					SNAPSHOT("0", "a", "1", "b", "1:0", "q"), NULL, false);
	expect(result, "0=a b=b! b/q=q! ");
	assert_non_null(strstr(result->devices[1].reason, "counts it no longer"));
	assert_non_null(strstr(result->devices[2].reason, "counts it no longer"));
	/* Still so in the next answer. */
	expect_merged(SNAPSHOT("0", "a"), result, NULL, "0=a b=b! b/q=q! ");
	/* And back when it is back. */
	expect_merged(SNAPSHOT("0", "a", "1", "b"), SNAPSHOT("0", "a", "1", "b"), NULL, "0=a 1=b ");
}

static void a_gpu_that_is_no_longer_counted_may_be_forgotten(void **state)
{
	(void)state;
	struct snapshot *result = merge(
		SNAPSHOT("0", "a"), SNAPSHOT("0", "a", "1", "b", "1:0", "q", "2", "c"), "2", true);
	expect(result, "0=a 2=c! ");
	snapshot_free(result);
}

/* The driver numbers those that are left anew. */
static void a_gpu_that_is_gone_has_no_index_and_comes_last(void **state)
{
	(void)state;
	expect_merged(SNAPSHOT("0", "b", "0:0", "q", "1", "c"),
		      SNAPSHOT("0", "a", "0:0", "p", "1", "b", "2", "c"), NULL,
		      "0=b b/0:0=q 1=c a=a! a/p=p! ");
}

static void parts_come_and_go_while_their_gpu_answers(void **state)
{
	(void)state;
	expect_merged(SNAPSHOT("0", "a", "0:0", "z"), SNAPSHOT("0", "a", "0:0", "x", "0:1", "y"),
		      NULL, "0=a a/0:0=z ");
	expect_merged(SNAPSHOT("0", "a"), SNAPSHOT("0", "a", "0:0", "x"), NULL, "0=a ");
}

static void a_lost_part_stays_sick_in_its_place(void **state)
{
	(void)state;
	expect_merged(SNAPSHOT("0", "a", "0:0", "x", "0:2", "z"),
		      SNAPSHOT("0", "a", "0:0", "x", "0:1", "y", "0:2", "z"), "0:1",
		      "0=a a/0:0=x a/0:1=y! a/0:2=z ");
}

/* Indices moved: the one known by the lost index answers under another. */
static void no_gpu_is_there_twice(void **state)
{
	(void)state;
	expect_merged(SNAPSHOT("0", "b"), SNAPSHOT("0", "a", "1", "b"), "1", "0=b a=a! ");
}

static void links_follow_their_gpus(void **state)
{
	(void)state;
	static const struct link links[] = { { 0, 1, LINK_SAME_CPU, 0 },
					     { 0, 2, LINK_SAME_BOARD, 4 } };
	struct snapshot *now = SNAPSHOT("1", "b", "3", "d", "0", "a");
	assert_true(snapshot_set_links(now, links, 2));
	struct snapshot *result = merge(now, SNAPSHOT("0", "a", "0:0", "p", "2", "c"), NULL, false);
	expect(result, "0=a 1=b 3=d c=c! ");
	assert_int_equal(result->links_count, 2);
	assert_int_equal(result->links[0].first, 1);
	assert_int_equal(result->links[0].second, 2);
	assert_int_equal(result->links[1].first, 0);
	assert_int_equal(result->links[1].second, 1);
	assert_int_equal(result->links[1].nvlinks, 4);
	snapshot_free(result);
}

static void no_more_are_kept_than_a_snapshot_holds(void **state)
{
	(void)state;
	enum {
		NAMES = 2 * DEVICES_MAX
	};
	static char names[NAMES][8];
	struct snapshot *now = snapshot_new(DEVICES_MAX - 1);
	struct snapshot *before = snapshot_new(DEVICES_MAX);
	for (size_t i = 0; i < NAMES; i++)
		(void)snprintf(names[i], sizeof(names[i]), "%zu", i);
	for (size_t i = 0; i < DEVICES_MAX; i++) {
		before->devices[i].uuid = names[DEVICES_MAX + i];
		before->devices[i].index = names[i];
		if (i < DEVICES_MAX - 1) {
			now->devices[i].uuid = names[i];
			now->devices[i].index = names[i];
		}
	}
	struct snapshot *result = merge(now, before, NULL, false);
	assert_int_equal(result->devices_count, DEVICES_MAX);
	snapshot_free(result);
}

static void every_allocation_may_fail(void **state)
{
	(void)state;
	enum {
		GPUS = 200,
		LONG = 5000,
	};
	static char reason[LONG];
	static char names[GPUS][8];
	struct lost_gpu lost[] = { { "1", "fell ill" }, { "999", reason } };
	struct answer answer = { .snapshot = SNAPSHOT("0", "0"), .lost = lost, .lost_count = 2 };
	struct snapshot *before = snapshot_new(GPUS);
	struct snapshot *result = NULL;
	unsigned failures = 0;
	int r = 0;
	memset(reason, 'x', sizeof(reason) - 1);
	for (size_t i = 0; i < GPUS; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "%zu", i);
		before->devices[i].uuid = names[i];
		before->devices[i].index = names[i];
	}
	do {
		failing_calloc = ++failures;
		r = answer_merge(&answer, before, false, &result);
		assert_true(r == 0 || r == -ENOMEM);
	} while (r < 0);
	failing_calloc = 0;
	assert_true(failures > 6);
	assert_int_equal(result->devices_count, GPUS);
	assert_int_equal(result->lost_count, 1);
	snapshot_free(result);
	snapshot_free(before);
	answer_done(&answer);
}

static void collects_until_it_is_full_or_memory_is_out(void **state)
{
	(void)state;
	struct answer answer = { 0 };
	struct snapshot *one = SNAPSHOT("0", "a");
	struct err err = ERR_INIT;
	unsigned failures = 0;
	do
		failing_calloc = ++failures;
	while (!answer_begin(&answer));
	assert_true(failures > 2);
	failing_calloc = 0;
	int r = 0;
	for (size_t i = 0; i < DEVICES_MAX && r == 0; i++) {
		failing_calloc = 1;
		int failed = i % 2 ? answer_add(&answer, &one->devices[0], NULL)
				   : answer_add_lost(&answer, "1", "fell ill", NULL);
		assert_true(failed == 0 || failed == -ENOMEM);
		failing_calloc = 0;
		if (failed < 0)
			r = answer_add(&answer, &one->devices[0], NULL);
	}
	assert_int_equal(r, 0);
	assert_int_equal(answer.snapshot->devices_count + answer.lost_count, DEVICES_MAX);
	assert_int_equal(answer_add(&answer, &one->devices[0], &err), -E2BIG);
	assert_int_equal(answer_add_lost(&answer, "1", "fell ill", NULL), -E2BIG);
	assert_non_null(strstr(err.msg, "more than 512 GPUs and parts of GPUs"));
	answer_done(&answer);
	snapshot_free(one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_answers_is_what_there_is),
		cmocka_unit_test(a_lost_gpu_stays_sick_in_its_place),
		cmocka_unit_test(a_lost_gpu_says_why_and_no_more_what_it_needs),
		cmocka_unit_test(a_lost_gpu_that_was_never_seen_is_only_told_of),
		cmocka_unit_test(a_lost_gpu_that_stays_is_not_told_of_twice),
		cmocka_unit_test(a_lost_gpu_keeps_its_parts),
		cmocka_unit_test(a_gpu_that_is_no_longer_counted_stays_sick),
		cmocka_unit_test(a_gpu_that_is_no_longer_counted_may_be_forgotten),
		cmocka_unit_test(a_gpu_that_is_gone_has_no_index_and_comes_last),
		cmocka_unit_test(parts_come_and_go_while_their_gpu_answers),
		cmocka_unit_test(a_lost_part_stays_sick_in_its_place),
		cmocka_unit_test(no_gpu_is_there_twice),
		cmocka_unit_test(links_follow_their_gpus),
		cmocka_unit_test(no_more_are_kept_than_a_snapshot_holds),
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(collects_until_it_is_full_or_memory_is_out),
	};
	return cmocka_run_group_tests_name("answer", tests, NULL, NULL);
}
