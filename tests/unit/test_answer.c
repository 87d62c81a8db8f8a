/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/buf.h"
#include "driver/answer.h"

enum {
	TEXT_MAX = 256
};

/* A snapshot of healthy GPUs: pairs of index and uuid, ended by NULL. */
static struct snapshot *snapshot_of(const char *const *pairs)
{
	size_t count = 0;
	while (pairs[2 * count])
		count++;
	struct snapshot *snapshot = snapshot_new(count);
	for (size_t i = 0; i < count; i++) {
		snapshot->devices[i].index = pairs[2 * i];
		snapshot->devices[i].uuid = pairs[2 * i + 1];
		snapshot->devices[i].is_healthy = true;
	}
	return snapshot;
}

#define SNAPSHOT(...) snapshot_of((const char *const[]){ __VA_ARGS__, NULL })

/* Merges, frees what went in and expects "index=uuid " of each, with ! behind a sick one. */
static void expect_merged(struct snapshot *now, struct snapshot *before, const char *lost,
			  const char *expected)
{
	struct lost_gpu gpus[] = { { lost, "fell ill" } };
	struct answer answer = { .snapshot = now, .lost = gpus, .lost_count = lost ? 1 : 0 };
	struct snapshot *result = NULL;
	struct buf text = BUF_INIT(TEXT_MAX);
	assert_int_equal(answer_merge(&answer, before, &result), 0);
	for (size_t i = 0; i < result->devices_count; i++)
		(void)buf_printf(&text, "%s=%s%s ", result->devices[i].index,
				 result->devices[i].uuid, result->devices[i].is_healthy ? "" : "!");
	assert_string_equal(text.data, expected);
	buf_done(&text);
	snapshot_free(result);
	snapshot_free(before);
	answer_done(&answer);
	assert_null(answer.snapshot);
}

static void what_answers_is_what_there_is(void **state)
{
	(void)state;
	expect_merged(SNAPSHOT("0", "a", "1", "b"), NULL, NULL, "0=a 1=b ");
	expect_merged(SNAPSHOT("0", "a"), SNAPSHOT("0", "a", "1", "b"), NULL, "0=a ");
}

static void a_lost_gpu_stays_sick_in_its_place(void **state)
{
	(void)state;
	expect_merged(SNAPSHOT("0", "a", "10", "c"), SNAPSHOT("0", "a", "2", "b", "10", "c"), "2",
		      "0=a 2=b! 10=c ");
}

static void a_lost_gpu_that_was_never_seen_stays_out(void **state)
{
	(void)state;
	expect_merged(SNAPSHOT("0", "a"), NULL, "1", "0=a ");
	expect_merged(SNAPSHOT("0", "a"), SNAPSHOT("0", "a"), "1", "0=a ");
}

/* Indices moved: the one known by the lost index answers under another. */
static void no_gpu_is_there_twice(void **state)
{
	(void)state;
	expect_merged(SNAPSHOT("0", "b"), SNAPSHOT("0", "a", "1", "b"), "1", "0=b ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_answers_is_what_there_is),
		cmocka_unit_test(a_lost_gpu_stays_sick_in_its_place),
		cmocka_unit_test(a_lost_gpu_that_was_never_seen_stays_out),
		cmocka_unit_test(no_gpu_is_there_twice),
	};
	return cmocka_run_group_tests_name("answer", tests, NULL, NULL);
}
