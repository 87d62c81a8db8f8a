/* SPDX-License-Identifier: Apache-2.0 */
#include "given.h"

#include <assert.h>
#include <errno.h>

static void reads_a_whole_device(void **state)
{
	(void)state;
	struct replica_id id;

	assert_int_equal(replica_parse(given_id("GPU-4b"), &id), 0);
	assert_int_equal(id.ordinal, REPLICA_WHOLE);
	assert_int_equal(id.uuid.length, 6);
}

static void reads_back_what_it_writes(void **state)
{
	(void)state;
	static const int32_t ordinals[] = { REPLICA_WHOLE, 0, 7, 10, REPLICAS_MAX - 1 };

	for (size_t i = 0; i < ARRAY_LEN(ordinals); i++) {
		char text[REPLICA_ID_BYTES];
		struct replica_id id;
		int length = replica_format("MIG-4b", ordinals[i], text);
		assert_int_equal(length, strlen(text));
		assert_int_equal(replica_parse(given_id(text), &id), 0);
		assert_int_equal(id.ordinal, ordinals[i]);
		assert_memory_equal(id.uuid.bytes, "MIG-4b", 6);
		assert_int_equal(id.uuid.length, 6);
	}
}

static void refuses_what_is_no_replica(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"",          "::",           "::1",         "GPU-1::",
		"GPU-1::x",  "GPU-1::1x",    "GPU-1::-1",   "GPU-1:: 1",
		"GPU-1::01", "GPU-1::61000", "GPU-1::1::2", "GPU-1::99999999999999999999",
	};

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct replica_id id;
		assert_int_equal(replica_parse(given_id(wrong[i]), &id), -EINVAL);
	}
}

static void reads_what_follows_a_known_uuid(void **state)
{
	(void)state;
	static const struct {
		const char *id;
		int code;
		int32_t ordinal;
	} rows[] = {
		{ "GPU-1", 0, REPLICA_WHOLE },   { "GPU-1::0", 0, 0 },
		{ "GPU-1::60999", 0, 60999 },    { "GPU-1::61000", -EINVAL, 9 },
		{ "GPU-1::", -EINVAL, 9 },       { "GPU-1:", -EINVAL, 9 },
		{ "GPU-1:::1", -EINVAL, 9 },     { "GPU-1:21", -EINVAL, 9 },
		{ "GPU-10::1", -EINVAL, 9 },     { "GPU-1::1x", -EINVAL, 9 },
		{ "GPU-1::123456", -EINVAL, 9 }, { "GPU-1::01", -EINVAL, 9 },
	};
	static_assert(REPLICAS_MAX == 61000, "the greatest ordinal is below it");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int32_t ordinal = 9;
		assert_int_equal(replica_parse_end(given_id(rows[i].id), strlen("GPU-1"), &ordinal),
				 rows[i].code);
		assert_int_equal(ordinal, rows[i].ordinal);
	}
}

static void a_single_colon_belongs_to_the_uuid(void **state)
{
	(void)state;
	struct replica_id id;

	assert_int_equal(replica_parse(given_id("GPU:1::12"), &id), 0);
	assert_int_equal(id.uuid.length, strlen("GPU:1"));
	assert_int_equal(id.ordinal, 12);
}

static void reads_no_further_than_the_length(void **state)
{
	(void)state;
	struct replica_id id;

	assert_int_equal(replica_parse((struct id_text){ "GPU-1::12", 8 }, &id), 0);
	assert_int_equal(id.ordinal, 1);
}

static void says_when_an_id_is_too_long(void **state)
{
	(void)state;
	char uuid[REPLICA_ID_BYTES];
	char text[REPLICA_ID_BYTES];
	memset(uuid, 'G', sizeof(uuid) - 1);
	uuid[sizeof(uuid) - 1] = '\0';

	assert_int_equal(replica_format(uuid, REPLICA_WHOLE, text), REPLICA_ID_BYTES - 1);
	assert_int_equal(replica_format(uuid, 0, text), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_whole_device),
		cmocka_unit_test(reads_back_what_it_writes),
		cmocka_unit_test(reads_what_follows_a_known_uuid),
		cmocka_unit_test(a_single_colon_belongs_to_the_uuid),
		cmocka_unit_test(refuses_what_is_no_replica),
		cmocka_unit_test(reads_no_further_than_the_length),
		cmocka_unit_test(says_when_an_id_is_too_long),
	};
	return cmocka_run_group_tests_name("replica", tests, NULL, NULL);
}
