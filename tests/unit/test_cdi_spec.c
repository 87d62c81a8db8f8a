/* SPDX-License-Identifier: Apache-2.0 */
/* Names and versions as the CDI specification 1.1.0 has them. */
#include "unit.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cdi/cdi_spec.h"

enum {
	CALLS_MAX = 500,
	NAME_BYTES = 300,
};

static unsigned failing_malloc; /* counted down by each call of jansson; the last one fails */

static void *our_malloc(size_t bytes)
{
	return failing_malloc > 0 && --failing_malloc == 0 ? NULL : malloc(bytes);
}

static struct cdi_node plain_node = { "/dev/nvidia0", NULL };
static const char *const options[] = { "ro", "rbind", NULL };
static const char *const args[] = { "nvidia-ctk", "hook", "chmod", NULL };
static const char *const envs[] = { "A=1", NULL };

static struct cdi_device plain_device(const char *name)
{
	return (struct cdi_device){
		.name = name,
		.edits = { .nodes = &plain_node, .nodes_count = 1 },
	};
}

/* The text of a specification of one device, or of the refusal. */
static const char *encoded(const struct cdi_spec *spec)
{
	static char text[2000];
	struct err err = ERR_INIT;
	char *json = NULL;
	int r = cdi_spec_encode(spec, &json, &err);
	assert_true(r == 0 || r == -EINVAL);
	(void)snprintf(text, sizeof(text), "%s", r == 0 ? json : err.msg);
	free(json);
	return text;
}

static const char *encoded_device(struct cdi_device device)
{
	return encoded(
		&(struct cdi_spec){ .kind = "a.org/gpu", .devices = &device, .devices_count = 1 });
}

static void writes_every_field_in_a_fixed_order(void **state)
{
	(void)state;
	const char *env[] = { "V=\"1\"" };
	struct cdi_node nodes[] = { { "/dev/a", NULL }, { "/dev/b", "/host/dev/b" } };
	struct cdi_mount mount = { "/host/l.so", "/l.so", options };
	struct cdi_hook_call hook = { "createContainer", "/usr/bin/nvidia-ctk", args, envs };
	uint32_t gids[] = { 44, UINT32_MAX };
	const struct cdi_annotation annotation = { "k", "v" };
	const struct cdi_edits edits = {
		.envs = env,
		.envs_count = 1,
		.nodes = nodes,
		.nodes_count = 2,
		.hooks = &hook,
		.hooks_count = 1,
		.mounts = &mount,
		.mounts_count = 1,
		.gids = gids,
		.gids_count = 2,
	};
	struct cdi_device devices[] = { plain_device("0"), plain_device("GPU-1") };
	devices[1].annotations = &annotation;
	devices[1].annotations_count = 1;
	const struct cdi_spec spec = { "a.org/gpu", devices, 2, edits };
	assert_string_equal(
		encoded(&spec),
		"{\"cdiVersion\":\"0.7.0\",\"kind\":\"a.org/gpu\",\"devices\":["
		"{\"name\":\"0\",\"containerEdits\":"
		"{\"deviceNodes\":[{\"path\":\"/dev/nvidia0\"}]}},"
		"{\"name\":\"GPU-1\",\"annotations\":{\"k\":\"v\"},\"containerEdits\":"
		"{\"deviceNodes\":[{\"path\":\"/dev/nvidia0\"}]}}],"
		"\"containerEdits\":{\"env\":[\"V=\\\"1\\\"\"],"
		"\"deviceNodes\":[{\"path\":\"/dev/a\"},"
		"{\"path\":\"/dev/b\",\"hostPath\":\"/host/dev/b\"}],"
		"\"hooks\":[{\"hookName\":\"createContainer\",\"path\":\"/usr/bin/nvidia-ctk\","
		"\"args\":[\"nvidia-ctk\",\"hook\",\"chmod\"],\"env\":[\"A=1\"]}],"
		"\"mounts\":[{\"hostPath\":\"/host/l.so\",\"containerPath\":\"/l.so\","
		"\"options\":[\"ro\",\"rbind\"]}],"
		"\"additionalGids\":[44,4294967295]}}");
}

static void is_of_the_lowest_version_that_knows_what_is_used(void **state)
{
	(void)state;
	static uint32_t gid = 44;
	static struct cdi_node elsewhere = { "/dev/a", "/host/dev/a" };
	static const struct cdi_annotation annotation = { "k", "v" };
	const struct cdi_edits nothing = { 0 };
	const struct cdi_edits plain = { .nodes = &plain_node, .nodes_count = 1 };
	const struct cdi_edits moved = { .nodes = &elsewhere, .nodes_count = 1 };
	const struct cdi_edits grouped = { .gids = &gid, .gids_count = 1 };
	const struct {
		const char *version;
		const char *kind;
		struct cdi_device device;
		struct cdi_edits edits; /* of the whole */
	} rows[] = {
		{ "0.3.0", "a.org/gpu", { .name = "GPU-1", .edits = plain }, plain },
		{ "0.5.0", "a.org/gpu", { .name = "0:1", .edits = plain }, nothing },
		{ "0.5.0", "a.org/gpu", { .name = "GPU-1", .edits = moved }, nothing },
		{ "0.5.0", "a.org/gpu", { .name = "GPU-1", .edits = plain }, moved },
		{ "0.6.0", "a.org/gpu.shared", { .name = "0", .edits = moved }, nothing },
		{ "0.6.0", "a.org/gpu", { "GPU-1", &annotation, 1, plain }, nothing },
		{ "0.7.0", "a.org/gpu", { "GPU-1", &annotation, 1, grouped }, nothing },
		{ "0.7.0", "a.org/gpu", { .name = "GPU-1", .edits = plain }, grouped },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cdi_device device = rows[i].device;
		const struct cdi_spec spec = { rows[i].kind, &device, 1, rows[i].edits };
		const char *text = encoded(&spec);
		assert_memory_equal(text, "{\"cdiVersion\":\"", 15);
		assert_memory_equal(text + 15, rows[i].version, 5);
	}
}

static void names_of_devices_are_checked(void **state)
{
	(void)state;
	static const char *const good[] = { "0", "a", "0:1", "GPU-1", "a_b.c-d:e" };
	static const char *const bad[] = { "", "-a", "a-", ":1", "a b", "a/b", "a=b", "\xc3\xa9" };
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_int_equal(encoded_device(plain_device(good[i]))[0], '{');
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_non_null(
			strstr(encoded_device(plain_device(bad[i])), "not a name that CDI allows"));
	struct cdi_device twins[] = { plain_device("b"), plain_device("a"), plain_device("a") };
	assert_string_equal(encoded(&(struct cdi_spec){
				    .kind = "a.org/gpu", .devices = twins, .devices_count = 3 }),
			    "a.org/gpu: device a: there are two");
}

static const char *encoded_kind(const char *kind)
{
	struct cdi_device device = plain_device("a");
	return encoded(&(struct cdi_spec){ .kind = kind, .devices = &device, .devices_count = 1 });
}

static void kinds_are_checked(void **state)
{
	(void)state;
	static const char *const good[] = { "a/b", "a.b-c_d.e/f-g", "A0/B1" };
	static const char *const bad[] = { "",     "a",    "a/",    "/b",    "0a/b", "a/0b",
					   "a-/b", "a/b-", "a/b/c", "a b/c", "a/b:c" };
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_int_equal(encoded_kind(good[i])[0], '{');
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_non_null(strstr(encoded_kind(bad[i]), "not a kind that CDI allows"));
	char kind[NAME_BYTES];
	memset(kind, 'v', sizeof(kind));
	(void)snprintf(kind + CDI_VENDOR_LENGTH_MAX, 3, "/c");
	assert_int_equal(encoded_kind(kind)[0], '{');
	memset(kind, 'v', sizeof(kind));
	(void)snprintf(kind + CDI_VENDOR_LENGTH_MAX + 1, 3, "/c");
	assert_non_null(strstr(encoded_kind(kind), "not a kind"));
	memset(kind, 'c', sizeof(kind));
	kind[1] = '/';
	kind[2 + CDI_CLASS_LENGTH_MAX] = '\0';
	assert_int_equal(encoded_kind(kind)[0], '{');
	memset(kind, 'c', sizeof(kind));
	kind[1] = '/';
	kind[2 + CDI_CLASS_LENGTH_MAX + 1] = '\0';
	assert_non_null(strstr(encoded_kind(kind), "not a kind"));
}

static void what_a_runtime_would_refuse_is_refused(void **state)
{
	(void)state;
	assert_string_equal(encoded(&(struct cdi_spec){ .kind = "a.org/gpu" }),
			    "a.org/gpu: has no device");
	assert_string_equal(encoded_device((struct cdi_device){ .name = "a" }),
			    "a.org/gpu: device a: has no edits");
	struct cdi_node node = { "dev/a", NULL };
	struct cdi_device device = { .name = "a", .edits = { .nodes = &node, .nodes_count = 1 } };
	assert_string_equal(encoded_device(device),
			    "a.org/gpu: device node dev/a: not an absolute path");
	node = (struct cdi_node){ "/dev/a", "/host/\xff" };
	assert_string_equal(encoded_device(device), "a.org/gpu: device node /host/\xff: not UTF-8");
	struct cdi_mount mount = { "/h", "c", options };
	device.edits = (struct cdi_edits){ .mounts = &mount, .mounts_count = 1 };
	assert_string_equal(encoded_device(device), "a.org/gpu: mount c: not an absolute path");
	mount = (struct cdi_mount){ "h", "/c", options };
	assert_string_equal(encoded_device(device), "a.org/gpu: mount h: not an absolute path");
	struct cdi_hook_call hook = { "createContainer", "nvidia-ctk", args, envs };
	device.edits = (struct cdi_edits){ .hooks = &hook, .hooks_count = 1 };
	assert_string_equal(encoded_device(device),
			    "a.org/gpu: hook nvidia-ctk: not an absolute path");
	static const char *const odd[] = { "x", "\x80", NULL };
	hook = (struct cdi_hook_call){ "createContainer", "/nvidia-ctk", odd, envs };
	assert_string_equal(encoded_device(device),
			    "a.org/gpu: hook /nvidia-ctk: argument \x80 is not UTF-8");
}

static void edits_of_the_whole_are_checked_too(void **state)
{
	(void)state;
	struct cdi_node node = { "dev/a", NULL };
	struct cdi_device device = plain_device("a");
	const struct cdi_spec spec = {
		"a.org/gpu", &device, 1, { .nodes = &node, .nodes_count = 1 }
	};
	assert_string_equal(encoded(&spec), "a.org/gpu: device node dev/a: not an absolute path");
}

static void fails_cleanly_whenever_memory_is_out(void **state)
{
	(void)state;
	const char *env[] = { "V=1" };
	uint32_t gid = 44;
	struct cdi_mount mount = { "/host/l.so", "/l.so", options };
	struct cdi_hook_call hook = { "createContainer", "/usr/bin/nvidia-ctk", args, envs };
	struct cdi_node node = { "/dev/a", "/host/dev/a" };
	const struct cdi_annotation annotation = { "k", "v" };
	struct cdi_device device = {
		.name = "a",
		.annotations = &annotation,
		.annotations_count = 1,
		.edits = { .envs = env,
			   .envs_count = 1,
			   .nodes = &node,
			   .nodes_count = 1,
			   .hooks = &hook,
			   .hooks_count = 1,
			   .mounts = &mount,
			   .mounts_count = 1,
			   .gids = &gid,
			   .gids_count = 1 },
	};
	const struct cdi_spec spec = { .kind = "a.org/gpu",
				       .devices = &device,
				       .devices_count = 1 };
	int r = -ENOMEM;
	unsigned calls = 1;
	char *text = NULL;
	json_set_alloc_funcs(our_malloc, free);
	for (; r == -ENOMEM && calls < CALLS_MAX; calls++) {
		assert_null(text);
		failing_malloc = calls;
		r = cdi_spec_encode(&spec, &text, NULL);
	}
	failing_malloc = 0;
	free(text);
	assert_int_equal(r, 0);
	assert_true(calls > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_every_field_in_a_fixed_order),
		cmocka_unit_test(is_of_the_lowest_version_that_knows_what_is_used),
		cmocka_unit_test(names_of_devices_are_checked),
		cmocka_unit_test(kinds_are_checked),
		cmocka_unit_test(what_a_runtime_would_refuse_is_refused),
		cmocka_unit_test(edits_of_the_whole_are_checked_too),
		cmocka_unit_test(fails_cleanly_whenever_memory_is_out),
	};
	return cmocka_run_group_tests_name("cdi_spec", tests, NULL, NULL);
}
