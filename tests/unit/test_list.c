/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/list.h"

static size_t count(const struct list *head)
{
	size_t n = 0;
	for (const struct list *i = head->next; i != head; i = i->next)
		n++;
	return n;
}

static void keeps_the_order_of_arrival(void **state)
{
	(void)state;
	struct list head;
	struct list nodes[3];
	list_init(&head);
	assert_true(list_is_empty(&head));
	for (size_t i = 0; i < 3; i++)
		list_append(&head, &nodes[i]);
	size_t i = 0;
	list_for_each_safe (node, after, &head)
		assert_ptr_equal(node, &nodes[i++]);
	assert_int_equal(i, 3);
}

static void walk_may_remove_what_it_visits(void **state)
{
	(void)state;
	struct list head;
	struct list nodes[3];
	list_init(&head);
	for (size_t i = 0; i < 3; i++)
		list_append(&head, &nodes[i]);
	list_for_each_safe (node, after, &head)
		list_remove(node);
	assert_true(list_is_empty(&head));
	list_remove(&nodes[1]); /* alone, and allowed */
}

static void moved_list_leaves_an_empty_one(void **state)
{
	(void)state;
	struct list head;
	struct list to;
	struct list nodes[2];
	list_init(&head);
	list_move(&head, &to);
	assert_true(list_is_empty(&to));

	list_append(&head, &nodes[0]);
	list_append(&head, &nodes[1]);
	list_move(&head, &to);
	assert_true(list_is_empty(&head));
	assert_int_equal(count(&to), 2);
	list_remove(&nodes[0]);
	assert_ptr_equal(to.next, &nodes[1]);
	assert_ptr_equal(to.previous, &nodes[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_the_order_of_arrival),
		cmocka_unit_test(walk_may_remove_what_it_visits),
		cmocka_unit_test(moved_list_leaves_an_empty_one),
	};
	return cmocka_run_group_tests_name("list", tests, NULL, NULL);
}
