/* SPDX-License-Identifier: Apache-2.0 */
/* See visible.h. Parts are remembered by the ids of their instances. */
#include "sim/nvml/visible.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

static int find_gpu(const struct scenario *scenario, const char *word, unsigned *ret)
{
	uint64_t index = 0;
	if (text_parse_u64(word, 0, SCENARIO_GPUS_MAX, &index) == 0 &&
	    index < scenario->gpus_count) {
		*ret = (unsigned)index;
		return 0;
	}
	for (size_t i = 0; i < scenario->gpus_count; i++)
		if (strcmp(scenario->gpus[i].uuid, word) == 0) {
			*ret = (unsigned)i;
			return 0;
		}
	return -ENODEV;
}

/* Shows the part with this uuid or, when that is NULL, at this place in the order of the driver. */
static bool show_part_of(const struct scenario *scenario, unsigned position, const char *uuid,
			 uint64_t index, struct visible *visible)
{
	const struct scenario_gpu *gpu = &scenario->gpus[position];
	uint64_t place = 0;
	for (size_t i = 0; i < gpu->instances_count; i++)
		for (size_t j = 0; j < gpu->instances[i].computes_count; j++, place++) {
			const struct scenario_compute *compute = &gpu->instances[i].computes[j];
			if (uuid ? strcmp(compute->uuid, uuid) != 0 : place != index)
				continue;
			visible->sees[position][gpu->instances[i].id][compute->id] = true;
			return true;
		}
	return false;
}

/* "0:1"; the word is cut at its colon. */
static int show_part_at(const struct scenario *scenario, char *word, struct visible *visible,
			unsigned *ret)
{
	char *colon = strchr(word, ':');
	uint64_t index = 0;
	if (!colon || text_parse_u64(colon + 1, 0, SCENARIO_COMPUTES_MAX, &index) < 0)
		return -ENODEV;
	*colon = '\0';
	int r = find_gpu(scenario, word, ret);
	*colon = ':';
	if (r == 0 && !show_part_of(scenario, *ret, NULL, index, visible))
		return -ENODEV;
	return r;
}

static int show_part(const struct scenario *scenario, char *word, struct visible *visible,
		     unsigned *ret)
{
	for (unsigned i = 0; i < scenario->gpus_count; i++)
		if (show_part_of(scenario, i, word, 0, visible)) {
			*ret = i;
			return 0;
		}
	return show_part_at(scenario, word, visible, ret);
}

static int show_word(const struct scenario *scenario, char *word, struct visible *visible,
		     bool *is_shown)
{
	unsigned position = 0;
	if (find_gpu(scenario, word, &position) == 0)
		visible->sees_all[position] = true;
	else if (show_part(scenario, word, visible, &position) < 0)
		return -ENODEV;
	is_shown[position] = true;
	return 0;
}

static int select_listed(const struct scenario *scenario, const char *list, struct visible *visible,
			 struct err *err)
{
	bool is_shown[SCENARIO_GPUS_MAX] = { false };
	cleanup_free char *words = strdup(list);
	if (!words)
		return err_set(err, -ENOMEM, "out of memory");
	char *rest = words;
	for (char *word = strsep(&rest, ","); word; word = strsep(&rest, ","))
		if (show_word(scenario, word, visible, is_shown) < 0)
			return err_set(err, -ENODEV, "ROTA_SIM_VISIBLE: no GPU %s in the scenario",
				       word);
	for (unsigned i = 0; i < scenario->gpus_count; i++)
		if (is_shown[i])
			visible->positions[visible->count++] = i;
	return 0;
}

int visible_select(const struct scenario *scenario, const char *list, struct visible *ret,
		   struct err *err)
{
	*ret = (struct visible){ .count = 0 };
	if (list && (*list == '\0' || strcmp(list, "void") == 0 || strcmp(list, "none") == 0))
		return 0;
	if (list && strcmp(list, "all") != 0)
		return select_listed(scenario, list, ret, err);
	for (unsigned i = 0; i < scenario->gpus_count; i++) {
		ret->positions[ret->count++] = i;
		ret->sees_all[i] = true;
	}
	return 0;
}

bool visible_has_part(const struct visible *visible, unsigned position, unsigned gpu_instance,
		      unsigned compute_instance)
{
	return visible->sees_all[position] ||
	       visible->sees[position][gpu_instance][compute_instance];
}
