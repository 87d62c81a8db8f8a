/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The built-in defaults, those of NVIDIA's device plugin v0.20 where it has the setting. A unit
 * test holds them against the defaults that config/schema.c documents.
 */
#include "core/settings.h"

#include <stdlib.h>

enum {
	MILLISECOND_NS = 1000 * 1000,
	SECOND_NS = 1000 * MILLISECOND_NS,
};

static const struct settings defaults = {
	.mig_strategy = MIG_STRATEGY_NONE,
	.fail_on_init_error = true,
	.mps_root = "",
	.driver_root = "/",
	.dev_root = "/",
	.container_driver_root = "/driver-root",
	.use_node_feature_api = true,
	.discovery_strategy = DISCOVERY_AUTO,

	.device_list_strategies = DEVICE_LIST_ENVVAR,
	.device_id_strategy = DEVICE_ID_UUID,
	.cdi_annotation_prefix = "cdi.k8s.io/",
	.cdi_hook_path = "/usr/bin/nvidia-ctk",
	.cdi_disabled_hooks = CDI_HOOK_CHMOD,
	.allocation_policy = ALLOCATION_DISTRIBUTED,

	.gfd_sleep_interval_ns = 60ULL * SECOND_NS,
	.gfd_output_file = "/etc/kubernetes/node-feature-discovery/features.d/gfd",
	.gfd_machine_type_file = "/sys/class/dmi/id/product_name",

	.turns_mode = TURNS_NONE,
	.turns_policy = TURNS_FAIR,
	.turns_quantum_ns = 10ULL * MILLISECOND_NS,
	.turns_latency_ns = 50ULL * MILLISECOND_NS,
	.memory_limit = MEMORY_LIMIT_NONE,
	.audit = AUDIT_REPORT,
	.health_settle_ns = 5ULL * SECOND_NS,
	.health_xids = XID_SET_DEFAULT,

	.root = "",
	.config_file = "",
	.kubelet_socket = "/var/lib/kubelet/device-plugins/kubelet.sock",
	.pod_resources_socket = "/var/lib/kubelet/pod-resources/kubelet.sock",
	.agent_socket = "/run/rota/agent.sock",
	.http_listen = "",
	/* An NVML call takes seconds on a node of many GPUs that just came up; a hang lasts. */
	.driver_deadline_ns = 30ULL * SECOND_NS,
	.log_level = LOG_INFO,
	.log_format = LOG_FORMAT_LOGFMT,
};

struct settings *settings_new(void)
{
	struct settings *settings = malloc(sizeof(*settings));
	if (settings)
		*settings = defaults;
	return settings;
}

struct settings *settings_free(struct settings *settings)
{
	if (!settings)
		return NULL;
	arena_done(&settings->arena);
	free(settings);
	return NULL;
}
