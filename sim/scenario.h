/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hardware that the simulated driver shows, and the faults that it plays, as plain data read
 * from the YAML file that ROTA_SIM names. Keys and defaults: sim/scenarios/one-t4.yaml.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/err.h"

struct model;

enum {
	SCENARIO_GPUS_MAX = 64,
	SCENARIO_FAULTS_MAX = 64,
	SCENARIO_TEXT_MAX = 79, /* bytes of a name, so that each fits every buffer of NVML */
	SCENARIO_NUMA_NONE = -1,
	SCENARIO_ALL_GPUS = -1,
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

/* One GPU. Texts are borrowed from the scenario's arena. */
struct scenario_gpu {
	const char *name;
	const struct model *model; /* a constant */
	const char *uuid;
	struct scenario_pci pci;
	uint32_t minor;
	int32_t numa_node;
	uint64_t memory_bytes;
	struct scenario_capability capability;
};

enum scenario_action {
	SCENARIO_HANG,  /* the call never returns */
	SCENARIO_CRASH, /* the process ends with SIGABRT */
	SCENARIO_FAIL,  /* the call returns `error` */
};

/* What happens each time `call` is made. */
struct scenario_fault {
	const char *call; /* "nvmlInit_v2" */
	enum scenario_action action;
	int error; /* of NVML */
	int gpu;   /* position in the scenario, or SCENARIO_ALL_GPUS */
};

/* Owned by whoever got it from scenario_read() or scenario_parse(). */
struct scenario {
	struct arena arena;
	const char *driver_version;
	uint32_t cuda_version; /* 12040 is 12.4 */
	struct scenario_gpu *gpus;
	size_t gpus_count;
	struct scenario_fault *faults;
	size_t faults_count;
};

/**
 * Read a scenario strictly: unknown keys, keys that stand twice and values out of range are
 * refused. What is not said has its default; an empty text is one T4.
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

/** The fault that @call meets on GPU @gpu (or SCENARIO_ALL_GPUS: a call on no GPU); NULL for none.
 */
const struct scenario_fault *scenario_find_fault(const struct scenario *scenario, const char *call,
						 int gpu);

DEFINE_CLEANUP(struct scenario *, scenario_cleanup, scenario_free);
#define cleanup_scenario CLEANUP(scenario_cleanup)
