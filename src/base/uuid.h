/* SPDX-License-Identifier: Apache-2.0 */
/* Random UUIDs (version 4, RFC 4122). */
#pragma once

enum {
	UUID_TEXT_BYTES = 37 /* 36 characters and the end */
};

/**
 * Make one that nobody else has.
 *
 * Returns 0 or a negative errno of getrandom(2): -EAGAIN while the kernel has no random bytes yet,
 * soon after its start. Does not block.
 */
int uuid_random(char ret[static UUID_TEXT_BYTES]);
