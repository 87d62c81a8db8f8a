/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "core/device.h"
#include "driver/mig_minors.h"

/* As drivers write it. */
static const char list[] = "config 1\n"
			   "monitor 2\n"
			   "gpu0/gi0/access 3\n"
			   "gpu0/gi0/ci0/access 4\n"
			   "gpu0/gi1/access 12\n"
			   "gpu0/gi1/ci0/access 13\n"
			   "gpu0/gi1/ci1/access 14\n"
			   "gpu10/gi1/access 1365\n"
			   "gpu10/gi1/ci0/access 1366\n";

static void finds_a_gpu_instance(void **state)
{
	(void)state;
	assert_int_equal(mig_minors_find(list, 0, 0, DEVICE_NO_INSTANCE), 3);
	assert_int_equal(mig_minors_find(list, 0, 1, DEVICE_NO_INSTANCE), 12);
	assert_int_equal(mig_minors_find(list, 10, 1, DEVICE_NO_INSTANCE), 1365);
}

static void finds_a_compute_instance(void **state)
{
	(void)state;
	assert_int_equal(mig_minors_find(list, 0, 1, 0), 13);
	assert_int_equal(mig_minors_find(list, 0, 1, 1), 14);
	assert_int_equal(mig_minors_find(list, 10, 1, 0), 1366);
}

static void what_is_not_listed_has_no_capability(void **state)
{
	(void)state;
	assert_int_equal(mig_minors_find(list, 1, 1, DEVICE_NO_INSTANCE), DEVICE_NO_CAPABILITY);
	assert_int_equal(mig_minors_find(list, 0, 2, DEVICE_NO_INSTANCE), DEVICE_NO_CAPABILITY);
	assert_int_equal(mig_minors_find(list, 0, 1, 2), DEVICE_NO_CAPABILITY);
	assert_int_equal(mig_minors_find("", 0, 0, 0), DEVICE_NO_CAPABILITY);
}

static void a_line_is_found_by_its_start(void **state)
{
	(void)state;
	static const char other[] = "xgpu0/gi0/access 1\n  gpu0/gi0/access 2\ngpu0/gi0/access 3";
	assert_int_equal(mig_minors_find(other, 0, 0, DEVICE_NO_INSTANCE), 3);
}

static void a_line_without_a_number_says_nothing(void **state)
{
	(void)state;
	static const char *const lists[] = {
		"gpu0/gi0/access ",     "gpu0/gi0/access",
		"gpu0/gi0/access x\n",  "gpu0/gi0/access -3\n",
		"gpu0/gi0/access 3 \n", "gpu0/gi0/access 2147483648\n",
		"gpu0/gi0/access 03\n", "gpu0/gi0/access 99999999999999999999\n",
	};
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		assert_int_equal(mig_minors_find(lists[i], 0, 0, DEVICE_NO_INSTANCE),
				 DEVICE_NO_CAPABILITY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_a_gpu_instance),
		cmocka_unit_test(finds_a_compute_instance),
		cmocka_unit_test(what_is_not_listed_has_no_capability),
		cmocka_unit_test(a_line_is_found_by_its_start),
		cmocka_unit_test(a_line_without_a_number_says_nothing),
	};
	return cmocka_run_group_tests_name("mig_minors", tests, NULL, NULL);
}
