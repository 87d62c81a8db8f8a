/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scalar rules of go-yaml v2: only plain scalars are anything but texts, and which type they
 * are depends on their letters alone.
 */
#include "config/value.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

enum {
	NUMBER_BYTES = 128 /* a longer scalar is not meant as a number */
};

static bool is_one_of(const char *text, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(text, words[i]) == 0)
			return true;
	return false;
}

static bool read_bool(const char *text, struct value *value)
{
	static const char *const yes[] = { "true", "True", "TRUE", "y",  "Y", "yes",
					   "Yes",  "YES",  "on",   "On", "ON" };
	static const char *const no[] = { "false", "False", "FALSE", "n",   "N",  "no",
					  "No",    "NO",    "off",   "Off", "OFF" };
	bool is_yes = is_one_of(text, yes, ARRAY_LEN(yes));
	if (!is_yes && !is_one_of(text, no, ARRAY_LEN(no)))
		return false;
	value->kind = VALUE_BOOL;
	value->flag = is_yes;
	value->is_odd = strcmp(text, is_yes ? "true" : "false") != 0;
	return true;
}

/* Go's base prefixes; a bare leading zero is octal. */
static int base_of(const char **digits)
{
	static const struct {
		const char *letters;
		int base;
	} bases[] = { { "xX", 16 }, { "oO", 8 }, { "bB", 2 } };
	const char *text = *digits;
	if (text[0] != '0' || text[1] == '\0')
		return 10;
	for (size_t i = 0; i < ARRAY_LEN(bases); i++) {
		if (!strchr(bases[i].letters, text[1]))
			continue;
		*digits = text + 2;
		return bases[i].base;
	}
	*digits = text + 1;
	return 8;
}

static int digit_value(char c)
{
	if (text_is_digit(c))
		return c - '0';
	return isalpha((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : INT32_MAX;
}

static bool read_int(const char *text, int64_t *ret)
{
	bool is_negative = text[0] == '-';
	const char *digits = text + (is_negative || text[0] == '+' ? 1 : 0);
	int base = base_of(&digits);
	if (*digits == '\0')
		return false;
	int64_t number = 0;
	for (; *digits != '\0'; digits++) {
		int digit = digit_value(*digits);
		if (digit >= base || __builtin_mul_overflow(number, base, &number) ||
		    __builtin_sub_overflow(number, digit, &number))
			return false;
	}
	if (!is_negative && number == INT64_MIN)
		return false;
	*ret = is_negative ? number : -number;
	return true;
}

static const char *skip_digits(const char *at)
{
	while (text_is_digit(*at))
		at++;
	return at;
}

/* [-+]? (.digits | digits[.digits]) [(e|E)[-+]digits] */
static bool is_float(const char *text)
{
	const char *at = text + (*text == '-' || *text == '+' ? 1 : 0);
	const char *whole = at;
	at = skip_digits(at);
	bool has_whole = at > whole;
	if (*at == '.') {
		const char *fraction = ++at;
		at = skip_digits(at);
		if (!has_whole && at == fraction)
			return false;
	} else if (!has_whole) {
		return false;
	}
	if (*at != 'e' && *at != 'E')
		return *at == '\0';
	at++;
	if (*at == '-' || *at == '+')
		at++;
	return text_is_digit(*at) && *skip_digits(at) == '\0';
}

/* Go prints a float of this size without an exponent, so that it passes as an integer. */
static bool is_whole(double real)
{
	return fabs(real) < 9e18 && real == (double)(int64_t)real;
}

static bool read_float(const char *text, struct value *value)
{
	static const char *const special[] = {
		".inf",  ".Inf",  ".INF",  "+.inf", "+.Inf", "+.INF",
		"-.inf", "-.Inf", "-.INF", ".nan",  ".NaN",  ".NAN"
	};
	if (is_one_of(text, special, ARRAY_LEN(special))) {
		value->kind = VALUE_FLOAT;
		value->real = (double)INFINITY; /* of no use to any setting, whichever it is */
		return true;
	}
	if (!is_float(text))
		return false;
	value->real = strtod(text, NULL);
	value->is_odd = true;
	value->kind = is_whole(value->real) ? VALUE_INT : VALUE_FLOAT;
	value->number = value->kind == VALUE_INT ? (int64_t)value->real : 0;
	return true;
}

/* Underscores inside a number are skipped, whatever is between them. */
static bool read_number(const char *text, struct value *value)
{
	char first = text[0];
	if (!text_is_digit(first) && first != '+' && first != '-' && first != '.')
		return false;
	char plain[NUMBER_BYTES] = ""; /* the analyser cannot see that the copy is terminated */
	size_t used = 0;
	for (const char *at = text; *at != '\0'; at++) {
		if (*at == '_' && first != '.')
			continue;
		if (used == sizeof(plain) - 1)
			return false;
		plain[used++] = *at;
	}
	plain[used] = '\0';
	if (!read_int(plain, &value->number))
		return read_float(plain, value);
	value->kind = VALUE_INT;
	value->real = (double)value->number;
	const char *digits = text + (first == '-' ? 1 : 0);
	bool has_zero = digits[0] == '0' && digits[1] != '\0';
	value->is_odd = has_zero || *skip_digits(digits) != '\0';
	return true;
}

struct value value_read(const struct tree *node)
{
	struct value value = { .kind = VALUE_TEXT, .text = node->text };
	if (node->kind == TREE_LIST)
		value.kind = VALUE_LIST;
	else if (node->kind == TREE_MAP)
		value.kind = VALUE_MAP;
	else if (tree_is_null(node))
		value.kind = VALUE_NULL;
	else if (node->is_plain && !read_bool(node->text, &value))
		(void)read_number(node->text, &value); /* else it stays a text */
	return value;
}

const char *value_kind_name(enum value_kind kind)
{
	switch (kind) {
	case VALUE_NULL:
		return "nothing";
	case VALUE_BOOL:
		return "a boolean";
	case VALUE_INT:
	case VALUE_FLOAT:
		return "a number";
	case VALUE_TEXT:
		return "a text";
	case VALUE_LIST:
		return "a list";
	case VALUE_MAP:
		return "a map";
	}
	return "of no known kind";
}
