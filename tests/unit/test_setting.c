/* SPDX-License-Identifier: Apache-2.0 */
/* A setting as `rota config show` prints it: what is shown, how each type reads, what is escaped.
 */
#include "unit.h"

#include <string.h>

#include "cli/setting.h"

enum {
	TEXT_BYTES = 256
};

static const struct schema_key *key_of(const char *map, const char *name)
{
	const struct schema_key *key = schema_find(map, name, true);
	assert_non_null(key);
	return key;
}

static void assert_value(const struct settings *settings, const struct schema_key *key,
			 const char *wanted)
{
	json_t *value = setting_value(settings, key);
	struct buf text = BUF_INIT(TEXT_BYTES);
	setting_value_text(value, &text);
	json_decref(value);
	char got[TEXT_BYTES] = "";
	assert_int_equal(text.error, 0);
	memcpy(got, text.data, text.len);
	buf_done(&text);
	assert_string_equal(got, wanted);
}

static void durations_read_as_in_the_file(void **state)
{
	(void)state;
	static const struct {
		uint64_t ns;
		const char *text;
	} rows[] = {
		{ 0, "0s" },
		{ 1, "1ns" },
		{ 1500000, "1ms500us" },
		{ 10000000, "10ms" },
		{ 60000000000, "1m" },
		{ 90000000000, "1m30s" },
		{ 3600000000000, "1h" },
		{ INT64_MAX, "infinite" },
	};
	const struct schema_key *key = key_of("flags.gfd", "sleepInterval");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct settings settings = { .gfd_sleep_interval_ns = rows[i].ns };
		assert_value(&settings, key, rows[i].text);
	}
}

static void texts_that_do_not_print_are_quoted_or_escaped(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{ "/dir", "/dir" },
		{ "", "\"\"" },
		{ "a\nb", "\"a\\nb\"" },
		{ "\x1b[31m", "\"\\u001B[31m\"" },
		{ "caf\xc3\xa9", "caf\xc3\xa9" },
		{ "caf\xe9", "caf\\xe9" },
	};
	const struct schema_key *key = key_of("flags", "mpsRoot");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct settings settings = { .mps_root = rows[i][0] };
		assert_value(&settings, key, rows[i][1]);
	}
}

static void lists_stand_in_one_cell(void **state)
{
	(void)state;
	struct shared_resource shared[] = { { .name = "nvidia.com/gpu", .replicas = 5 },
					    { .name = "nvidia.com/b", .replicas = 2 } };
	struct settings settings = {
		.device_list_strategies = DEVICE_LIST_ENVVAR | DEVICE_LIST_CDI_CRI,
		.time_slicing = { .resources = shared, .resources_count = ARRAY_LEN(shared) },
	};
	assert_value(&settings, key_of("flags.plugin", "deviceListStrategy"), "envvar, cdi-cri");
	assert_value(&settings, key_of("sharing.timeSlicing", "resources"),
		     "nvidia.com/gpu: 5, nvidia.com/b: 2");
	static const char *const devices[] = { "0", "1:2" };
	shared[0].rename = "nvidia.com/fast";
	shared[0].devices = (struct device_choice){ DEVICE_CHOICE_LIST, 0, devices, 2 };
	shared[1].devices = (struct device_choice){ DEVICE_CHOICE_COUNT, 3, NULL, 0 };
	assert_value(&settings, key_of("sharing.timeSlicing", "resources"),
		     "nvidia.com/gpu: 5 (as nvidia.com/fast) (of 0 1:2), nvidia.com/b: 2 (of the "
		     "first 3)");
	settings.time_slicing.resources_count = 0;
	assert_value(&settings, key_of("sharing.timeSlicing", "resources"), "[]");
	assert_value(&settings, key_of("imex", "channelIDs"), "[]");
	settings.imex_channel = true;
	assert_value(&settings, key_of("imex", "channelIDs"), "0");

	struct resource_pattern patterns[] = { { "*T4*", "nvidia.com/t4" },
					       { "*", "nvidia.com/gpu" } };
	assert_value(&settings, key_of("resources", "gpus"), "[]");
	settings.gpu_patterns = (struct resource_patterns){ patterns, ARRAY_LEN(patterns) };
	assert_value(&settings, key_of("resources", "gpus"),
		     "*T4*: nvidia.com/t4, *: nvidia.com/gpu");
}

static const struct schema_key *key_of_variable(const char *variable)
{
	size_t count = 0;
	const struct schema_key *keys = schema_keys(&count);
	for (size_t i = 0; i < count; i++)
		if (keys[i].option.env && strcmp(keys[i].option.env, variable) == 0)
			return &keys[i];
	fail_msg("no variable %s", variable);
	return NULL;
}

static void hooks_that_are_all_off_are_one_word(void **state)
{
	(void)state;
	const struct schema_key *key = key_of_variable("CDI_DISABLE_HOOKS");
	struct settings settings = { .cdi_disabled_hooks = CDI_HOOKS_ALL };
	assert_value(&settings, key, "all");
	settings.cdi_disabled_hooks = CDI_HOOK_CHMOD | CDI_HOOK_UPDATE_LDCACHE;
	assert_value(&settings, key, "chmod, update-ldcache");
}

static void xids_are_told_by_those_that_are_fewer(void **state)
{
	(void)state;
	const struct schema_key *off = key_of_variable("DP_DISABLE_HEALTHCHECKS");
	const struct schema_key *on = key_of_variable("DP_ENABLE_HEALTHCHECKS");
	struct settings settings = { .health_xids = XID_SET_DEFAULT };
	assert_value(&settings, off, "13, 31, 43, 45, 68, 109");
	assert_value(&settings, on, "all but 13, 31, 43, 45, 68, 109");
	settings.health_xids = (struct xid_set){ .words = { [0] = UINT64_C(1) << 48 } };
	assert_value(&settings, off, "all but 48");
	assert_value(&settings, on, "48");
	settings.health_xids = (struct xid_set){ 0 };
	assert_value(&settings, off, "all");
	assert_value(&settings, on, "none");
}

static void a_setting_is_named_by_path_flag_or_variable(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{ "MPS_ROOT", "flags.mpsRoot" },
		{ "ROTA_ROOT", "--root" },
		{ "DP_ENABLE_HEALTHCHECKS", "DP_ENABLE_HEALTHCHECKS" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf name = BUF_INIT(TEXT_BYTES);
		setting_name(key_of_variable(rows[i][0]), &name);
		bool is_equal = strcmp(name.data ? name.data : "", rows[i][1]) == 0;
		buf_done(&name);
		assert_true(is_equal);
	}
}

static void every_row_with_a_value_is_shown_and_no_other(void **state)
{
	(void)state;
	struct settings *settings = settings_new();
	assert_non_null(settings);
	size_t count = 0;
	const struct schema_key *keys = schema_keys(&count);
	for (size_t i = 0; i < count; i++) {
		if (!setting_is_shown(&keys[i]))
			continue;
		json_t *value = setting_value(settings, &keys[i]);
		assert_non_null(value);
		assert_false(json_is_null(value));
		json_decref(value);
	}
	(void)settings_free(settings);
	assert_false(setting_is_shown(key_of("", "flags")));
	assert_false(setting_is_shown(key_of("", "version")));
	assert_false(setting_is_shown(key_of("sharing.timeSlicing.resources[]", "name")));
	assert_true(setting_is_shown(key_of("rota.turns", "mode")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_read_as_in_the_file),
		cmocka_unit_test(texts_that_do_not_print_are_quoted_or_escaped),
		cmocka_unit_test(lists_stand_in_one_cell),
		cmocka_unit_test(hooks_that_are_all_off_are_one_word),
		cmocka_unit_test(xids_are_told_by_those_that_are_fewer),
		cmocka_unit_test(a_setting_is_named_by_path_flag_or_variable),
		cmocka_unit_test(every_row_with_a_value_is_shown_and_no_other),
	};
	return cmocka_run_group_tests_name("setting", tests, NULL, NULL);
}
