/* SPDX-License-Identifier: Apache-2.0 */
/* The head of an HTTP request, byte by byte as a socket may deliver it: a verdict never changes
 * with more. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/http_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_head whole = { 0 };
	int verdict = http_head_parse((const char *)data, size, &whole);
	if (verdict > 0 && (whole.path[0] != '/' || strlen(whole.path) >= HTTP_PATH_BYTES))
		abort();
	for (size_t length = 0; length < size; length++) {
		struct http_head part = { 0 };
		int early = http_head_parse((const char *)data, length, &part);
		if (early != 0 && early != verdict)
			abort();
	}
	return 0;
}
