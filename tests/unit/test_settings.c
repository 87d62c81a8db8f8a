/* SPDX-License-Identifier: Apache-2.0 */
/* The built-in defaults: those of NVIDIA's plugin, and ours. */
#include "unit.h"

#include <string.h>

#include "core/settings.h"

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

static bool is_memory_out; /* mutable on purpose: what the stand-in for malloc does */

void *__wrap_malloc(size_t size)
{
	return is_memory_out ? NULL : __real_malloc(size);
}

static int set_up(void **state)
{
	*state = settings_new();
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	is_memory_out = false;
	*state = settings_free(*state);
	return 0;
}

static void defaults_are_those_of_nvidia(void **state)
{
	const struct settings *settings = *state;
	assert_int_equal(settings->mig_strategy, MIG_STRATEGY_NONE);
	assert_true(settings->fail_on_init_error);
	assert_string_equal(settings->mps_root, "");
	assert_string_equal(settings->driver_root, "/");
	assert_string_equal(settings->dev_root, "/");
	assert_string_equal(settings->container_driver_root, "/driver-root");
	assert_false(settings->gdrcopy_enabled);
	assert_false(settings->gds_enabled);
	assert_false(settings->mofed_enabled);
	assert_true(settings->use_node_feature_api);
	assert_int_equal(settings->discovery_strategy, DISCOVERY_AUTO);
	assert_false(settings->pass_device_specs);
	assert_false(settings->imex_channel);
	assert_false(settings->imex_required);
	assert_int_equal(settings->device_list_strategies, DEVICE_LIST_ENVVAR);
	assert_int_equal(settings->device_id_strategy, DEVICE_ID_UUID);
	assert_string_equal(settings->cdi_annotation_prefix, "cdi.k8s.io/");
	assert_string_equal(settings->cdi_hook_path, "/usr/bin/nvidia-ctk");
	assert_int_equal(settings->allocation_policy, ALLOCATION_DISTRIBUTED);
	assert_false(settings->gfd_oneshot);
	assert_false(settings->gfd_no_timestamp);
	assert_true(settings->gfd_sleep_interval_ns == 60000000000ULL);
	assert_string_equal(settings->kubelet_socket,
			    "/var/lib/kubelet/device-plugins/kubelet.sock");
	assert_string_equal(settings->config_file, "");
}

static void hooks_and_xids_are_those_of_nvidia(void **state)
{
	const struct settings *settings = *state;
	assert_int_equal(settings->cdi_features, 0);
	assert_int_equal(settings->cdi_disabled_hooks, CDI_HOOK_CHMOD);
	static const uint64_t left_out[] = { 13, 31, 43, 45, 68, 109 };
	size_t at = 0;
	for (uint64_t xid = 0; xid <= XID_SET_MAX; xid++) {
		bool is_left_out = at < ARRAY_LEN(left_out) && left_out[at] == xid;
		assert_int_equal(xid_set_has(&settings->health_xids, xid), !is_left_out);
		at += is_left_out ? 1 : 0;
	}
}

static void nothing_is_shared_by_default(void **state)
{
	const struct settings *settings = *state;
	assert_int_equal(settings->time_slicing.resources_count, 0);
	assert_int_equal(settings->gpu_patterns.count, 0);
	assert_int_equal(settings->mig_patterns.count, 0);
	assert_false(settings->time_slicing.rename_by_default);
	assert_false(settings->time_slicing.fail_requests_greater_than_one);
}

static void our_own_defaults(void **state)
{
	const struct settings *settings = *state;
	assert_string_equal(settings->agent_socket, "/run/rota/agent.sock");
	assert_string_equal(settings->root, "");
	assert_true(settings->driver_deadline_ns == 30000000000ULL);
	assert_int_equal(settings->log_level, LOG_INFO);
	assert_int_equal(settings->log_format, LOG_FORMAT_LOGFMT);
	for (size_t i = 0; i < SETTINGS_KEYS_MAX; i++)
		assert_int_equal(settings->sources[i].origin, SETTINGS_ORIGIN_DEFAULT);
}

static void memory_out_is_no_settings(void **state)
{
	(void)state;
	is_memory_out = true;
	struct settings *settings = settings_new();
	is_memory_out = false;
	assert_null(settings);
}

static void freeing_nothing_is_allowed(void **state)
{
	(void)state;
	assert_null(settings_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(defaults_are_those_of_nvidia, set_up, tear_down),
		cmocka_unit_test_setup_teardown(hooks_and_xids_are_those_of_nvidia, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(nothing_is_shared_by_default, set_up, tear_down),
		cmocka_unit_test_setup_teardown(our_own_defaults, set_up, tear_down),
		cmocka_unit_test_setup_teardown(memory_out_is_no_settings, set_up, tear_down),
		cmocka_unit_test(freeing_nothing_is_allowed),
	};
	return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
