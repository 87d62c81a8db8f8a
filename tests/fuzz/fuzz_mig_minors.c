/* SPDX-License-Identifier: Apache-2.0 */
/* A list of capabilities that is not the kernel's: whatever it says, a number or none comes out. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/device.h"
#include "driver/mig_minors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free char *text = malloc(size + 1);
	if (!text)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	if (mig_minors_find(text, 0, 1, DEVICE_NO_INSTANCE) < DEVICE_NO_CAPABILITY ||
	    mig_minors_find(text, 0, 1, 0) < DEVICE_NO_CAPABILITY)
		abort();
	return 0;
}
