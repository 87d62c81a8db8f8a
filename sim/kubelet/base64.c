/* SPDX-License-Identifier: Apache-2.0 */
/* See base64.h. Used for the AllocResp of kubelet's checkpoint only. */
#include "sim/kubelet/base64.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char filler = '=';

char *base64_encode(const uint8_t *bytes, size_t length)
{
	char *text = malloc((length + 2) / 3 * 4 + 1);
	if (!text)
		return NULL;
	char *out = text;
	for (size_t i = 0; i < length; i += 3) {
		size_t left = length - i;
		uint32_t group = (uint32_t)bytes[i] << 16;
		group |= left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0;
		group |= left > 2 ? (uint32_t)bytes[i + 2] : 0;
		*out++ = alphabet[group >> 18];
		*out++ = alphabet[group >> 12 & 63];
		*out++ = alphabet[group >> 6 & 63];
		*out++ = alphabet[group & 63];
		if (left < 3)
			out[-1] = filler;
		if (left < 2)
			out[-2] = filler;
	}
	*out = '\0';
	return text;
}

/* Four letters to three bytes; padding counts as zero bits. Returns how many bytes they are. */
static int decode_group(const char *text, uint8_t bytes[static 3])
{
	int padding = text[3] == '=' ? text[2] == '=' ? 2 : 1 : 0;
	uint32_t group = 0;
	for (int i = 0; i < 4; i++) {
		const char *at = i < 4 - padding ? memchr(alphabet, text[i], sizeof(alphabet) - 1)
						 : alphabet;
		if (!at)
			return -EINVAL;
		group = group << 6 | (uint32_t)(at - alphabet);
	}
	bytes[0] = (uint8_t)(group >> 16);
	bytes[1] = (uint8_t)(group >> 8);
	bytes[2] = (uint8_t)group;
	return 3 - padding;
}

int base64_decode(const char *text, uint8_t **ret, size_t *ret_length)
{
	size_t length = strlen(text);
	if (length % 4 != 0)
		return -EINVAL;
	cleanup_free uint8_t *bytes = malloc(length / 4 * 3 + 1);
	if (!bytes)
		return -ENOMEM;

	size_t used = 0;
	for (size_t i = 0; i < length; i += 4) {
		int count = decode_group(text + i, bytes + used);
		if (count < 0 || (count < 3 && i + 4 < length))
			return -EINVAL;
		used += (size_t)count;
	}
	*ret = TAKE_PTR(bytes);
	*ret_length = used;
	return 0;
}
