/* SPDX-License-Identifier: Apache-2.0 */
/* A ring of nodes embedded in their owners, found again by container_of. A node can leave without
 * knowing whose list it is on. */
#pragma once

#include <stdbool.h>

#include "base/cleanup.h"

struct list {
	struct list *next;
	struct list *previous;
};

/* Walk with a copy of the successor, so that the body may remove `node` (but not its successor). */
#define list_for_each_safe(node, after, head)                                               \
	for (struct list *node = (head)->next, *after = node->next; (node) != (head); /* */ \
	     (node) = (after), (after) = (node)->next)

/* For a head, and for a node so that list_remove() on it is always allowed. */
static inline void list_init(struct list *list)
{
	list->next = list;
	list->previous = list;
}

static inline bool list_is_empty(const struct list *head)
{
	return head->next == head;
}

static inline void list_append(struct list *head, struct list *node)
{
	node->next = head;
	node->previous = head->previous;
	head->previous->next = node;
	head->previous = node;
}

static inline void list_remove(struct list *node)
{
	node->previous->next = node->next;
	node->next->previous = node->previous;
	list_init(node);
}

/* Move all nodes to @to, which is made an empty list first. */
static inline void list_move(struct list *head, struct list *to)
{
	list_init(to);
	if (list_is_empty(head))
		return;
	*to = *head;
	to->next->previous = to;
	to->previous->next = to;
	list_init(head);
}
