/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/envelope.h"
#include "rpc/status.h"

static const uint8_t two[] = { 0, 0, 0, 0, 2, 'h', 'i' };

static void puts_prefix_before_message(void **state)
{
	(void)state;
	uint8_t *bytes = NULL;
	size_t length = 0;

	assert_int_equal(envelope_encode((const uint8_t *)"hi", 2, &bytes, &length), 0);
	assert_int_equal(length, sizeof(two));
	assert_memory_equal(bytes, two, sizeof(two));
	free(bytes);
}

static void length_is_big_endian_both_ways(void **state)
{
	(void)state;
	const size_t length = 0x030201;
	uint8_t *message = calloc(1, length);
	assert_non_null(message);
	message[length - 1] = 'z';
	uint8_t *bytes = NULL;
	size_t bytes_length = 0;
	assert_int_equal(envelope_encode(message, length, &bytes, &bytes_length), 0);
	free(message);
	assert_memory_equal(bytes, ((const uint8_t[]){ 0, 0, 3, 2, 1 }), ENVELOPE_PREFIX_BYTES);

	struct envelope decoder = { .have = 0 };
	size_t used = 0;
	assert_int_equal(envelope_decode(&decoder, bytes, bytes_length, &used), 1);
	assert_int_equal(used, bytes_length);
	size_t got = 0;
	message = envelope_take(&decoder, &got);
	assert_int_equal(got, length);
	assert_int_equal(message[length - 1], 'z');
	free(message);
	free(bytes);
}

static void message_may_come_byte_by_byte(void **state)
{
	(void)state;
	struct envelope decoder = { .have = 0 };
	size_t used = 0;

	for (size_t i = 0; i + 1 < sizeof(two); i++) {
		assert_int_equal(envelope_decode(&decoder, &two[i], 1, &used), 0);
		assert_int_equal(used, 1);
		assert_true(envelope_is_partial(&decoder));
	}
	assert_int_equal(envelope_decode(&decoder, &two[sizeof(two) - 1], 1, &used), 1);
	size_t length = 0;
	uint8_t *message = envelope_take(&decoder, &length);
	assert_int_equal(length, 2);
	assert_memory_equal(message, "hi", 2);
	assert_false(envelope_is_partial(&decoder));
	free(message);
}

static void stops_behind_a_message(void **state)
{
	(void)state;
	uint8_t bytes[2 * sizeof(two)];
	memcpy(bytes, two, sizeof(two));
	memcpy(bytes + sizeof(two), two, sizeof(two));
	struct envelope decoder = { .have = 0 };
	size_t used = 0;

	assert_int_equal(envelope_decode(&decoder, bytes, sizeof(bytes), &used), 1);
	assert_int_equal(used, sizeof(two));
	size_t length = 0;
	free(envelope_take(&decoder, &length));
	assert_int_equal(envelope_decode(&decoder, bytes + used, sizeof(bytes) - used, &used), 1);
	free(envelope_take(&decoder, &length));
}

static void empty_message_is_a_message(void **state)
{
	(void)state;
	static const uint8_t empty[ENVELOPE_PREFIX_BYTES] = { 0 };
	struct envelope decoder = { .have = 0 };
	size_t used = 0;
	size_t length = 1;

	assert_int_equal(envelope_decode(&decoder, empty, sizeof(empty), &used), 1);
	uint8_t *message = envelope_take(&decoder, &length);
	assert_non_null(message);
	assert_int_equal(length, 0);
	free(message);
}

static void a_limit_of_its_own_holds_for_every_message(void **state)
{
	(void)state;
	const uint8_t more[] = { 0, 0, 0x40, 0, 1 };
	struct envelope decoder = { .limit = RPC_MESSAGE_BYTES_MAX + 1 };
	size_t used = 0;
	size_t length = 0;

	assert_int_equal(envelope_decode(&decoder, two, sizeof(two), &used), 1);
	free(envelope_take(&decoder, &length));
	assert_int_equal(envelope_decode(&decoder, more, sizeof(more), &used), 0);
	envelope_done(&decoder);
	decoder.limit = 1;
	assert_int_equal(envelope_decode(&decoder, two, sizeof(two), &used), -EMSGSIZE);
	envelope_done(&decoder);
}

static void greatest_message_passes_and_one_more_does_not(void **state)
{
	(void)state;
	const uint8_t most[] = { 0, 0, 0x40, 0, 0 };
	const uint8_t more[] = { 0, 0, 0x40, 0, 1 };
	struct envelope decoder = { .have = 0 };
	size_t used = 0;

	assert_int_equal(envelope_decode(&decoder, most, sizeof(most), &used), 0);
	envelope_done(&decoder);
	assert_int_equal(envelope_decode(&decoder, more, sizeof(more), &used), -EMSGSIZE);
	envelope_done(&decoder);

	uint8_t *bytes = NULL;
	size_t length = 0;
	uint8_t *message = calloc(1, RPC_MESSAGE_BYTES_MAX + 1);
	assert_non_null(message);
	assert_int_equal(envelope_encode(message, RPC_MESSAGE_BYTES_MAX + 1, &bytes, &length),
			 -EMSGSIZE);
	assert_int_equal(envelope_encode(message, RPC_MESSAGE_BYTES_MAX, &bytes, &length), 0);
	free(bytes);
	free(message);
}

static void claimed_length_costs_no_memory(void **state)
{
	(void)state;
	const uint8_t claim[] = { 0, 0, 0x40, 0, 0, 'x' };
	struct envelope decoder = { .have = 0 };
	size_t used = 0;

	assert_int_equal(envelope_decode(&decoder, claim, sizeof(claim), &used), 0);
	assert_in_range(decoder.size, 1, 4096);
	envelope_done(&decoder);
}

static void flags_are_told_apart(void **state)
{
	(void)state;
	const uint8_t compressed[] = { 1, 0, 0, 0, 0 };
	const uint8_t unknown[] = { 2, 0, 0, 0, 0 };
	const uint8_t four_gib[] = { 0, 255, 255, 255, 255 };
	struct envelope decoder = { .have = 0 };
	size_t used = 0;

	assert_int_equal(envelope_decode(&decoder, compressed, 5, &used), -EBADMSG);
	envelope_done(&decoder);
	assert_int_equal(envelope_decode(&decoder, unknown, 5, &used), -EPROTO);
	envelope_done(&decoder);
	assert_int_equal(envelope_decode(&decoder, four_gib, 5, &used), -EMSGSIZE);
	envelope_done(&decoder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(puts_prefix_before_message),
		cmocka_unit_test(length_is_big_endian_both_ways),
		cmocka_unit_test(message_may_come_byte_by_byte),
		cmocka_unit_test(stops_behind_a_message),
		cmocka_unit_test(empty_message_is_a_message),
		cmocka_unit_test(a_limit_of_its_own_holds_for_every_message),
		cmocka_unit_test(greatest_message_passes_and_one_more_does_not),
		cmocka_unit_test(claimed_length_costs_no_memory),
		cmocka_unit_test(flags_are_told_apart),
	};
	return cmocka_run_group_tests_name("envelope", tests, NULL, NULL);
}
