/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scenario files: the GPUs and the whole; the other parts have files of their own. Called by the
 * simulated libraries in whatever process loads them, so it neither prints nor exits. Invariant:
 * what it returns has every default filled in.
 */
#include "sim/scenario.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "base/tree.h"
#include "driver/nvml_abi.h"
#include "sim/incident.h"
#include "sim/made_uuid.h"
#include "sim/mig_layout.h"
#include "sim/model.h"
#include "sim/reading.h"
#include "sim/wiring.h"

enum {
	PCI_SLOTS = 31,      /* devices of one bus that we fill, from FIRST_SLOT down */
	FIRST_SLOT = 0x1E,   /* where EC2 puts the only GPU of a g4dn; several count up to it */
	MINOR_MAX = 255,     /* of a character device of the driver */
	NUMA_NODES_MAX = 64, /* bits of the smallest node set that NVML is asked for */
	CUDA_MAJOR = 1000,   /* NVML's notation: 12040 */
	CUDA_MINOR = 10,
};

static const char default_driver[] = "550.54.15";
static const uint32_t default_cuda = 12040;
static const char default_model[] = "Tesla T4";

static int read_driver_version(struct reading *reading, const struct tree *node, void *ret)
{
	if (node->kind != TREE_SCALAR || strspn(node->text, "0123456789.") != strlen(node->text))
		return reading_complain(reading, node, "must be a version such as %s",
					default_driver);
	return reading_text(reading, node, ret);
}

/* "7.5" -> 7, 5. */
static int read_pair(struct reading *reading, const struct tree *node, const char *example,
		     struct scenario_capability *ret)
{
	char text[SCENARIO_TEXT_MAX + 1];
	uint64_t major = 0;
	uint64_t minor = 0;
	(void)snprintf(text, sizeof(text), "%s", node->text); /* a cut one is refused below */
	char *dot = strchr(text, '.');
	if (dot)
		*dot = '\0';
	if (!dot || text_parse_u64(text, 1, 99, &major) < 0 ||
	    text_parse_u64(dot + 1, 0, 9, &minor) < 0)
		return reading_complain(reading, node, "must be two numbers such as \"%s\"",
					example);
	*ret = (struct scenario_capability){ (uint32_t)major, (uint32_t)minor };
	return 0;
}

static int read_cuda(struct reading *reading, const struct tree *node, void *ret)
{
	struct scenario_capability version = { 0 };
	uint32_t *cuda = ret;
	int r = read_pair(reading, node, "12.4", &version);
	if (r == 0)
		*cuda = version.major * CUDA_MAJOR + version.minor * CUDA_MINOR;
	return r;
}

static int read_capability(struct reading *reading, const struct tree *node, void *ret)
{
	return read_pair(reading, node, "7.5", ret);
}

static int read_uuid(struct reading *reading, const struct tree *node, void *ret)
{
	const char *at = node->text;
	if (strncmp(at, "GPU-", 4) != 0 || at[4] == '\0')
		return reading_complain(reading, node,
					"must be a text such as GPU-<hex digits and dashes>");
	for (; *at; at++)
		if (!isalnum((unsigned char)*at) && *at != '-')
			return reading_complain(reading, node,
						"must be letters, digits and dashes only");
	return reading_text(reading, node, ret);
}

static int read_memory(struct reading *reading, const struct tree *node, void *ret)
{
	uint64_t *bytes = ret;
	uint64_t value = 0;
	if (node->kind != TREE_SCALAR || text_parse_bytes(node->text, &value) < 0 || value == 0)
		return reading_complain(reading, node, "must be a size such as 15360MiB");
	*bytes = value;
	return 0;
}

static int read_minor(struct reading *reading, const struct tree *node, void *ret)
{
	uint32_t *minor = ret;
	uint64_t value = 0;
	int r = reading_number(reading, node, MINOR_MAX, &value);
	if (r == 0)
		*minor = (uint32_t)value;
	return r;
}

static int read_numa_node(struct reading *reading, const struct tree *node, void *ret)
{
	int32_t *numa_node = ret;
	uint64_t value = 0;
	if (strcmp(node->text, "-1") == 0) {
		*numa_node = SCENARIO_NUMA_NONE;
		return 0;
	}
	int r = reading_number(reading, node, NUMA_NODES_MAX - 1, &value);
	if (r == 0)
		*numa_node = (int32_t)value;
	return r;
}

/* sscanf is lenient, so what it read is written out again and must be what stood there. */
static int read_bus_id(struct reading *reading, const struct tree *node, void *ret)
{
	struct scenario_pci pci = { 0 };
	char longer[SCENARIO_TEXT_MAX];
	char shorter[SCENARIO_TEXT_MAX];
	/* NOLINTNEXTLINE(cert-err34-c): see above */
	int got = sscanf(node->text, "%8x:%2x:%2x.0", &pci.domain, &pci.bus, &pci.device);
	(void)snprintf(longer, sizeof(longer), "%08X:%02X:%02X.0", pci.domain, pci.bus, pci.device);
	(void)snprintf(shorter, sizeof(shorter), "%04X:%02X:%02X.0", pci.domain, pci.bus,
		       pci.device);
	if (got != 3 || pci.device > 0x1F ||
	    (strcasecmp(node->text, longer) != 0 && strcasecmp(node->text, shorter) != 0))
		return reading_complain(reading, node,
					"must be a PCI address such as 00000000:00:1E.0");
	*(struct scenario_pci *)ret = pci;
	return 0;
}

static int read_recovery(struct reading *reading, const struct tree *node, void *ret)
{
	static const char *const names[] = {
		[NVML_GPU_RECOVERY_ACTION_NONE] = "none",
		[NVML_GPU_RECOVERY_ACTION_GPU_RESET] = "gpuReset",
		[NVML_GPU_RECOVERY_ACTION_NODE_REBOOT] = "nodeReboot",
		[NVML_GPU_RECOVERY_ACTION_DRAIN_P2P] = "drainP2P",
		[NVML_GPU_RECOVERY_ACTION_DRAIN_AND_RESET] = "drainAndReset",
	};
	static const struct reading_words actions = {
		names, ARRAY_LEN(names), "none, gpuReset, nodeReboot, drainP2P or drainAndReset"
	};
	return reading_word(reading, node, &actions, ret);
}

static int read_ecc_errors(struct reading *reading, const struct tree *node, void *ret)
{
	uint64_t value = 0;
	int r = reading_number(reading, node, UINT32_MAX, &value);
	if (r == 0)
		*(uint64_t *)ret = value;
	return r;
}

static const struct reading_field gpu_fields[] = {
	{ "model", reading_text, offsetof(struct scenario_gpu, name) },
	{ "uuid", read_uuid, offsetof(struct scenario_gpu, uuid) },
	{ "memory", read_memory, offsetof(struct scenario_gpu, memory_bytes) },
	{ "minor", read_minor, offsetof(struct scenario_gpu, minor) },
	{ "busId", read_bus_id, offsetof(struct scenario_gpu, pci) },
	{ "numaNode", read_numa_node, offsetof(struct scenario_gpu, numa_node) },
	{ "computeCapability", read_capability, offsetof(struct scenario_gpu, capability) },
	{ "mig", reading_later, 0 },
	{ "recoveryAction", read_recovery, offsetof(struct scenario_gpu, recovery) },
	{ "eccErrors", read_ecc_errors, offsetof(struct scenario_gpu, ecc_errors) },
};

/* The last GPU has FIRST_SLOT, the ones before it count down from there, as on EC2. */
static struct scenario_pci default_pci(size_t position, size_t count)
{
	size_t place = count - 1 - position;
	return (struct scenario_pci){ .bus = (uint32_t)(place / PCI_SLOTS),
				      .device = (uint32_t)(FIRST_SLOT - place % PCI_SLOTS) };
}

static int fill_gpu(struct reading *reading, size_t position, struct scenario_gpu *gpu)
{
	gpu->model = model_get(gpu->name);
	if (gpu->memory_bytes == 0)
		gpu->memory_bytes = (uint64_t)gpu->model->memory_mib << 20;
	if (gpu->capability.major == 0)
		gpu->capability = (struct scenario_capability){ gpu->model->compute_major,
								gpu->model->compute_minor };
	if (!gpu->uuid)
		gpu->uuid = made_uuid(reading->arena, "GPU-", position);
	return gpu->uuid ? 0 : reading_no_memory(reading);
}

static const char *shared_by(const struct scenario_gpu *a, const struct scenario_gpu *b)
{
	if (strcmp(a->uuid, b->uuid) == 0)
		return "uuid";
	if (a->minor == b->minor)
		return "minor";
	if (memcmp(&a->pci, &b->pci, sizeof(a->pci)) == 0)
		return "busId";
	return NULL;
}

static int refuse_twins(struct reading *reading, const struct tree *node,
			const struct scenario_gpu *gpus, size_t position)
{
	for (size_t i = 0; i < position; i++) {
		const char *what = shared_by(&gpus[i], &gpus[position]);
		if (what)
			return reading_complain(reading, node, "has the %s of GPU %zu", what, i);
	}
	return 0;
}

static struct scenario_gpu plain_gpu(size_t position, size_t count)
{
	return (struct scenario_gpu){
		.name = default_model,
		.pci = default_pci(position, count),
		.minor = (uint32_t)position,
		.recovery = SCENARIO_RECOVERY_UNSAID,
	};
}

static int read_parts(struct reading *reading, const struct tree *node, size_t position,
		      struct scenario_gpu *gpus)
{
	const struct tree *mig = tree_find(node, "mig");
	if (!mig)
		return 0;
	int r = mig_layout_read(reading, mig, &gpus[position]);
	return r < 0 ? r : mig_layout_refuse_twins(reading, node, &gpus[position], gpus, position);
}

static int read_gpu(struct reading *reading, const struct tree *node, size_t position,
		    struct scenario_gpu *gpus)
{
	int r = reading_map(reading, node, gpu_fields, ARRAY_LEN(gpu_fields), &gpus[position]);
	if (r == 0)
		r = fill_gpu(reading, position, &gpus[position]);
	if (r == 0)
		r = refuse_twins(reading, node, gpus, position);
	return r < 0 ? r : read_parts(reading, node, position, gpus);
}

static int read_gpus(struct reading *reading, const struct tree *list, void *ret)
{
	struct scenario *scenario = ret;
	size_t count = 0;
	int r = reading_list(reading, list, SCENARIO_GPUS_MAX, &count);
	if (r < 0)
		return r;
	struct scenario_gpu *gpus = arena_array(reading->arena, count, sizeof(*gpus));
	if (!gpus)
		return reading_no_memory(reading);

	const struct tree *node = list->child;
	for (size_t i = 0; i < count; i++, node = node->next) {
		gpus[i] = plain_gpu(i, count);
		r = read_gpu(reading, node, i, gpus);
		if (r < 0)
			return r;
	}
	scenario->gpus = gpus;
	scenario->gpus_count = count;
	return 0;
}

static const struct reading_field driver_fields[] = {
	{ "version", read_driver_version, offsetof(struct scenario, driver_version) },
	{ "cuda", read_cuda, offsetof(struct scenario, cuda_version) },
};

static int read_driver(struct reading *reading, const struct tree *node, void *ret)
{
	return reading_map(reading, node, driver_fields, ARRAY_LEN(driver_fields), ret);
}

/* Offset 0: these fill the scenario itself. */
static const struct reading_field root_fields[] = {
	{ "driver", read_driver, 0 },   { "gpus", read_gpus, 0 },
	{ "links", reading_later, 0 },  { "faults", incident_read_faults, 0 },
	{ "events", reading_later, 0 },
};

static int add_plain_gpu(struct reading *reading, struct scenario *scenario)
{
	struct scenario_gpu *gpu = arena_alloc(reading->arena, sizeof(*gpu));
	if (!gpu)
		return reading_no_memory(reading);
	*gpu = plain_gpu(0, 1);
	scenario->gpus = gpu;
	scenario->gpus_count = 1;
	return fill_gpu(reading, 0, gpu);
}

static int fill_scenario(struct reading *reading, const struct tree *root,
			 struct scenario *scenario)
{
	int r = 0;
	bool is_empty = !root || tree_is_null(root);
	if (!is_empty)
		r = reading_map(reading, root, root_fields, ARRAY_LEN(root_fields), scenario);
	if (r == 0 && !scenario->gpus)
		r = add_plain_gpu(reading, scenario);
	const struct tree *links = is_empty ? NULL : tree_find(root, "links");
	if (r == 0 && links)
		r = wiring_read(reading, links, scenario);
	const struct tree *events = is_empty ? NULL : tree_find(root, "events");
	return r == 0 && events ? incident_read_events(reading, events, scenario) : r;
}

static int parse_tree(const char *name, const char *text, size_t length, struct arena *arena,
		      struct tree **ret, struct err *err)
{
	struct tree_position position = { 0 };
	int r = tree_parse(text, length, arena, ret, &position, err);
	if (r < 0)
		return err_wrap(err, r, "%s:%u:%u", name, position.line, position.col);
	return 0;
}

int scenario_parse(const char *name, const char *text, size_t length, struct scenario **ret,
		   struct err *err)
{
	cleanup_arena struct arena trees = { 0 };
	struct tree *root = NULL;
	int r = parse_tree(name, text, length, &trees, &root, err);
	if (r < 0)
		return r;

	cleanup_scenario struct scenario *scenario = calloc(1, sizeof(*scenario));
	if (!scenario)
		return err_set(err, -ENOMEM, "%s: out of memory", name);
	scenario->driver_version = default_driver;
	scenario->cuda_version = default_cuda;
	struct reading reading = { .name = name, .arena = &scenario->arena, .err = err };
	r = fill_scenario(&reading, root, scenario);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(scenario);
	return 0;
}

int scenario_read(const char *path, struct scenario **ret, struct err *err)
{
	if (!path)
		return scenario_parse("(no scenario)", "", 0, ret, err);
	cleanup_free char *text = NULL;
	size_t length = 0;
	int r = file_read(path, TREE_BYTES_MAX, &text, &length, err);
	if (r < 0)
		return r;
	return scenario_parse(path, text ? text : "", length, ret, err);
}

struct scenario *scenario_free(struct scenario *scenario)
{
	if (scenario) {
		arena_done(&scenario->arena);
		free(scenario);
	}
	return NULL;
}

static bool is_in_force(const struct scenario_fault *fault, uint64_t elapsed_ns)
{
	return elapsed_ns >= fault->from_ns && elapsed_ns < fault->until_ns;
}

const struct scenario_fault *scenario_find_fault(const struct scenario *scenario, const char *call,
						 int gpu, uint64_t elapsed_ns)
{
	for (size_t i = 0; i < scenario->faults_count; i++) {
		const struct scenario_fault *fault = &scenario->faults[i];
		if (fault->call && strcmp(fault->call, call) == 0 && fault->gpu == gpu &&
		    is_in_force(fault, elapsed_ns))
			return fault;
	}
	return NULL;
}

bool scenario_loses(const struct scenario *scenario, int gpu, uint64_t elapsed_ns)
{
	for (size_t i = 0; i < scenario->faults_count; i++) {
		const struct scenario_fault *fault = &scenario->faults[i];
		if (fault->action == SCENARIO_LOSE && fault->gpu == gpu &&
		    is_in_force(fault, elapsed_ns))
			return true;
	}
	return false;
}

const struct scenario_event *scenario_find_event(const struct scenario *scenario, const char *id)
{
	for (size_t i = 0; i < scenario->events_count; i++)
		if (strcmp(scenario->events[i].id, id) == 0)
			return &scenario->events[i];
	return NULL;
}

const struct scenario_pair *scenario_find_pair(const struct scenario *scenario, unsigned a,
					       unsigned b)
{
	unsigned first = a < b ? a : b;
	unsigned second = a < b ? b : a;
	for (size_t i = 0; i < scenario->pairs_count; i++)
		if (scenario->pairs[i].first == first && scenario->pairs[i].second == second)
			return &scenario->pairs[i];
	return NULL;
}

/* The GPUs of one bus meet at its host bridge; those of one NUMA node inside it. */
static int level_of_addresses(const struct scenario_gpu *a, const struct scenario_gpu *b)
{
	if (a->numa_node != b->numa_node)
		return NVML_TOPOLOGY_SYSTEM;
	if (a->pci.domain == b->pci.domain && a->pci.bus == b->pci.bus)
		return NVML_TOPOLOGY_HOSTBRIDGE;
	return NVML_TOPOLOGY_NODE;
}

int scenario_level(const struct scenario *scenario, unsigned a, unsigned b)
{
	const struct scenario_pair *pair = scenario_find_pair(scenario, a, b);
	if (a == b)
		return NVML_TOPOLOGY_INTERNAL;
	if (pair && pair->level >= 0)
		return pair->level;
	return level_of_addresses(&scenario->gpus[a], &scenario->gpus[b]);
}
