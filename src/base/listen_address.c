/* SPDX-License-Identifier: Apache-2.0 */
/* See listen_address.h. Used where the text is configured, and where a server listens. */
#include "base/listen_address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/text.h"

static bool is_ip4(const char *host)
{
	struct in_addr number;
	return inet_pton(AF_INET, host, &number) == 1;
}

/* Whether there is such a zone shows when it is used. */
static bool is_ip6(const char *host)
{
	char plain[LISTEN_ADDRESS_HOST_BYTES];
	struct in6_addr number;
	size_t length = strcspn(host, "%");
	if (host[length] == '%' && host[length + 1] == '\0')
		return false;
	memcpy(plain, host, length);
	plain[length] = '\0';
	return inet_pton(AF_INET6, plain, &number) == 1;
}

int listen_address_parse(const char *text, struct listen_address *ret)
{
	const char *colon = strrchr(text, ':');
	uint64_t port = 0;
	if (!colon || text_parse_u64(colon + 1, 1, UINT16_MAX, &port) < 0)
		return -EINVAL;

	struct listen_address address = { .family = AF_INET6, .port = (uint16_t)port };
	size_t length = (size_t)(colon - text);
	bool is_bracketed = length >= 2 && text[0] == '[' && colon[-1] == ']';
	size_t host_length = is_bracketed ? length - 2 : length;
	if (host_length >= sizeof(address.host))
		return -EINVAL;
	memcpy(address.host, text + is_bracketed, host_length);
	if (length > 0 && !is_bracketed)
		address.family = AF_INET;
	if (length > 0 && !(is_bracketed ? is_ip6(address.host) : is_ip4(address.host)))
		return -EINVAL;
	*ret = address;
	return 0;
}
