/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sim/kubelet/launch.h"
#include "wire.pb-c.h"

enum {
	BYTES_MAX = 1024
};

/* The generated macros for these cast const away; the functions do not. */
static Wire__Pair new_pair(void)
{
	Wire__Pair pair;
	wire__pair__init(&pair);
	return pair;
}

static Wire__Mount new_mount(void)
{
	Wire__Mount mount;
	wire__mount__init(&mount);
	return mount;
}

static Wire__DeviceNode new_device(void)
{
	Wire__DeviceNode device;
	wire__device_node__init(&device);
	return device;
}

/* An Allocation as it comes over the wire. */
struct wire {
	uint8_t bytes[BYTES_MAX];
	size_t length;
};

static struct wire pack(const Wire__Allocation *allocation)
{
	struct wire wire;
	assert_true(wire__allocation__get_packed_size(allocation) <= BYTES_MAX);
	wire.length = wire__allocation__pack(allocation, wire.bytes);
	return wire;
}

static const struct launch_node node = { .tools = "/sim", .scenario = "/s.yaml", .path = "/bin" };

static int prepare(const uint8_t *allocation, size_t length, char *const *pod_env,
		   struct arena *arena, struct launch *ret, struct err *err)
{
	const struct launch_pod pod = { "pod", pod_env, allocation, length };
	return launch_prepare(&node, &pod, arena, ret, err);
}

static const char *value_of(const struct launch *launch, const char *name)
{
	size_t length = strlen(name);
	const char *found = NULL;
	for (char **pair = launch->env; *pair; pair++) {
		if (strncmp(*pair, name, length) != 0 || (*pair)[length] != '=')
			continue;
		assert_null(found); /* each name stands once */
		found = *pair + length + 1;
	}
	return found;
}

static char one_pair[] = "BOTH=pod";
static char path_pair[] = "PATH=/own";
static char all_pair[] = "NVIDIA_VISIBLE_DEVICES=all";

static void puts_the_pods_environment_after_the_plugins(void **state)
{
	(void)state;
	char both[] = "BOTH";
	char plugin[] = "plugin";
	char given[] = "GIVEN";
	Wire__Pair first = new_pair();
	Wire__Pair second = new_pair();
	Wire__Pair *pairs[] = { &first, &second };
	Wire__Allocation allocation = WIRE__ALLOCATION__INIT;
	first.key = both;
	first.value = plugin;
	second.key = given;
	second.value = plugin;
	allocation.envs = pairs;
	allocation.n_envs = 2;
	struct wire wire = pack(&allocation);

	char *pod_env[] = { one_pair, path_pair, NULL };
	struct arena arena = { 0 };
	struct launch launch;
	assert_int_equal(prepare(wire.bytes, wire.length, pod_env, &arena, &launch, NULL), 0);
	assert_string_equal(value_of(&launch, "BOTH"), "pod");
	assert_string_equal(value_of(&launch, "GIVEN"), "plugin");
	assert_string_equal(value_of(&launch, "HOSTNAME"), "pod");
	assert_string_equal(value_of(&launch, "PATH"), "/sim:/own");
	assert_string_equal(value_of(&launch, "LD_LIBRARY_PATH"), "/sim");
	assert_string_equal(value_of(&launch, "ROTA_SIM"), "/s.yaml");
	assert_string_equal(value_of(&launch, "ROTA_SIM_VISIBLE"), "none");
	arena_done(&arena);
}

static void a_pod_can_ask_for_all_devices_in_its_own_environment(void **state)
{
	(void)state;
	char *pod_env[] = { all_pair, NULL };
	struct arena arena = { 0 };
	struct launch launch;
	assert_int_equal(prepare(NULL, 0, pod_env, &arena, &launch, NULL), 0);
	assert_string_equal(value_of(&launch, "ROTA_SIM_VISIBLE"), "all");
	assert_int_equal(launch.mounts_count, 0);
	arena_done(&arena);
}

static void names_of_mounts_tell_which_devices_are_visible(void **state)
{
	(void)state;
	char variable[] = "NVIDIA_VISIBLE_DEVICES";
	char volume[] = "/var/run/nvidia-container-devices";
	char one[] = "/var/run/nvidia-container-devices/GPU-1";
	char two[] = "/var/run/nvidia-container-devices/GPU-2";
	char imex[] = "/var/run/nvidia-container-devices/imex/0";
	char null[] = "/dev/null";
	Wire__Pair pair = new_pair();
	Wire__Pair *pairs[] = { &pair };
	Wire__Mount first = new_mount();
	Wire__Mount second = new_mount();
	Wire__Mount channel = new_mount();
	Wire__Mount *mounts[] = { &first, &second, &channel };
	Wire__Allocation allocation = WIRE__ALLOCATION__INIT;
	pair.key = variable;
	pair.value = volume;
	first.container_path = one;
	first.host_path = null;
	first.read_only = true;
	second.container_path = two;
	second.host_path = null;
	channel.container_path = imex;
	channel.host_path = null;
	allocation.envs = pairs;
	allocation.n_envs = 1;
	allocation.mounts = mounts;
	allocation.n_mounts = 3;
	struct wire wire = pack(&allocation);

	char *pod_env[] = { NULL };
	struct arena arena = { 0 };
	struct launch launch;
	assert_int_equal(prepare(wire.bytes, wire.length, pod_env, &arena, &launch, NULL), 0);
	assert_string_equal(value_of(&launch, "ROTA_SIM_VISIBLE"), "GPU-1,GPU-2");
	assert_int_equal(launch.mounts_count, 3);
	assert_string_equal(launch.mounts[0].container, one);
	assert_string_equal(launch.mounts[0].host, null);
	assert_true(launch.mounts[0].is_read_only);
	assert_false(launch.mounts[1].is_read_only);
	arena_done(&arena);
}

static void the_first_of_a_container_path_wins(void **state)
{
	(void)state;
	char place[] = "/place";
	char from_mount[] = "/mount";
	char from_device[] = "/dev/null";
	Wire__Mount mount = new_mount();
	Wire__Mount *mounts[] = { &mount };
	Wire__DeviceNode device = new_device();
	Wire__DeviceNode *devices[] = { &device, &device };
	Wire__Allocation allocation = WIRE__ALLOCATION__INIT;
	mount.container_path = place;
	mount.host_path = from_mount;
	device.container_path = place;
	device.host_path = from_device;
	allocation.mounts = mounts;
	allocation.n_mounts = 1;
	allocation.devices = devices;
	allocation.n_devices = 2;
	struct wire wire = pack(&allocation);

	char *pod_env[] = { NULL };
	struct arena arena = { 0 };
	struct launch launch;
	assert_int_equal(prepare(wire.bytes, wire.length, pod_env, &arena, &launch, NULL), 0);
	assert_int_equal(launch.mounts_count, 1);
	assert_string_equal(launch.mounts[0].host, from_mount);
	arena_done(&arena);
}

static void refuses_what_is_no_allocation(void **state)
{
	(void)state;
	char *pod_env[] = { NULL };
	struct arena arena = { 0 };
	struct launch launch = { 0 };
	struct err err = ERR_INIT;
	assert_int_equal(prepare((const uint8_t *)"\xff\xff", 2, pod_env, &arena, &launch, &err),
			 -EBADMSG);
	assert_string_equal(err.msg, "the allocation of pod cannot be read");
	arena_done(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(puts_the_pods_environment_after_the_plugins),
		cmocka_unit_test(a_pod_can_ask_for_all_devices_in_its_own_environment),
		cmocka_unit_test(names_of_mounts_tell_which_devices_are_visible),
		cmocka_unit_test(the_first_of_a_container_path_wins),
		cmocka_unit_test(refuses_what_is_no_allocation),
	};
	return cmocka_run_group_tests_name("launch", tests, NULL, NULL);
}
