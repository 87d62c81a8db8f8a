/* SPDX-License-Identifier: Apache-2.0 */
/* See uuid.h. Up to 256 bytes getrandom(2) gives all or none, and no signal interrupts it. */
#include "base/uuid.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>

enum {
	BYTES = 16,
};

int uuid_random(char ret[static UUID_TEXT_BYTES])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t bytes[BYTES];
	if (getrandom(bytes, sizeof(bytes), GRND_NONBLOCK) < 0)
		return -errno;
	bytes[6] = (bytes[6] & 0x0f) | 0x40; /* version 4: random */
	bytes[8] = (bytes[8] & 0x3f) | 0x80; /* variant 1: RFC 4122 */
	char *to = ret;
	for (size_t i = 0; i < BYTES; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*to++ = '-';
		*to++ = digits[bytes[i] >> 4];
		*to++ = digits[bytes[i] & 0x0f];
	}
	*to = '\0';
	return 0;
}
