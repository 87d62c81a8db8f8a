/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as text and back (RFC 4648, section 4, with padding). Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/** malloc'ed and terminated, the caller's; NULL when memory is out. */
char *base64_encode(const uint8_t *bytes, size_t length);

/** 0, -EINVAL (not base64), -ENOMEM. @ret is malloc'ed, the caller's, never NULL on success. */
int base64_decode(const char *text, uint8_t **ret, size_t *ret_length);
