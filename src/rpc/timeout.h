/* SPDX-License-Identifier: Apache-2.0 */
/* The header grpc-timeout: up to eight digits and a unit of H M S m u n. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
	TIMEOUT_TEXT_BYTES = 10, /* eight digits, unit, terminator */
};

/** @ret_ms: rounded up, so that nobody is ended early. 0 or -EINVAL. */
int timeout_parse(const char *text, size_t length, uint64_t *ret_ms);

/** In the finest unit that fits, rounded up; the greatest value there is stands for all above. */
void timeout_format(uint64_t timeout_ms, char text[static TIMEOUT_TEXT_BYTES]);
