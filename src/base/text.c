/* SPDX-License-Identifier: Apache-2.0 */
/* Checked parsers for what comes from outside. Nothing here reads past the terminator or skips
 * white space. */
#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"

enum {
	CLOSEST_WORD_MAX = 48
};

/* Reads leading digits; *end is set behind them. -EINVAL without a digit, -ERANGE on overflow. */
static int digits(const char *text, const char **end, uint64_t *ret)
{
	uint64_t value = 0;
	const char *at = text;
	for (; text_is_digit(*at); at++)
		if (__builtin_mul_overflow(value, 10U, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
			return -ERANGE;
	if (at == text)
		return -EINVAL;
	*end = at;
	*ret = value;
	return 0;
}

int text_parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	const char *end = NULL;
	uint64_t value = 0;
	int r = digits(text, &end, &value);
	if (r < 0)
		return r;
	if (*end != '\0' || (text[0] == '0' && end - text > 1))
		return -EINVAL;
	if (value < min || value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}

int text_parse_bytes(const char *text, uint64_t *ret)
{
	static const struct {
		const char *name;
		unsigned shift;
	} units[] = {
		{ "", 0 },    { "Ki", 10 },  { "KiB", 10 }, { "Mi", 20 },  { "MiB", 20 },
		{ "Gi", 30 }, { "GiB", 30 }, { "Ti", 40 },  { "TiB", 40 },
	};
	const char *unit = NULL;
	uint64_t value = 0;
	int r = digits(text, &unit, &value);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (strcmp(unit, units[i].name) != 0)
			continue;
		if (value > UINT64_MAX >> units[i].shift)
			return -ERANGE;
		*ret = value << units[i].shift;
		return 0;
	}
	return -EINVAL;
}

struct unit {
	const char *name;
	uint64_t ns;
};

/* Longest name first where one begins with another. Go takes both signs for micro. */
static const struct unit duration_units[] = {
	{ "ns", 1 },       { "us", 1000 },      { "\u00b5s", 1000 },  { "\u03bcs", 1000 },
	{ "ms", 1000000 }, { "s", 1000000000 }, { "m", 60000000000 }, { "h", 3600000000000 },
};

static const struct unit *duration_unit(const char *text)
{
	for (size_t i = 0; i < ARRAY_LEN(duration_units); i++)
		if (strncmp(text, duration_units[i].name, strlen(duration_units[i].name)) == 0)
			return &duration_units[i];
	return NULL;
}

static const char *skip_digits(const char *at)
{
	while (text_is_digit(*at))
		at++;
	return at;
}

/* One "1.5s" of a duration, also ".5s" and "1.s"; *text is moved behind it and *total grows. */
static int duration_part(const char **text, uint64_t *total)
{
	const char *at = *text;
	uint64_t whole = 0;
	bool has_whole = text_is_digit(*at);
	int r = has_whole ? digits(at, &at, &whole) : 0;
	if (r < 0)
		return r;
	const char *fraction = at;
	if (*at == '.') {
		fraction = ++at;
		at = skip_digits(at);
	}
	const struct unit *unit = duration_unit(at);
	if (!unit || (!has_whole && at == fraction))
		return -EINVAL;

	uint64_t ns = 0;
	if (__builtin_mul_overflow(whole, unit->ns, &ns))
		return -ERANGE;
	uint64_t digit_ns = unit->ns;
	for (; fraction < at; fraction++) {
		digit_ns /= 10;
		ns += (uint64_t)(*fraction - '0') * digit_ns;
	}
	if (__builtin_add_overflow(*total, ns, total) || *total > INT64_MAX)
		return -ERANGE;
	*text = at + strlen(unit->name);
	return 0;
}

int text_parse_duration(const char *text, uint64_t *ret_ns)
{
	uint64_t total = 0;
	if (*text == '+')
		text++;
	if (strcmp(text, "0") != 0) {
		do {
			int r = duration_part(&text, &total);
			if (r < 0)
				return r;
		} while (*text != '\0');
	}
	*ret_ns = total;
	return 0;
}

int text_parse_bool(const char *text, bool *ret)
{
	static const char *const yes[] = { "1", "t", "T", "TRUE", "true", "True" };
	static const char *const no[] = { "0", "f", "F", "FALSE", "false", "False" };

	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		bool is_yes = strcmp(text, yes[i]) == 0;
		if (is_yes || strcmp(text, no[i]) == 0) {
			*ret = is_yes;
			return 0;
		}
	}
	return -EINVAL;
}

/* Bytes that follow a lead byte; -1 when it cannot lead. */
static int utf8_tail(uint8_t lead)
{
	if (lead < 0x80)
		return 0;
	if (lead >= 0xC2 && lead <= 0xDF)
		return 1;
	if (lead >= 0xE0 && lead <= 0xEF)
		return 2;
	return lead >= 0xF0 && lead <= 0xF4 ? 3 : -1;
}

/* The second byte rules out long forms (E0, F0), surrogates (ED) and what is beyond U+10FFFF (F4).
 */
static bool utf8_second_fits(uint8_t lead, uint8_t second)
{
	switch (lead) {
	case 0xE0:
		return second >= 0xA0;
	case 0xED:
		return second <= 0x9F;
	case 0xF0:
		return second >= 0x90;
	case 0xF4:
		return second <= 0x8F;
	default:
		return true;
	}
}

/* ASCII without NUL, eight bytes at a time: most texts are nothing else, and kubelet sends 10 000
 * ids at once. Bytes 1 to 0x7F lack the high bit, and still lack it when 1 is taken off. */
static bool is_plain(const uint8_t *bytes, size_t length)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t word;
	for (; length >= sizeof(word); bytes += sizeof(word), length -= sizeof(word)) {
		memcpy(&word, bytes, sizeof(word));
		if ((word | (word - ones)) & ones << 7)
			return false;
	}
	for (; length > 0; bytes++, length--)
		if (*bytes == 0 || *bytes >= 0x80)
			return false;
	return true;
}

bool text_is_utf8(const uint8_t *bytes, size_t length)
{
	if (is_plain(bytes, length))
		return true;
	size_t i = 0;
	while (i < length) {
		int tail = utf8_tail(bytes[i]);
		if (tail < 0 || bytes[i] == 0 || (size_t)tail >= length - i)
			return false;
		for (int k = 1; k <= tail; k++)
			if ((bytes[i + (size_t)k] & 0xC0) != 0x80)
				return false;
		if (tail > 0 && !utf8_second_fits(bytes[i], bytes[i + 1]))
			return false;
		i += (size_t)tail + 1;
	}
	return true;
}

static int folded(char c)
{
	return tolower((unsigned char)c);
}

/* Edit distance with one row; both words are at most CLOSEST_WORD_MAX long. */
static size_t distance(const char *a, const char *b)
{
	size_t row[CLOSEST_WORD_MAX + 1];
	size_t width = strlen(b);
	for (size_t j = 0; j <= width; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= width; j++) {
			bool is_same = folded(a[i - 1]) == folded(b[j - 1]);
			size_t change = diagonal + (is_same ? 0 : 1);
			diagonal = row[j];
			size_t best = change < row[j] + 1 ? change : row[j] + 1;
			row[j] = best < row[j - 1] + 1 ? best : row[j - 1] + 1;
		}
	}
	return row[width];
}

const char *text_closest(const char *word, const char *const *candidates, size_t count)
{
	size_t length = strlen(word);
	if (length == 0 || length > CLOSEST_WORD_MAX)
		return NULL;
	const char *closest = NULL;
	size_t least = (length + 2) / 3 + 1;
	for (size_t i = 0; i < count; i++) {
		if (strlen(candidates[i]) > CLOSEST_WORD_MAX)
			continue;
		size_t d = distance(word, candidates[i]);
		if (d < least) {
			least = d;
			closest = candidates[i];
		}
	}
	return closest;
}

uint64_t text_digest(const char *bytes, size_t length)
{
	uint64_t digest = UINT64_C(0xCBF29CE484222325);
	for (size_t i = 0; i < length; i++)
		digest = (digest ^ (uint8_t)bytes[i]) * UINT64_C(0x100000001B3);
	return digest ? digest : 1;
}
