/* SPDX-License-Identifier: Apache-2.0 */
/* base/document: a document of which a part is missing is none, whichever allocation failed. */
#include "unit.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/document.h"

enum {
	ITEMS = 20,
	ALLOCATIONS_MAX = 10000,
};

static const char key[] = "a key that is longer than the buffer at its beginning";

static unsigned allocations_left; /* 0: no limit */

void *__real_realloc(void *pointer, size_t size);
void *__wrap_realloc(void *pointer, size_t size);

static bool fails(void)
{
	return allocations_left > 0 && --allocations_left == 0;
}

/* The buffer's, and through the function below jansson's. */
void *__wrap_realloc(void *pointer, size_t size)
{
	return fails() ? NULL : __real_realloc(pointer, size);
}

static void *jansson_malloc(size_t size)
{
	return fails() ? NULL : malloc(size);
}

static int setup(void **state)
{
	(void)state;
	json_set_alloc_funcs(jansson_malloc, free);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	allocations_left = 0;
	json_set_alloc_funcs(malloc, free);
	return 0;
}

static char *make(void)
{
	json_t *list = json_array();
	for (json_int_t i = 0; i < ITEMS; i++)
		list = document_append(list, json_pack("{s:I, s:s}", key, i, "name", "value"));
	json_t *root = json_pack("{s:o}", "list", list);
	char *text = document_text(root, JSON_COMPACT);
	json_decref(root);
	return text;
}

static void each_allocation_that_fails_leaves_no_document(void **state)
{
	(void)state;
	cleanup_free char *whole = make();
	assert_non_null(whole);
	unsigned n = 1;
	for (; n < ALLOCATIONS_MAX; n++) {
		allocations_left = n;
		cleanup_free char *text = make();
		if (allocations_left > 0)
			break;
		assert_null(text);
	}
	assert_in_range(n, ITEMS, ALLOCATIONS_MAX - 1);
}

static void a_list_keeps_its_order(void **state)
{
	(void)state;
	json_t *list = document_append(json_array(), json_integer(1));
	list = document_append(list, json_string("b"));
	cleanup_free char *text = document_text(list, JSON_COMPACT);
	json_decref(list);
	assert_string_equal(text, "[1,\"b\"]");
}

static void what_is_missing_makes_all_missing(void **state)
{
	(void)state;
	assert_null(document_append(NULL, json_integer(1)));
	assert_null(document_append(json_array(), NULL));
	assert_null(document_text(NULL, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_allocation_that_fails_leaves_no_document,
						setup, teardown),
		cmocka_unit_test(a_list_keeps_its_order),
		cmocka_unit_test(what_is_missing_makes_all_missing),
	};
	return cmocka_run_group_tests_name("document", tests, NULL, NULL);
}
