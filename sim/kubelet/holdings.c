/* SPDX-License-Identifier: Apache-2.0 */
/* See holdings.h. An entry a pod and resource; a node has at most a few hundred of them. */
#include "sim/kubelet/holdings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void holding_done(struct holding *holding)
{
	free(holding->pod);
	free(holding->resource);
	ids_done(&holding->ids);
	free(holding->response);
}

static struct holding *find(const struct holdings *holdings, const char *pod, const char *resource)
{
	for (size_t i = 0; i < holdings->count; i++)
		if (strcmp(holdings->items[i].pod, pod) == 0 &&
		    strcmp(holdings->items[i].resource, resource) == 0)
			return &holdings->items[i];
	return NULL;
}

const struct holding *holdings_find(const struct holdings *holdings, const char *pod,
				    const char *resource)
{
	return find(holdings, pod, resource);
}

int holdings_put(struct holdings *holdings, const char *pod, const char *resource, struct ids *ids,
		 uint8_t *response, size_t response_length)
{
	struct holding next = { .pod = strdup(pod), .resource = strdup(resource) };
	struct holding *place = find(holdings, pod, resource);
	if (!place && next.pod && next.resource) {
		struct holding *items = reallocarray(holdings->items, holdings->count + 1,
						     sizeof(*items));
		if (items) {
			holdings->items = items;
			place = &items[holdings->count++];
			*place = (struct holding){ 0 };
		}
	}
	if (!place || !next.pod || !next.resource) {
		holding_done(&next);
		return -ENOMEM;
	}

	next.ids = *ids;
	*ids = (struct ids){ 0 };
	next.response = response;
	next.response_length = response_length;
	holding_done(place);
	*place = next;
	return 0;
}

bool holdings_has(const struct holdings *holdings, const char *resource, const char *id)
{
	for (size_t i = 0; i < holdings->count; i++)
		if (strcmp(holdings->items[i].resource, resource) == 0 &&
		    ids_has(&holdings->items[i].ids, id))
			return true;
	return false;
}

void holdings_keep(struct holdings *holdings, holdings_filter_fn *is_kept, const void *context)
{
	size_t kept = 0;
	for (size_t i = 0; i < holdings->count; i++) {
		if (is_kept(holdings->items[i].pod, context))
			holdings->items[kept++] = holdings->items[i];
		else
			holding_done(&holdings->items[i]);
	}
	holdings->count = kept;
}

static bool is_other(const char *pod, const void *context)
{
	return strcmp(pod, context) != 0;
}

void holdings_drop(struct holdings *holdings, const char *pod)
{
	holdings_keep(holdings, is_other, pod);
}

void holdings_done(struct holdings *holdings)
{
	for (size_t i = 0; i < holdings->count; i++)
		holding_done(&holdings->items[i]);
	free(holdings->items);
	*holdings = (struct holdings){ 0 };
}
