/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and writes the names of MIG profiles, which are part of resource names: what is written
 * here must be what NVIDIA's plugin would have written. */
#include "core/profile.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum {
	EIGHTHS = 8,
	MIB_SHIFT = 20,
	GIB_SHIFT = 30,
	SLICES_MAX = 64,      /* NVIDIA's own end at 8 */
	MEMORY_BITS_MAX = 50, /* a PiB; keeps the sums below within 64 bits */
};

static const char marker[] = "MIG ";

/* Reads a number of at most nine digits, without leading zero, and the unit behind it. False, with
 * nothing changed, when they are not there. */
static bool take(const char **text, const char *unit, uint32_t *ret)
{
	const char *at = *text;
	uint32_t value = 0;
	while (text_is_digit(*at) && at - *text < 9)
		value = value * 10 + (uint32_t)(*at++ - '0');
	if (at == *text || **text == '0' || strncmp(at, unit, strlen(unit)) != 0)
		return false;
	*text = at + strlen(unit);
	*ret = value;
	return true;
}

static bool is_attribute(const char *text)
{
	if (*text == '\0')
		return true;
	if (*text != '+' && *text != '-')
		return false;
	size_t length = strspn(text + 1, "abcdefghijklmnopqrstuvwxyz0123456789.");
	return length > 0 && text[1 + length] == '\0';
}

int profile_parse(const char *text, struct profile *ret)
{
	struct profile profile = { 0 };
	if (strnlen(text, PROFILE_BYTES) == PROFILE_BYTES)
		return -EINVAL;
	bool has_compute = take(&text, "c.", &profile.compute_slices);
	if (!take(&text, "g.", &profile.gpu_slices) || !take(&text, "gb", &profile.memory_gb) ||
	    !is_attribute(text))
		return -EINVAL;
	if (!has_compute)
		profile.compute_slices = profile.gpu_slices;
	profile.attribute = text;
	*ret = profile;
	return 0;
}

const char *profile_from_name(const char *name)
{
	const char *found = NULL;
	struct profile profile;
	for (const char *at = strstr(name, marker); at; at = strstr(found, marker))
		found = at + strlen(marker);
	return found && profile_parse(found, &profile) == 0 ? found : NULL;
}

static uint64_t divide_up(uint64_t value, uint64_t by)
{
	return (value + by - 1) / by;
}

int profile_format(const struct profile_sizes *sizes, char ret[static PROFILE_BYTES])
{
	if (sizes->compute_slices == 0 || sizes->compute_slices > SLICES_MAX ||
	    sizes->gpu_slices == 0 || sizes->gpu_slices > SLICES_MAX || sizes->memory_mib == 0 ||
	    sizes->memory_mib >> (MEMORY_BITS_MAX - MIB_SHIFT) > 0 || sizes->gpu_bytes == 0 ||
	    sizes->gpu_bytes >> MEMORY_BITS_MAX > 0)
		return -EINVAL;
	uint64_t part_bytes = sizes->memory_mib << MIB_SHIFT;
	uint64_t eighths = divide_up(part_bytes * EIGHTHS, sizes->gpu_bytes);
	uint64_t gpu_gb = divide_up(sizes->gpu_bytes, 1ULL << GIB_SHIFT);
	uint64_t gb = (eighths * gpu_gb + EIGHTHS / 2) / EIGHTHS; /* a half is rounded up */
	char compute[16] = "";
	if (sizes->compute_slices != sizes->gpu_slices)
		(void)snprintf(compute, sizeof(compute), "%uc.", sizes->compute_slices);
	(void)snprintf(ret, PROFILE_BYTES, "%s%ug.%llugb", compute, sizes->gpu_slices,
		       (unsigned long long)gb);
	return 0;
}
