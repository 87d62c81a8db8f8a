/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "core/device_node.h"

static void a_gpu_has_the_node_of_its_minor_number(void **state)
{
	(void)state;
	const struct device gpu = {
		.index = "0",
		.minor = UINT32_MAX,
		.gpu_capability = DEVICE_NO_CAPABILITY,
		.compute_capability = DEVICE_NO_CAPABILITY,
	};
	char paths[DEVICE_NODES_MAX][DEVICE_NODE_BYTES];
	assert_int_equal(device_node_paths(&gpu, paths), 1);
	assert_string_equal(paths[0], "/dev/nvidia4294967295");
}

static void a_part_has_those_of_its_capabilities_too(void **state)
{
	(void)state;
	const struct device part = {
		.minor = 3,
		.gpu_capability = 12,
		.compute_capability = INT32_MAX,
	};
	char paths[DEVICE_NODES_MAX][DEVICE_NODE_BYTES];
	assert_int_equal(device_node_paths(&part, paths), 3);
	assert_string_equal(paths[0], "/dev/nvidia3");
	assert_string_equal(paths[1], "/dev/nvidia-caps/nvidia-cap12");
	assert_string_equal(paths[2], "/dev/nvidia-caps/nvidia-cap2147483647");
}

static void a_capability_without_a_name_is_left_out(void **state)
{
	(void)state;
	const struct device part = {
		.minor = 3,
		.gpu_capability = DEVICE_NO_CAPABILITY,
		.compute_capability = 0,
	};
	char paths[DEVICE_NODES_MAX][DEVICE_NODE_BYTES];
	assert_int_equal(device_node_paths(&part, paths), 2);
	assert_string_equal(paths[1], "/dev/nvidia-caps/nvidia-cap0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_gpu_has_the_node_of_its_minor_number),
		cmocka_unit_test(a_part_has_those_of_its_capabilities_too),
		cmocka_unit_test(a_capability_without_a_name_is_left_out),
	};
	return cmocka_run_group_tests_name("device_node", tests, NULL, NULL);
}
