/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "sim/kubelet/listing.h"

static const int64_t nodes[] = { 1, 3 };
static const struct listing_device three[] = {
	{ "c", true, NULL, 0 },
	{ "a", true, nodes, 2 },
	{ "b", false, NULL, 0 },
};

static void is_the_last_list_and_nothing_else(void **state)
{
	(void)state;
	struct listing listing = { 0 };
	assert_int_equal(listing.state, LISTING_SILENT);
	assert_int_equal(listing_replace(&listing, three, 3), 0);
	assert_int_equal(listing.state, LISTING_CURRENT);
	assert_int_equal(listing.count, 3);
	assert_int_equal(listing.healthy, 2);

	assert_int_equal(listing_replace(&listing, three, 1), 0);
	assert_int_equal(listing.count, 1);
	assert_null(listing_find(&listing, "a"));
	assert_int_equal(listing_replace(&listing, NULL, 0), 0);
	assert_int_equal(listing.count, 0);
	assert_int_equal(listing.state, LISTING_CURRENT);
	listing_done(&listing);
}

static void finds_each_device_with_its_nodes(void **state)
{
	(void)state;
	struct listing listing = { 0 };
	assert_int_equal(listing_replace(&listing, three, 3), 0);
	assert_int_equal(listing_find(&listing, "a")->nodes[1], 3);
	assert_false(listing_find(&listing, "b")->is_healthy);
	assert_true(listing_find(&listing, "c")->is_healthy);
	assert_null(listing_find(&listing, ""));
	assert_null(listing_find(&listing, "d"));
	listing_done(&listing);
}

static void counts_both_healths_of_an_id_and_a_repeated_one_once(void **state)
{
	(void)state;
	static const struct listing_device devices[] = {
		{ "a", false, NULL, 0 }, { "b", true, NULL, 0 },  { "a", true, NULL, 0 },
		{ "b", true, NULL, 0 },  { "a", false, NULL, 0 },
	};
	struct listing listing = { 0 };
	assert_int_equal(listing_replace(&listing, devices, 5), 0);
	assert_int_equal(listing.count, 3);
	assert_int_equal(listing.healthy, 2);
	assert_true(listing_find(&listing, "a")->is_healthy);
	listing_done(&listing);
}

static void loses_health_at_once_and_devices_after_the_grace(void **state)
{
	(void)state;
	struct listing listing = { 0 };
	assert_int_equal(listing_replace(&listing, three, 3), 0);
	listing_lose(&listing, 1000);
	assert_int_equal(listing.count, 3);
	assert_int_equal(listing.healthy, 0);
	assert_false(listing_expire(&listing, 1499, 500));
	assert_int_equal(listing.count, 3);
	assert_true(listing_expire(&listing, 1500, 500));
	assert_int_equal(listing.count, 0);
	assert_int_equal(listing.state, LISTING_STOPPED);
	assert_false(listing_expire(&listing, 9999, 500));
	listing_done(&listing);
}

static void comes_back_with_the_next_list(void **state)
{
	(void)state;
	struct listing listing = { 0 };
	assert_int_equal(listing_replace(&listing, three, 3), 0);
	listing_lose(&listing, 1000);
	assert_int_equal(listing_replace(&listing, three, 3), 0);
	assert_int_equal(listing.healthy, 2);
	assert_false(listing_expire(&listing, 9999, 500));
	listing_done(&listing);
}

static void stays_stopped_when_a_plugin_is_lost_that_never_listed(void **state)
{
	(void)state;
	struct listing listing = { 0 };
	listing_stop(&listing);
	listing_lose(&listing, 1000);
	assert_int_equal(listing.state, LISTING_STOPPED);
	listing_done(&listing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_the_last_list_and_nothing_else),
		cmocka_unit_test(finds_each_device_with_its_nodes),
		cmocka_unit_test(counts_both_healths_of_an_id_and_a_repeated_one_once),
		cmocka_unit_test(loses_health_at_once_and_devices_after_the_grace),
		cmocka_unit_test(comes_back_with_the_next_list),
		cmocka_unit_test(stays_stopped_when_a_plugin_is_lost_that_never_listed),
	};
	return cmocka_run_group_tests_name("listing", tests, NULL, NULL);
}
