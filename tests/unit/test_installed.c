/* SPDX-License-Identifier: Apache-2.0 */
/* Which scenario and which GPUs of it a process sees that was given the simulated driver. */
#include "fake_root.h"

#include "sim/installed.h"

#define FIRMWARE "/lib/firmware/nvidia/550.54.15/gsp_sim.bin"

static struct fake_root root;

static const struct scenario three_gpus = {
	.gpus = (struct scenario_gpu[]){ { .minor = 0 }, { .minor = 1 }, { .minor = 7 } },
	.gpus_count = 3,
};

static int set_up(void **state)
{
	(void)state;
	assert_int_equal(unsetenv("ROTA_SIM"), 0);
	assert_int_equal(unsetenv("ROTA_SIM_VISIBLE"), 0);
	return fake_root_make(&root);
}

static int tear_down(void **state)
{
	(void)state;
	return fake_root_remove(&root);
}

static void variable_names_the_scenario_before_any_firmware(void **state)
{
	char buf[INSTALLED_PATH_BYTES];
	(void)state;
	fake_root_file(&root, FIRMWARE, 0644);
	assert_int_equal(setenv("ROTA_SIM", "/s.yaml", 1), 0);
	assert_string_equal(installed_scenario(root.path, buf), "/s.yaml");
}

static void firmware_is_the_scenario_of_an_installed_driver(void **state)
{
	char buf[INSTALLED_PATH_BYTES];
	char path[FAKE_ROOT_PATH_BYTES];
	(void)state;
	assert_null(installed_scenario(root.path, buf));
	fake_root_file(&root, "/lib/firmware/nvidia/550.54.15/gsp_tu10x.bin", 0644);
	assert_null(installed_scenario(root.path, buf));
	fake_root_file(&root, FIRMWARE, 0644);
	(void)snprintf(path, sizeof(path), "%s" FIRMWARE, root.path);
	assert_string_equal(installed_scenario(root.path, buf), path);
}

static void everything_is_visible_of_a_scenario_that_is_named(void **state)
{
	char buf[INSTALLED_LIST_BYTES];
	(void)state;
	assert_null(installed_visible(root.path, &three_gpus, buf));
	fake_root_file(&root, FIRMWARE, 0644);
	assert_int_equal(setenv("ROTA_SIM", "/s.yaml", 1), 0);
	assert_null(installed_visible(root.path, &three_gpus, buf));
	assert_int_equal(setenv("ROTA_SIM_VISIBLE", "GPU-1", 1), 0);
	assert_string_equal(installed_visible(root.path, &three_gpus, buf), "GPU-1");
}

static void gpu_of_an_installed_driver_is_visible_by_its_node(void **state)
{
	char buf[INSTALLED_LIST_BYTES];
	(void)state;
	fake_root_file(&root, FIRMWARE, 0644);
	assert_string_equal(installed_visible(root.path, &three_gpus, buf), "");
	fake_root_file(&root, "/dev/nvidia7", 0666);
	assert_string_equal(installed_visible(root.path, &three_gpus, buf), "2");
	fake_root_file(&root, "/dev/nvidia0", 0666);
	assert_string_equal(installed_visible(root.path, &three_gpus, buf), "0,2");
	assert_int_equal(setenv("ROTA_SIM_VISIBLE", "all", 1), 0);
	assert_string_equal(installed_visible(root.path, &three_gpus, buf), "all");
}

#define IN_ROOT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_ROOT(variable_names_the_scenario_before_any_firmware),
		IN_ROOT(firmware_is_the_scenario_of_an_installed_driver),
		IN_ROOT(everything_is_visible_of_a_scenario_that_is_named),
		IN_ROOT(gpu_of_an_installed_driver_is_visible_by_its_node),
	};
	return cmocka_run_group_tests_name("installed", tests, NULL, NULL);
}
