/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/listen_address.h"

static void reads_a_number_and_a_port(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *host;
		int family;
		uint16_t port;
	} rows[] = {
		{ ":8402", "", AF_INET6, 8402 },
		{ "127.0.0.1:1", "127.0.0.1", AF_INET, 1 },
		{ "0.0.0.0:65535", "0.0.0.0", AF_INET, 65535 },
		{ "[::1]:8402", "::1", AF_INET6, 8402 },
		{ "[::]:8402", "::", AF_INET6, 8402 },
		{ "[fe80::1%eth0]:8402", "fe80::1%eth0", AF_INET6, 8402 },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct listen_address address = { .port = 0 };
		assert_int_equal(listen_address_parse(rows[i].text, &address), 0);
		assert_string_equal(address.host, rows[i].host);
		assert_int_equal(address.family, rows[i].family);
		assert_int_equal(address.port, rows[i].port);
	}
}

#define TWENTY "00000000000000000000"

static void refuses_everything_else_and_writes_nothing(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"",
		"8402",
		":",
		":0",
		":65536",
		":99999",
		":08402",
		":http",
		":8402 ",
		"localhost:80",
		"127.0.0.1",
		"127.0.0:80",
		"127.0.0.1:0",
		"[127.0.0.1]:80",
		"::1:8402",
		"[::1:8402",
		"::1]:8402",
		"[]:8402",
		"[:8402",
		"[::1]8402",
		"[::1]",
		"[fe80::1%]:8402",
		"[%eth0]:8402",
		"[fe80::1%" TWENTY TWENTY TWENTY "]:8402",
	};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct listen_address address = { .port = 7 };
		assert_int_equal(listen_address_parse(texts[i], &address), -EINVAL);
		assert_int_equal(address.port, 7);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_number_and_a_port),
		cmocka_unit_test(refuses_everything_else_and_writes_nothing),
	};
	return cmocka_run_group_tests_name("listen_address", tests, NULL, NULL);
}
