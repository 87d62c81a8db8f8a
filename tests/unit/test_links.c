/* SPDX-License-Identifier: Apache-2.0 */
/* How near GPUs are, as the simulated library says it for real machines. */
#include "unit.h"

#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "driver/answer.h"
#include "driver/inventory.h"
#include "driver/links.h"
#include "driver/nvml.h"
#include "failing.h"

/* Not linked: its own use of calloc() must not be counted. */
static struct nvml simulated(void *library)
{
	return (struct nvml){ .library = library,
#define POINTER(name, is_required) .name = dlsym(library, #name),
			      NVML_USED(POINTER)
#undef POINTER
	};
}

static struct nvml real;
static unsigned questions;

static int count_questions(struct nvml_device *first, struct nvml_device *second, unsigned *level)
{
	questions++;
	return real.nvmlDeviceGetTopologyCommonAncestor(first, second, level);
}

struct fixture {
	struct nvml nvml;
	struct answer answer;
	struct links links;
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	if (!fixture)
		return -1;
	*state = fixture;
	void *library = dlopen(SIM_FOLDER "/libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
	assert_non_null(library);
	real = simulated(library);
	fixture->nvml = real;
	fixture->nvml.nvmlDeviceGetTopologyCommonAncestor = count_questions;
	questions = 0;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	failing_calloc = 0;
	links_done(&fixture->links);
	answer_done(&fixture->answer);
	while (real.nvmlShutdown() == NVML_SUCCESS)
		; /* a test may have initialised it twice */
	(void)dlclose(real.library);
	free(fixture);
	return 0;
}

static void read_devices(struct fixture *fixture, const char *scenario)
{
	assert_int_equal(setenv("ROTA_SIM", scenario, 1), 0);
	assert_int_equal(real.nvmlInit_v2(), NVML_SUCCESS);
	answer_done(&fixture->answer);
	assert_int_equal(inventory_read(&fixture->nvml, "/nonexistent", &fixture->answer, NULL), 0);
}

static int fill(struct fixture *fixture)
{
	struct snapshot *snapshot = fixture->answer.snapshot;
	return links_fill(&fixture->links, &fixture->nvml, links_digest(snapshot), snapshot, NULL);
}

static struct link find(const struct fixture *fixture, uint32_t first, uint32_t second)
{
	const struct snapshot *snapshot = fixture->answer.snapshot;
	for (size_t i = 0; i < snapshot->links_count; i++)
		if (snapshot->links[i].first == first && snapshot->links[i].second == second)
			return snapshot->links[i];
	return (struct link){ 0 };
}

static void expect(const struct fixture *fixture, uint32_t first, uint32_t second,
		   enum link_level level, unsigned nvlinks)
{
	struct link link = find(fixture, first, second);
	assert_int_equal(link.level, level);
	assert_int_equal(link.nvlinks, nvlinks);
}

static void a_cube_mesh_is_seen(void **state)
{
	struct fixture *fixture = *state;
	read_devices(fixture, SCENARIO_FOLDER "/dgx1-v100.yaml");
	assert_int_equal(fill(fixture), 0);
	assert_int_equal(fixture->answer.snapshot->links_count, 28);
	expect(fixture, 0, 1, LINK_SINGLE_SWITCH, 1);
	expect(fixture, 0, 3, LINK_HOST_BRIDGE, 2);
	expect(fixture, 0, 4, LINK_CROSS_CPU, 2);
	expect(fixture, 0, 5, LINK_CROSS_CPU, 0);
	expect(fixture, 6, 7, LINK_SINGLE_SWITCH, 1);
}

static void links_to_switches_are_no_links_between_gpus(void **state)
{
	struct fixture *fixture = *state;
	read_devices(fixture, SCENARIO_FOLDER "/eight-h200-nvlink.yaml");
	assert_int_equal(fill(fixture), 0);
	assert_int_equal(fixture->answer.snapshot->links_count, 28);
	expect(fixture, 0, 1, LINK_SAME_CPU, 0);
	expect(fixture, 0, 7, LINK_CROSS_CPU, 0);
}

/* NVML writes the address of a link's other end by itself; its letters may be small ones. */
static int tell_small_letters(struct nvml_device *device, unsigned place, struct nvml_pci_info *ret)
{
	int result = real.nvmlDeviceGetNvLinkRemotePciInfo_v2(device, place, ret);
	for (char *at = ret->bus_id; *at; at++)
		*at = (char)tolower((unsigned char)*at);
	return result;
}

static void an_address_is_the_same_in_small_letters(void **state)
{
	struct fixture *fixture = *state;
	read_devices(fixture, SCENARIO_FOLDER "/dgx1-v100.yaml");
	assert_string_equal(fixture->answer.snapshot->devices[2].bus_id, "00000000:0A:00.0");
	fixture->nvml.nvmlDeviceGetNvLinkRemotePciInfo_v2 = tell_small_letters;
	assert_int_equal(fill(fixture), 0);
	expect(fixture, 1, 2, LINK_HOST_BRIDGE, 2);
}

static void links_skip_parts(void **state)
{
	struct fixture *fixture = *state;
	read_devices(fixture, SCENARIO_FOLDER "/a100-mig.yaml");
	assert_int_equal(fill(fixture), 0);
	const struct snapshot *snapshot = fixture->answer.snapshot;
	assert_int_equal(snapshot->devices_count, 7);
	assert_int_equal(snapshot->links_count, 1);
	assert_int_equal(snapshot->links[0].first, 0);
	assert_int_equal(snapshot->links[0].second, 6);
}

static void the_same_gpus_are_not_asked_twice(void **state)
{
	struct fixture *fixture = *state;
	read_devices(fixture, SCENARIO_FOLDER "/four-t4.yaml");
	assert_int_equal(fill(fixture), 0);
	assert_int_equal(questions, 6);
	read_devices(fixture, SCENARIO_FOLDER "/four-t4.yaml");
	assert_int_equal(fill(fixture), 0);
	assert_int_equal(questions, 6);
	assert_int_equal(fixture->answer.snapshot->links_count, 6);
}

static void others_are_asked(void **state)
{
	struct fixture *fixture = *state;
	read_devices(fixture, SCENARIO_FOLDER "/four-t4.yaml");
	assert_int_equal(fill(fixture), 0);
	fixture->answer.snapshot->devices_count = 3;
	assert_int_equal(fill(fixture), 0);
	assert_int_equal(questions, 6 + 3);
	assert_int_equal(fixture->answer.snapshot->links_count, 3);
	links_done(&fixture->links);
	assert_int_equal(fill(fixture), 0);
	assert_int_equal(questions, 6 + 3 + 3);
}

static void a_set_of_gpus_is_told_from_others_whatever_its_parts(void **state)
{
	struct fixture *fixture = *state;
	read_devices(fixture, SCENARIO_FOLDER "/a100-mig.yaml");
	struct snapshot *snapshot = fixture->answer.snapshot;
	uint64_t digest = links_digest(snapshot);
	snapshot->devices[3].uuid = "MIG-another";
	assert_true(links_digest(snapshot) == digest);
	snapshot->devices[6].uuid = "GPU-another";
	assert_true(links_digest(snapshot) != digest);
	snapshot->devices_count = 0;
	assert_true(links_digest(snapshot) != 0);
}

static int unknown_level(struct nvml_device *first, struct nvml_device *second, unsigned *level)
{
	(void)first;
	(void)second;
	*level = 7;
	return NVML_SUCCESS;
}

static void pairs_of_which_nothing_is_known_are_left_out(void **state)
{
	struct fixture *fixture = *state;
	read_devices(fixture, SCENARIO_FOLDER "/dgx1-v100.yaml");
	fixture->nvml.nvmlDeviceGetTopologyCommonAncestor = unknown_level;
	assert_int_equal(fill(fixture), 0);
	assert_int_equal(fixture->answer.snapshot->links_count, 16);
	expect(fixture, 0, 3, LINK_UNKNOWN, 2);
}

static void a_library_without_links_shows_none(void **state)
{
	struct fixture *fixture = *state;
	read_devices(fixture, SCENARIO_FOLDER "/dgx1-v100.yaml");
	fixture->nvml.nvmlDeviceGetTopologyCommonAncestor = NULL;
	fixture->nvml.nvmlDeviceGetNvLinkState = NULL;
	assert_int_equal(fill(fixture), 0);
	assert_int_equal(fixture->answer.snapshot->links_count, 0);
}

static int no_handle(unsigned index, struct nvml_device **device)
{
	return index == 1 ? NVML_ERROR_GPU_IS_LOST
			  : real.nvmlDeviceGetHandleByIndex_v2(index, device);
}

static void a_gpu_that_went_meanwhile_has_no_links(void **state)
{
	struct fixture *fixture = *state;
	read_devices(fixture, SCENARIO_FOLDER "/four-t4.yaml");
	fixture->nvml.nvmlDeviceGetHandleByIndex_v2 = no_handle;
	assert_int_equal(fill(fixture), 0);
	assert_int_equal(fixture->answer.snapshot->links_count, 3);
	expect(fixture, 0, 1, LINK_UNKNOWN, 0);
}

static void more_gpus_than_are_linked_have_no_links(void **state)
{
	struct fixture *fixture = *state;
	struct snapshot *many = snapshot_new(LINKS_GPUS_MAX + 1);
	static char names[LINKS_GPUS_MAX + 1][8];
	for (size_t i = 0; i <= LINKS_GPUS_MAX; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "%zu", i);
		many->devices[i].uuid = names[i];
		many->devices[i].index = names[i];
	}
	fixture->answer.snapshot = many;
	assert_int_equal(fill(fixture), 0);
	assert_int_equal(many->links_count, 0);
	assert_int_equal(questions, 0);
}

static void every_allocation_may_fail(void **state)
{
	struct fixture *fixture = *state;
	read_devices(fixture, SCENARIO_FOLDER "/four-t4.yaml");
	failing_calloc = 1;
	assert_int_equal(fill(fixture), -ENOMEM);
	assert_int_equal(fixture->answer.snapshot->links_count, 0);
	failing_calloc = 0;
	assert_int_equal(fill(fixture), 0);
	assert_int_equal(fixture->answer.snapshot->links_count, 6);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_cube_mesh_is_seen),
		TEST(links_to_switches_are_no_links_between_gpus),
		TEST(an_address_is_the_same_in_small_letters),
		TEST(links_skip_parts),
		TEST(the_same_gpus_are_not_asked_twice),
		TEST(others_are_asked),
		TEST(a_set_of_gpus_is_told_from_others_whatever_its_parts),
		TEST(pairs_of_which_nothing_is_known_are_left_out),
		TEST(a_library_without_links_shows_none),
		TEST(a_gpu_that_went_meanwhile_has_no_links),
		TEST(more_gpus_than_are_linked_have_no_links),
		TEST(every_allocation_may_fail),
	};
	return cmocka_run_group_tests_name("links", tests, NULL, NULL);
}
