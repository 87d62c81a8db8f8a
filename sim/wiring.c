/* SPDX-License-Identifier: Apache-2.0 */
/* See wiring.h. What is said of a pair gathers in one entry, whoever says it. */
#include "sim/wiring.h"

#include "base/text.h"
#include "base/tree.h"
#include "driver/nvml_abi.h"
#include "sim/reading.h"
#include "sim/scenario.h"

enum {
	LEVEL_UNSAID = -1,
	NVLINK_ENTRY = 3, /* [first, second, links] */
};

/* GPUs that are equally near to each other. */
struct group {
	bool has_gpu[SCENARIO_GPUS_MAX];
	int level;
};

struct switches {
	bool has_gpu[SCENARIO_GPUS_MAX];
	unsigned links;
};

/* What reading_map() fills. The scenario stands in each place that a field of links may name. */
struct wiring {
	struct scenario *scenario;
};

static int read_position(struct reading *reading, const struct tree *node,
			 const struct scenario *scenario, unsigned *ret)
{
	uint64_t value = 0;
	int r = reading_number(reading, node, SCENARIO_GPUS_MAX - 1, &value);
	if (r < 0)
		return r;
	if (value >= scenario->gpus_count)
		return reading_complain(reading, node, "there is no GPU %llu",
					(unsigned long long)value);
	*ret = (unsigned)value;
	return 0;
}

/* The entry of a pair; made if there is none. There is room for every pair. */
static struct scenario_pair *get_pair(struct scenario *scenario, unsigned a, unsigned b)
{
	unsigned first = a < b ? a : b;
	unsigned second = a < b ? b : a;
	for (size_t i = 0; i < scenario->pairs_count; i++)
		if (scenario->pairs[i].first == first && scenario->pairs[i].second == second)
			return &scenario->pairs[i];
	struct scenario_pair *pair = &scenario->pairs[scenario->pairs_count++];
	*pair = (struct scenario_pair){ .first = first, .second = second, .level = LEVEL_UNSAID };
	return pair;
}

/* Positions are checked by whoever knows how many GPUs there are. */
static int read_gpus(struct reading *reading, const struct tree *list, void *ret)
{
	bool *has_gpu = ret;
	size_t count = 0;
	int r = reading_list(reading, list, SCENARIO_GPUS_MAX, &count);
	for (const struct tree *node = list->child; r == 0 && node; node = node->next) {
		uint64_t value = 0;
		r = reading_number(reading, node, SCENARIO_GPUS_MAX - 1, &value);
		if (r == 0)
			has_gpu[value] = true;
	}
	return r;
}

static int refuse_strangers(struct reading *reading, const struct tree *node,
			    const struct scenario *scenario, const bool *has_gpu)
{
	for (size_t i = scenario->gpus_count; i < SCENARIO_GPUS_MAX; i++)
		if (has_gpu[i])
			return reading_complain(reading, node, "there is no GPU %zu", i);
	return 0;
}

static int read_level(struct reading *reading, const struct tree *node, void *ret)
{
	static const char *const names[] = { "internal",   "single", "multiple",
					     "hostbridge", "node",   "system" };
	static const int values[] = { NVML_TOPOLOGY_INTERNAL, NVML_TOPOLOGY_SINGLE,
				      NVML_TOPOLOGY_MULTIPLE, NVML_TOPOLOGY_HOSTBRIDGE,
				      NVML_TOPOLOGY_NODE,     NVML_TOPOLOGY_SYSTEM };
	static const struct reading_words levels = {
		names, ARRAY_LEN(names), "internal, single, multiple, hostbridge, node or system"
	};
	int found = 0;
	int r = reading_word(reading, node, &levels, &found);
	if (r == 0)
		*(int *)ret = values[found];
	return r;
}

static const struct reading_field group_fields[] = {
	{ "gpus", read_gpus, offsetof(struct group, has_gpu) },
	{ "level", read_level, offsetof(struct group, level) },
};

static int read_group(struct reading *reading, const struct tree *node, struct scenario *scenario)
{
	struct group group = { .level = LEVEL_UNSAID };
	int r = reading_map(reading, node, group_fields, ARRAY_LEN(group_fields), &group);
	if (r < 0)
		return r;
	if (group.level == LEVEL_UNSAID || !tree_find(node, "gpus"))
		return reading_complain(reading, node, "needs the keys gpus and level");
	r = refuse_strangers(reading, node, scenario, group.has_gpu);
	for (unsigned a = 0; r == 0 && a < scenario->gpus_count; a++)
		for (unsigned b = a + 1; b < scenario->gpus_count; b++)
			if (group.has_gpu[a] && group.has_gpu[b])
				get_pair(scenario, a, b)->level = group.level;
	return r;
}

static int read_pcie(struct reading *reading, const struct tree *list, void *ret)
{
	struct wiring *wiring = ret;
	size_t count = 0;
	int r = reading_list(reading, list, SCENARIO_PAIRS_MAX, &count);
	for (const struct tree *node = list->child; r == 0 && node; node = node->next)
		r = read_group(reading, node, wiring->scenario);
	return r;
}

/* [first, second, links] */
static int read_nvlink(struct reading *reading, const struct tree *node, struct scenario *scenario)
{
	unsigned first = 0;
	unsigned second = 0;
	uint64_t links = 0;
	size_t count = 0;
	int r = reading_list(reading, node, NVLINK_ENTRY, &count);
	if (r < 0)
		return r;
	if (count != NVLINK_ENTRY)
		return reading_complain(reading, node,
					"must be two GPUs and how many links they have, such as "
					"[0, 1, 2]");
	r = read_position(reading, node->child, scenario, &first);
	if (r == 0)
		r = read_position(reading, node->child->next, scenario, &second);
	if (r == 0)
		r = reading_number(reading, node->child->next->next, NVML_NVLINK_MAX_LINKS, &links);
	if (r < 0)
		return r;
	if (first == second)
		return reading_complain(reading, node, "a GPU is not linked to itself");
	get_pair(scenario, first, second)->nvlinks = (unsigned)links;
	return 0;
}

static int read_nvlinks(struct reading *reading, const struct tree *list, void *ret)
{
	struct wiring *wiring = ret;
	size_t count = 0;
	int r = reading_list(reading, list, SCENARIO_PAIRS_MAX, &count);
	for (const struct tree *node = list->child; r == 0 && node; node = node->next)
		r = read_nvlink(reading, node, wiring->scenario);
	return r;
}

static int read_link_count(struct reading *reading, const struct tree *node, void *ret)
{
	uint64_t value = 0;
	int r = reading_number(reading, node, NVML_NVLINK_MAX_LINKS, &value);
	if (r == 0)
		*(unsigned *)ret = (unsigned)value;
	return r;
}

static const struct reading_field switches_fields[] = {
	{ "gpus", read_gpus, offsetof(struct switches, has_gpu) },
	{ "links", read_link_count, offsetof(struct switches, links) },
};

static int read_switches(struct reading *reading, const struct tree *node, void *ret)
{
	struct scenario *scenario = ((struct wiring *)ret)->scenario;
	struct switches switches = { .links = 0 };
	int r = reading_map(reading, node, switches_fields, ARRAY_LEN(switches_fields), &switches);
	if (r == 0 && (!tree_find(node, "gpus") || switches.links == 0))
		return reading_complain(reading, node, "needs the keys gpus and links");
	if (r == 0)
		r = refuse_strangers(reading, node, scenario, switches.has_gpu);
	for (size_t i = 0; r == 0 && i < scenario->gpus_count; i++)
		scenario->switch_links[i] = switches.has_gpu[i] ? switches.links : 0;
	return r;
}

/* Offset 0: all of these fill the scenario. */
static const struct reading_field links_fields[] = {
	{ "pcie", read_pcie, 0 },
	{ "nvlink", read_nvlinks, 0 },
	{ "nvswitch", read_switches, 0 },
};

static int check_ports(struct reading *reading, const struct tree *node,
		       const struct scenario *scenario)
{
	for (unsigned gpu = 0; gpu < scenario->gpus_count; gpu++) {
		unsigned links = scenario->switch_links[gpu];
		for (size_t i = 0; i < scenario->pairs_count; i++)
			if (scenario->pairs[i].first == gpu || scenario->pairs[i].second == gpu)
				links += scenario->pairs[i].nvlinks;
		if (links > NVML_NVLINK_MAX_LINKS)
			return reading_complain(reading, node,
						"GPU %u has %u NVLinks, at most %d "
						"are possible",
						gpu, links, NVML_NVLINK_MAX_LINKS);
	}
	return 0;
}

int wiring_read(struct reading *reading, const struct tree *node, struct scenario *scenario)
{
	struct wiring wiring = { .scenario = scenario };
	size_t pairs = scenario->gpus_count * scenario->gpus_count / 2;
	scenario->pairs = arena_array(reading->arena, pairs, sizeof(*scenario->pairs));
	if (!scenario->pairs)
		return reading_no_memory(reading);
	int r = reading_map(reading, node, links_fields, ARRAY_LEN(links_fields), &wiring);
	return r < 0 ? r : check_ports(reading, node, scenario);
}
