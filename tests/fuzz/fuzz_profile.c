/* SPDX-License-Identifier: Apache-2.0 */
/* Product names as a driver says them, and the profiles in them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/profile.h"

enum {
	NAME_BYTES = 96
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char name[NAME_BYTES] = "";
	struct profile profile;
	memcpy(name, data, size < sizeof(name) ? size : sizeof(name) - 1);
	const char *found = profile_from_name(name);
	if (found && profile_parse(found, &profile) < 0)
		abort();
	if (profile_parse(name, &profile) == 0 && profile.compute_slices == 0)
		abort();
	return 0;
}
