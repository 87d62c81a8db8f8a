/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "rpc/percent.h"

struct pair {
	const char *text;
	const char *wire;
};

static void each_text_has_its_wire_form_and_returns(void **state)
{
	(void)state;
	static const struct pair pairs[] = {
		{ "", "" },
		{ "no devices left", "no devices left" },
		{ "100%", "100%25" },
		{ "a\nb\tc\x7f", "a%0Ab%09c%7F" },
		{ "h\xc3\xa4lfte \xf0\x9f\x98\x80", "h%C3%A4lfte %F0%9F%98%80" },
		{ " ~", " ~" },
	};
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		char *wire = percent_encode(pairs[i].text);
		assert_string_equal(wire, pairs[i].wire);
		char *text = percent_decode(wire, strlen(wire));
		assert_string_equal(text, pairs[i].text);
		free(text);
		free(wire);
	}
}

static void what_is_not_utf8_is_replaced(void **state)
{
	(void)state;
	char *wire = percent_encode("a\xff\xc3(b");
	assert_string_equal(wire, "a%EF%BF%BD%EF%BF%BD(b");
	free(wire);

	char *text = percent_decode("a%FF%C3(%ED%A0%80b", strlen("a%FF%C3(%ED%A0%80b"));
	assert_true(text_is_utf8((const uint8_t *)text, strlen(text)));
	assert_int_equal(strncmp(text, "a\xEF\xBF\xBD\xEF\xBF\xBD(", 8), 0);
	free(text);
}

static void nul_does_not_cut_the_text(void **state)
{
	(void)state;
	char *text = percent_decode("a%00b", 5);
	assert_string_equal(text, "a\xEF\xBF\xBD"
				  "b");
	free(text);
}

static void broken_escapes_stand_for_themselves(void **state)
{
	(void)state;
	static const char *const broken[] = { "%", "%4", "%zz", "100%", "%%4", "%4g" };
	for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
		char *text = percent_decode(broken[i], strlen(broken[i]));
		assert_string_equal(text, broken[i]);
		free(text);
	}
	char *text = percent_decode("%%41", 4);
	assert_string_equal(text, "%A");
	free(text);
	text = percent_decode("%c3%A4", 6);
	assert_string_equal(text, "\xc3\xa4");
	free(text);
}

static void long_texts_are_cut_between_characters(void **state)
{
	(void)state;
	enum {
		CHARACTERS = 4000
	};
	char *text = calloc(1, 2 * CHARACTERS + 1);
	assert_non_null(text);
	for (size_t i = 0; i < CHARACTERS; i++) {
		text[2 * i] = '\xc3';
		text[2 * i + 1] = '\xa4';
	}

	char *wire = percent_encode(text);
	assert_in_range(strlen(wire), PERCENT_BYTES_MAX - 5, PERCENT_BYTES_MAX);
	assert_int_equal(strlen(wire) % 6, 0);
	free(wire);

	wire = percent_decode(text, strlen(text));
	assert_int_equal(strlen(wire), PERCENT_BYTES_MAX);
	assert_true(text_is_utf8((const uint8_t *)wire, strlen(wire)));
	free(wire);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_text_has_its_wire_form_and_returns),
		cmocka_unit_test(what_is_not_utf8_is_replaced),
		cmocka_unit_test(nul_does_not_cut_the_text),
		cmocka_unit_test(broken_escapes_stand_for_themselves),
		cmocka_unit_test(long_texts_are_cut_between_characters),
	};
	return cmocka_run_group_tests_name("percent", tests, NULL, NULL);
}
