/* SPDX-License-Identifier: Apache-2.0 */
/* Looks lines up in mig-minors: "gpu0/gi1/access 12", "gpu0/gi1/ci0/access 13". The list is the
 * kernel module's and the same for as long as that is loaded. */
#include "driver/mig_minors.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "core/device.h"

enum {
	KEY_BYTES = 64,
	NUMBER_BYTES = 12,
};

static int32_t read_number(const char *text)
{
	char number[NUMBER_BYTES];
	uint64_t value = 0;
	size_t length = strcspn(text, "\n");
	if (length >= sizeof(number))
		return DEVICE_NO_CAPABILITY;
	memcpy(number, text, length);
	number[length] = '\0';
	return text_parse_u64(number, 0, INT32_MAX, &value) == 0 ? (int32_t)value
								 : DEVICE_NO_CAPABILITY;
}

int32_t mig_minors_find(const char *text, uint32_t minor, uint32_t gpu_instance,
			uint32_t compute_instance)
{
	char key[KEY_BYTES];
	char part[KEY_BYTES / 2] = "";
	if (compute_instance != DEVICE_NO_INSTANCE)
		(void)snprintf(part, sizeof(part), "ci%u/", compute_instance);
	int length = snprintf(key, sizeof(key), "gpu%u/gi%u/%saccess ", minor, gpu_instance, part);
	/* A key that stands elsewhere than at the start of a line belongs to something longer. */
	for (const char *at = strstr(text, key); at; at = strstr(at + length, key))
		if (at == text || at[-1] == '\n')
			return read_number(at + length);
	return DEVICE_NO_CAPABILITY;
}
