/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the user wants, as plain data. config/ fills it and knows the names of everything; the rest
 * of Rota only reads it. Meanings: NVIDIA's device plugin v0.20.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "core/xid.h"

enum mig_strategy {
	MIG_STRATEGY_NONE,
	MIG_STRATEGY_SINGLE,
	MIG_STRATEGY_MIXED,
};

/* Bits: several may be combined. */
enum device_list_strategy {
	DEVICE_LIST_ENVVAR = 1 << 0,
	DEVICE_LIST_VOLUME_MOUNTS = 1 << 1,
	DEVICE_LIST_CDI_ANNOTATIONS = 1 << 2,
	DEVICE_LIST_CDI_CRI = 1 << 3,
};

/* Bits: NVIDIA's --cdi-feature-flags. */
enum cdi_feature {
	CDI_EXPLICIT_DRIVER_LIBRARIES = 1 << 0,
	CDI_NO_SANDBOXUTILS = 1 << 1,
	CDI_COHERENT_ANNOTATIONS = 1 << 2,
	CDI_NO_MULTIPLE_CSV_DEVICES = 1 << 3,
	CDI_NO_ADDITIONAL_GIDS = 1 << 4,
	CDI_NO_IPC_DISCOVERER = 1 << 5,
};

/* Bits: NVIDIA's --cdi-disable-hooks. */
enum cdi_hook {
	CDI_HOOK_UPDATE_APPLICATION_PROFILE = 1 << 0,
	CDI_HOOK_CHMOD = 1 << 1,
	CDI_HOOK_CREATE_SYMLINKS = 1 << 2,
	CDI_HOOK_DISABLE_DEVICE_NODE_MODIFICATION = 1 << 3,
	CDI_HOOK_ENABLE_CUDA_COMPAT = 1 << 4,
	CDI_HOOK_UPDATE_LDCACHE = 1 << 5,
	CDI_HOOKS_ALL = (1 << 6) - 1,
};

enum device_id_strategy {
	DEVICE_ID_UUID,
	DEVICE_ID_INDEX,
};

/* Where the replicas of one request are taken. */
enum allocation_policy {
	ALLOCATION_DISTRIBUTED, /* the GPU with the fewest replicas taken */
	ALLOCATION_PACKED,      /* the GPU with the most */
};

enum discovery_strategy {
	DISCOVERY_AUTO,
	DISCOVERY_NVML,
	DISCOVERY_TEGRA,
	DISCOVERY_VFIO,
};

enum turns_mode {
	TURNS_NONE,    /* nothing is counted, nothing is gated */
	TURNS_OBSERVE, /* everything is counted */
	TURNS_ENFORCE, /* and gated */
};

enum turns_policy {
	TURNS_FAIR,   /* what others leave may be used */
	TURNS_STRICT, /* a share is also the limit */
};

enum memory_limit {
	MEMORY_LIMIT_NONE,
	MEMORY_LIMIT_SHARE, /* the replica's part of the GPU's memory */
};

/* What happens to a pod that uses what it was not given. */
enum audit {
	AUDIT_REPORT,
	AUDIT_KILL,
};

/* NVIDIA's resource names. */
#define RESOURCE_PREFIX "nvidia.com/"
#define RESOURCE_GPU    RESOURCE_PREFIX "gpu"
#define RESOURCE_PART   RESOURCE_PREFIX "mig-" /* before the profile of a part of a GPU */

/* NVIDIA's names of the plugins' sockets: what stands around a resource name without its prefix. */
#define RESOURCE_SOCKET_BEFORE "nvidia-"
#define RESOURCE_SOCKET_AFTER  ".sock"

enum {
	RESOURCE_NAME_BYTES =
		64, /* with its end: kubelet takes 63 after the prefix, NVIDIA in all */

	REPLICAS_MIN = 2,
	/* One id with health and topology takes at most 68 bytes of the 4 MiB that kubelet reads.
	 */
	REPLICAS_MAX = 61000,
};

/* Who said it, from the weakest to the strongest. */
enum settings_origin {
	SETTINGS_ORIGIN_DEFAULT,
	SETTINGS_ORIGIN_FILE,
	SETTINGS_ORIGIN_ENVIRONMENT,
	SETTINGS_ORIGIN_FLAG,
};

enum {
	SETTINGS_KEYS_MAX = 96, /* rows of config/schema.h */
};

/* Where a value comes from. name: of the variable or flag, borrowed from the arena; else NULL. */
struct settings_source {
	enum settings_origin origin;
	unsigned line; /* in the file; 0: not from there */
	unsigned col;
	const char *name;
};

/* Which devices of a resource are shared. */
enum device_choice_kind {
	DEVICE_CHOICE_ALL,
	DEVICE_CHOICE_COUNT, /* the first so many */
	DEVICE_CHOICE_LIST,
};

struct device_choice {
	enum device_choice_kind kind;
	uint32_t count; /* of DEVICE_CHOICE_COUNT, at least 1 */
	/* Of DEVICE_CHOICE_LIST, none twice: "0", "0:1", "GPU-<uuid>", "MIG-<uuid>",
	 * "MIG-GPU-<uuid>/<gi>/<ci>", as the driver writes them. */
	const char *const *list;
	size_t list_count;
};

/* One entry of sharing.timeSlicing.resources. */
struct shared_resource {
	const char *name; /* with prefix: "nvidia.com/gpu" */
	/* Under which the replicas are advertised; NULL, or as name: under that. */
	const char *rename;
	uint32_t replicas; /* REPLICAS_MIN..REPLICAS_MAX */
	struct device_choice devices;
};

/* Which devices are advertised under which name. The first pattern that matches counts. */
struct resource_pattern {
	const char *pattern; /* "*" is any run of characters, all else itself */
	const char *name;    /* with prefix */
};

/* Empty: every GPU is nvidia.com/gpu, every part of one is named by its profile. */
struct resource_patterns {
	struct resource_pattern *items;
	size_t count;
};

struct time_slicing {
	bool rename_by_default; /* an entry without a rename has <name>.shared */
	bool fail_requests_greater_than_one;
	struct shared_resource *resources;
	size_t resources_count;
};

/* Texts are never NULL; they are borrowed from the arena or constants. */
struct settings {
	struct arena arena;

	enum mig_strategy mig_strategy;
	bool fail_on_init_error;
	const char *mps_root;
	const char *driver_root;           /* on the host */
	const char *dev_root;              /* on the host; as driver_root when not given */
	const char *container_driver_root; /* where driver_root is mounted in our own container */
	bool gdrcopy_enabled;
	bool gds_enabled;
	bool mofed_enabled;
	bool use_node_feature_api;
	enum discovery_strategy discovery_strategy;

	bool pass_device_specs;
	unsigned device_list_strategies; /* bits of enum device_list_strategy */
	enum device_id_strategy device_id_strategy;
	const char *cdi_annotation_prefix;
	const char *cdi_hook_path;
	unsigned cdi_features;       /* bits of enum cdi_feature */
	unsigned cdi_disabled_hooks; /* bits of enum cdi_hook */
	enum allocation_policy allocation_policy;

	bool gfd_oneshot;
	bool gfd_no_timestamp;
	uint64_t gfd_sleep_interval_ns; /* INT64_MAX: for ever */
	const char *gfd_output_file;
	const char *gfd_machine_type_file;

	struct resource_patterns gpu_patterns; /* by product name */
	struct resource_patterns mig_patterns; /* by profile */
	struct time_slicing time_slicing;

	bool imex_channel;  /* give containers IMEX channel 0, the only one that is allowed */
	bool imex_required; /* and refuse to run where the node lacks it */

	enum turns_mode turns_mode;
	enum turns_policy turns_policy;
	uint64_t turns_quantum_ns; /* the longest turn, 2 ms to 100 ms */
	uint64_t turns_latency_ns; /* target for a round of turns, 10 ms to 1 s */
	bool turns_pack;           /* several replicas of a request come from one GPU */
	enum memory_limit memory_limit;
	bool memory_overcommit;
	enum audit audit;
	uint64_t health_settle_ns;  /* how long a GPU must be well before it returns, 0 to 1 h */
	struct xid_set health_xids; /* that make a GPU unhealthy */

	const char *root;                 /* before /dev, /proc, /sys and /var/run/cdi; "" is / */
	const char *config_file;          /* "" when there is none */
	uint64_t config_digest;           /* text_digest() of its content; 0 when there is none */
	const char *kubelet_socket;       /* "": do not register */
	const char *pod_resources_socket; /* "": do not ask what pods hold */
	const char *agent_socket;
	const char *http_listen;     /* "": neither metrics nor probes */
	uint64_t driver_deadline_ns; /* how long the driver process may take for one answer */
	enum log_level log_level;
	enum log_format log_format;

	struct settings_source sources[SETTINGS_KEYS_MAX]; /* of each row of the schema */
};

/** The built-in defaults. NULL when memory is out. */
struct settings *settings_new(void);
struct settings *settings_free(struct settings *settings);

DEFINE_CLEANUP(struct settings *, settings_cleanup, settings_free);
#define cleanup_settings CLEANUP(settings_cleanup)
