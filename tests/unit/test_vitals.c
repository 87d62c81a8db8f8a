/* SPDX-License-Identifier: Apache-2.0 */
#include "given.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "agent/vitals.h"
#include "base/log.h"
#include "failing.h"

enum {
	SECOND_NS = 1000 * 1000 * 1000,
	LOG_BYTES = 4096, /* a few lines */
};

struct fixture {
	struct vitals vitals;
	struct settings settings;
};

static int set_up(void **state)
{
	static struct fixture fixture;
	fixture = (struct fixture){ .settings = { .health_settle_ns = SECOND_NS,
						  .health_xids = XID_SET_DEFAULT } };
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	vitals_done(&fixture->vitals);
	return 0;
}

/* Of stderr while a test listens. */
static int saved_stderr;
static int captured_fd;

static int set_up_to_listen(void **state)
{
	int fds[2];
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return -1;
	captured_fd = fds[0];
	saved_stderr = dup(STDERR_FILENO);
	int r = dup2(fds[1], STDERR_FILENO);
	(void)close(fds[1]);
	return r < 0 ? -1 : set_up(state);
}

static int tear_down_and_be_silent(void **state)
{
	(void)dup2(saved_stderr, STDERR_FILENO);
	(void)close(saved_stderr);
	(void)close(captured_fd);
	return tear_down(state);
}

/* What was logged since the last call. */
static const char *logged(void)
{
	static char text[LOG_BYTES];
	ssize_t got = read(captured_fd, text, sizeof(text) - 1);
	text[got > 0 ? got : 0] = '\0';
	return text;
}

static bool observe(struct fixture *fixture, uint64_t second)
{
	return vitals_observe(&fixture->vitals, &fixture->settings, given_snapshot(2),
			      second * SECOND_NS);
}

static bool report_xid(struct fixture *fixture, uint64_t xid, uint64_t second)
{
	const struct device_event event = {
		.uuid = "GPU-1",
		.xid = xid,
		.gpu_instance = DEVICE_NO_INSTANCE,
		.compute_instance = DEVICE_NO_INSTANCE,
	};
	return vitals_event(&fixture->vitals, &fixture->settings, &event, second * SECOND_NS);
}

static void assert_healthy(const struct fixture *fixture, bool first, bool second)
{
	assert_int_equal(fixture->vitals.believed->devices[0].is_healthy, first);
	assert_int_equal(fixture->vitals.believed->devices[1].is_healthy, second);
}

static void the_same_again_is_no_news(void **state)
{
	struct fixture *fixture = *state;
	assert_null(fixture->vitals.believed);
	assert_true(observe(fixture, 1));
	assert_healthy(fixture, true, true);
	assert_false(observe(fixture, 2));
}

static void an_xid_that_counts_is_believed_until_the_gpu_is_proven_well(void **state)
{
	struct fixture *fixture = *state;
	(void)observe(fixture, 1);
	assert_true(report_xid(fixture, 94, 2));
	assert_healthy(fixture, true, false);
	assert_non_null(strstr(fixture->vitals.believed->devices[1].reason, "Xid 94"));
	assert_true(fixture->vitals.told->devices[1].is_healthy);
	struct snapshot *well = given_snapshot(2);
	well->devices[1].recovery = DEVICE_RECOVERY_NONE;
	struct snapshot *later = snapshot_copy(well);
	(void)vitals_observe(&fixture->vitals, &fixture->settings, well, 3ULL * SECOND_NS);
	assert_healthy(fixture, true, false);
	assert_true(vitals_observe(&fixture->vitals, &fixture->settings, later, 4ULL * SECOND_NS));
	assert_healthy(fixture, true, true);
	assert_string_equal(fixture->vitals.believed->devices[1].reason, "");
}

/* GPU-1 becomes a part of GPU-0, which is in MIG mode. */
static struct snapshot *parted_snapshot(void)
{
	struct snapshot *snapshot = given_snapshot(2);
	snapshot->devices[0].is_mig = true;
	snapshot->devices[1].parent = 0;
	snapshot->devices[1].gpu_instance = 1;
	snapshot->devices[1].compute_instance = 0;
	return snapshot;
}

static void another_strategy_is_another_belief(void **state)
{
	struct fixture *fixture = *state;
	const struct device_event event = { "GPU-0", 94, 1, 0 };
	assert_false(vitals_follow(&fixture->vitals, &fixture->settings)); /* nothing is known */
	fixture->settings.mig_strategy = MIG_STRATEGY_MIXED;
	(void)vitals_observe(&fixture->vitals, &fixture->settings, parted_snapshot(), SECOND_NS);
	assert_true(vitals_event(&fixture->vitals, &fixture->settings, &event, 2ULL * SECOND_NS));
	assert_healthy(fixture, true, false);
	assert_false(vitals_follow(&fixture->vitals, &fixture->settings));
	fixture->settings.mig_strategy = MIG_STRATEGY_NONE;
	assert_true(vitals_follow(&fixture->vitals, &fixture->settings));
	assert_healthy(fixture, false, false);
}

static void every_xid_is_counted_and_one_of_a_program_believed_by_nobody(void **state)
{
	struct fixture *fixture = *state;
	(void)observe(fixture, 1);
	assert_false(report_xid(fixture, 31, 2));
	assert_healthy(fixture, true, true);
	assert_int_equal(fixture->vitals.xids, 1);
}

static void an_xid_before_the_first_snapshot_is_of_no_effect(void **state)
{
	struct fixture *fixture = *state;
	assert_false(report_xid(fixture, 79, 1));
	assert_null(fixture->vitals.believed);
}

static void nothing_is_well_while_the_driver_is_silent(void **state)
{
	struct fixture *fixture = *state;
	vitals_fault(&fixture->vitals, "no driver");
	assert_null(fixture->vitals.believed);
	(void)observe(fixture, 1);
	assert_string_equal(fixture->vitals.fault, "");
	vitals_fault(&fixture->vitals, "it hangs");
	assert_healthy(fixture, false, false);
	assert_string_equal(fixture->vitals.believed->devices[0].reason,
			    "the driver does not answer");
	(void)report_xid(fixture, 79, 2);
	assert_healthy(fixture, false, false);
	assert_true(observe(fixture, 3));
	assert_healthy(fixture, true, false);
}

/* Each change is one line; that the driver answers again is one for all. */
static void says_who_fell_ill_and_who_is_well_again_and_not_who_was_only_silent(void **state)
{
	struct fixture *fixture = *state;
	static const char well[] = "device is healthy again";
	(void)observe(fixture, 1);
	assert_null(strstr(logged(), "device is"));
	(void)report_xid(fixture, 63, 2);
	const char *line = strstr(logged(), "device is unhealthy");
	assert_non_null(line);
	assert_non_null(strstr(line, "uuid=GPU-1"));
	assert_non_null(strstr(line, "Xid 63"));
	assert_null(strstr(line + 1, "device is"));
	vitals_fault(&fixture->vitals, "it hangs");
	assert_null(strstr(logged(), "device is"));
	(void)observe(fixture, 3);
	line = logged();
	assert_non_null(strstr(line, "driver answers"));
	assert_null(strstr(line, well)); /* GPU-0 was only silent, GPU-1 is still ill */
	(void)observe(fixture, 4);
	line = strstr(logged(), well);
	assert_non_null(line);
	assert_non_null(strstr(line, "uuid=GPU-1"));
	assert_null(strstr(line + 1, well));
}

/* Whichever allocation fails, the belief is the old one or the new one, and a retry mends it. */
static void the_old_belief_stays_until_memory_is_there(void **state)
{
	struct fixture *fixture = *state;
	(void)observe(fixture, 1);
	bool was_stale = true;
	unsigned failures = 0;
	for (unsigned n = 1; was_stale; n++) {
		struct snapshot *snapshot = given_snapshot(n % 2 == 0 ? 2 : 3);
		size_t count = snapshot->devices_count;
		failing_calloc = n;
		bool is_news = vitals_observe(&fixture->vitals, &fixture->settings, snapshot,
					      SECOND_NS);
		failing_calloc = 0;
		was_stale = fixture->vitals.is_stale;
		failures += was_stale ? 1 : 0;
		assert_true(is_news);
		vitals_retry(&fixture->vitals, &fixture->settings);
		assert_false(fixture->vitals.is_stale);
		assert_int_equal(fixture->vitals.believed->devices_count, count);
	}
	assert_true(failures >= 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(the_same_again_is_no_news),
		TEST(an_xid_that_counts_is_believed_until_the_gpu_is_proven_well),
		TEST(another_strategy_is_another_belief),
		TEST(every_xid_is_counted_and_one_of_a_program_believed_by_nobody),
		TEST(an_xid_before_the_first_snapshot_is_of_no_effect),
		TEST(nothing_is_well_while_the_driver_is_silent),
		cmocka_unit_test_setup_teardown(
			says_who_fell_ill_and_who_is_well_again_and_not_who_was_only_silent,
			set_up_to_listen, tear_down_and_be_silent),
		TEST(the_old_belief_stays_until_memory_is_there),
#undef TEST
	};
	return cmocka_run_group_tests_name("vitals", tests, NULL, NULL);
}
