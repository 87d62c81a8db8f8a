/* SPDX-License-Identifier: Apache-2.0 */
/* The table of settings holds together: no name twice, every row documented, documented defaults
 * are the real ones. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "config/apply.h"

static const struct schema_key *find_flag(const char *name)
{
	size_t count = 0;
	const struct schema_key *keys = schema_keys(&count);
	for (size_t i = 0; i < count; i++)
		if (keys[i].option.name && strcmp(keys[i].option.name, name) == 0)
			return &keys[i];
	return NULL;
}

/* Flags, aliases and environment of NVIDIA's plugin v0.20 and ours, with their defaults. */
static void has_every_flag_of_nvidia_and_ours(void **state)
{
	(void)state;
	static const struct {
		const char *flag;
		const char *alias;
		const char *env;
		const char *text; /* default */
	} rows[] = {
		{ "mig-strategy", NULL, "MIG_STRATEGY", "none" },
		{ "fail-on-init-error", NULL, "FAIL_ON_INIT_ERROR", "true" },
		{ "driver-root", "nvidia-driver-root", "NVIDIA_DRIVER_ROOT", "/" },
		{ "dev-root", "nvidia-dev-root", "NVIDIA_DEV_ROOT", "" },
		{ "pass-device-specs", NULL, "PASS_DEVICE_SPECS", "false" },
		{ "device-list-strategy", NULL, "DEVICE_LIST_STRATEGY", "envvar" },
		{ "device-id-strategy", NULL, "DEVICE_ID_STRATEGY", "uuid" },
		{ "gdrcopy-enabled", NULL, "GDRCOPY_ENABLED", "false" },
		{ "gds-enabled", NULL, "GDS_ENABLED", "false" },
		{ "mofed-enabled", NULL, "MOFED_ENABLED", "false" },
		{ "cdi-annotation-prefix", NULL, "CDI_ANNOTATION_PREFIX", "cdi.k8s.io/" },
		{ "nvidia-cdi-hook-path", "nvidia-ctk-path",
		  "NVIDIA_CDI_HOOK_PATH, NVIDIA_CTK_PATH", "/usr/bin/nvidia-ctk" },
		{ "driver-root-ctr-path", "container-driver-root",
		  "DRIVER_ROOT_CTR_PATH, CONTAINER_DRIVER_ROOT", "/driver-root" },
		{ "mps-root", NULL, "MPS_ROOT", "" },
		{ "shared-devices-allocation-policy", NULL, "SHARED_DEVICES_ALLOCATION_POLICY",
		  "distributed" },
		{ "device-discovery-strategy", NULL, "DEVICE_DISCOVERY_STRATEGY", "auto" },
		{ "imex-channel-ids", NULL, "IMEX_CHANNEL_IDS", "[]" },
		{ "imex-required", NULL, "IMEX_REQUIRED", "false" },
		{ "kubelet-socket", NULL, "KUBELET_SOCKET",
		  "/var/lib/kubelet/device-plugins/kubelet.sock" },
		{ "pod-resources-socket", NULL, "ROTA_POD_RESOURCES_SOCKET",
		  "/var/lib/kubelet/pod-resources/kubelet.sock" },
		{ "config-file", NULL, "CONFIG_FILE", "" },
		{ "cdi-feature-flags", NULL, "CDI_FEATURE_FLAGS", "" },
		{ "cdi-disable-hooks", NULL, "CDI_DISABLE_HOOKS", "chmod" },
		{ "root", NULL, "ROTA_ROOT", "" },
		{ "agent-socket", NULL, "ROTA_AGENT_SOCKET", "/run/rota/agent.sock" },
		{ "http-listen", NULL, "ROTA_HTTP_LISTEN", "" },
		{ "driver-deadline", NULL, "ROTA_DRIVER_DEADLINE", "30s" },
		{ "log-level", NULL, "ROTA_LOG_LEVEL", "info" },
		{ "log-format", NULL, "ROTA_LOG_FORMAT", "logfmt" },
	};
	size_t flags = 0;
	size_t count = 0;
	const struct schema_key *keys = schema_keys(&count);
	for (size_t i = 0; i < count; i++)
		flags += keys[i].option.name ? 1 : 0;
	assert_int_equal(flags, ARRAY_LEN(rows));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct schema_key *key = find_flag(rows[i].flag);
		if (!key) {
			fail_msg("no flag %s", rows[i].flag);
			return;
		}
		assert_string_equal(key->option.env, rows[i].env);
		assert_string_equal(key->option.default_text, rows[i].text);
		assert_int_equal(key->option.kind, OPTION_GIVEN);
		assert_int_equal(key->option.value_name == NULL, key->type == SCHEMA_BOOL);
		if (rows[i].alias)
			assert_string_equal(key->option.aliases[0], rows[i].alias);
		else
			assert_null(key->option.aliases[0]);
	}
}

static void no_path_or_flag_stands_twice(void **state)
{
	(void)state;
	size_t count = 0;
	const struct schema_key *keys = schema_keys(&count);
	for (size_t i = 0; i < count; i++)
		for (size_t k = i + 1; k < count; k++) {
			if (keys[i].path && keys[k].path)
				assert_string_not_equal(keys[i].path, keys[k].path);
			if (keys[i].option.name && keys[k].option.name)
				assert_string_not_equal(keys[i].option.name, keys[k].option.name);
		}
}

static void every_row_is_documented_and_complete(void **state)
{
	(void)state;
	size_t count = 0;
	const struct schema_key *keys = schema_keys(&count);
	for (size_t i = 0; i < count; i++) {
		assert_non_null(keys[i].option.help);
		assert_true(keys[i].path || keys[i].option.env);
		bool has_flag = keys[i].option.name != NULL;
		bool is_variable_only = keys[i].type == SCHEMA_XIDS_OFF ||
					keys[i].type == SCHEMA_XIDS_ON;
		assert_int_equal(has_flag || is_variable_only, keys[i].option.env != NULL);
		bool has_choices = keys[i].type == SCHEMA_CHOICE ||
				   keys[i].type == SCHEMA_CHOICES || keys[i].type == SCHEMA_LIMIT;
		assert_int_equal(has_choices, keys[i].choices != NULL);
		assert_int_equal(schema_index(&keys[i]), i);
	}
}

/* Applies every documented default to settings of zeros: they must come out as settings_new(). */
static void documented_defaults_are_the_real_ones(void **state)
{
	(void)state;
	struct findings findings = { 0 };
	struct settings *wanted = settings_new();
	struct settings *settings = settings_new();
	assert_non_null(wanted);
	assert_non_null(settings);
	/* The variables of Xids change a set that is there. */
	*settings = (struct settings){ .dev_root = "/",
				       .health_xids = wanted->health_xids,
				       .arena = settings->arena };
	struct apply apply = {
		.settings = settings,
		.findings = &findings,
		.base = settings,
	};
	size_t count = 0;
	const struct schema_key *keys = schema_keys(&count);
	for (size_t i = 0; i < count; i++) {
		const char *text = keys[i].option.default_text;
		bool is_list = keys[i].type == SCHEMA_CHANNELS || keys[i].type == SCHEMA_PATTERNS ||
			       keys[i].type == SCHEMA_VERSION;
		/* Rows of list entries start from nothing; dev_root follows driver_root. */
		if (text && !is_list && !(keys[i].path && strchr(keys[i].path, '[')) &&
		    (!keys[i].path || strcmp(keys[i].path, "flags.nvidiaDevRoot") != 0))
			apply_text(&apply, &keys[i], &(struct finding_place){ .path = "x" }, text);
	}
	assert_int_equal(findings.refusals, 0);
	assert_int_equal(settings->mig_strategy, wanted->mig_strategy);
	assert_int_equal(settings->fail_on_init_error, wanted->fail_on_init_error);
	assert_string_equal(settings->mps_root, wanted->mps_root);
	assert_string_equal(settings->driver_root, wanted->driver_root);
	assert_string_equal(settings->container_driver_root, wanted->container_driver_root);
	assert_int_equal(settings->use_node_feature_api, wanted->use_node_feature_api);
	assert_int_equal(settings->discovery_strategy, wanted->discovery_strategy);
	assert_int_equal(settings->device_list_strategies, wanted->device_list_strategies);
	assert_int_equal(settings->device_id_strategy, wanted->device_id_strategy);
	assert_string_equal(settings->cdi_annotation_prefix, wanted->cdi_annotation_prefix);
	assert_string_equal(settings->cdi_hook_path, wanted->cdi_hook_path);
	assert_int_equal(settings->allocation_policy, wanted->allocation_policy);
	assert_true(settings->gfd_sleep_interval_ns == wanted->gfd_sleep_interval_ns);
	assert_string_equal(settings->gfd_output_file, wanted->gfd_output_file);
	assert_string_equal(settings->gfd_machine_type_file, wanted->gfd_machine_type_file);
	assert_int_equal(settings->turns_mode, wanted->turns_mode);
	assert_int_equal(settings->turns_policy, wanted->turns_policy);
	assert_true(settings->turns_quantum_ns == wanted->turns_quantum_ns);
	assert_true(settings->turns_latency_ns == wanted->turns_latency_ns);
	assert_int_equal(settings->turns_pack, wanted->turns_pack);
	assert_int_equal(settings->memory_limit, wanted->memory_limit);
	assert_int_equal(settings->memory_overcommit, wanted->memory_overcommit);
	assert_int_equal(settings->audit, wanted->audit);
	assert_true(settings->health_settle_ns == wanted->health_settle_ns);
	assert_int_equal(settings->cdi_features, wanted->cdi_features);
	assert_int_equal(settings->cdi_disabled_hooks, wanted->cdi_disabled_hooks);
	assert_memory_equal(&settings->health_xids, &wanted->health_xids,
			    sizeof(settings->health_xids));
	assert_string_equal(settings->root, wanted->root);
	assert_string_equal(settings->config_file, wanted->config_file);
	assert_string_equal(settings->kubelet_socket, wanted->kubelet_socket);
	assert_string_equal(settings->agent_socket, wanted->agent_socket);
	assert_true(settings->driver_deadline_ns == wanted->driver_deadline_ns);
	assert_int_equal(settings->log_level, wanted->log_level);
	assert_int_equal(settings->log_format, wanted->log_format);
	findings_done(&findings);
	(void)settings_free(settings);
	(void)settings_free(wanted);
}

static void the_option_of_the_socket_is_that_of_its_row(void **state)
{
	(void)state;
	assert_int_equal(schema_socket_option.count, 1);
	assert_ptr_equal(schema_socket_option.first, &find_flag("agent-socket")->option);
}

/* Of our own settings as the design has it; of the others by what they decide: the list, which
 * kubelet is told at once, or what a container is given when it starts. */
static void every_row_says_from_when_on_it_counts(void **state)
{
	(void)state;
	static const struct {
		const char *map;
		const char *key;
		enum schema_live live;
	} rows[] = {
		{ "", "version", SCHEMA_LIVE_NONE },
		{ "flags", "migStrategy", SCHEMA_LIVE_YES },
		{ "flags", "failOnInitError", SCHEMA_LIVE_AT_START },
		{ "flags", "mpsRoot", SCHEMA_LIVE_NONE },
		{ "flags", "deviceDiscoveryStrategy", SCHEMA_LIVE_NONE },
		{ "flags.plugin", "deviceListStrategy", SCHEMA_LIVE_NEW_PODS },
		{ "flags.plugin", "containerDriverRoot", SCHEMA_LIVE_YES },
		{ "flags.gfd", "oneshot", SCHEMA_LIVE_NONE },
		{ "sharing.timeSlicing.resources[]", "replicas", SCHEMA_LIVE_YES },
		{ "sharing.timeSlicing", "failRequestsGreaterThanOne", SCHEMA_LIVE_NEW_PODS },
		{ "imex", "channelIDs", SCHEMA_LIVE_NEW_PODS },
		{ "rota", "turns", SCHEMA_LIVE_NONE },
		{ "rota.turns", "mode", SCHEMA_LIVE_YES },
		{ "rota.turns", "policy", SCHEMA_LIVE_YES },
		{ "rota.turns", "quantum", SCHEMA_LIVE_YES },
		{ "rota.turns", "latency", SCHEMA_LIVE_YES },
		{ "rota.turns", "pack", SCHEMA_LIVE_YES },
		{ "rota.memory", "limit", SCHEMA_LIVE_NEW_PODS },
		{ "rota.memory", "overcommit", SCHEMA_LIVE_NEW_PODS },
		{ "rota", "audit", SCHEMA_LIVE_YES },
		{ "rota.health", "settle", SCHEMA_LIVE_YES },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(schema_find(rows[i].map, rows[i].key, true)->live, rows[i].live);
}

static void only_groups_and_what_has_no_effect_count_never(void **state)
{
	(void)state;
	static const char *const idle[] = { "version", "flags.mpsRoot", "flags.useNodeFeatureAPI",
					    "flags.deviceDiscoveryStrategy" };
	size_t count = 0;
	const struct schema_key *keys = schema_keys(&count);
	for (size_t i = 0; i < count; i++) {
		const struct schema_key *key = &keys[i];
		if (!key->path) {
			assert_int_equal(key->live, SCHEMA_LIVE_AT_START);
			continue;
		}
		bool is_never = key->type == SCHEMA_MAP || key->type == SCHEMA_EXACT_MAP ||
				key->type == SCHEMA_ABSENT || schema_child(key, "flags.gfd");
		for (size_t k = 0; k < ARRAY_LEN(idle); k++)
			is_never |= strcmp(key->path, idle[k]) == 0;
		assert_int_equal(key->live == SCHEMA_LIVE_NONE, is_never);
	}
}

static void finds_keys_with_and_without_case(void **state)
{
	(void)state;
	assert_non_null(schema_find("", "VERSION", false));
	assert_null(schema_find("", "VERSION", true));
	assert_null(schema_find("", "migStrategy", false));
	assert_null(schema_find("flags", "plugin.passDeviceSpecs", false));
	assert_non_null(schema_find("flags.plugin", "passdevicespecs", false));
	assert_non_null(schema_find("sharing.timeSlicing.resources[]", "replicas", true));
	assert_null(schema_find("sharing.timeSlicing", "resources[]", true));
	const struct schema_key *key = schema_find("sharing", "timeSlicing", true);
	assert_string_equal(schema_child(key, "sharing"), "timeSlicing");
	assert_null(schema_child(key, ""));
	assert_null(schema_child(key, "shar"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_every_flag_of_nvidia_and_ours),
		cmocka_unit_test(no_path_or_flag_stands_twice),
		cmocka_unit_test(every_row_is_documented_and_complete),
		cmocka_unit_test(documented_defaults_are_the_real_ones),
		cmocka_unit_test(the_option_of_the_socket_is_that_of_its_row),
		cmocka_unit_test(every_row_says_from_when_on_it_counts),
		cmocka_unit_test(only_groups_and_what_has_no_effect_count_never),
		cmocka_unit_test(finds_keys_with_and_without_case),
	};
	return cmocka_run_group_tests_name("schema", tests, NULL, NULL);
}
