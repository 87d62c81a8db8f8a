/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "core/cdi_class.h"

static void names_are_those_of_nvidias_plugin(void **state)
{
	(void)state;
	static const char *const names[CDI_CLASSES] = { "gpu", "imex-channel", "gdrcopy", "gds",
							"mofed" };
	for (unsigned i = 0; i < CDI_CLASSES; i++) {
		char text[100];
		(void)snprintf(text, sizeof(text), "k8s.device-plugin.nvidia.com/%s", names[i]);
		assert_string_equal(cdi_class_kind(i), text);
		(void)snprintf(text, sizeof(text), "k8s.device-plugin.nvidia.com-%s.json",
			       names[i]);
		assert_string_equal(cdi_class_file(i), text);
	}
	assert_string_equal(cdi_class_device(CDI_IMEX_CHANNEL), "0");
	assert_string_equal(cdi_class_device(CDI_GDRCOPY), "all");
	assert_string_equal(cdi_class_device(CDI_GDS), "all");
	assert_string_equal(cdi_class_device(CDI_MOFED), "all");
}

static void nothing_is_wanted_without_a_strategy_of_cdi(void **state)
{
	(void)state;
	const struct settings settings = {
		.device_list_strategies = DEVICE_LIST_ENVVAR | DEVICE_LIST_VOLUME_MOUNTS,
		.imex_channel = true,
		.gds_enabled = true,
	};
	assert_int_equal(cdi_class_wanted(&settings), 0);
}

static void with_one_gpus_are_wanted_and_what_is_switched_on(void **state)
{
	(void)state;
	struct settings settings = { .device_list_strategies = DEVICE_LIST_CDI_CRI };
	assert_int_equal(cdi_class_wanted(&settings), CDI_BIT(CDI_GPU));
	settings.imex_channel = true;
	assert_int_equal(cdi_class_wanted(&settings), CDI_BIT(CDI_GPU) | CDI_BIT(CDI_IMEX_CHANNEL));
	settings = (struct settings){ .device_list_strategies = DEVICE_LIST_CDI_ANNOTATIONS,
				      .gdrcopy_enabled = true };
	assert_int_equal(cdi_class_wanted(&settings), CDI_BIT(CDI_GPU) | CDI_BIT(CDI_GDRCOPY));
	settings.gdrcopy_enabled = false;
	settings.gds_enabled = true;
	assert_int_equal(cdi_class_wanted(&settings), CDI_BIT(CDI_GPU) | CDI_BIT(CDI_GDS));
	settings.gds_enabled = false;
	settings.mofed_enabled = true;
	assert_int_equal(cdi_class_wanted(&settings), CDI_BIT(CDI_GPU) | CDI_BIT(CDI_MOFED));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_those_of_nvidias_plugin),
		cmocka_unit_test(nothing_is_wanted_without_a_strategy_of_cdi),
		cmocka_unit_test(with_one_gpus_are_wanted_and_what_is_switched_on),
	};
	return cmocka_run_group_tests_name("cdi_class", tests, NULL, NULL);
}
