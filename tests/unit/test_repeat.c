/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "agent/repeat.h"

#define SECOND UINT64_C(1000000000)

static void says_the_same_words_once_a_minute(void **state)
{
	(void)state;
	struct repeat repeat = { 0 };

	assert_true(repeat_is_due(&repeat, "no driver", 1 * SECOND));
	assert_false(repeat_is_due(&repeat, "no driver", 60 * SECOND));
	assert_true(repeat_is_due(&repeat, "no driver", 61 * SECOND));
	assert_false(repeat_is_due(&repeat, "no driver", 62 * SECOND));
}

static void says_new_words_at_once(void **state)
{
	(void)state;
	struct repeat repeat = { 0 };

	assert_true(repeat_is_due(&repeat, "no driver", 1 * SECOND));
	assert_true(repeat_is_due(&repeat, "no kubelet", 1 * SECOND));
	assert_true(repeat_is_due(&repeat, "no driver", 2 * SECOND));
}

static void words_that_change_all_the_time_are_bounded(void **state)
{
	(void)state;
	struct repeat repeat = { 0 };
	unsigned said = 0;
	for (unsigned i = 0; i < 1000; i++)
		said += repeat_is_due(&repeat, i % 2 == 0 ? "no GPU" : "no kubelet", SECOND + i)
				? 1
				: 0;
	assert_int_equal(said, REPEAT_LINES_MAX);
	assert_true(repeat_is_due(&repeat, "no driver", 61 * SECOND));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_the_same_words_once_a_minute),
		cmocka_unit_test(says_new_words_at_once),
		cmocka_unit_test(words_that_change_all_the_time_are_bounded),
	};
	return cmocka_run_group_tests_name("repeat", tests, NULL, NULL);
}
