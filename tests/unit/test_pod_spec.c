/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "sim/kubelet/pod_spec.h"

static int parse(const char *text, struct arena *arena, struct pod_spec *spec, struct err *err)
{
	json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
	assert_non_null(value);
	int r = pod_spec_parse(value, arena, spec, err);
	json_decref(value);
	return r;
}

static void reads_every_key(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	struct pod_spec spec;
	assert_int_equal(parse("{\"name\":\"gpu-1\",\"resource\":\"a.b/c\",\"count\":3,"
			       "\"command\":[\"sh\",\"-c\",\"true\"],\"env\":{\"A\":\"1\"},"
			       "\"restartPolicy\":\"Never\"}",
			       &arena, &spec, NULL),
			 0);
	assert_string_equal(spec.name, "gpu-1");
	assert_string_equal(spec.resource, "a.b/c");
	assert_int_equal(spec.count, 3);
	assert_string_equal(spec.command[2], "true");
	assert_null(spec.command[3]);
	assert_string_equal(spec.env[0], "A=1");
	assert_null(spec.env[1]);
	assert_false(spec.is_restarted);
	arena_done(&arena);
}

static void needs_little(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	struct pod_spec spec;
	assert_int_equal(parse("{\"name\":\"a\",\"command\":[\"x\"]}", &arena, &spec, NULL), 0);
	assert_null(spec.resource);
	assert_int_equal(spec.count, 0);
	assert_null(spec.env[0]);
	assert_true(spec.is_restarted);
	assert_int_equal(parse("{\"name\":\"a\",\"command\":[\"x\"],\"resource\":\"r\"}", &arena,
			       &spec, NULL),
			 0);
	assert_int_equal(spec.count, 1);
	arena_done(&arena);
}

static void says_which_key_is_wrong(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{ "3", "pod: must be" },
		{ "{\"name\":\"\",\"command\":[\"x\"]}", "pod.name: must be" },
		{ "{\"name\":\"A\",\"command\":[\"x\"]}", "pod.name: must be" },
		{ "{\"name\":\"a\"}", "pod.command: must be" },
		{ "{\"name\":\"a\",\"command\":\"x\"}", "pod.command: must be" },
		{ "{\"name\":\"a\",\"command\":[3]}", "pod.command[0]: must be" },
		{ "{\"name\":\"a\",\"command\":[\"x\"],\"count\":1}", "pod.resource: must be" },
		{ "{\"name\":\"a\",\"command\":[\"x\"],\"resource\":\"r\",\"count\":0}",
		  "pod.count: must be" },
		{ "{\"name\":\"a\",\"command\":[\"x\"],\"resource\":\"r\",\"count\":\"1\"}",
		  "pod.count: must be" },
		{ "{\"name\":\"a\",\"command\":[\"x\"],\"env\":[]}", "pod.env: must be" },
		{ "{\"name\":\"a\",\"command\":[\"x\"],\"env\":{\"A\":1}}", "pod.env.A: must be" },
		{ "{\"name\":\"a\",\"command\":[\"x\"],\"env\":{\"A=B\":\"\"}}",
		  "pod.env.A=B: must be" },
		{ "{\"name\":\"a\",\"command\":[\"x\"],\"restartPolicy\":\"no\"}",
		  "pod.restartPolicy: must be" },
		{ "{\"name\":\"a\",\"command\":[\"x\"],\"image\":\"i\"}",
		  "pod.image: unknown key" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena arena = { 0 };
		struct pod_spec spec;
		struct err err = ERR_INIT;
		assert_int_equal(parse(cases[i][0], &arena, &spec, &err), -EINVAL);
		assert_ptr_equal(strstr(err.msg, cases[i][1]), err.msg);
		arena_done(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_key),
		cmocka_unit_test(needs_little),
		cmocka_unit_test(says_which_key_is_wrong),
	};
	return cmocka_run_group_tests_name("pod_spec", tests, NULL, NULL);
}
