/* SPDX-License-Identifier: Apache-2.0 */
/* Which device nodes there are, in a folder that stands for the root of the agent's file system. */
#include "fake_root.h"

#include <limits.h>

#include "kubelet/nodes.h"

static const struct settings imex = { .imex_channel = true, .container_driver_root = "/driver" };

static int set_up(void **state)
{
	struct fake_root *root = calloc(1, sizeof(*root));
	if (!root)
		return -1;
	*state = root;
	return fake_root_make(root);
}

static int tear_down(void **state)
{
	struct fake_root *root = *state;
	int r = fake_root_remove(root);
	free(root);
	return r;
}

/* Who makes device nodes must be root; a link to one is seen as one. */
static void add_character_device(const struct fake_root *root, const char *path)
{
	fake_root_link(root, path, "/dev/null");
}

static void add_file(const struct fake_root *root, const char *path)
{
	fake_root_file(root, path, 0600);
}

static void names_the_control_nodes_that_exist_in_nvidias_order(void **state)
{
	const struct fake_root *root = *state;
	const struct settings settings = { .pass_device_specs = true };
	struct allocation_inputs nodes;

	nodes_find(&settings, root->path, &nodes);
	assert_int_equal(nodes.control_count, 0);
	add_character_device(root, "/dev/nvidia-modeset");
	add_character_device(root, "/dev/nvidia-uvm");
	nodes_find(&settings, root->path, &nodes);
	assert_int_equal(nodes.control_count, 2);
	assert_string_equal(nodes.control[0], "/dev/nvidia-uvm");
	assert_string_equal(nodes.control[1], "/dev/nvidia-modeset");
	add_character_device(root, "/dev/nvidia-uvm-tools");
	add_file(root, "/dev/nvidiactl"); /* NVIDIA's plugin does not ask what it is */
	nodes_find(&settings, root->path, &nodes);
	assert_int_equal(nodes.control_count, 4);
	assert_string_equal(nodes.control[0], "/dev/nvidiactl");
	assert_string_equal(nodes.control[2], "/dev/nvidia-uvm-tools");
	assert_false(nodes.has_imex_channel);
}

static void looks_for_nothing_that_is_not_asked_for(void **state)
{
	const struct fake_root *root = *state;
	const struct settings settings = { .imex_required = true,
					   .container_driver_root = "/driver" };
	struct allocation_inputs nodes;
	add_character_device(root, "/dev/nvidiactl");
	add_character_device(root, ALLOCATION_IMEX_NODE);

	nodes_find(&settings, root->path, &nodes);
	assert_int_equal(nodes.control_count, 0);
	assert_false(nodes.has_imex_channel);
	assert_int_equal(nodes_check_imex(&settings, "/no/such/root", NULL), 0);
}

static bool has_imex(const struct fake_root *root)
{
	struct allocation_inputs nodes;
	nodes_find(&imex, root->path, &nodes);
	assert_int_equal(nodes_check_imex(&imex, root->path, NULL),
			 nodes.has_imex_channel ? 0 : -ENODEV);
	return nodes.has_imex_channel;
}

static void finds_the_channel_in_our_own_dev(void **state)
{
	const struct fake_root *root = *state;
	assert_false(has_imex(root));
	add_character_device(root, ALLOCATION_IMEX_NODE);
	assert_true(has_imex(root));
}

static void finds_the_channel_below_the_driver_root(void **state)
{
	const struct fake_root *root = *state;
	add_character_device(root, "/driver" ALLOCATION_IMEX_NODE);
	assert_true(has_imex(root));
}

static void a_channel_that_is_no_character_device_is_none(void **state)
{
	const struct fake_root *root = *state;
	add_file(root, ALLOCATION_IMEX_NODE);
	add_file(root, "/driver" ALLOCATION_IMEX_NODE);
	assert_false(has_imex(root));
}

static unsigned specifications(const struct fake_root *root, unsigned strategies)
{
	const struct settings settings = {
		.device_list_strategies = strategies,
		.gds_enabled = true,
		.mofed_enabled = true,
		.container_driver_root = "/driver",
	};
	struct allocation_inputs inputs;
	nodes_find(&settings, root->path, &inputs);
	assert_null(inputs.unique);
	return inputs.cdi_classes;
}

static void finds_the_specifications_that_are_wanted_and_there(void **state)
{
	const struct fake_root *root = *state;
	char folder[FAKE_ROOT_PATH_BYTES];
	add_file(root, "/var/run/cdi/k8s.device-plugin.nvidia.com-gpu.json");
	add_file(root, "/var/run/cdi/k8s.device-plugin.nvidia.com-gdrcopy.json"); /* not wanted */
	assert_int_equal(specifications(root, DEVICE_LIST_CDI_CRI), CDI_BIT(CDI_GPU));
	assert_int_equal(specifications(root, DEVICE_LIST_ENVVAR), 0);
	add_file(root, "/var/run/cdi/k8s.device-plugin.nvidia.com-mofed.json");
	fake_root_place(root, "/var/run/cdi/k8s.device-plugin.nvidia.com-gds.json/", folder);
	assert_int_equal(specifications(root, DEVICE_LIST_CDI_ANNOTATIONS),
			 CDI_BIT(CDI_GPU) | CDI_BIT(CDI_MOFED));
}

static void says_in_nvidias_words_which_channel_is_missing_and_where(void **state)
{
	const struct fake_root *root = *state;
	struct err err = ERR_INIT;
	assert_int_equal(nodes_check_imex(&imex, root->path, &err), -ENODEV);
	assert_string_equal(err.msg,
			    "error querying IMEX channels: requested IMEX channel channel0 does "
			    "not exist, no character device "
			    "/dev/nvidia-caps-imex-channels/channel0 in / or /driver, mount it "
			    "there or set imex.required to false");
}

static void a_path_that_is_too_long_is_not_there(void **state)
{
	(void)state;
	char root[PATH_MAX + 1];
	memset(root, '/', sizeof(root) - 1);
	root[sizeof(root) - 1] = '\0';
	assert_int_equal(nodes_check_imex(&imex, root, NULL), -ENODEV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define IN_ROOT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
		IN_ROOT(names_the_control_nodes_that_exist_in_nvidias_order),
		IN_ROOT(looks_for_nothing_that_is_not_asked_for),
		IN_ROOT(finds_the_channel_in_our_own_dev),
		IN_ROOT(finds_the_channel_below_the_driver_root),
		IN_ROOT(a_channel_that_is_no_character_device_is_none),
		IN_ROOT(finds_the_specifications_that_are_wanted_and_there),
		IN_ROOT(says_in_nvidias_words_which_channel_is_missing_and_where),
		cmocka_unit_test(a_path_that_is_too_long_is_not_there),
	};
	return cmocka_run_group_tests_name("nodes", tests, NULL, NULL);
}
