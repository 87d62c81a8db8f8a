/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "rpc/status.h"

static void codes_have_the_names_that_grpc_gives_them(void **state)
{
	(void)state;
	assert_string_equal(rpc_status_name(RPC_OK), "OK");
	assert_string_equal(rpc_status_name(RPC_CANCELLED), "Canceled");
	assert_string_equal(rpc_status_name(RPC_UNAVAILABLE), "Unavailable");
	assert_string_equal(rpc_status_name(RPC_UNAUTHENTICATED), "Unauthenticated");
}

static void strange_codes_read_unknown(void **state)
{
	(void)state;
	assert_string_equal(rpc_status_name((enum rpc_status)17), "Unknown");
	assert_string_equal(rpc_status_name((enum rpc_status) - 1), "Unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes_have_the_names_that_grpc_gives_them),
		cmocka_unit_test(strange_codes_read_unknown),
	};
	return cmocka_run_group_tests_name("status", tests, NULL, NULL);
}
