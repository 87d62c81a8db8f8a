/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "sim/kubelet/extended_name.h"

static void takes_the_names_that_plugins_use(void **state)
{
	(void)state;
	static const char *const names[] = {
		"nvidia.com/gpu",      "nvidia.com/gpu.shared", "nvidia.com/mig-1g.5gb", "a/B",
		"example.org/x_Y-z.9",
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_true(extended_name_is_valid(names[i]));
}

static void refuses_native_and_malformed_names(void **state)
{
	(void)state;
	static const char *const names[] = {
		"",
		"gpu",
		"/gpu",
		"nvidia.com/",
		"kubernetes.io/gpu",
		"x.kubernetes.io/gpu",
		"requests.nvidia.com/gpu",
		"NVIDIA.com/gpu",
		"nvidia..com/gpu",
		"nvidia.com./gpu",
		"-nvidia.com/gpu",
		"nvidia_x.com/gpu",
		"nvidia.com/gpu/more",
		"nvidia.com/-gpu",
		"nvidia.com/gpu.",
		"nvidia.com/g pu",
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_false(extended_name_is_valid(names[i]));
}

static void knows_the_longest_name(void **state)
{
	(void)state;
	char name[512];
	char domain[300];
	char label[100];
	memset(domain, 'd', sizeof(domain));
	memset(label, 'l', sizeof(label));

	(void)snprintf(name, sizeof(name), "%.*s/%.*s", 244, domain, 63, label);
	assert_true(extended_name_is_valid(name));
	(void)snprintf(name, sizeof(name), "%.*s/%.*s", 245, domain, 63, label);
	assert_false(extended_name_is_valid(name));
	(void)snprintf(name, sizeof(name), "%.*s/%.*s", 244, domain, 64, label);
	assert_false(extended_name_is_valid(name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_the_names_that_plugins_use),
		cmocka_unit_test(refuses_native_and_malformed_names),
		cmocka_unit_test(knows_the_longest_name),
	};
	return cmocka_run_group_tests_name("extended_name", tests, NULL, NULL);
}
