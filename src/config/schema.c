/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table itself. Keys, flags, environment names, defaults and words of refusal are those of
 * NVIDIA's device plugin v0.20; rows without a path are flags only; ROTA_* are ours.
 */
#include "config/schema.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/unix_socket.h"
#include "core/settings.h"

enum {
	MILLISECOND_NS = 1000 * 1000,
};

/* The order in which NVIDIA's plugin looks at its flags, behind what is of the wrong type. */
enum {
	RANK_DEVICE_LIST = 1,
	RANK_DEVICE_ID,
	RANK_ALLOCATION_POLICY,
	RANK_DISCOVERY,
	RANK_MIG,
	RANK_IMEX,
	RANK_OWN,
};

#define SECOND_NS           (1000ULL * MILLISECOND_NS)
#define MINUTE_NS           (60 * SECOND_NS)
#define HOUR_NS             (60 * MINUTE_NS)
#define MIB                 (1ULL << 20)
#define TIB                 (1ULL << 40)
#define AT(field)           offsetof(struct settings, field)
#define OF_ENTRY(field)     offsetof(struct shared_resource, field)
#define OF_PATTERN(field)   offsetof(struct resource_pattern, field)
#define OF_SHARING(field)   (AT(time_slicing) + offsetof(struct time_slicing, field))
#define FLAG(flag, value)   .name = (flag), .value_name = (value), .kind = OPTION_GIVEN
#define SWITCH(flag)        .name = (flag), .kind = OPTION_GIVEN
#define TURNS               "turns"
#define MEMORY_LIMITS       "memory limits"
#define ONE_TEXT            "a text"
#define NO_RESOURCES        "no resources specified"
#define XIDS_ALLOWED        "a list of numbers from 0 to 1023"
#define SOCKET_PATH_ALLOWED "a path of at most 107 bytes, the most that a unix socket can have"

static const struct schema_choice mig_strategies[] = {
	{ "none", MIG_STRATEGY_NONE, NULL },
	{ "single", MIG_STRATEGY_SINGLE, NULL },
	{ "mixed", MIG_STRATEGY_MIXED, NULL },
	{ NULL, 0, NULL },
};

static const struct schema_choice discovery_strategies[] = {
	{ "auto", DISCOVERY_AUTO, NULL },
	{ "nvml", DISCOVERY_NVML, NULL },
	{ "tegra", DISCOVERY_TEGRA, "Tegra support" },
	{ "vfio", DISCOVERY_VFIO, "VFIO support" },
	{ NULL, 0, NULL },
};

static const struct schema_choice device_lists[] = {
	{ "envvar", DEVICE_LIST_ENVVAR, NULL },
	{ "volume-mounts", DEVICE_LIST_VOLUME_MOUNTS, NULL },
	{ "cdi-annotations", DEVICE_LIST_CDI_ANNOTATIONS, NULL },
	{ "cdi-cri", DEVICE_LIST_CDI_CRI, NULL },
	{ NULL, 0, NULL },
};

static const struct schema_choice cdi_features[] = {
	{ "enable-explicit-driver-libraries", CDI_EXPLICIT_DRIVER_LIBRARIES, NULL },
	{ "disable-nvsandboxutils", CDI_NO_SANDBOXUTILS, NULL },
	{ "enable-coherent-annotations", CDI_COHERENT_ANNOTATIONS, NULL },
	{ "disable-multiple-csv-devices", CDI_NO_MULTIPLE_CSV_DEVICES, NULL },
	{ "no-additional-gids-for-device-nodes", CDI_NO_ADDITIONAL_GIDS, NULL },
	{ "disable-ipc-discoverer", CDI_NO_IPC_DISCOVERER, NULL },
	{ NULL, 0, NULL },
};

static const struct schema_choice cdi_hooks[] = {
	{ "all", CDI_HOOKS_ALL, NULL },
	{ "update-application-profile", CDI_HOOK_UPDATE_APPLICATION_PROFILE, NULL },
	{ "chmod", CDI_HOOK_CHMOD, NULL },
	{ "create-symlinks", CDI_HOOK_CREATE_SYMLINKS, NULL },
	{ "disable-device-node-modification", CDI_HOOK_DISABLE_DEVICE_NODE_MODIFICATION, NULL },
	{ "enable-cuda-compat", CDI_HOOK_ENABLE_CUDA_COMPAT, NULL },
	{ "update-ldcache", CDI_HOOK_UPDATE_LDCACHE, NULL },
	{ NULL, 0, NULL },
};

static const struct schema_choice device_ids[] = {
	{ "uuid", DEVICE_ID_UUID, NULL },
	{ "index", DEVICE_ID_INDEX, NULL },
	{ NULL, 0, NULL },
};

static const struct schema_choice allocation_policies[] = {
	{ "distributed", ALLOCATION_DISTRIBUTED, NULL },
	{ "packed", ALLOCATION_PACKED, NULL },
	{ NULL, 0, NULL },
};

static const struct schema_choice turns_modes[] = {
	{ "none", TURNS_NONE, NULL },
	{ "observe", TURNS_OBSERVE, TURNS },
	{ "enforce", TURNS_ENFORCE, TURNS },
	{ NULL, 0, NULL },
};

static const struct schema_choice turns_policies[] = {
	{ "fair", TURNS_FAIR, NULL },
	{ "strict", TURNS_STRICT, TURNS },
	{ NULL, 0, NULL },
};

static const struct schema_choice memory_limits[] = {
	{ "none", MEMORY_LIMIT_NONE, NULL },
	{ "share", MEMORY_LIMIT_SHARE, MEMORY_LIMITS },
	{ NULL, 0, NULL },
};

static const struct schema_choice audits[] = {
	{ "report", AUDIT_REPORT, NULL },
	{ "kill", AUDIT_KILL, "the audit of GPU use" },
	{ NULL, 0, NULL },
};

static const struct schema_choice log_levels[] = {
	{ "error", LOG_ERROR, NULL }, { "warn", LOG_WARN, NULL }, { "info", LOG_INFO, NULL },
	{ "debug", LOG_DEBUG, NULL }, { NULL, 0, NULL },
};

static const struct schema_choice log_formats[] = {
	{ "logfmt", LOG_FORMAT_LOGFMT, NULL },
	{ "json", LOG_FORMAT_JSON, NULL },
	{ NULL, 0, NULL },
};

static const struct schema_key keys[] = {
	{ .path = "version",
	  .option = { .help = "version of the file's format", .default_text = "v1" },
	  .type = SCHEMA_VERSION,
	  .offset = SCHEMA_DROPPED,
	  .invalid = "unknown version: ",
	  .allowed = "v1" },

	{ .path = "flags", .option = { .help = "what flags can also say" }, .type = SCHEMA_MAP },
	{ .path = "flags.migStrategy",
	  .option = { FLAG("mig-strategy", "STRATEGY"), .env = "MIG_STRATEGY",
		      .default_text = "none", .help = "how GPUs in MIG mode are advertised" },
	  .type = SCHEMA_CHOICE,
	  .live = SCHEMA_LIVE_YES,
	  .offset = AT(mig_strategy),
	  .choices = mig_strategies,
	  .rank = RANK_MIG,
	  .invalid = "unknown MIG strategy: " },
	{ .path = "flags.failOnInitError",
	  .option = { SWITCH("fail-on-init-error"), .env = "FAIL_ON_INIT_ERROR",
		      .default_text = "true",
		      .help = "end with an error when the driver cannot be reached at start" },
	  .type = SCHEMA_BOOL,
	  .live = SCHEMA_LIVE_AT_START,
	  .offset = AT(fail_on_init_error) },
	{ .path = "flags.mpsRoot",
	  .option = { FLAG("mps-root", "DIR"), .env = "MPS_ROOT", .default_text = "",
		      .help = "host directory of MPS; only used with sharing.mps" },
	  .type = SCHEMA_TEXT,
	  .offset = AT(mps_root),
	  .allowed = ONE_TEXT },
	{ .path = "flags.nvidiaDriverRoot",
	  .option = { FLAG("driver-root", "DIR"), .aliases = { "nvidia-driver-root" },
		      .env = "NVIDIA_DRIVER_ROOT", .default_text = "/",
		      .help = "root of the driver installation on the host; with a cdi strategy an "
			      "absolute path, as --dev-root" },
	  .type = SCHEMA_TEXT,
	  .live = SCHEMA_LIVE_NEW_PODS,
	  .offset = AT(driver_root),
	  .allowed = ONE_TEXT },
	{ .path = "flags.nvidiaDevRoot",
	  .option = { FLAG("dev-root", "DIR"), .aliases = { "nvidia-dev-root" },
		      .env = "NVIDIA_DEV_ROOT", .default_text = "",
		      .help = "root of the device nodes on the host; empty: as --driver-root" },
	  .type = SCHEMA_TEXT,
	  .live = SCHEMA_LIVE_NEW_PODS,
	  .offset = AT(dev_root),
	  .allowed = ONE_TEXT },
	{ .path = "flags.gdrcopyEnabled",
	  .option = { SWITCH("gdrcopy-enabled"), .env = "GDRCOPY_ENABLED", .default_text = "false",
		      .help = "give containers GDRCopy" },
	  .type = SCHEMA_BOOL,
	  .live = SCHEMA_LIVE_NEW_PODS,
	  .offset = AT(gdrcopy_enabled) },
	{ .path = "flags.gdsEnabled",
	  .option = { SWITCH("gds-enabled"), .env = "GDS_ENABLED", .default_text = "false",
		      .help = "give containers GPUDirect Storage" },
	  .type = SCHEMA_BOOL,
	  .live = SCHEMA_LIVE_NEW_PODS,
	  .offset = AT(gds_enabled) },
	{ .path = "flags.mofedEnabled",
	  .option = { SWITCH("mofed-enabled"), .env = "MOFED_ENABLED", .default_text = "false",
		      .help = "give containers Mellanox OFED" },
	  .type = SCHEMA_BOOL,
	  .live = SCHEMA_LIVE_NEW_PODS,
	  .offset = AT(mofed_enabled) },
	{ .path = "flags.useNodeFeatureAPI",
	  .option = { .default_text = "true",
		      .help = "feature discovery: publish labels as a NodeFeature object" },
	  .type = SCHEMA_BOOL,
	  .offset = AT(use_node_feature_api) },
	{ .path = "flags.deviceDiscoveryStrategy",
	  .option = { FLAG("device-discovery-strategy", "STRATEGY"),
		      .env = "DEVICE_DISCOVERY_STRATEGY", .default_text = "auto",
		      .help = "how devices are found" },
	  .type = SCHEMA_CHOICE,
	  .offset = AT(discovery_strategy),
	  .choices = discovery_strategies,
	  .rank = RANK_DISCOVERY,
	  .invalid = "invalid --device-discovery-strategy option " },

	{ .path = "flags.plugin",
	  .option = { .help = "flags of the device plugin" },
	  .type = SCHEMA_MAP },
	{ .path = "flags.plugin.passDeviceSpecs",
	  .option = { SWITCH("pass-device-specs"), .env = "PASS_DEVICE_SPECS",
		      .default_text = "false",
		      .help = "name the device nodes in the answer to Allocate" },
	  .type = SCHEMA_BOOL,
	  .live = SCHEMA_LIVE_NEW_PODS,
	  .offset = AT(pass_device_specs) },
	{ .path = "flags.plugin.deviceListStrategy",
	  .option = { FLAG("device-list-strategy", "LIST"), .env = "DEVICE_LIST_STRATEGY",
		      .default_text = "envvar", .help = "how a container is told its devices" },
	  .type = SCHEMA_CHOICES,
	  .live = SCHEMA_LIVE_NEW_PODS,
	  .offset = AT(device_list_strategies),
	  .choices = device_lists,
	  .rank = RANK_DEVICE_LIST,
	  .empty = "no device list strategy specified; at least one is required",
	  .invalid = "invalid --device-list-strategy option: invalid strategy: " },
	{ .path = "flags.plugin.deviceIDStrategy",
	  .option = { FLAG("device-id-strategy", "STRATEGY"), .env = "DEVICE_ID_STRATEGY",
		      .default_text = "uuid",
		      .help = "what a container's devices are named by: uuid or index" },
	  .type = SCHEMA_CHOICE,
	  .live = SCHEMA_LIVE_NEW_PODS,
	  .offset = AT(device_id_strategy),
	  .choices = device_ids,
	  .rank = RANK_DEVICE_ID,
	  .invalid = "invalid --device-id-strategy option: " },
	{ .path = "flags.plugin.cdiAnnotationPrefix",
	  .option = { FLAG("cdi-annotation-prefix", "PREFIX"), .env = "CDI_ANNOTATION_PREFIX",
		      .default_text = "cdi.k8s.io/", .help = "of CDI annotations" },
	  .type = SCHEMA_TEXT,
	  .live = SCHEMA_LIVE_NEW_PODS,
	  .offset = AT(cdi_annotation_prefix),
	  .allowed = ONE_TEXT },
	{ .path = "flags.plugin.nvidiaCTKPath",
	  .option = { FLAG("nvidia-cdi-hook-path", "FILE"), .aliases = { "nvidia-ctk-path" },
		      .env = "NVIDIA_CDI_HOOK_PATH, NVIDIA_CTK_PATH",
		      .default_text = "/usr/bin/nvidia-ctk",
		      .help = "the hook in CDI specifications, on the host; with a cdi strategy an "
			      "absolute path" },
	  .type = SCHEMA_TEXT,
	  .live = SCHEMA_LIVE_NEW_PODS,
	  .offset = AT(cdi_hook_path),
	  .rank = RANK_OWN,
	  .allowed = ONE_TEXT },
	{ .path = "flags.plugin.containerDriverRoot",
	  .option = { FLAG("driver-root-ctr-path", "DIR"), .aliases = { "container-driver-root" },
		      .env = "DRIVER_ROOT_CTR_PATH, CONTAINER_DRIVER_ROOT",
		      .default_text = "/driver-root",
		      .help = "where the driver root is mounted in the agent's container" },
	  .type = SCHEMA_TEXT,
	  .live = SCHEMA_LIVE_YES,
	  .offset = AT(container_driver_root),
	  .allowed = ONE_TEXT },
	{ .path = "flags.plugin.sharedDevicesAllocationPolicy",
	  .option = { FLAG("shared-devices-allocation-policy", "POLICY"),
		      .env = "SHARED_DEVICES_ALLOCATION_POLICY", .default_text = "distributed",
		      .help = "which GPU the replicas of a request come from: distributed takes "
			      "the one with the fewest in use, packed the one with the most" },
	  .type = SCHEMA_CHOICE,
	  .live = SCHEMA_LIVE_NEW_PODS,
	  .offset = AT(allocation_policy),
	  .choices = allocation_policies,
	  .rank = RANK_ALLOCATION_POLICY,
	  .invalid = "invalid --shared-devices-allocation-policy option: " },

	{ .path = "flags.gfd",
	  .option = { .help = "flags of feature discovery" },
	  .type = SCHEMA_MAP },
	{ .path = "flags.gfd.oneshot",
	  .option = { .default_text = "false", .help = "label the node once and end" },
	  .type = SCHEMA_BOOL,
	  .offset = AT(gfd_oneshot) },
	{ .path = "flags.gfd.noTimestamp",
	  .option = { .default_text = "false", .help = "leave the timestamp label out" },
	  .type = SCHEMA_BOOL,
	  .offset = AT(gfd_no_timestamp) },
	{ .path = "flags.gfd.sleepInterval",
	  .option = { .default_text = "60s", .help = "time between two labellings" },
	  .type = SCHEMA_DURATION,
	  .offset = AT(gfd_sleep_interval_ns),
	  .invalid = "invalid duration: ",
	  .allowed = "a duration such as 60s, infinite",
	  .max = INT64_MAX },
	{ .path = "flags.gfd.outputFile",
	  .option = { .default_text = "/etc/kubernetes/node-feature-discovery/features.d/gfd",
		      .help = "where labels are written" },
	  .type = SCHEMA_TEXT,
	  .offset = AT(gfd_output_file),
	  .allowed = ONE_TEXT },
	{ .path = "flags.gfd.machineTypeFile",
	  .option = { .default_text = "/sys/class/dmi/id/product_name",
		      .help = "where the machine's type is read" },
	  .type = SCHEMA_TEXT,
	  .offset = AT(gfd_machine_type_file),
	  .allowed = ONE_TEXT },

	{ .path = "resources",
	  .option = { .help = "resource names by product or profile" },
	  .type = SCHEMA_MAP },
	{ .path = "resources.gpus",
	  .option = { .default_text = "[]",
		      .help = "names of GPUs by pattern, the first that matches counts; empty: "
			      "nvidia.com/gpu; only with a rota: block" },
	  .type = SCHEMA_PATTERNS,
	  .live = SCHEMA_LIVE_YES,
	  .offset = AT(gpu_patterns),
	  .note = "resource patterns have no effect, as in NVIDIA's plugin: every GPU is "
		  "nvidia.com/gpu, leave the key out; with a rota: block they count" },
	{ .path = "resources.gpus[].pattern",
	  .option = { .help = "product name, * for any run of characters" },
	  .type = SCHEMA_TEXT,
	  .live = SCHEMA_LIVE_YES,
	  .offset = OF_PATTERN(pattern),
	  .missing = "resources must have a 'pattern' field set",
	  .allowed = ONE_TEXT },
	{ .path = "resources.gpus[].name",
	  .option = { .help = "resource name; nvidia.com/ is added when absent" },
	  .type = SCHEMA_NAME,
	  .live = SCHEMA_LIVE_YES,
	  .offset = OF_PATTERN(name),
	  .missing = "resources must have a 'name' field set" },
	{ .path = "resources.mig",
	  .option = { .default_text = "[]",
		      .help = "names of MIG devices by pattern, the first that matches counts; "
			      "empty: as the MIG strategy has it; only with a rota: block" },
	  .type = SCHEMA_PATTERNS,
	  .live = SCHEMA_LIVE_YES,
	  .offset = AT(mig_patterns),
	  .note = "resource patterns have no effect, as in NVIDIA's plugin, leave the key out; "
		  "with a rota: block they count" },
	{ .path = "resources.mig[].pattern",
	  .option = { .help = "MIG profile, * for any run of characters" },
	  .type = SCHEMA_TEXT,
	  .live = SCHEMA_LIVE_YES,
	  .offset = OF_PATTERN(pattern),
	  .missing = "resources must have a 'pattern' field set",
	  .allowed = ONE_TEXT },
	{ .path = "resources.mig[].name",
	  .option = { .help = "resource name; nvidia.com/ is added when absent" },
	  .type = SCHEMA_NAME,
	  .live = SCHEMA_LIVE_YES,
	  .offset = OF_PATTERN(name),
	  .missing = "resources must have a 'name' field set" },

	{ .path = "sharing",
	  .option = { .help = "how several containers share one GPU" },
	  .type = SCHEMA_MAP },
	{ .path = "sharing.timeSlicing",
	  .option = { .help = "sharing by turns" },
	  .type = SCHEMA_EXACT_MAP },
	{ .path = "sharing.timeSlicing.renameByDefault",
	  .option = { .default_text = "false", .help = "advertise shared GPUs as <name>.shared" },
	  .type = SCHEMA_BOOL,
	  .live = SCHEMA_LIVE_YES,
	  .offset = OF_SHARING(rename_by_default) },
	{ .path = "sharing.timeSlicing.failRequestsGreaterThanOne",
	  .option = { .default_text = "false",
		      .help = "refuse containers that ask for more than one replica" },
	  .type = SCHEMA_BOOL,
	  .live = SCHEMA_LIVE_NEW_PODS,
	  .offset = OF_SHARING(fail_requests_greater_than_one) },
	{ .path = "sharing.timeSlicing.resources",
	  .option = { .help = "what is shared" },
	  .type = SCHEMA_SHARED,
	  .live = SCHEMA_LIVE_YES,
	  .offset = OF_SHARING(resources),
	  .missing = NO_RESOURCES,
	  .empty = NO_RESOURCES },
	{ .path = "sharing.timeSlicing.resources[].name",
	  .option = { .help = "resource name; nvidia.com/ is added when absent" },
	  .type = SCHEMA_NAME,
	  .live = SCHEMA_LIVE_YES,
	  .offset = OF_ENTRY(name),
	  .missing = "no resource name specified" },
	{ .path = "sharing.timeSlicing.resources[].devices",
	  .option = { .default_text = "all",
		      .help = "which devices are shared, the others stay whole; only with a rota: "
			      "block" },
	  .type = SCHEMA_DEVICES,
	  .live = SCHEMA_LIVE_YES,
	  .offset = OF_ENTRY(devices),
	  .note = "has no effect, as in NVIDIA's plugin: all devices are shared, allowed: all; "
		  "with a rota: block it counts" },
	{ .path = "sharing.timeSlicing.resources[].replicas",
	  .option = { .help = "shares of each device" },
	  .type = SCHEMA_NUMBER,
	  .live = SCHEMA_LIVE_YES,
	  .offset = OF_ENTRY(replicas),
	  .missing = "no replicas specified",
	  .allowed = "2 to 61000",
	  .min = REPLICAS_MIN,
	  .max = REPLICAS_MAX },
	{ .path = "sharing.timeSlicing.resources[].rename",
	  .option = { .help = "under which name the shares are advertised; only with a rota: "
			      "block" },
	  .type = SCHEMA_NAME,
	  .live = SCHEMA_LIVE_YES,
	  .offset = OF_ENTRY(rename),
	  .note = "has no effect, as in NVIDIA's plugin, leave the key out; renameByDefault "
		  "appends .shared, and with a rota: block the key counts" },
	{ .path = "sharing.mps",
	  .option = { .help = "sharing by MPS" },
	  .type = SCHEMA_ABSENT,
	  .needs = "MPS support" },

	{ .path = "imex", .option = { .help = "IMEX channels" }, .type = SCHEMA_MAP },
	{ .path = "imex.channelIDs",
	  .option = { FLAG("imex-channel-ids", "LIST"), .env = "IMEX_CHANNEL_IDS",
		      .default_text = "[]", .help = "IMEX channels for every container" },
	  .type = SCHEMA_CHANNELS,
	  .live = SCHEMA_LIVE_NEW_PODS,
	  .rank = RANK_IMEX,
	  .offset = AT(imex_channel) },
	{ .path = "imex.required",
	  .option = { SWITCH("imex-required"), .env = "IMEX_REQUIRED", .default_text = "false",
		      .help = "end with an error when an IMEX channel is missing" },
	  .type = SCHEMA_BOOL,
	  .live = SCHEMA_LIVE_NEW_PODS,
	  .offset = AT(imex_required) },

	{ .path = "rota",
	  .option = { .help = "settings that only Rota has; with this key, even an empty one, the "
			      "file is read strictly" },
	  .type = SCHEMA_EXACT_MAP },
	{ .path = "rota.turns",
	  .option = { .help = "turns on a shared GPU" },
	  .type = SCHEMA_EXACT_MAP },
	{ .path = "rota.turns.mode",
	  .option = { .default_text = "none",
		      .help = "observe counts everything and gates nothing; enforce gates" },
	  .type = SCHEMA_CHOICE,
	  .live = SCHEMA_LIVE_YES,
	  .offset = AT(turns_mode),
	  .choices = turns_modes },
	{ .path = "rota.turns.policy",
	  .option = { .default_text = "fair", .help = "strict: a share is also the limit" },
	  .type = SCHEMA_CHOICE,
	  .live = SCHEMA_LIVE_YES,
	  .offset = AT(turns_policy),
	  .choices = turns_policies },
	{ .path = "rota.turns.quantum",
	  .option = { .default_text = "10ms",
		      .help = "the longest turn; shorter when many take turns, so that a round "
			      "stays under rota.turns.latency" },
	  .type = SCHEMA_DURATION,
	  .live = SCHEMA_LIVE_YES,
	  .offset = AT(turns_quantum_ns),
	  .needs = TURNS,
	  .allowed = "2ms to 100ms",
	  .min = 2ULL * MILLISECOND_NS,
	  .max = 100ULL * MILLISECOND_NS },
	{ .path = "rota.turns.latency",
	  .option = { .default_text = "50ms", .help = "target for a round of turns" },
	  .type = SCHEMA_DURATION,
	  .live = SCHEMA_LIVE_YES,
	  .offset = AT(turns_latency_ns),
	  .needs = TURNS,
	  .allowed = "10ms to 1s",
	  .min = 10ULL * MILLISECOND_NS,
	  .max = SECOND_NS },
	{ .path = "rota.turns.pack",
	  .option = { .default_text = "false",
		      .help = "a request for several replicas takes them on one GPU" },
	  .type = SCHEMA_BOOL,
	  .live = SCHEMA_LIVE_YES,
	  .offset = AT(turns_pack),
	  .needs = TURNS },
	{ .path = "rota.memory",
	  .option = { .help = "GPU memory of a replica" },
	  .type = SCHEMA_EXACT_MAP },
	{ .path = "rota.memory.limit",
	  .option = { .default_text = "none",
		      .help = "how much memory a replica may use; share: its part of the GPU's" },
	  .type = SCHEMA_LIMIT,
	  .live = SCHEMA_LIVE_NEW_PODS,
	  .offset = AT(memory_limit),
	  .choices = memory_limits,
	  .needs = MEMORY_LIMITS,
	  .allowed = "none, share, or a size from 1Mi to 1Ti such as 4Gi",
	  .min = MIB,
	  .max = TIB },
	{ .path = "rota.memory.overcommit",
	  .option = { .default_text = "false",
		      .help = "the limits of a GPU's replicas may add up to more than it has" },
	  .type = SCHEMA_BOOL,
	  .live = SCHEMA_LIVE_NEW_PODS,
	  .offset = AT(memory_overcommit),
	  .needs = MEMORY_LIMITS },
	{ .path = "rota.audit",
	  .option = { .default_text = "report",
		      .help = "what happens to a pod that uses what it was not given" },
	  .type = SCHEMA_CHOICE,
	  .live = SCHEMA_LIVE_YES,
	  .offset = AT(audit),
	  .choices = audits },
	{ .path = "rota.health",
	  .option = { .help = "the health of GPUs" },
	  .type = SCHEMA_EXACT_MAP },
	{ .path = "rota.health.settle",
	  .option = { .default_text = "5s",
		      .help = "how long a GPU must be well again before it returns" },
	  .type = SCHEMA_DURATION,
	  .live = SCHEMA_LIVE_YES,
	  .offset = AT(health_settle_ns),
	  .allowed = "0s to 1h",
	  .max = HOUR_NS },

	{ .option = { FLAG("config-file", "FILE"), .env = "CONFIG_FILE", .default_text = "",
		      .help = "YAML or JSON; flags and environment win over it" },
	  .type = SCHEMA_TEXT,
	  .live = SCHEMA_LIVE_AT_START,
	  .offset = AT(config_file) },
	{ .option = { FLAG("kubelet-socket", "PATH"), .env = "KUBELET_SOCKET",
		      .default_text = "/var/lib/kubelet/device-plugins/kubelet.sock",
		      .help = "where kubelet listens; our own sockets are made beside it; empty: do "
			      "not register, and make them beside the default" },
	  .type = SCHEMA_BESIDE,
	  .live = SCHEMA_LIVE_AT_START,
	  .offset = AT(kubelet_socket),
	  .allowed = "a path of at most 107 bytes, the most that a unix socket can have, in a "
		     "folder of at most 92 with its last slash, so that our nvidia-gpu.sock fits "
		     "beside it",
	  .max = UNIX_SOCKET_PATH_MAX },
	{ .option = { FLAG("pod-resources-socket", "PATH"), .env = "ROTA_POD_RESOURCES_SOCKET",
		      .default_text = "/var/lib/kubelet/pod-resources/kubelet.sock",
		      .help = "where kubelet says which ids pods hold, so that none of them is taken "
			      "off the list; empty: do not ask" },
	  .type = SCHEMA_TEXT,
	  .live = SCHEMA_LIVE_AT_START,
	  .offset = AT(pod_resources_socket),
	  .allowed = SOCKET_PATH_ALLOWED,
	  .max = UNIX_SOCKET_PATH_MAX },
	{ .option = { FLAG("cdi-feature-flags", "LIST"), .env = "CDI_FEATURE_FLAGS",
		      .default_text = "",
		      .help = "what differs in the CDI specifications that are written" },
	  .type = SCHEMA_CHOICES,
	  .live = SCHEMA_LIVE_AT_START,
	  .rank = RANK_OWN,
	  .offset = AT(cdi_features),
	  .choices = cdi_features,
	  .invalid = "unknown CDI feature flag: " },
	{ .option = { FLAG("cdi-disable-hooks", "LIST"), .env = "CDI_DISABLE_HOOKS",
		      .default_text = "chmod",
		      .help = "hooks that CDI specifications leave out, besides chmod" },
	  .type = SCHEMA_CHOICES,
	  .live = SCHEMA_LIVE_AT_START,
	  .rank = RANK_OWN,
	  .offset = AT(cdi_disabled_hooks),
	  .choices = cdi_hooks,
	  .always = CDI_HOOK_CHMOD,
	  .invalid = "unknown CDI hook: " },
	{ .option = { .env = "DP_DISABLE_HEALTHCHECKS",
		      .default_text = "13, 31, 43, 45, 68, 109",
		      .help = "Xid errors that leave a GPU healthy, besides these, which faulty "
			      "programs cause; all or xids: every one" },
	  .type = SCHEMA_XIDS_OFF,
	  .live = SCHEMA_LIVE_AT_START,
	  .offset = AT(health_xids),
	  .allowed = XIDS_ALLOWED ", all, xids" },
	{ .option = { .env = "DP_ENABLE_HEALTHCHECKS",
		      .default_text = "",
		      .help = "Xid errors that make a GPU unhealthy all the same" },
	  .type = SCHEMA_XIDS_ON,
	  .live = SCHEMA_LIVE_AT_START,
	  .offset = AT(health_xids),
	  .allowed = XIDS_ALLOWED ", all" },
	{ .option = { FLAG("http-listen", "ADDRESS"), .env = "ROTA_HTTP_LISTEN", .default_text = "",
		      .help = "where /metrics, /healthz and /readyz are served, as :PORT or "
			      "NUMBER:PORT; empty: nowhere" },
	  .type = SCHEMA_LISTEN,
	  .live = SCHEMA_LIVE_AT_START,
	  .offset = AT(http_listen),
	  .invalid = "invalid address: ",
	  .allowed = ":PORT or NUMBER:PORT, a port of 1 to 65535" },
	{ .option = { FLAG("driver-deadline", "DURATION"), .env = "ROTA_DRIVER_DEADLINE",
		      .default_text = "30s",
		      .help = "how long the driver process may take for one answer" },
	  .type = SCHEMA_DURATION,
	  .live = SCHEMA_LIVE_AT_START,
	  .offset = AT(driver_deadline_ns),
	  .invalid = "invalid duration: ",
	  .allowed = "100ms to 10m",
	  .min = 100ULL * MILLISECOND_NS,
	  .max = 10 * MINUTE_NS },
	{ .option = { FLAG("log-level", "LEVEL"), .env = "ROTA_LOG_LEVEL", .default_text = "info",
		      .help = "error, warn, info or debug" },
	  .type = SCHEMA_CHOICE,
	  .live = SCHEMA_LIVE_AT_START,
	  .offset = AT(log_level),
	  .choices = log_levels,
	  .invalid = "unknown log level: " },
	{ .option = { FLAG("log-format", "FORMAT"), .env = "ROTA_LOG_FORMAT",
		      .default_text = "logfmt", .help = "logfmt or json" },
	  .type = SCHEMA_CHOICE,
	  .live = SCHEMA_LIVE_AT_START,
	  .offset = AT(log_format),
	  .choices = log_formats,
	  .invalid = "unknown log format: " },
	{ .option = { FLAG("root", "DIR"), .env = "ROTA_ROOT", .default_text = "",
		      .help = "before /dev, /proc, /sys and /var/run/cdi where the agent looks at "
			      "its node; for tests and simulated nodes" },
	  .type = SCHEMA_TEXT,
	  .live = SCHEMA_LIVE_AT_START,
	  .offset = AT(root),
	  .allowed = ONE_TEXT },
	/* The last row: schema_socket_option. */
	{ .option = { FLAG("agent-socket", "PATH"), .env = "ROTA_AGENT_SOCKET",
		      .default_text = "/run/rota/agent.sock",
		      .help = "where the agent answers rota's other commands" },
	  .type = SCHEMA_TEXT,
	  .live = SCHEMA_LIVE_AT_START,
	  .offset = AT(agent_socket),
	  .allowed = SOCKET_PATH_ALLOWED,
	  .min = 1,
	  .max = UNIX_SOCKET_PATH_MAX },
};

static_assert(UNIX_SOCKET_PATH_MAX == 107 &&
		      sizeof(RESOURCE_SOCKET_BEFORE "gpu" RESOURCE_SOCKET_AFTER) == 107 - 92 + 1,
	      "the row of kubelet-socket names the bounds");
static_assert(XID_SET_MAX == 1024, "XIDS_ALLOWED names the bound");
static_assert(ARRAY_LEN(keys) <= SETTINGS_KEYS_MAX, "settings.sources has a place for every row");

const struct option_table schema_options = { &keys[0].option, ARRAY_LEN(keys), sizeof(keys[0]) };

const struct option_table schema_socket_option = { &keys[ARRAY_LEN(keys) - 1].option, 1,
						   sizeof(keys[0]) };

bool schema_is_list(enum schema_type type)
{
	return type == SCHEMA_SHARED || type == SCHEMA_PATTERNS;
}

const struct schema_key *schema_keys(size_t *ret_count)
{
	*ret_count = ARRAY_LEN(keys);
	return keys;
}

size_t schema_index(const struct schema_key *key)
{
	return (size_t)(key - keys);
}

const char *schema_child(const struct schema_key *key, const char *map)
{
	size_t length = strlen(map);
	if (!key->path || strncmp(key->path, map, length) != 0)
		return NULL;
	const char *name = key->path + length;
	if (length > 0 && *name++ != '.')
		return NULL;
	return name[strcspn(name, ".[")] == '\0' ? name : NULL;
}

const struct schema_key *schema_find(const char *map, const char *key, bool is_exact)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const char *name = schema_child(&keys[i], map);
		if (name && (is_exact ? strcmp(name, key) : strcasecmp(name, key)) == 0)
			return &keys[i];
	}
	return NULL;
}
