/* SPDX-License-Identifier: Apache-2.0 */
/* See event_set.h. */
#include "sim/nvml/event_set.h"

static bool is_used(const struct nvml_event_set *set)
{
	return set->generation % 2 == 1;
}

struct nvml_event_set *event_set_take(struct event_sets *sets)
{
	for (size_t i = 0; i < EVENT_SETS_MAX; i++) {
		struct nvml_event_set *set = &sets->sets[i];
		if (is_used(set))
			continue;
		*set = (struct nvml_event_set){ .generation = set->generation + 1 };
		return set;
	}
	return NULL;
}

void event_set_give_back(struct nvml_event_set *set)
{
	set->generation++;
}

void event_set_give_back_all(struct event_sets *sets)
{
	for (size_t i = 0; i < EVENT_SETS_MAX; i++)
		if (is_used(&sets->sets[i]))
			event_set_give_back(&sets->sets[i]);
}

bool event_set_is_known(const struct event_sets *sets, const struct nvml_event_set *set)
{
	for (size_t i = 0; i < EVENT_SETS_MAX; i++)
		if (set == &sets->sets[i])
			return is_used(set);
	return false;
}

void event_set_add(struct event_sets *sets, unsigned position, const struct nvml_event_data *data)
{
	for (size_t i = 0; i < EVENT_SETS_MAX; i++) {
		struct nvml_event_set *set = &sets->sets[i];
		if (!is_used(set) || (set->types[position] & data->type) == 0 ||
		    set->count == EVENT_QUEUE_MAX)
			continue;
		set->queue[(set->first + set->count) % EVENT_QUEUE_MAX] = *data;
		set->count++;
	}
}

bool event_set_next(struct nvml_event_set *set, struct nvml_event_data *ret)
{
	if (set->count == 0)
		return false;
	*ret = set->queue[set->first];
	set->first = (set->first + 1) % EVENT_QUEUE_MAX;
	set->count--;
	return true;
}
