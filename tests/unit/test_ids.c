/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdlib.h>

#include "sim/kubelet/ids.h"

static void add(struct ids *ids, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_int_equal(ids_add(ids, names[i], 1), 0);
}

static const char *const letters[] = { "d", "a", "c", "b" };

static void copies_only_the_length_it_is_told(void **state)
{
	(void)state;
	struct ids ids = { 0 };
	assert_int_equal(ids_add(&ids, "abcdef", 3), 0);
	assert_string_equal(ids.items[0], "abc");
	assert_true(ids_has(&ids, "abc"));
	assert_false(ids_has(&ids, "abcdef"));
	ids_done(&ids);
}

static void shuffles_the_same_way_for_the_same_seed(void **state)
{
	(void)state;
	struct ids one = { 0 };
	struct ids two = { 0 };
	uint64_t seed_one = 7;
	uint64_t seed_two = 7;
	add(&one, letters, 4);
	add(&two, letters, 4);
	ids_shuffle(&one, &seed_one);
	ids_shuffle(&two, &seed_two);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(one.items[i], two.items[i]);
	assert_int_equal(seed_one, seed_two);
	assert_int_not_equal(seed_one, 7);
	assert_int_equal(one.count, 4);
	for (size_t i = 0; i < 4; i++)
		assert_true(ids_has(&one, letters[i]));
	ids_done(&one);
	ids_done(&two);
}

static void puts_every_id_in_every_place(void **state)
{
	(void)state;
	bool was_first[4] = { 0 };
	uint64_t seed = 0;
	for (int turn = 0; turn < 200; turn++) {
		struct ids ids = { 0 };
		add(&ids, letters, 4);
		ids_shuffle(&ids, &seed);
		was_first[ids.items[0][0] - 'a'] = true;
		ids_done(&ids);
	}
	for (size_t i = 0; i < 4; i++)
		assert_true(was_first[i]);
}

static void writes_a_message_that_fits(void **state)
{
	(void)state;
	struct ids ids = { 0 };
	char *text = ids_text(&ids, 100);
	assert_string_equal(text, "");
	free(text);
	add(&ids, letters, 4);
	text = ids_text(&ids, 100);
	assert_string_equal(text, "d, a, c, b");
	free(text);
	text = ids_text(&ids, 5);
	assert_string_equal(text, "d, a");
	free(text);
	ids_done(&ids);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_only_the_length_it_is_told),
		cmocka_unit_test(shuffles_the_same_way_for_the_same_seed),
		cmocka_unit_test(puts_every_id_in_every_place),
		cmocka_unit_test(writes_a_message_that_fits),
	};
	return cmocka_run_group_tests_name("ids", tests, NULL, NULL);
}
