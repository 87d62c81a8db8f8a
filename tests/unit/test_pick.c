/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "sim/kubelet/pick.h"

#define RESOURCE "example.org/gpu"

struct table {
	struct listing listing;
	struct holdings holdings;
};

static int set_up(void **state)
{
	static struct table table;
	static const struct listing_device devices[] = {
		{ "a", true, NULL, 0 },
		{ "b", true, NULL, 0 },
		{ "c", true, NULL, 0 },
		{ "sick", false, NULL, 0 },
	};
	table = (struct table){ 0 };
	*state = &table;
	return listing_replace(&table.listing, devices, 4);
}

static int tear_down(void **state)
{
	struct table *table = *state;
	listing_done(&table->listing);
	holdings_done(&table->holdings);
	return 0;
}

static void hold(struct table *table, const char *pod, const char *resource, const char *id)
{
	struct ids ids = { 0 };
	assert_int_equal(ids_add(&ids, id, strlen(id)), 0);
	assert_int_equal(holdings_put(&table->holdings, pod, resource, &ids, NULL, 0), 0);
}

static void offers_what_is_healthy_and_held_by_nobody(void **state)
{
	struct table *table = *state;
	struct ids ids = { 0 };
	uint64_t seed = 1;
	hold(table, "one", RESOURCE, "b");
	hold(table, "two", "example.org/other", "a");
	assert_int_equal(
		pick_free(&table->listing, &table->holdings, RESOURCE, 2, &seed, &ids, NULL), 0);
	assert_int_equal(ids.count, 2);
	assert_true(ids_has(&ids, "a"));
	assert_true(ids_has(&ids, "c"));
	ids_done(&ids);
}

static void says_how_many_were_asked_for_and_how_many_there_are(void **state)
{
	struct table *table = *state;
	struct ids ids = { 0 };
	struct err err = ERR_INIT;
	uint64_t seed = 1;
	assert_int_equal(
		pick_free(&table->listing, &table->holdings, RESOURCE, 4, &seed, &ids, &err),
		-EAGAIN);
	assert_string_equal(
		err.msg,
		"requested number of devices unavailable for example.org/gpu. Requested: 4, Available: 3");
	assert_int_equal(ids.count, 0);
}

static void make(struct ids *ids, const char *names)
{
	for (; *names; names++)
		assert_int_equal(ids_add(ids, names, 1), 0);
}

static void check_choice(const char *free_names, const char *preferred_names, size_t need,
			 const char *chosen_names)
{
	struct ids free_ids = { 0 };
	struct ids preferred = { 0 };
	struct ids chosen = { 0 };
	make(&free_ids, free_names);
	make(&preferred, preferred_names);
	assert_int_equal(pick_devices(&free_ids, &preferred, need, &chosen, NULL), 0);
	assert_int_equal(chosen.count, strlen(chosen_names));
	for (size_t i = 0; i < chosen.count; i++)
		assert_int_equal(chosen.items[i][0], chosen_names[i]);
	ids_done(&free_ids);
	ids_done(&preferred);
	ids_done(&chosen);
}

static void takes_the_preferred_first(void **state)
{
	(void)state;
	check_choice("abcd", "dc", 2, "dc");
}

static void drops_wrong_and_repeated_preferences_and_fills_up(void **state)
{
	(void)state;
	check_choice("abcd", "xcc", 3, "cab");
}

static void takes_no_more_than_it_needs(void **state)
{
	(void)state;
	check_choice("abcd", "dcba", 2, "dc");
	check_choice("abcd", "", 1, "a");
}

static void check_held(struct table *table, const struct listing *listing, const char *id,
		       const char *message)
{
	struct err err = ERR_INIT;
	hold(table, "one", RESOURCE, id);
	int r = pick_check_held(listing, holdings_find(&table->holdings, "one", RESOURCE), &err);
	assert_int_equal(r, message ? -EAGAIN : 0);
	assert_string_equal(err.msg, message ? message : "");
}

static void lets_a_pod_keep_healthy_devices(void **state)
{
	struct table *table = *state;
	check_held(table, &table->listing, "a", NULL);
}

static void refuses_a_pod_whose_devices_are_sick_or_gone(void **state)
{
	struct table *table = *state;
	check_held(table, &table->listing, "sick",
		   "previously allocated devices are no longer healthy; "
		   "cannot allocate unhealthy devices example.org/gpu: sick");
	check_held(table, &table->listing, "gone",
		   "previously allocated devices are no longer healthy; "
		   "cannot allocate unhealthy devices example.org/gpu: gone");
}

static void refuses_a_pod_whose_plugin_is_not_there(void **state)
{
	struct table *table = *state;
	struct listing stopped = { .state = LISTING_STOPPED };
	check_held(table, NULL, "a", "cannot allocate unregistered device example.org/gpu");
	check_held(table, &stopped, "a",
		   "no healthy devices present; cannot allocate unhealthy devices example.org/gpu");
}

#define WITH_TABLE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_TABLE(offers_what_is_healthy_and_held_by_nobody),
		WITH_TABLE(says_how_many_were_asked_for_and_how_many_there_are),
		WITH_TABLE(takes_the_preferred_first),
		WITH_TABLE(drops_wrong_and_repeated_preferences_and_fills_up),
		WITH_TABLE(takes_no_more_than_it_needs),
		WITH_TABLE(lets_a_pod_keep_healthy_devices),
		WITH_TABLE(refuses_a_pod_whose_devices_are_sick_or_gone),
		WITH_TABLE(refuses_a_pod_whose_plugin_is_not_there),
	};
	return cmocka_run_group_tests_name("pick", tests, NULL, NULL);
}
