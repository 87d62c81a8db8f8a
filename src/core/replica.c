/* SPDX-License-Identifier: Apache-2.0 */
/* Ids of replicas, both ways. What replica_format() writes, replica_parse() reads back. */
#include "core/replica.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "core/settings.h"

static const char separator[] = "::";

enum {
	SEPARATOR_BYTES = sizeof(separator) - 1,
	ORDINAL_DIGITS_MAX = 5,
};

/* The first separator, or NULL. */
static const char *find_separator(struct id_text id)
{
	const char *at = id.bytes;
	const char *last = id.bytes + id.length - 1;
	while ((at = memchr(at, separator[0], (size_t)(last - at))) && at[1] != separator[1])
		at++;
	return at;
}

/* As strict as text_parse_u64(), for text that is not terminated. Negative when it is no ordinal.
 */
static int32_t read_ordinal(const char *digits, size_t count)
{
	int32_t ordinal = 0;
	for (size_t i = 0; i < count; i++) {
		if (!text_is_digit(digits[i]))
			return -1;
		ordinal = ordinal * 10 + (digits[i] - '0');
	}
	bool is_padded = count > 1 && digits[0] == '0';
	return is_padded || ordinal >= REPLICAS_MAX ? -1 : ordinal;
}

int replica_parse_end(struct id_text id, size_t uuid_length, int32_t *ret)
{
	const char *end = id.bytes + uuid_length;
	size_t length = id.length - uuid_length;
	if (length == 0) {
		*ret = REPLICA_WHOLE;
		return 0;
	}
	if (length <= SEPARATOR_BYTES || length > SEPARATOR_BYTES + ORDINAL_DIGITS_MAX ||
	    memcmp(end, separator, SEPARATOR_BYTES) != 0)
		return -EINVAL;
	int32_t ordinal = read_ordinal(end + SEPARATOR_BYTES, length - SEPARATOR_BYTES);
	if (ordinal < 0)
		return -EINVAL;
	*ret = ordinal;
	return 0;
}

int replica_parse(struct id_text id, struct replica_id *ret)
{
	if (id.length == 0)
		return -EINVAL;
	const char *mark = find_separator(id);
	size_t uuid_length = mark ? (size_t)(mark - id.bytes) : id.length;
	int32_t ordinal = REPLICA_WHOLE;
	if (uuid_length == 0 || replica_parse_end(id, uuid_length, &ordinal) < 0)
		return -EINVAL;
	*ret = (struct replica_id){ { id.bytes, uuid_length }, ordinal };
	return 0;
}

int replica_format(const char *uuid, int32_t ordinal, char ret[static REPLICA_ID_BYTES])
{
	int length = ordinal == REPLICA_WHOLE ? snprintf(ret, REPLICA_ID_BYTES, "%s", uuid)
					      : snprintf(ret, REPLICA_ID_BYTES, "%s%s%" PRId32,
							 uuid, separator, ordinal);
	return length < REPLICA_ID_BYTES ? length : -ENAMETOOLONG;
}
