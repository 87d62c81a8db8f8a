/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/kubelet/base64.h"

static void encodes_the_vectors_of_rfc_4648(void **state)
{
	(void)state;
	static const char *const vectors[][2] = {
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
	};
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		char *text = base64_encode((const uint8_t *)vectors[i][0], strlen(vectors[i][0]));
		assert_string_equal(text, vectors[i][1]);
		free(text);
	}
}

static void decodes_what_it_encoded(void **state)
{
	(void)state;
	uint8_t bytes[256];
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	for (size_t length = 0; length <= sizeof(bytes); length++) {
		char *text = base64_encode(bytes, length);
		uint8_t *back = NULL;
		size_t back_length = 0;
		assert_int_equal(base64_decode(text, &back, &back_length), 0);
		assert_int_equal(back_length, length);
		assert_memory_equal(back, bytes, length);
		free(back);
		free(text);
	}
}

static void refuses_what_is_not_base64(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"Z", "Zg=", "Zg==Zg==", "Z===", "Zm9\n", "====", "Zm=v"
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		uint8_t *bytes = NULL;
		size_t length = 0;
		assert_int_equal(base64_decode(texts[i], &bytes, &length), -EINVAL);
		assert_null(bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encodes_the_vectors_of_rfc_4648),
		cmocka_unit_test(decodes_what_it_encoded),
		cmocka_unit_test(refuses_what_is_not_base64),
	};
	return cmocka_run_group_tests_name("base64", tests, NULL, NULL);
}
