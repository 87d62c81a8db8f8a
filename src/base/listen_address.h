/* SPDX-License-Identifier: Apache-2.0 */
/* Where a server listens, as text. Pure. */
#pragma once

#include <stdint.h>

enum {
	LISTEN_ADDRESS_HOST_BYTES = 64, /* of an IPv6 number with its zone, with its end */
};

struct listen_address {
	char host[LISTEN_ADDRESS_HOST_BYTES]; /* a number without brackets; "": all addresses */
	int family;                           /* AF_INET or AF_INET6; of all addresses the latter */
	uint16_t port;
};

/**
 * Read ":PORT" or "NUMBER:PORT": a number of IPv4, or one of IPv6 in brackets, which may have a
 * zone
 * ("[fe80::1%eth0]:8402"). Names are not looked up, and a port is 1 to 65535.
 *
 * Returns 0 or -EINVAL.
 */
int listen_address_parse(const char *text, struct listen_address *ret);
