/* SPDX-License-Identifier: Apache-2.0 */
/* Words that stand for numbers, times, sizes, switches, addresses and replicas: read the same
 * again, or not at all. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/listen_address.h"
#include "base/text.h"
#include "core/replica.h"
#include "core/settings.h"

enum {
	NUMBER_MIN = 7,
	NUMBER_MAX = 100000,
};

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void read_replica(const char *text, size_t length)
{
	struct replica_id id;
	char uuid[REPLICA_ID_BYTES];
	char again[REPLICA_ID_BYTES];
	if (replica_parse((struct id_text){ text, length }, &id) < 0 || length >= sizeof(uuid) ||
	    memchr(text, '\0', length))
		return;
	if (id.uuid.length == 0 || id.ordinal < REPLICA_WHOLE || id.ordinal >= REPLICAS_MAX)
		abort();
	memcpy(uuid, id.uuid.bytes, id.uuid.length);
	uuid[id.uuid.length] = '\0';
	int written = replica_format(uuid, id.ordinal, again);
	if (written != (int)length || memcmp(again, text, length) != 0)
		abort();
}

static void read_address(const char *text)
{
	struct listen_address address;
	if (listen_address_parse(text, &address) == 0 &&
	    (address.port == 0 || strlen(address.host) >= strlen(text)))
		abort();
}

static void read_values(const char *text)
{
	uint64_t number = 0;
	bool is_on = false;
	if (text_parse_u64(text, NUMBER_MIN, NUMBER_MAX, &number) == 0 &&
	    (number < NUMBER_MIN || number > NUMBER_MAX))
		abort();
	if (text_parse_duration(text, &number) == 0 && number > INT64_MAX)
		abort();
	(void)text_parse_bytes(text, &number); /* any number is a size */
	(void)text_parse_bool(text, &is_on);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	cleanup_free char *text = malloc(size + 1);
	if (!text)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	read_values(text);
	read_address(text);
	read_replica(text, size);
	return 0;
}
