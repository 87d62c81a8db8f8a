/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "metrics/http_head.h"

struct row {
	const char *request;
	int result;
	bool is_get;
	const char *path;
};

static const struct row rows[] = {
	{ "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 1, true, "/metrics" },
	{ "GET /metrics HTTP/1.0\r\n\r\n", 1, true, "/metrics" },
	{ "HEAD /healthz HTTP/1.1\r\n\r\n", 1, false, "/healthz" },
	{ "GET /metrics?name=x HTTP/1.1\r\n\r\n", 1, true, "/metrics" },
	{ "GET / HTTP/1.1\r\n\r\n", 1, true, "/" },
	{ "", 0, false, NULL },
	{ "GET /metrics HTTP/1.1", 0, false, NULL },
	{ "GET /metrics HTTP/1.1\r\nHost: x\r\n", 0, false, NULL },
	{ "POST /metrics HTTP/1.1\r\n\r\n", -405, false, NULL },
	{ "POST /metrics HTTP/1.1\r\nContent-Length: 9\r\n", -405, false, NULL },
	{ "get /metrics HTTP/1.1\r\n\r\n", -405, false, NULL },
	{ "GET metrics HTTP/1.1\r\n\r\n", -400, false, NULL },
	{ "GET http://x/metrics HTTP/1.1\r\n\r\n", -400, false, NULL },
	{ "GET /metrics HTTP/2.0\r\n\r\n", -400, false, NULL },
	{ "GET /metrics\r\n\r\n", -400, false, NULL },
	{ "GET  /metrics HTTP/1.1\r\n\r\n", -400, false, NULL },
	{ "GET /metrics HTTP/1.1 x\r\n\r\n", -400, false, NULL },
	{ "GET /a\tb HTTP/1.1\r\n\r\n", -400, false, NULL },
	{ "\r\n\r\n", -400, false, NULL },
	{ "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", -400, false, NULL },
};

static void reads_every_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct http_head head = { 0 };
		print_message("%zu\n", i);
		assert_int_equal(http_head_parse(rows[i].request, strlen(rows[i].request), &head),
				 rows[i].result);
		if (rows[i].result <= 0)
			continue;
		assert_int_equal(head.is_get, rows[i].is_get);
		assert_string_equal(head.path, rows[i].path);
	}
}

static void reads_no_further_than_the_length(void **state)
{
	(void)state;
	struct http_head head = { 0 };
	static const char request[] = "GET / HTTP/1.1\r\n\r\n";

	for (size_t length = 0; length < strlen(request); length++)
		assert_int_equal(http_head_parse(request, length, &head), 0);
}

static void refuses_a_path_that_is_too_long(void **state)
{
	(void)state;
	struct http_head head = { 0 };
	char request[2 * HTTP_PATH_BYTES];
	int length = snprintf(request, sizeof(request), "GET /%0*d HTTP/1.1\r\n\r\n",
			      HTTP_PATH_BYTES - 2, 0);
	assert_int_equal(http_head_parse(request, (size_t)length, &head), 1);
	assert_int_equal(strlen(head.path), HTTP_PATH_BYTES - 1);

	length = snprintf(request, sizeof(request), "GET /%0*d HTTP/1.1\r\n\r\n",
			  HTTP_PATH_BYTES - 1, 0);
	assert_int_equal(http_head_parse(request, (size_t)length, &head), -414);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_row),
		cmocka_unit_test(reads_no_further_than_the_length),
		cmocka_unit_test(refuses_a_path_that_is_too_long),
	};
	return cmocka_run_group_tests_name("http_head", tests, NULL, NULL);
}
