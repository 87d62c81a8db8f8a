/* SPDX-License-Identifier: Apache-2.0 */
/* Resource names and device references: NVIDIA's rules and words. */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "config/name.h"

#define TEN       "aaaaaaaaaa"
#define FIFTY_TWO TEN TEN TEN TEN TEN "aa"
#define UUID      "b1028956-cfa2-0990-bf4a-5da9abb51763"

static void the_prefix_is_added_when_absent(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		const char *full;
	} rows[] = {
		{ "gpu", "nvidia.com/gpu" },
		{ "nvidia.com/gpu", "nvidia.com/gpu" },
		{ "mig-1g.5gb", "nvidia.com/mig-1g.5gb" },
		{ "gpu.shared", "nvidia.com/gpu.shared" },
		{ "0", "nvidia.com/0" },
		{ FIFTY_TWO, "nvidia.com/" FIFTY_TWO },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char full[NAME_LENGTH_MAX + 1];
		assert_int_equal(name_qualify(rows[i].name, full, NULL), 0);
		assert_string_equal(full, rows[i].full);
	}
}

static void a_name_of_more_than_63_bytes_is_refused(void **state)
{
	(void)state;
	char full[NAME_LENGTH_MAX + 1];
	struct err err = ERR_INIT;
	assert_int_equal(name_qualify(FIFTY_TWO "a", full, &err), -EINVAL);
	assert_string_equal(err.msg, "fully-qualified resource name must be 63 characters or less: "
				     "nvidia.com/" FIFTY_TWO "a");
	assert_int_equal(name_qualify("nvidia.com/" FIFTY_TWO "a", full, &err), -EINVAL);
}

static void what_is_no_subdomain_is_refused(void **state)
{
	(void)state;
	static const char *const names[] = {
		"",     "GPU",  "gpu_a", "-gpu",        "gpu-", "gpu.",        ".gpu",
		"g..u", "g.-u", "g-.u",  "foo.com/gpu", "a b",  "nvidia.com/", "nvidia.com/a/b"
	};
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char full[NAME_LENGTH_MAX + 1] = "untouched";
		struct err err = ERR_INIT;
		assert_int_equal(name_qualify(names[i], full, &err), -EINVAL);
		assert_string_equal(full, "untouched");
		assert_int_equal(strncmp(err.msg, "incorrect format for resource name 'nvidia.com/",
					 strlen("incorrect format for resource name 'nvidia.com/")),
				 0);
	}
}

static void devices_are_indices_and_uuids_in_all_forms_of_google_uuid(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *device; /* as the driver writes it */
	} devices[] = {
		{ "0", "0" },
		{ "017", "17" },
		{ "18446744073709551615", "18446744073709551615" },
		{ "0:1", "0:1" },
		{ "00:01", "0:1" },
		{ "GPU-" UUID, "GPU-" UUID },
		{ "GPU-B1028956-CFA2-0990-BF4A-5DA9ABB51763", "GPU-" UUID },
		{ "GPU-b1028956cfa20990bf4a5da9abb51763", "GPU-" UUID },
		{ "GPU-{" UUID "}", "GPU-" UUID },
		{ "GPU-urn:uuid:" UUID, "GPU-" UUID },
		{ "GPU-URN:UUID:" UUID, "GPU-" UUID },
		{ "MIG-" UUID, "MIG-" UUID },
		{ "MIG-{" UUID "}", "MIG-" UUID },
		{ "MIG-GPU-" UUID "/3/00", "MIG-GPU-" UUID "/3/0" },
		{ "MIG-GPU-" UUID "/18446744073709551615/18446744073709551615",
		  "MIG-GPU-" UUID "/18446744073709551615/18446744073709551615" },
	};
	static const char *const others[] = {
		"",
		"x",
		"-1",
		"1:",
		":1",
		"1:2:3",
		"18446744073709551616",
		"0x1",
		"GPU",
		"GPU-",
		UUID,
		"gpu-" UUID,
		"GPU-" UUID "0",
		"GPU-b1028956-cfa2-0990-bf4a-5da9abb5176g",
		"GPU-b1028956cfa2-0990-bf4a-5da9abb5176-3",
		"GPU-b1028956cfa20990bf4a5da9abb5176g",
		"MIG-GPU-" UUID,
		"MIG-GPU-" UUID "/3",
		"MIG-GPU-" UUID "/3/",
		"MIG-GPU-" UUID "/3/0/1",
		"MIG-" UUID "/3/0",
		"MIG-GPU-" UUID "/x/0",
		"MIG-GPU-x/3/0",
		"MIG-",
		"0:x",
	};
	for (size_t i = 0; i < ARRAY_LEN(devices); i++) {
		char device[NAME_DEVICE_BYTES];
		assert_true(name_read_device(devices[i].text, device));
		assert_string_equal(device, devices[i].device);
	}
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		char device[NAME_DEVICE_BYTES] = "untouched";
		assert_false(name_read_device(others[i], device));
		assert_string_equal(device, "untouched");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_prefix_is_added_when_absent),
		cmocka_unit_test(a_name_of_more_than_63_bytes_is_refused),
		cmocka_unit_test(what_is_no_subdomain_is_refused),
		cmocka_unit_test(devices_are_indices_and_uuids_in_all_forms_of_google_uuid),
	};
	return cmocka_run_group_tests_name("name", tests, NULL, NULL);
}
