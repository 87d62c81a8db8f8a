/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scenario files: base/tree and tables of keys, one interpreter for all of them. Called by the
 * simulated libraries in whatever process loads them, so it neither prints nor exits. Invariant:
 * what it returns has every default filled in.
 */
#include "sim/scenario.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "base/tree.h"
#include "driver/nvml_abi.h"
#include "sim/model.h"

enum {
	PCI_SLOTS = 31,      /* devices of one bus that we fill, from FIRST_SLOT down */
	FIRST_SLOT = 0x1E,   /* where EC2 puts the only GPU of a g4dn; several count up to it */
	MINOR_MAX = 255,     /* of a character device of the driver */
	NUMA_NODES_MAX = 64, /* bits of the smallest node set that NVML is asked for */
	CUDA_MAJOR = 1000,   /* NVML's notation: 12040 */
	CUDA_MINOR = 10,
	KEYS_MAX = 16,
};

static const char default_driver[] = "550.54.15";
static const uint32_t default_cuda = 12040;
static const char default_model[] = "Tesla T4";

struct reader {
	const char *name;
	struct arena *arena;
	struct err *err;
};

/* One key of a map: `read` takes its value and fills what lies at `offset` of the object. */
struct field {
	const char *key;
	int (*read)(struct reader *reader, const struct tree *node, void *ret);
	size_t offset;
};

__attribute__((format(printf, 3, 4))) static int complain(struct reader *reader,
							  const struct tree *node,
							  const char *format, ...)
{
	char text[ERR_TEXT_BYTES];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args); /* a cut text is still a text */
	va_end(args);

	if (node->key)
		(void)err_set(reader->err, -EINVAL, "%s: %s", node->key, text);
	else
		(void)err_set(reader->err, -EINVAL, "%s", text);
	return err_wrap(reader->err, -EINVAL, "%s:%u:%u", reader->name, node->line, node->col);
}

static int out_of_memory(struct reader *reader)
{
	return err_set(reader->err, -ENOMEM, "%s: out of memory", reader->name);
}

static int complain_of_key(struct reader *reader, const struct tree *node,
			   const struct field *fields, size_t count)
{
	const char *keys[KEYS_MAX];
	for (size_t i = 0; i < count; i++)
		keys[i] = fields[i].key;
	const char *closest = text_closest(node->key, keys, count);
	if (closest)
		(void)err_set(reader->err, -EINVAL, "%s: unknown key, did you mean %s?", node->key,
			      closest);
	else
		(void)err_set(reader->err, -EINVAL, "%s: unknown key", node->key);
	return err_wrap(reader->err, -EINVAL, "%s:%u:%u", reader->name, node->key_line,
			node->key_col);
}

static const struct field *find_field(const struct field *fields, size_t count, const char *key)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(fields[i].key, key) == 0)
			return &fields[i];
	return NULL;
}

static int read_map(struct reader *reader, const struct tree *map, const struct field *fields,
		    size_t count, void *object)
{
	if (map->kind != TREE_MAP)
		return complain(reader, map, "must be a map");
	for (const struct tree *node = map->child; node; node = node->next) {
		const struct field *field = find_field(fields, count, node->key);
		if (!field)
			return complain_of_key(reader, node, fields, count);
		if (tree_find(map, node->key) != node)
			return complain(reader, node, "stands twice in this map");
		if (tree_is_null(node))
			return complain(reader, node, "has no value");
		int r = field->read(reader, node, (char *)object + field->offset);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_text(struct reader *reader, const struct tree *node, void *ret)
{
	const char **text = ret;
	size_t length = strlen(node->text);
	if (node->kind != TREE_SCALAR || length == 0 || length > SCENARIO_TEXT_MAX)
		return complain(reader, node, "must be a text of 1 to %d bytes", SCENARIO_TEXT_MAX);
	*text = arena_copy(reader->arena, node->text, length);
	return *text ? 0 : out_of_memory(reader);
}

static int read_driver_version(struct reader *reader, const struct tree *node, void *ret)
{
	if (node->kind != TREE_SCALAR || strspn(node->text, "0123456789.") != strlen(node->text))
		return complain(reader, node, "must be a version such as %s", default_driver);
	return read_text(reader, node, ret);
}

/* "7.5" -> 7, 5. */
static int read_pair(struct reader *reader, const struct tree *node, const char *example,
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
		return complain(reader, node, "must be two numbers such as \"%s\"", example);
	*ret = (struct scenario_capability){ (uint32_t)major, (uint32_t)minor };
	return 0;
}

static int read_cuda(struct reader *reader, const struct tree *node, void *ret)
{
	struct scenario_capability version = { 0 };
	uint32_t *cuda = ret;
	int r = read_pair(reader, node, "12.4", &version);
	if (r == 0)
		*cuda = version.major * CUDA_MAJOR + version.minor * CUDA_MINOR;
	return r;
}

static int read_capability(struct reader *reader, const struct tree *node, void *ret)
{
	return read_pair(reader, node, "7.5", ret);
}

static int read_uuid(struct reader *reader, const struct tree *node, void *ret)
{
	const char *at = node->text;
	if (strncmp(at, "GPU-", 4) != 0 || at[4] == '\0')
		return complain(reader, node, "must be a text such as GPU-<hex digits and dashes>");
	for (; *at; at++)
		if (!isalnum((unsigned char)*at) && *at != '-')
			return complain(reader, node, "must be letters, digits and dashes only");
	return read_text(reader, node, ret);
}

static int read_memory(struct reader *reader, const struct tree *node, void *ret)
{
	uint64_t *bytes = ret;
	uint64_t value = 0;
	if (node->kind != TREE_SCALAR || text_parse_bytes(node->text, &value) < 0 || value == 0)
		return complain(reader, node, "must be a size such as 15360MiB");
	*bytes = value;
	return 0;
}

static int read_number(struct reader *reader, const struct tree *node, uint64_t max, uint64_t *ret)
{
	if (node->kind != TREE_SCALAR || text_parse_u64(node->text, 0, max, ret) < 0)
		return complain(reader, node, "must be a number of 0 to %llu",
				(unsigned long long)max);
	return 0;
}

static int read_minor(struct reader *reader, const struct tree *node, void *ret)
{
	uint32_t *minor = ret;
	uint64_t value = 0;
	int r = read_number(reader, node, MINOR_MAX, &value);
	if (r == 0)
		*minor = (uint32_t)value;
	return r;
}

static int read_numa_node(struct reader *reader, const struct tree *node, void *ret)
{
	int32_t *numa_node = ret;
	uint64_t value = 0;
	if (strcmp(node->text, "-1") == 0) {
		*numa_node = SCENARIO_NUMA_NONE;
		return 0;
	}
	int r = read_number(reader, node, NUMA_NODES_MAX - 1, &value);
	if (r == 0)
		*numa_node = (int32_t)value;
	return r;
}

/* sscanf is lenient, so what it read is written out again and must be what stood there. */
static int read_bus_id(struct reader *reader, const struct tree *node, void *ret)
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
		return complain(reader, node, "must be a PCI address such as 00000000:00:1E.0");
	*(struct scenario_pci *)ret = pci;
	return 0;
}

static const struct field gpu_fields[] = {
	{ "model", read_text, offsetof(struct scenario_gpu, name) },
	{ "uuid", read_uuid, offsetof(struct scenario_gpu, uuid) },
	{ "memory", read_memory, offsetof(struct scenario_gpu, memory_bytes) },
	{ "minor", read_minor, offsetof(struct scenario_gpu, minor) },
	{ "busId", read_bus_id, offsetof(struct scenario_gpu, pci) },
	{ "numaNode", read_numa_node, offsetof(struct scenario_gpu, numa_node) },
	{ "computeCapability", read_capability, offsetof(struct scenario_gpu, capability) },
};

/* The same at each run, and different for each position: splitmix64's mixing of a counter. */
static uint64_t mix(uint64_t counter)
{
	uint64_t z = counter * 0x9E3779B97F4A7C15U;
	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9U;
	z = (z ^ z >> 27) * 0x94D049BB133111EBU;
	return z ^ z >> 31;
}

static const char *default_uuid(struct arena *arena, size_t position)
{
	uint64_t high = mix(2 * position + 1);
	uint64_t low = mix(2 * position + 2);
	return arena_printf(arena, "GPU-%08x-%04x-4%03x-a%03x-%012llx", (unsigned)(high >> 32),
			    (unsigned)(high >> 16 & 0xFFFF), (unsigned)(high & 0xFFF),
			    (unsigned)(low >> 52), (unsigned long long)(low & 0xFFFFFFFFFFFFU));
}

/* The last GPU has FIRST_SLOT, the ones before it count down from there, as on EC2. */
static struct scenario_pci default_pci(size_t position, size_t count)
{
	size_t place = count - 1 - position;
	return (struct scenario_pci){ .bus = (uint32_t)(place / PCI_SLOTS),
				      .device = (uint32_t)(FIRST_SLOT - place % PCI_SLOTS) };
}

static int fill_gpu(struct reader *reader, size_t position, struct scenario_gpu *gpu)
{
	gpu->model = model_get(gpu->name);
	if (gpu->memory_bytes == 0)
		gpu->memory_bytes = (uint64_t)gpu->model->memory_mib << 20;
	if (gpu->capability.major == 0)
		gpu->capability = (struct scenario_capability){ gpu->model->compute_major,
								gpu->model->compute_minor };
	if (!gpu->uuid)
		gpu->uuid = default_uuid(reader->arena, position);
	return gpu->uuid ? 0 : out_of_memory(reader);
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

static int refuse_twins(struct reader *reader, const struct tree *node,
			const struct scenario_gpu *gpus, size_t position)
{
	for (size_t i = 0; i < position; i++) {
		const char *what = shared_by(&gpus[i], &gpus[position]);
		if (what)
			return complain(reader, node, "has the %s of GPU %zu", what, i);
	}
	return 0;
}

static size_t count_children(const struct tree *list)
{
	size_t count = 0;
	for (const struct tree *node = list->child; node; node = node->next)
		count++;
	return count;
}

static int read_list(struct reader *reader, const struct tree *list, size_t max, size_t *ret)
{
	if (list->kind != TREE_LIST)
		return complain(reader, list, "must be a list");
	size_t count = count_children(list);
	if (count > max)
		return complain(reader, list, "has %zu entries, at most %zu are allowed", count,
				max);
	*ret = count;
	return 0;
}

static struct scenario_gpu plain_gpu(size_t position, size_t count)
{
	return (struct scenario_gpu){
		.name = default_model,
		.pci = default_pci(position, count),
		.minor = (uint32_t)position,
	};
}

static int read_gpus(struct reader *reader, const struct tree *list, void *ret)
{
	struct scenario *scenario = ret;
	size_t count = 0;
	int r = read_list(reader, list, SCENARIO_GPUS_MAX, &count);
	if (r < 0)
		return r;
	struct scenario_gpu *gpus = arena_array(reader->arena, count, sizeof(*gpus));
	if (!gpus)
		return out_of_memory(reader);

	const struct tree *node = list->child;
	for (size_t i = 0; i < count; i++, node = node->next) {
		gpus[i] = plain_gpu(i, count);
		r = read_map(reader, node, gpu_fields, ARRAY_LEN(gpu_fields), &gpus[i]);
		if (r == 0)
			r = fill_gpu(reader, i, &gpus[i]);
		if (r == 0)
			r = refuse_twins(reader, node, gpus, i);
		if (r < 0)
			return r;
	}
	scenario->gpus = gpus;
	scenario->gpus_count = count;
	return 0;
}

static int complain_of_word(struct reader *reader, const struct tree *node,
			    const char *const *words, size_t count, const char *what)
{
	const char *closest = text_closest(node->text, words, count);
	if (closest)
		return complain(reader, node, "%s is not %s, did you mean %s?", node->text, what,
				closest);
	return complain(reader, node, "%s is not %s", node->text, what);
}

static int find_word(const char *const *words, size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(words[i], word) == 0)
			return (int)i;
	return -1;
}

static int read_call(struct reader *reader, const struct tree *node, void *ret)
{
#define CALL_NAME(name, parameters) #name,
	static const char *const calls[] = { NVML_CALLS(CALL_NAME) };
#undef CALL_NAME
	int found = find_word(calls, ARRAY_LEN(calls), node->text);
	if (found < 0)
		return complain_of_word(reader, node, calls, ARRAY_LEN(calls),
					"a call of the driver that can fail");
	*(const char **)ret = calls[found];
	return 0;
}

static int read_action(struct reader *reader, const struct tree *node, void *ret)
{
	static const char *const actions[] = {
		[SCENARIO_HANG] = "hang",
		[SCENARIO_CRASH] = "crash",
		[SCENARIO_FAIL] = "fail",
	};
	int found = find_word(actions, ARRAY_LEN(actions), node->text);
	if (found < 0)
		return complain_of_word(reader, node, actions, ARRAY_LEN(actions),
					"hang, crash or fail");
	*(enum scenario_action *)ret = (enum scenario_action)found;
	return 0;
}

static int read_error(struct reader *reader, const struct tree *node, void *ret)
{
#define ERROR_NAME(name, value, text)  #name,
#define ERROR_VALUE(name, value, text) (value),
	static const char *const names[] = { NVML_RETURNS(ERROR_NAME) };
	static const int values[] = { NVML_RETURNS(ERROR_VALUE) };
#undef ERROR_NAME
#undef ERROR_VALUE
	int found = find_word(names, ARRAY_LEN(names), node->text);
	if (found < 0)
		return complain_of_word(reader, node, names, ARRAY_LEN(names), "an error of NVML");
	*(int *)ret = values[found];
	return 0;
}

static int read_fault_gpu(struct reader *reader, const struct tree *node, void *ret)
{
	uint64_t value = 0;
	int r = read_number(reader, node, SCENARIO_GPUS_MAX - 1, &value);
	if (r == 0)
		*(int *)ret = (int)value;
	return r;
}

static const struct field fault_fields[] = {
	{ "call", read_call, offsetof(struct scenario_fault, call) },
	{ "do", read_action, offsetof(struct scenario_fault, action) },
	{ "error", read_error, offsetof(struct scenario_fault, error) },
	{ "gpu", read_fault_gpu, offsetof(struct scenario_fault, gpu) },
};

static int read_fault(struct reader *reader, const struct tree *node, struct scenario_fault *fault)
{
	*fault = (struct scenario_fault){ .error = NVML_ERROR_UNKNOWN, .gpu = SCENARIO_ALL_GPUS };
	int r = read_map(reader, node, fault_fields, ARRAY_LEN(fault_fields), fault);
	if (r < 0)
		return r;
	if (!tree_find(node, "call") || !tree_find(node, "do"))
		return complain(reader, node, "a fault needs the keys call and do");
	if (tree_find(node, "error") && fault->action != SCENARIO_FAIL)
		return complain(reader, node, "error goes with do: fail only");
	return 0;
}

static int read_faults(struct reader *reader, const struct tree *list, void *ret)
{
	struct scenario *scenario = ret;
	size_t count = 0;
	int r = read_list(reader, list, SCENARIO_FAULTS_MAX, &count);
	if (r < 0)
		return r;
	struct scenario_fault *faults = arena_array(reader->arena, count, sizeof(*faults));
	if (!faults)
		return out_of_memory(reader);

	const struct tree *node = list->child;
	for (size_t i = 0; i < count; i++, node = node->next) {
		r = read_fault(reader, node, &faults[i]);
		if (r < 0)
			return r;
	}
	scenario->faults = faults;
	scenario->faults_count = count;
	return 0;
}

static const struct field driver_fields[] = {
	{ "version", read_driver_version, offsetof(struct scenario, driver_version) },
	{ "cuda", read_cuda, offsetof(struct scenario, cuda_version) },
};

static int read_driver(struct reader *reader, const struct tree *node, void *ret)
{
	return read_map(reader, node, driver_fields, ARRAY_LEN(driver_fields), ret);
}

/* Offset 0: these fill the scenario itself. */
static const struct field root_fields[] = {
	{ "driver", read_driver, 0 },
	{ "gpus", read_gpus, 0 },
	{ "faults", read_faults, 0 },
};

static int add_plain_gpu(struct reader *reader, struct scenario *scenario)
{
	struct scenario_gpu *gpu = arena_alloc(reader->arena, sizeof(*gpu));
	if (!gpu)
		return out_of_memory(reader);
	*gpu = plain_gpu(0, 1);
	scenario->gpus = gpu;
	scenario->gpus_count = 1;
	return fill_gpu(reader, 0, gpu);
}

static int fill_scenario(struct reader *reader, const struct tree *root, struct scenario *scenario)
{
	if (root && !tree_is_null(root)) {
		int r = read_map(reader, root, root_fields, ARRAY_LEN(root_fields), scenario);
		if (r < 0)
			return r;
	}
	return scenario->gpus ? 0 : add_plain_gpu(reader, scenario);
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
	struct reader reader = { .name = name, .arena = &scenario->arena, .err = err };
	r = fill_scenario(&reader, root, scenario);
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

const struct scenario_fault *scenario_find_fault(const struct scenario *scenario, const char *call,
						 int gpu)
{
	for (size_t i = 0; i < scenario->faults_count; i++) {
		const struct scenario_fault *fault = &scenario->faults[i];
		if (strcmp(fault->call, call) == 0 &&
		    (fault->gpu == SCENARIO_ALL_GPUS || fault->gpu == gpu))
			return fault;
	}
	return NULL;
}
