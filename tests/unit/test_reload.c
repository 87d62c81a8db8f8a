/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "agent/reload.h"
#include "base/cleanup.h"
#include "base/log.h"

/* The owner, whose two functions do what the test says. */
struct fixture {
	uv_loop_t loop;
	struct reload reload;
	struct settings *first;
	struct settings *in_force; /* owned; NULL: still the first */
	int load;
	int follow;
	unsigned followed;
};

static int load(struct reload *reload, struct settings **ret, struct err *err)
{
	const struct fixture *fixture = container_of(reload, struct fixture, reload);
	if (fixture->load < 0)
		return err_set(err, fixture->load, "rota.yaml:1:1: cannot be read");
	*ret = settings_new();
	return *ret ? 0 : -ENOMEM;
}

static int follow(struct reload *reload, struct settings *settings, struct err *err)
{
	struct fixture *fixture = container_of(reload, struct fixture, reload);
	fixture->followed++;
	if (fixture->follow < 0)
		return err_set(err, fixture->follow, "not on this node");
	fixture->in_force = settings_free(fixture->in_force);
	fixture->in_force = settings;
	return 0;
}

static int set_up(void **state)
{
	static struct fixture fixture;
	memset(&fixture, 0, sizeof(fixture));
	fixture.reload.load = load;
	fixture.reload.follow = follow;
	fixture.first = settings_new();
	if (!fixture.first || uv_loop_init(&fixture.loop) < 0)
		return -1;
	reload_start(&fixture.reload, &fixture.loop, fixture.first);
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	reload_stop(&fixture->reload);
	(void)uv_run(&fixture->loop, UV_RUN_DEFAULT);
	fixture->in_force = settings_free(fixture->in_force);
	fixture->first = settings_free(fixture->first);
	return uv_loop_close(&fixture->loop);
}

static bool is_tried_again(const struct fixture *fixture)
{
	return uv_is_active((const uv_handle_t *)&fixture->reload.retry);
}

static void new_settings_are_handed_over(void **state)
{
	struct fixture *fixture = *state;
	reload_now(&fixture->reload);
	assert_non_null(fixture->in_force);
	assert_string_equal(fixture->reload.refusal, "");
	assert_false(is_tried_again(fixture));
}

static void a_file_that_cannot_be_read_waits_for_a_change(void **state)
{
	struct fixture *fixture = *state;
	fixture->load = -EINVAL;
	reload_now(&fixture->reload);
	assert_string_equal(fixture->reload.refusal, "rota.yaml:1:1: cannot be read");
	assert_int_equal(fixture->followed, 0);
	assert_false(is_tried_again(fixture));
}

static void a_file_that_the_node_cannot_follow_is_tried_again(void **state)
{
	struct fixture *fixture = *state;
	fixture->follow = -EINVAL;
	reload_now(&fixture->reload);
	assert_string_equal(fixture->reload.refusal, "not on this node");
	assert_null(fixture->in_force);
	assert_true(is_tried_again(fixture));
	fixture->load = -EINVAL;
	reload_now(&fixture->reload);
	assert_false(is_tried_again(fixture));
}

static void a_refusal_counts_from_the_first_of_its_row(void **state)
{
	struct fixture *fixture = *state;
	fixture->load = -EINVAL;
	reload_now(&fixture->reload);
	assert_true(fixture->reload.refused_since > 0);
	fixture->reload.refused_since = 1;
	reload_now(&fixture->reload);
	assert_int_equal(fixture->reload.refused_since, 1);
	fixture->load = 0;
	reload_now(&fixture->reload);
	assert_string_equal(fixture->reload.refusal, "");
	fixture->load = -EINVAL;
	reload_now(&fixture->reload);
	assert_true(fixture->reload.refused_since > 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(new_settings_are_handed_over, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_file_that_cannot_be_read_waits_for_a_change,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_file_that_the_node_cannot_follow_is_tried_again,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_refusal_counts_from_the_first_of_its_row, set_up,
						tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
