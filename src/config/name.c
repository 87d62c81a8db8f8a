/* SPDX-License-Identifier: Apache-2.0 */
/* The checks behind sharing.*.resources[].name and .devices; called by apply.c only. */
#include "config/name.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "config/findings.h"

static const char prefix[] = RESOURCE_PREFIX;

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
static bool read_index(const char *text, uint64_t *ret, const char **end)
{
	uint64_t value = 0;
	const char *at = text;
	for (; text_is_digit(*at); at++)
		if (__builtin_mul_overflow(value, 10U, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
			return false;
	*ret = value;
	*end = at;
	return at > text;
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

/* Where the digits begin in one of the forms that Go's google/uuid takes: dashed, urn:uuid:, in
 * braces (any two characters pass for them there), 32 hex digits. NULL: it is none. */
static const char *find_uuid(const char *text, size_t length)
{
	static const char urn[] = "urn:uuid:";
	enum {
		DASHED = 36,
		BARE = 32,
		URN = sizeof(urn) - 1
	};
	switch (length) {
	case DASHED:
		return is_dashed_uuid(text) ? text : NULL;
	case DASHED + URN:
		return strncasecmp(text, urn, URN) == 0 && is_dashed_uuid(text + URN) ? text + URN
										      : NULL;
	case DASHED + 2:
		return is_dashed_uuid(text + 1) ? text + 1 : NULL;
	case BARE:
		return are_hex(text, BARE) ? text : NULL;
	default:
		return NULL;
	}
}

/* A UUID as NVML writes it. */
struct uuid {
	char text[37];
};

/* A hex digit in small. */
static char to_small(char digit)
{
	if (digit >= 'A' && digit <= 'F')
		return "abcdef"[digit - 'A'];
	return digit;
}

static bool read_uuid(const char *text, size_t length, struct uuid *ret)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	static_assert(sizeof(form) == sizeof(ret->text), "a UUID fits");
	const char *digits = find_uuid(text, length);
	if (!digits)
		return false;
	memcpy(ret->text, form, sizeof(form));
	for (char *at = ret->text; *at != '\0'; at++) {
		if (*at == '-')
			continue;
		if (*digits == '-')
			digits++;
		*at = to_small(*digits++);
	}
	return true;
}

static bool read_gpu(const char *text, size_t length, struct uuid *ret)
{
	return length > 4 && strncmp(text, "GPU-", 4) == 0 && read_uuid(text + 4, length - 4, ret);
}

/* What stands behind "MIG-": a UUID, or the old form with the instances' numbers. */
static bool read_mig(const char *text, char ret[static NAME_DEVICE_BYTES])
{
	struct uuid uuid;
	uint64_t gpu_instance = 0;
	uint64_t compute_instance = 0;
	if (read_uuid(text, strlen(text), &uuid)) {
		(void)snprintf(ret, NAME_DEVICE_BYTES, "MIG-%s", uuid.text);
		return true;
	}
	size_t length = strcspn(text, "/");
	const char *end = NULL;
	if (!read_gpu(text, length, &uuid) || text[length] != '/' ||
	    !read_index(text + length + 1, &gpu_instance, &end) || *end != '/' ||
	    !read_index(end + 1, &compute_instance, &end) || *end != '\0')
		return false;
	(void)snprintf(ret, NAME_DEVICE_BYTES, "MIG-GPU-%s/%" PRIu64 "/%" PRIu64, uuid.text,
		       gpu_instance, compute_instance);
	return true;
}

/* What begins with a digit. */
static bool read_indices(const char *text, char ret[static NAME_DEVICE_BYTES])
{
	uint64_t gpu = 0;
	uint64_t part = 0;
	const char *end = NULL;
	if (!read_index(text, &gpu, &end))
		return false;
	if (*end == '\0') {
		(void)snprintf(ret, NAME_DEVICE_BYTES, "%" PRIu64, gpu);
		return true;
	}
	if (*end != ':' || !read_index(end + 1, &part, &end) || *end != '\0')
		return false;
	(void)snprintf(ret, NAME_DEVICE_BYTES, "%" PRIu64 ":%" PRIu64, gpu, part);
	return true;
}

bool name_read_device(const char *text, char ret[static NAME_DEVICE_BYTES])
{
	struct uuid uuid;
	if (text_is_digit(text[0]))
		return read_indices(text, ret);
	if (strncmp(text, "MIG-", 4) == 0)
		return read_mig(text + 4, ret);
	if (!read_gpu(text, strlen(text), &uuid))
		return false;
	(void)snprintf(ret, NAME_DEVICE_BYTES, "GPU-%s", uuid.text);
	return true;
}
