/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "sim/kubelet/holdings.h"

static void put(struct holdings *holdings, const char *pod, const char *resource, const char *id)
{
	struct ids ids = { 0 };
	uint8_t *response = malloc(1);
	assert_int_equal(ids_add(&ids, id, strlen(id)), 0);
	assert_int_equal(holdings_put(holdings, pod, resource, &ids, response, 1), 0);
	assert_int_equal(ids.count, 0);
}

static void an_entry_is_of_a_pod_and_a_resource(void **state)
{
	(void)state;
	struct holdings holdings = { 0 };
	put(&holdings, "one", "x", "a");
	put(&holdings, "one", "y", "a");
	put(&holdings, "two", "x", "b");
	assert_int_equal(holdings.count, 3);
	assert_true(holdings_has(&holdings, "x", "a"));
	assert_false(holdings_has(&holdings, "y", "b"));
	assert_null(holdings_find(&holdings, "two", "y"));
	holdings_done(&holdings);
}

static void a_second_put_replaces_the_first(void **state)
{
	(void)state;
	struct holdings holdings = { 0 };
	put(&holdings, "one", "x", "a");
	put(&holdings, "one", "x", "b");
	assert_int_equal(holdings.count, 1);
	assert_false(holdings_has(&holdings, "x", "a"));
	assert_true(holdings_has(&holdings, "x", "b"));
	holdings_done(&holdings);
}

static void a_pod_that_is_gone_holds_nothing(void **state)
{
	(void)state;
	struct holdings holdings = { 0 };
	put(&holdings, "one", "x", "a");
	put(&holdings, "two", "x", "b");
	put(&holdings, "one", "y", "c");
	holdings_drop(&holdings, "one");
	assert_int_equal(holdings.count, 1);
	assert_false(holdings_has(&holdings, "x", "a"));
	assert_true(holdings_has(&holdings, "x", "b"));
	holdings_drop(&holdings, "nobody");
	assert_int_equal(holdings.count, 1);
	holdings_done(&holdings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_entry_is_of_a_pod_and_a_resource),
		cmocka_unit_test(a_second_put_replaces_the_first),
		cmocka_unit_test(a_pod_that_is_gone_holds_nothing),
	};
	return cmocka_run_group_tests_name("holdings", tests, NULL, NULL);
}
