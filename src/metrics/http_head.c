/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Only the request line is read; headers are waited for and passed over, since none of them changes
 * what a GET of ours answers. No byte behind @length is touched.
 */
#include "metrics/http_head.h"

#include <string.h>

#include "base/cleanup.h"

/* A word of the request line: up to the next space or the end of the line. */
struct word {
	const char *at;
	size_t length;
};

static struct word next_word(const char **at, const char *end)
{
	const char *space = memchr(*at, ' ', (size_t)(end - *at));
	const char *stop = space ? space : end;
	struct word word = { *at, (size_t)(stop - *at) };
	*at = space ? space + 1 : end;
	return word;
}

static bool is_word(const struct word *word, const char *text)
{
	return word->length == strlen(text) && memcmp(word->at, text, word->length) == 0;
}

static bool is_version(const struct word *word)
{
	return is_word(word, "HTTP/1.1") || is_word(word, "HTTP/1.0");
}

static bool is_printable(const struct word *word)
{
	for (size_t i = 0; i < word->length; i++)
		if (word->at[i] <= ' ' || word->at[i] > '~')
			return false;
	return word->length > 0;
}

static int take_path(const struct word *target, char ret[static HTTP_PATH_BYTES])
{
	const char *query = memchr(target->at, '?', target->length);
	size_t length = query ? (size_t)(query - target->at) : target->length;
	if (target->at[0] != '/')
		return -400;
	if (length >= HTTP_PATH_BYTES)
		return -414;
	memcpy(ret, target->at, length);
	ret[length] = '\0';
	return 1;
}

int http_head_parse(const char *bytes, size_t length, struct http_head *ret)
{
	static const char line_end[] = "\r\n";
	static const char head_end[] = "\r\n\r\n";
	const char *end = memmem(bytes, length, line_end, strlen(line_end));
	if (!end)
		return 0;
	const char *at = bytes;
	struct word method = next_word(&at, end);
	struct word target = next_word(&at, end);
	struct word version = next_word(&at, end);
	if (at != end || !is_version(&version) || !is_printable(&method) || !is_printable(&target))
		return -400;
	if (!is_word(&method, "GET") && !is_word(&method, "HEAD"))
		return -405;
	if (!memmem(bytes, length, head_end, strlen(head_end)))
		return 0;
	ret->is_get = is_word(&method, "GET");
	return take_path(&target, ret->path);
}
