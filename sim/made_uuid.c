/* SPDX-License-Identifier: Apache-2.0 */
/* See made_uuid.h. */
#include "sim/made_uuid.h"

#include "base/arena.h"

/* splitmix64's mixing of a counter. */
static uint64_t mix(uint64_t counter)
{
	uint64_t z = counter * 0x9E3779B97F4A7C15U;
	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9U;
	z = (z ^ z >> 27) * 0x94D049BB133111EBU;
	return z ^ z >> 31;
}

const char *made_uuid(struct arena *arena, const char *prefix, uint64_t number)
{
	uint64_t high = mix(2 * number + 1);
	uint64_t low = mix(2 * number + 2);
	return arena_printf(arena, "%s%08x-%04x-4%03x-a%03x-%012llx", prefix,
			    (unsigned)(high >> 32), (unsigned)(high >> 16 & 0xFFFF),
			    (unsigned)(high & 0xFFF), (unsigned)(low >> 52),
			    (unsigned long long)(low & 0xFFFFFFFFFFFFU));
}
