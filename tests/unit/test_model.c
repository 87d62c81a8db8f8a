/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "sim/model.h"

static const char *const mig_models[] = {
	"NVIDIA A30",
	"NVIDIA A100-SXM4-40GB",
	"NVIDIA A100-SXM4-80GB",
	"NVIDIA H100 80GB HBM3",
	"NVIDIA H200",
	"NVIDIA RTX PRO 6000 Blackwell Server Edition",
};

static void an_unknown_name_has_the_figures_of_a_t4(void **state)
{
	(void)state;
	assert_string_equal(model_get("GeForce 256")->name, "Tesla T4");
	assert_string_equal(model_get("NVIDIA L4")->name, "NVIDIA L4");
	assert_null(model_get("NVIDIA L4")->mig);
}

/* NVIDIA's: the eighths of the GPU that the memory needs, of the GPU's whole GiB, rounded. */
static unsigned gigabytes_of(const struct model *model, const struct mig_profile *profile)
{
	unsigned eighths = (profile->memory_mib * 8 + model->memory_mib - 1) / model->memory_mib;
	unsigned gib = (model->memory_mib + 1023) / 1024;
	return (eighths * gib * 2 + 8) / 16;
}

static void the_memory_of_a_profile_makes_its_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(mig_models); i++) {
		const struct model *model = model_get(mig_models[i]);
		assert_string_equal(model->name, mig_models[i]);
		for (size_t j = 0; j < model->mig->profiles_count; j++) {
			const struct mig_profile *profile = &model->mig->profiles[j];
			char name[32];
			(void)snprintf(name, sizeof(name), "%ug.%ugb", profile->slices,
				       gigabytes_of(model, profile));
			if (strncmp(profile->name, name, strlen(name)) != 0)
				fail_msg("%s: %s by its name, %s by its memory", model->name,
					 profile->name, name);
		}
	}
}

static void each_profile_fits_as_often_as_it_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(mig_models); i++) {
		const struct mig_geometry *mig = model_get(mig_models[i])->mig;
		for (size_t j = 0; j < mig->profiles_count; j++) {
			const struct mig_profile *profile = &mig->profiles[j];
			unsigned places = profile->last_start / profile->width + 1;
			assert_int_equal(profile->last_start % profile->width, 0);
			assert_true(profile->last_start + profile->width <= mig->memory_slices);
			assert_true(profile->count_max <= places);
			assert_true(profile->count_max * profile->slices <= mig->slices);
		}
	}
}

static void finds_a_profile_by_its_name(void **state)
{
	(void)state;
	const struct mig_geometry *mig = model_get("NVIDIA A30")->mig;
	assert_int_equal(model_find_profile(mig, "2g.12gb+me")->ofas, 1);
	assert_null(model_find_profile(mig, "3g.20gb"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_unknown_name_has_the_figures_of_a_t4),
		cmocka_unit_test(the_memory_of_a_profile_makes_its_name),
		cmocka_unit_test(each_profile_fits_as_often_as_it_says),
		cmocka_unit_test(finds_a_profile_by_its_name),
	};
	return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
