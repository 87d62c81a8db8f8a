/* SPDX-License-Identifier: Apache-2.0 */
/* The key `links` of a scenario, and what addresses say where it is silent. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "driver/nvml_abi.h"
#include "sim/scenario.h"

static int parse_links(const char *links, struct scenario **ret, struct err *err)
{
	char text[512];
	(void)snprintf(text, sizeof(text),
		       "links: %s\ngpus: [{}, {}, {busId: '0000:3B:00.0'},\n"
		       "{busId: '0000:5E:00.0', numaNode: 1}]\n",
		       links);
	return scenario_parse("sim.yaml", text, strlen(text), ret, err);
}

static struct scenario *parse(const char *links)
{
	struct scenario *scenario = NULL;
	struct err err = ERR_INIT;
	if (parse_links(links, &scenario, &err) < 0)
		fail_msg("%s", err.msg);
	return scenario;
}

static void addresses_say_what_the_file_does_not(void **state)
{
	(void)state;
	struct scenario *scenario = parse("{}");
	assert_int_equal(scenario_level(scenario, 0, 0), NVML_TOPOLOGY_INTERNAL);
	assert_int_equal(scenario_level(scenario, 0, 1), NVML_TOPOLOGY_HOSTBRIDGE);
	assert_int_equal(scenario_level(scenario, 2, 0), NVML_TOPOLOGY_NODE);
	assert_int_equal(scenario_level(scenario, 2, 3), NVML_TOPOLOGY_SYSTEM);
	assert_null(scenario_find_pair(scenario, 0, 1));
	scenario_free(scenario);
}

static void later_groups_win(void **state)
{
	(void)state;
	struct scenario *scenario = parse("{pcie: [{gpus: [0, 1, 2], level: multiple},"
					  "{gpus: [2, 1], level: single}]}");
	assert_int_equal(scenario_level(scenario, 0, 1), NVML_TOPOLOGY_MULTIPLE);
	assert_int_equal(scenario_level(scenario, 0, 2), NVML_TOPOLOGY_MULTIPLE);
	assert_int_equal(scenario_level(scenario, 1, 2), NVML_TOPOLOGY_SINGLE);
	assert_int_equal(scenario_level(scenario, 0, 3), NVML_TOPOLOGY_SYSTEM);
	scenario_free(scenario);
}

static void nvlinks_are_of_pairs_in_either_order(void **state)
{
	(void)state;
	struct scenario *scenario = parse("{nvlink: [[1, 0, 2], [2, 3, 4]],"
					  "pcie: [{gpus: [0, 1], level: internal}]}");
	assert_int_equal(scenario_find_pair(scenario, 0, 1)->nvlinks, 2);
	assert_int_equal(scenario_find_pair(scenario, 1, 0)->nvlinks, 2);
	assert_int_equal(scenario_find_pair(scenario, 3, 2)->nvlinks, 4);
	assert_int_equal(scenario_level(scenario, 0, 1), NVML_TOPOLOGY_INTERNAL);
	assert_int_equal(scenario_level(scenario, 2, 3), NVML_TOPOLOGY_SYSTEM);
	scenario_free(scenario);
}

static void switches_link_the_gpus_that_are_named(void **state)
{
	(void)state;
	struct scenario *scenario = parse("{nvswitch: {gpus: [0, 3], links: 18}}");
	assert_int_equal(scenario->switch_links[0], 18);
	assert_int_equal(scenario->switch_links[1], 0);
	assert_int_equal(scenario->switch_links[3], 18);
	scenario_free(scenario);
}

static void says_where_and_what_is_wrong(void **state)
{
	(void)state;
	static const struct {
		const char *links;
		const char *message;
	} cases[] = {
		{ "[]", "sim.yaml:1:8: links: must be a map" },
		{ "{nvlinks: []}", "sim.yaml:1:9: nvlinks: unknown key, did you mean nvlink?" },
		{ "{nvlink: [[0, 1]]}", "sim.yaml:1:18: must be two GPUs and how many links they "
					"have, such as [0, 1, 2]" },
		{ "{nvlink: [[0, 4, 1]]}", "sim.yaml:1:22: there is no GPU 4" },
		{ "{nvlink: [[x, 1, 1]]}", "sim.yaml:1:19: must be a number of 0 to 63" },
		{ "{nvlink: [[1, 1, 1]]}", "sim.yaml:1:18: a GPU is not linked to itself" },
		{ "{nvlink: [[0, 1, 37]]}", "sim.yaml:1:25: must be a number of 0 to 36" },
		{ "{nvlink: [[0, 1, 30], [0, 2, 7]]}",
		  "sim.yaml:1:8: links: GPU 0 has 37 NVLinks, at most 36 are possible" },
		{ "{nvswitch: {gpus: [0]}}",
		  "sim.yaml:1:19: nvswitch: needs the keys gpus and links" },
		{ "{nvswitch: {gpus: [9], links: 4}}",
		  "sim.yaml:1:19: nvswitch: there is no GPU 9" },
		{ "{pcie: [{gpus: [0, 1]}]}", "sim.yaml:1:16: needs the keys gpus and level" },
		{ "{pcie: [{gpus: [0, 7], level: node}]}", "sim.yaml:1:16: there is no GPU 7" },
		{ "{pcie: [{gpus: [0, 1], level: nod}]}",
		  "sim.yaml:1:38: level: nod is not internal, single, multiple, hostbridge, node "
		  "or system, did you mean node?" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct scenario *scenario = NULL;
		struct err err = ERR_INIT;
		assert_int_equal(parse_links(cases[i].links, &scenario, &err), -EINVAL);
		assert_string_equal(err.msg, cases[i].message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_say_what_the_file_does_not),
		cmocka_unit_test(later_groups_win),
		cmocka_unit_test(nvlinks_are_of_pairs_in_either_order),
		cmocka_unit_test(switches_link_the_gpus_that_are_named),
		cmocka_unit_test(says_where_and_what_is_wrong),
	};
	return cmocka_run_group_tests_name("wiring", tests, NULL, NULL);
}
