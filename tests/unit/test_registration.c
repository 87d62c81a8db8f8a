/* SPDX-License-Identifier: Apache-2.0 */
#include "given.h"

#include "kubelet/registration.h"

#define MS UINT64_C(1000000)

static const struct socket_id first_kubelet = { 1, 10, 100 };
static const struct socket_id second_kubelet = { 1, 10, 200 }; /* the inode is used again */

static struct registration_view seen(struct socket_id kubelet, bool is_reachable, bool has_stream)
{
	return (struct registration_view){ .kubelet = kubelet,
					   .is_reachable = is_reachable,
					   .has_stream = has_stream };
}

static enum registration_action step(struct registration *registration, struct socket_id kubelet,
				     bool is_reachable, bool has_stream, uint64_t now_ns)
{
	struct registration_view view = seen(kubelet, is_reachable, has_stream);
	return registration_step(registration, &view, now_ns);
}

/* Registered with @kubelet and watched at @now_ns. */
static struct registration given_serving(struct socket_id kubelet, uint64_t now_ns)
{
	struct registration registration = { 0 };
	assert_int_equal(step(&registration, kubelet, true, false, now_ns), REGISTRATION_REGISTER);
	registration_answered(&registration, true, now_ns);
	assert_int_equal(step(&registration, kubelet, true, true, now_ns), REGISTRATION_NOTHING);
	assert_int_equal(registration.state, REGISTRATION_SERVING);
	return registration;
}

static void does_nothing_while_kubelet_is_absent(void **state)
{
	(void)state;
	struct registration registration = { 0 };

	assert_int_equal(step(&registration, (struct socket_id){ 0 }, false, false, 5 * MS),
			 REGISTRATION_NOTHING);
	assert_true(registration_due_ns(&registration) == UINT64_MAX);
}

static void serves_before_it_registers(void **state)
{
	(void)state;
	struct registration registration = { 0 };

	assert_int_equal(step(&registration, first_kubelet, false, false, 5 * MS),
			 REGISTRATION_SERVE);
	assert_int_equal(step(&registration, first_kubelet, true, false, 5 * MS),
			 REGISTRATION_REGISTER);
	assert_int_equal(registration.state, REGISTRATION_CALLING);
	assert_int_equal(step(&registration, first_kubelet, true, true, 6 * MS),
			 REGISTRATION_NOTHING);
}

static void a_stream_makes_it_rest(void **state)
{
	(void)state;
	struct registration registration = given_serving(first_kubelet, 0);

	assert_true(registration_due_ns(&registration) == UINT64_MAX);
	assert_int_equal(step(&registration, first_kubelet, true, true, 3600000 * MS),
			 REGISTRATION_NOTHING);
}

static void registers_at_once_with_a_kubelet_that_was_replaced(void **state)
{
	(void)state;
	struct registration registration = given_serving(first_kubelet, 0);

	assert_int_equal(step(&registration, second_kubelet, false, true, 1 * MS),
			 REGISTRATION_SERVE);
	assert_int_equal(step(&registration, second_kubelet, true, false, 1 * MS),
			 REGISTRATION_REGISTER);
}

static void does_not_wait_for_the_end_of_the_old_stream(void **state)
{
	(void)state;
	struct registration registration = given_serving(first_kubelet, 0);

	assert_int_equal(step(&registration, second_kubelet, true, true, 1 * MS),
			 REGISTRATION_REGISTER);
}

static void registers_again_when_kubelet_comes_back_under_the_same_number(void **state)
{
	(void)state;
	struct registration registration = given_serving(first_kubelet, 0);

	(void)step(&registration, (struct socket_id){ 0 }, true, false, 1 * MS);
	assert_int_equal(step(&registration, first_kubelet, true, false, 2 * MS),
			 REGISTRATION_REGISTER);
}

static void registers_again_soon_after_the_stream_ends(void **state)
{
	(void)state;
	struct registration registration = given_serving(first_kubelet, 0);

	assert_int_equal(step(&registration, first_kubelet, true, false, 20000 * MS),
			 REGISTRATION_NOTHING);
	assert_true(registration_due_ns(&registration) == 20100 * MS);
	assert_int_equal(step(&registration, first_kubelet, true, false, 20099 * MS),
			 REGISTRATION_NOTHING);
	assert_int_equal(step(&registration, first_kubelet, true, false, 20100 * MS),
			 REGISTRATION_REGISTER);
}

/* Our socket is another's, or nobody's. */
static enum registration_action step_without_socket(struct registration *registration,
						    bool is_vacant, uint64_t now_ns)
{
	struct registration_view view = seen(first_kubelet, false, true);
	view.is_vacant = is_vacant;
	return registration_step(registration, &view, now_ns);
}

static void leaves_its_place_to_a_plugin_that_took_its_socket(void **state)
{
	(void)state;
	struct registration registration = given_serving(first_kubelet, 0);

	assert_int_equal(step_without_socket(&registration, false, 3600000 * MS),
			 REGISTRATION_NOTHING);
	assert_true(registration_due_ns(&registration) == UINT64_MAX);
}

static void takes_its_place_again_when_nobody_listens_there(void **state)
{
	(void)state;
	struct registration registration = given_serving(first_kubelet, 0);

	assert_int_equal(step_without_socket(&registration, true, 1 * MS), REGISTRATION_NOTHING);
	assert_true(registration_due_ns(&registration) == 1001 * MS);
	assert_int_equal(step_without_socket(&registration, true, 1000 * MS), REGISTRATION_NOTHING);
	assert_int_equal(step_without_socket(&registration, true, 1001 * MS), REGISTRATION_SERVE);
	assert_int_equal(step(&registration, first_kubelet, true, false, 1001 * MS),
			 REGISTRATION_REGISTER);
}

static void is_not_quicker_than_a_plugin_that_takes_its_socket(void **state)
{
	(void)state;
	struct registration registration = given_serving(first_kubelet, 0);

	(void)step_without_socket(&registration, true, 1 * MS);
	(void)step_without_socket(&registration, false, 2 * MS);
	assert_true(registration_due_ns(&registration) == UINT64_MAX);
	assert_int_equal(step_without_socket(&registration, true, 5000 * MS), REGISTRATION_NOTHING);
	assert_int_equal(step_without_socket(&registration, true, 5999 * MS), REGISTRATION_NOTHING);
	assert_int_equal(step_without_socket(&registration, true, 6000 * MS), REGISTRATION_SERVE);
}

static void heals_a_registration_that_kubelet_lost(void **state)
{
	(void)state;
	struct registration registration = { 0 };

	(void)step(&registration, first_kubelet, true, false, 0);
	registration_answered(&registration, true, 0);
	assert_int_equal(step(&registration, first_kubelet, true, false, 4999 * MS),
			 REGISTRATION_NOTHING);
	assert_int_equal(step(&registration, first_kubelet, true, false, 5000 * MS),
			 REGISTRATION_REGISTER);
}

static void pauses_longer_after_each_refusal_up_to_ten_seconds(void **state)
{
	(void)state;
	static const uint64_t pauses_ms[] = { 100,  200,  400,   800,   1600,
					      3200, 6400, 10000, 10000, 10000 };
	struct registration registration = { 0 };
	uint64_t now_ns = 0;

	for (size_t i = 0; i < ARRAY_LEN(pauses_ms); i++) {
		assert_int_equal(step(&registration, first_kubelet, true, false, now_ns),
				 REGISTRATION_REGISTER);
		registration_answered(&registration, false, now_ns);
		assert_true(registration_due_ns(&registration) == now_ns + pauses_ms[i] * MS);
		assert_int_equal(step(&registration, first_kubelet, true, false, now_ns),
				 REGISTRATION_NOTHING);
		now_ns = registration_due_ns(&registration);
	}
}

static void a_new_kubelet_does_not_wait_for_the_pause_of_the_old_one(void **state)
{
	(void)state;
	struct registration registration = { 0 };

	for (int i = 0; i < 8; i++) {
		uint64_t now_ns = registration_due_ns(&registration);
		(void)step(&registration, first_kubelet, true, false, now_ns);
		registration_answered(&registration, false, now_ns);
	}
	uint64_t now_ns = registration_due_ns(&registration) - 1;
	assert_int_equal(step(&registration, second_kubelet, true, false, now_ns),
			 REGISTRATION_REGISTER);
}

static void streams_that_end_at_once_pause_longer_each_time(void **state)
{
	(void)state;
	struct registration registration = given_serving(first_kubelet, 0);
	uint64_t last_pause_ns = 0;

	for (uint64_t now_ns = MS; now_ns < 4000 * MS;) {
		(void)step(&registration, first_kubelet, true, false, now_ns);
		uint64_t pause_ns = registration_due_ns(&registration) - now_ns;
		assert_true(pause_ns > last_pause_ns);
		last_pause_ns = pause_ns;
		now_ns = registration_due_ns(&registration);
		assert_int_equal(step(&registration, first_kubelet, true, false, now_ns),
				 REGISTRATION_REGISTER);
		registration_answered(&registration, true, now_ns);
		(void)step(&registration, first_kubelet, true, true, now_ns);
		now_ns += MS;
	}
}

static void a_steady_stream_forgets_the_pauses_before(void **state)
{
	(void)state;
	struct registration registration = given_serving(first_kubelet, 0);
	registration.backoff_ns = 10000 * MS;

	(void)step(&registration, first_kubelet, true, false, 10000 * MS);
	assert_true(registration_due_ns(&registration) == 10100 * MS);
}

static void waits_when_its_own_socket_cannot_be_made(void **state)
{
	(void)state;
	struct registration registration = { 0 };

	assert_int_equal(step(&registration, first_kubelet, false, false, 0), REGISTRATION_SERVE);
	registration_serve_failed(&registration, 0);
	assert_int_equal(step(&registration, first_kubelet, false, false, 0), REGISTRATION_NOTHING);
	assert_int_equal(step(&registration, first_kubelet, false, false, 100 * MS),
			 REGISTRATION_SERVE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(does_nothing_while_kubelet_is_absent),
		cmocka_unit_test(serves_before_it_registers),
		cmocka_unit_test(a_stream_makes_it_rest),
		cmocka_unit_test(registers_at_once_with_a_kubelet_that_was_replaced),
		cmocka_unit_test(does_not_wait_for_the_end_of_the_old_stream),
		cmocka_unit_test(registers_again_when_kubelet_comes_back_under_the_same_number),
		cmocka_unit_test(registers_again_soon_after_the_stream_ends),
		cmocka_unit_test(leaves_its_place_to_a_plugin_that_took_its_socket),
		cmocka_unit_test(takes_its_place_again_when_nobody_listens_there),
		cmocka_unit_test(is_not_quicker_than_a_plugin_that_takes_its_socket),
		cmocka_unit_test(heals_a_registration_that_kubelet_lost),
		cmocka_unit_test(pauses_longer_after_each_refusal_up_to_ten_seconds),
		cmocka_unit_test(a_new_kubelet_does_not_wait_for_the_pause_of_the_old_one),
		cmocka_unit_test(streams_that_end_at_once_pause_longer_each_time),
		cmocka_unit_test(a_steady_stream_forgets_the_pauses_before),
		cmocka_unit_test(waits_when_its_own_socket_cannot_be_made),
	};
	return cmocka_run_group_tests_name("registration", tests, NULL, NULL);
}
