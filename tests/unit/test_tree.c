/* SPDX-License-Identifier: Apache-2.0 */
/* The strict tree: positions of values, what JSON becomes, and everything it refuses with its
 * place. */
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/tree.h"

static int set_up(void **state)
{
	*state = calloc(1, sizeof(struct arena));
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	arena_done(*state);
	free(*state);
	return 0;
}

static struct tree *parse(void **state, const char *text, size_t length)
{
	struct tree *root = NULL;
	struct tree_position position;
	struct err err = ERR_INIT;
	assert_int_equal(tree_parse(text, length, *state, &root, &position, &err), 0);
	return root;
}

static void knows_where_each_value_and_key_stands(void **state)
{
	static const char text[] = "flags:\n"
				   "  migStrategy: none\n"
				   "sharing:\n"
				   "  - \"x\"\n"
				   "  - 'y'\n";
	const struct tree *root = parse(state, text, strlen(text));
	assert_int_equal(root->kind, TREE_MAP);
	assert_int_equal(root->line, 1);
	assert_int_equal(root->col, 1);

	const struct tree *flags = tree_find(root, "flags");
	assert_int_equal(flags->key_line, 1);
	assert_int_equal(flags->key_col, 1);
	const struct tree *strategy = tree_find(flags, "migStrategy");
	assert_int_equal(strategy->line, 2);
	assert_int_equal(strategy->col, 16);
	assert_int_equal(strategy->key_line, 2);
	assert_int_equal(strategy->key_col, 3);
	assert_string_equal(strategy->text, "none");
	assert_true(strategy->is_plain);

	const struct tree *list = tree_find(root, "sharing");
	assert_int_equal(list->kind, TREE_LIST);
	assert_string_equal(list->child->text, "x");
	assert_false(list->child->is_plain);
	assert_int_equal(list->child->next->line, 5);
	assert_int_equal(list->child->next->col, 5);
	assert_null(list->child->next->next);
	assert_null(list->child->key);
}

static void json_is_read_as_the_yaml_that_it_is(void **state)
{
	static const char text[] = "{\"a\": [1, true, \"1\"],\n \"b\": {\"c\": null}}";
	const struct tree *root = parse(state, text, strlen(text));
	const struct tree *list = tree_find(root, "a");
	assert_int_equal(list->kind, TREE_LIST);
	assert_true(list->child->is_plain);
	assert_false(list->child->next->next->is_plain);
	const struct tree *c = tree_find(tree_find(root, "b"), "c");
	assert_true(tree_is_null(c));
	assert_int_equal(c->line, 2);
	assert_int_equal(c->col, 13);
}

static void an_empty_text_has_no_root(void **state)
{
	static const char *const texts[] = { "", "\n\n", "# only a comment\n" };
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_null(parse(state, texts[i], strlen(texts[i])));
}

static void keeps_both_of_a_key_that_stands_twice_and_finds_the_last(void **state)
{
	static const char text[] = "a: 1\nb: 2\na: 3\n";
	const struct tree *root = parse(state, text, strlen(text));
	assert_string_equal(root->child->text, "1");
	assert_string_equal(root->child->next->next->text, "3");
	assert_string_equal(tree_find(root, "a")->text, "3");
	assert_null(tree_find(root, "c"));
	assert_null(tree_find(root->child, "a"));
	assert_null(tree_find(NULL, "a"));
}

static void null_is_what_yaml_calls_null_and_not_the_quoted_word(void **state)
{
	static const char plain[] = "[~, null, Null, NULL]";
	static const char empty[] = "a:\nb: ''\nc: nil\n";
	const struct tree *root = parse(state, plain, strlen(plain));
	for (const struct tree *item = root->child; item; item = item->next)
		assert_true(tree_is_null(item));
	const struct tree *map = parse(state, empty, strlen(empty));
	assert_true(tree_is_null(tree_find(map, "a")));
	assert_false(tree_is_null(tree_find(map, "b")));
	assert_false(tree_is_null(tree_find(map, "c")));
	assert_false(tree_is_null(map));
	assert_false(tree_is_null(NULL));
}

struct refusal {
	const char *text;
	size_t length;
	int code;
	unsigned line;
	unsigned col;
	const char *reason; /* part of the message */
};

#define REFUSAL(text, code, line, col, reason)                        \
	{                                                             \
		text, sizeof(text) - 1, code, (line), (col), (reason) \
	}

static void refuses_with_the_place(void **state)
{
	static const struct refusal rows[] = {
		REFUSAL("a: 1\n---\nb: 2\n", -EINVAL, 2, 1, "a second document"),
		REFUSAL("a: &x 1\nb: *x\n", -EINVAL, 1, 4, "anchors (&)"),
		REFUSAL("a: 1\nb: *x\n", -EINVAL, 2, 4, "aliases (*)"),
		REFUSAL("a: !!int 1\n", -EINVAL, 1, 4, "tags (!)"),
		REFUSAL("a: !x [1]\n", -EINVAL, 1, 4, "tags (!)"),
		REFUSAL("a: &x {b: 1}\n", -EINVAL, 1, 4, "anchors (&)"),
		REFUSAL("[a, b]: 1\n", -EINVAL, 1, 1, "a key must be a plain text"),
		REFUSAL("? {a: 1}\n: 2\n", -EINVAL, 1, 3, "a key must be a plain text"),
		REFUSAL("a: \"x\\0y\"\n", -EINVAL, 1, 4, "NUL"),
		REFUSAL("a: b\0c\n", -EINVAL, 1, 5, "not text"),
		REFUSAL("a: b\nc: \xff\n", -EINVAL, 2, 4, "not text"),
		REFUSAL("a: b\nc: x\xed\xa0\x80\n", -EINVAL, 2, 5, "not text"),
		REFUSAL("a: [1, 2\n", -EINVAL, 2, 1, "not YAML"),
		REFUSAL("a: b: c\n", -EINVAL, 1, 5, "not YAML"),
		REFUSAL("\ta: 1\n", -EINVAL, 1, 1, "not YAML"),
		REFUSAL("\x7f"
			"ELF\x02\x01\x01",
			-EINVAL, 1, 1, "not text"),
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct tree *root = NULL;
		struct tree_position position = { 0 };
		struct err err = ERR_INIT;
		int r = tree_parse(rows[i].text, rows[i].length, *state, &root, &position, &err);
		assert_int_equal(r, rows[i].code);
		assert_null(root);
		if (!strstr(err.msg, rows[i].reason))
			fail_msg("row %zu: %s", i, err.msg);
		assert_int_equal(position.line, rows[i].line);
		assert_int_equal(position.col, rows[i].col);
	}
}

/* An alias bomb is refused at its first anchor, before anything is multiplied. */
static void refuses_a_bomb_of_aliases(void **state)
{
	static const char bomb[] = "a: &a [x,x,x,x,x,x,x,x,x]\n"
				   "b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
				   "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n";
	struct tree *root = NULL;
	struct tree_position position;
	struct err err = ERR_INIT;
	int r = tree_parse(bomb, strlen(bomb), *state, &root, &position, &err);
	assert_int_equal(r, -EINVAL);
	assert_int_equal(position.line, 1);
	assert_int_equal(position.col, 4);
}

static int parse_filled(void **state, char byte, size_t count, struct err *err)
{
	char *text = test_malloc(count);
	memset(text, byte, count);
	struct tree *root = NULL;
	struct tree_position position;
	int r = tree_parse(text, count, *state, &root, &position, err);
	test_free(text);
	return r;
}

static void refuses_deep_nesting_at_its_bound(void **state)
{
	struct err err = ERR_INIT;
	assert_int_equal(parse_filled(state, '[', TREE_DEPTH_MAX + 1, &err), -E2BIG);
	assert_string_equal(err.msg, "nested deeper than 32, the most that is read");
	assert_int_equal(parse_filled(state, '[', TREE_DEPTH_MAX, &err), -EINVAL);
	assert_int_equal(parse_filled(state, '[', TREE_BYTES_MAX, &err), -E2BIG);
}

static void reads_a_megabyte_and_refuses_one_byte_more(void **state)
{
	struct err err = ERR_INIT;
	assert_int_equal(parse_filled(state, ' ', TREE_BYTES_MAX, &err), 0);
	assert_int_equal(parse_filled(state, ' ', TREE_BYTES_MAX + 1, &err), -E2BIG);
	assert_string_equal(err.msg, "larger than 1048576 bytes, the most that is read");
}

static void refuses_too_many_values(void **state)
{
	size_t count = 2 * (size_t)TREE_NODES_MAX + 4;
	char *text = test_malloc(count);
	for (size_t i = 0; i < count; i++)
		text[i] = i % 2 == 1 ? '1' : ',';
	text[0] = '[';
	struct tree *root = NULL;
	struct tree_position position;
	struct err err = ERR_INIT;
	int r = tree_parse(text, count, *state, &root, &position, &err);
	test_free(text);
	assert_int_equal(r, -E2BIG);
	assert_string_equal(err.msg, "more than 100000 values, the most that is read");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(knows_where_each_value_and_key_stands, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(json_is_read_as_the_yaml_that_it_is, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(an_empty_text_has_no_root, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			keeps_both_of_a_key_that_stands_twice_and_finds_the_last, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			null_is_what_yaml_calls_null_and_not_the_quoted_word, set_up, tear_down),
		cmocka_unit_test_setup_teardown(refuses_with_the_place, set_up, tear_down),
		cmocka_unit_test_setup_teardown(refuses_a_bomb_of_aliases, set_up, tear_down),
		cmocka_unit_test_setup_teardown(refuses_deep_nesting_at_its_bound, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(reads_a_megabyte_and_refuses_one_byte_more, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(refuses_too_many_values, set_up, tear_down),
	};
	return cmocka_run_group_tests_name("tree", tests, NULL, NULL);
}
