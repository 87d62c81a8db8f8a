/* SPDX-License-Identifier: Apache-2.0 */
/* The checks behind sharing.*.resources[].name and .devices; called by apply.c only. */
#include "config/name.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "config/findings.h"

static const char prefix[] = "nvidia.com/";

static bool is_alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || text_is_digit(c);
}

/* RFC 1123 as Kubernetes checks it: labels of letters, digits and inner dashes, parted by dots. */
static bool is_subdomain(const char *text)
{
	char before = '.'; /* a label begins as it does behind a dot */
	for (; *text != '\0'; before = *text++) {
		bool is_behind_word = is_alphanumeric(before);
		bool may_follow = is_alphanumeric(*text) || (*text == '.' && is_behind_word) ||
				  (*text == '-' && (is_behind_word || before == '-'));
		if (!may_follow)
			return false;
	}
	return is_alphanumeric(before);
}

int name_qualify(const char *name, char ret[static NAME_LENGTH_MAX + 1], struct err *err)
{
	char shown[FINDING_SHOWN_BYTES];
	const char *before = strncmp(name, prefix, sizeof(prefix) - 1) == 0 ? "" : prefix;
	char full[NAME_LENGTH_MAX + 1];
	int length = snprintf(full, sizeof(full), "%s%s", before, name);
	if (length > NAME_LENGTH_MAX)
		return err_set(err, -EINVAL,
			       "fully-qualified resource name must be %d characters or less: %s%s",
			       NAME_LENGTH_MAX, before, finding_shown(name, shown));
	if (!is_subdomain(full + sizeof(prefix) - 1))
		return err_set(err, -EINVAL,
			       "incorrect format for resource name '%s%s', allowed: nvidia.com/ "
			       "and a-z, 0-9, '-', '.', first and last a letter or a digit",
			       before, finding_shown(name, shown));
	memcpy(ret, full, sizeof(full));
	return 0;
}

/* Go's ParseUint in base 10; *end is set behind the digits. */
static bool skip_index(const char *text, const char **end)
{
	uint64_t value = 0;
	const char *at = text;
	for (; text_is_digit(*at); at++)
		if (__builtin_mul_overflow(value, 10U, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
			return false;
	*end = at;
	return at > text;
}

static bool is_index(const char *text)
{
	const char *end = NULL;
	return skip_index(text, &end) && *end == '\0';
}

static bool are_hex(const char *text, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!isxdigit((unsigned char)text[i]))
			return false;
	return true;
}

/* xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx */
static bool is_dashed_uuid(const char *text)
{
	static const size_t groups[] = { 8, 4, 4, 4, 12 };
	for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
		if (i > 0 && *text++ != '-')
			return false;
		if (!are_hex(text, groups[i]))
			return false;
		text += groups[i];
	}
	return true;
}

/* The forms that Go's google/uuid takes: dashed, urn:uuid:, in braces (any two characters pass for
 * them there), 32 hex digits. */
static bool is_uuid(const char *text, size_t length)
{
	static const char urn[] = "urn:uuid:";
	enum {
		DASHED = 36,
		BARE = 32,
		URN = sizeof(urn) - 1
	};
	switch (length) {
	case DASHED:
		return is_dashed_uuid(text);
	case DASHED + URN:
		return strncasecmp(text, urn, URN) == 0 && is_dashed_uuid(text + URN);
	case DASHED + 2:
		return is_dashed_uuid(text + 1);
	case BARE:
		return are_hex(text, BARE);
	default:
		return false;
	}
}

static bool is_gpu_uuid(const char *text, size_t length)
{
	return length > 4 && strncmp(text, "GPU-", 4) == 0 && is_uuid(text + 4, length - 4);
}

static bool is_mig_uuid(const char *text)
{
	if (strncmp(text, "MIG-", 4) != 0)
		return false;
	text += 4;
	if (is_uuid(text, strlen(text)))
		return true;
	size_t length = strcspn(text, "/");
	const char *end = NULL;
	return is_gpu_uuid(text, length) && text[length] == '/' &&
	       skip_index(text + length + 1, &end) && *end == '/' && is_index(end + 1);
}

bool name_is_device(const char *text)
{
	const char *end = NULL;
	if (skip_index(text, &end))
		return *end == '\0' || (*end == ':' && is_index(end + 1));
	return is_gpu_uuid(text, strlen(text)) || is_mig_uuid(text);
}
