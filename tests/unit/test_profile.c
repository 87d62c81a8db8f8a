/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/profile.h"

static void a_name_is_taken_apart(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		struct profile expected;
	} cases[] = {
		{ "1g.5gb", { 1, 1, 5, "" } },
		{ "7g.141gb", { 7, 7, 141, "" } },
		{ "1c.3g.20gb", { 1, 3, 20, "" } },
		{ "1g.24gb-me", { 1, 1, 24, "-me" } },
		{ "1g.24gb+me.all", { 1, 1, 24, "+me.all" } },
		{ "2c.4g.96gb+gfx", { 2, 4, 96, "+gfx" } },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct profile got = { 0 };
		assert_int_equal(profile_parse(cases[i].text, &got), 0);
		assert_int_equal(got.compute_slices, cases[i].expected.compute_slices);
		assert_int_equal(got.gpu_slices, cases[i].expected.gpu_slices);
		assert_int_equal(got.memory_gb, cases[i].expected.memory_gb);
		assert_string_equal(got.attribute, cases[i].expected.attribute);
	}
}

static void what_is_no_profile_is_refused(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"",
		"1g",
		"1g.5",
		"1g.5GB",
		"g.5gb",
		"0g.5gb",
		"01g.5gb",
		"1g.5gb+",
		"1g.5gb/me",
		"1g.5gb+m e",
		"1g.5gb+Me",
		" 1g.5gb",
		"1c.5gb",
		"1c.1c.5gb",
		"1g.5gb ",
		"-1g.5gb",
		"1g.5gbme",
		"1234567890g.5gb",
		"1g.5gb+an.attribute.that.is.longer.than.any.name",
	};
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct profile got = { .memory_gb = 99 };
		assert_int_equal(profile_parse(wrong[i], &got), -EINVAL);
		assert_int_equal(got.memory_gb, 99);
	}
}

static void the_profile_stands_at_the_end_of_the_product_name(void **state)
{
	(void)state;
	assert_string_equal(profile_from_name("NVIDIA A100-SXM4-40GB MIG 1g.5gb"), "1g.5gb");
	assert_string_equal(profile_from_name("A MIG MIG 2g.10gb+me"), "2g.10gb+me");
	assert_string_equal(profile_from_name("MIG 9g.1gb MIG 1c.2g.10gb"), "1c.2g.10gb");
}

static void a_product_name_may_have_none(void **state)
{
	(void)state;
	assert_null(profile_from_name("NVIDIA A100-SXM4-40GB"));
	assert_null(profile_from_name("NVIDIA A100-SXM4-40GB MIG"));
	assert_null(profile_from_name("NVIDIA A100-SXM4-40GB MIG "));
	assert_null(profile_from_name("NVIDIA A100 MIG 1g.5gb MIG of another kind"));
	assert_null(profile_from_name(""));
}

/* Figures of real GPUs: an A30, two A100, an H100 and an H200. */
static void figures_make_the_name_that_nvidia_gives(void **state)
{
	(void)state;
	static const struct {
		struct profile_sizes sizes;
		const char *expected;
	} cases[] = {
		{ { 1, 1, 5952, 24258ULL << 20 }, "1g.6gb" },
		{ { 4, 4, 23971, 24258ULL << 20 }, "4g.24gb" },
		{ { 1, 1, 4864, 40536ULL << 20 }, "1g.5gb" },
		{ { 1, 1, 4864, 40960ULL << 20 }, "1g.5gb" },
		{ { 1, 1, 9856, 40536ULL << 20 }, "1g.10gb" },
		{ { 3, 3, 19968, 40536ULL << 20 }, "3g.20gb" },
		{ { 1, 3, 19968, 40536ULL << 20 }, "1c.3g.20gb" },
		{ { 7, 7, 40192, 40536ULL << 20 }, "7g.40gb" },
		{ { 1, 1, 9856, 81559ULL << 20 }, "1g.10gb" },
		{ { 1, 1, 16384, 143771ULL << 20 }, "1g.18gb" },
		{ { 2, 2, 33280, 143771ULL << 20 }, "2g.35gb" },
		{ { 3, 3, 71552, 143771ULL << 20 }, "3g.71gb" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[PROFILE_BYTES] = "";
		assert_int_equal(profile_format(&cases[i].sizes, text), 0);
		assert_string_equal(text, cases[i].expected);
	}
}

/* 1.5 GiB of 12: exactly an eighth, and a half to round. */
static void shares_are_rounded_up_and_halves_too(void **state)
{
	(void)state;
	char text[PROFILE_BYTES] = "";
	struct profile_sizes sizes = { 1, 1, 1536, 12ULL << 30 };
	assert_int_equal(profile_format(&sizes, text), 0);
	assert_string_equal(text, "1g.2gb");
	sizes.memory_mib++;
	assert_int_equal(profile_format(&sizes, text), 0);
	assert_string_equal(text, "1g.3gb");
	sizes.gpu_bytes = (12ULL << 30) + 1;
	assert_int_equal(profile_format(&sizes, text), 0);
	assert_string_equal(text, "1g.3gb"); /* 2 eighths of 13: 3.25 */
}

static void figures_that_no_gpu_has_make_no_name(void **state)
{
	(void)state;
	static const struct profile_sizes wrong[] = {
		{ 0, 1, 4864, 40ULL << 30 },       { 1, 0, 4864, 40ULL << 30 },
		{ 1, 1, 0, 40ULL << 30 },          { 1, 1, 4864, 0 },
		{ 65, 1, 4864, 40ULL << 30 },      { 1, 65, 4864, 40ULL << 30 },
		{ 1, 1, 1ULL << 30, 40ULL << 30 }, { 1, 1, 4864, 1ULL << 50 },
	};
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		char text[PROFILE_BYTES] = "untouched";
		assert_int_equal(profile_format(&wrong[i], text), -EINVAL);
		assert_string_equal(text, "untouched");
	}
}

static void the_longest_name_is_whole(void **state)
{
	(void)state;
	char text[PROFILE_BYTES] = "";
	struct profile_sizes sizes = { 63, 64, (1ULL << 30) - 1, 1 };
	assert_int_equal(profile_format(&sizes, text), 0);
	assert_int_equal(strcmp(text + strlen(text) - 2, "gb"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_taken_apart),
		cmocka_unit_test(what_is_no_profile_is_refused),
		cmocka_unit_test(the_profile_stands_at_the_end_of_the_product_name),
		cmocka_unit_test(a_product_name_may_have_none),
		cmocka_unit_test(figures_make_the_name_that_nvidia_gives),
		cmocka_unit_test(shares_are_rounded_up_and_halves_too),
		cmocka_unit_test(figures_that_no_gpu_has_make_no_name),
		cmocka_unit_test(the_longest_name_is_whole),
	};
	return cmocka_run_group_tests_name("profile", tests, NULL, NULL);
}
