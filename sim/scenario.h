/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hardware that the simulated driver shows, and the faults and events that it plays, as plain
 * data read from the YAML file that ROTA_SIM names. Keys and defaults: sim/scenarios/one-t4.yaml.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/err.h"

struct mig_profile;
struct model;

enum {
	SCENARIO_GPUS_MAX = 64,
	SCENARIO_FAULTS_MAX = 64,
	SCENARIO_EVENTS_MAX = 64,
	SCENARIO_COMPUTES_MAX = 8,  /* compute instances of a GPU instance */
	SCENARIO_INSTANCE_IDS = 15, /* GPU instances have ids below this */
	SCENARIO_PAIRS_MAX = 2016,  /* each of 64 GPUs with each other */
	SCENARIO_TEXT_MAX = 79,     /* bytes of a name, so that each fits every buffer of NVML */
	SCENARIO_NUMA_NONE = -1,
	SCENARIO_ALL_GPUS = -1,
	SCENARIO_RECOVERY_UNSAID = -1, /* what the driver version says by itself */
	SCENARIO_INSTANCE_NONE = -1,
	SCENARIO_EVENT_MIG = 0, /* no type of NVML: it tells nobody of a new layout */
};

struct scenario_capability {
	uint32_t major;
	uint32_t minor;
};

struct scenario_pci {
	uint32_t domain;
	uint32_t bus;
	uint32_t device;
};

/* A compute instance, which NVML shows as a MIG device. */
struct scenario_compute {
	const char *uuid;
	unsigned slices; /* of compute, at most its GPU instance's */
	unsigned id;     /* of its GPU instance, from 0 */
};

/* A GPU instance. */
struct scenario_instance {
	const struct mig_profile *profile; /* a constant */
	unsigned start;                    /* first memory slice */
	unsigned id;                       /* as the driver numbers them: by size and start */
	struct scenario_compute *computes;
	size_t computes_count;
};

/* One GPU. Texts are borrowed from the scenario's arena. What is marked live follows the file while
 * a program runs. */
struct scenario_gpu {
	const char *name;
	const struct model *model; /* a constant */
	const char *uuid;
	struct scenario_pci pci;
	uint32_t minor;
	int32_t numa_node;
	uint64_t memory_bytes;
	struct scenario_capability capability;
	bool is_mig;                         /* live */
	struct scenario_instance *instances; /* by id; live */
	size_t instances_count;
	int recovery;        /* NVML's recovery action or SCENARIO_RECOVERY_UNSAID; live */
	uint64_t ecc_errors; /* that could not be corrected; live */
};

enum scenario_action {
	SCENARIO_HANG,  /* the call never returns */
	SCENARIO_CRASH, /* the process ends with SIGABRT */
	SCENARIO_FAIL,  /* the call returns `error` */
	SCENARIO_SLOW,  /* the call waits for delay_ns first */
	SCENARIO_LOSE,  /* the GPU falls off the bus; of no call */
};

/* What happens each time `call` is made while it is from_ns..until_ns after nvmlInit. */
struct scenario_fault {
	const char *call; /* "nvmlInit_v2"; NULL with SCENARIO_LOSE */
	int action;       /* enum scenario_action */
	int error;        /* of NVML */
	int gpu;          /* position in the scenario, or SCENARIO_ALL_GPUS */
	uint64_t delay_ns;
	uint64_t from_ns;
	uint64_t until_ns; /* UINT64_MAX: for ever */
};

/* What happens once: told by nvmlEventSetWait or, where `becomes` is set, seen in the GPU. */
struct scenario_event {
	const char *id; /* tells it from the others of the file */
	bool has_time;  /* at_ns after nvmlInit; otherwise when the entry appears */
	uint64_t at_ns;
	int gpu; /* position in the scenario */
	int gpu_instance;
	int compute_instance; /* SCENARIO_INSTANCE_NONE: of no certain part */
	int type;             /* one bit of NVML_EVENT_TYPE_*, or SCENARIO_EVENT_MIG */
	uint64_t xid;
	const struct scenario_gpu *becomes; /* the GPU with its new layout; NULL: stays as it is */
};

/* Two GPUs, first < second. */
struct scenario_pair {
	unsigned first;
	unsigned second;
	int level;        /* NVML_TOPOLOGY_*; negative: as the addresses say */
	unsigned nvlinks; /* direct ones */
};

/* Owned by whoever got it from scenario_read() or scenario_parse(). */
struct scenario {
	struct arena arena;
	const char *driver_version;
	uint32_t cuda_version; /* 12040 is 12.4 */
	struct scenario_gpu *gpus;
	size_t gpus_count;
	struct scenario_pair *pairs; /* only those of which the file says something */
	size_t pairs_count;
	unsigned switch_links[SCENARIO_GPUS_MAX]; /* of each GPU to NVSwitches */
	struct scenario_fault *faults;
	size_t faults_count;
	struct scenario_event *events;
	size_t events_count;
};

/**
 * Read a scenario strictly: unknown keys, keys that stand twice, values out of range and layouts
 * that do not fit are refused. What is not said has its default; an empty text is one T4.
 *
 * @name  stands before each complaint, as in "name:line:col: what is wrong".
 *
 * Returns 0, -EINVAL, -E2BIG, -ENOMEM.
 */
int scenario_parse(const char *name, const char *text, size_t length, struct scenario **ret,
		   struct err *err);

/** The same for a file; NULL is no file and gives one T4. Also the errno of open and read. */
int scenario_read(const char *path, struct scenario **ret, struct err *err);

struct scenario *scenario_free(struct scenario *scenario);

/** The fault that @call meets @elapsed_ns after nvmlInit for what it does on GPU @gpu alone, or
 * (SCENARIO_ALL_GPUS) whatever it is about; NULL for none. */
const struct scenario_fault *scenario_find_fault(const struct scenario *scenario, const char *call,
						 int gpu, uint64_t elapsed_ns);

/** Whether the GPU has fallen off the bus at that time. */
bool scenario_loses(const struct scenario *scenario, int gpu, uint64_t elapsed_ns);

/** The event with this id; NULL for none. */
const struct scenario_event *scenario_find_event(const struct scenario *scenario, const char *id);

/** What is said of two GPUs; NULL for nothing. */
const struct scenario_pair *scenario_find_pair(const struct scenario *scenario, unsigned a,
					       unsigned b);

/** How near two GPUs are: NVML_TOPOLOGY_*, as the file says or else as their addresses and NUMA
 * nodes do. */
int scenario_level(const struct scenario *scenario, unsigned a, unsigned b);

DEFINE_CLEANUP(struct scenario *, scenario_cleanup, scenario_free);
#define cleanup_scenario CLEANUP(scenario_cleanup)
