/* SPDX-License-Identifier: Apache-2.0 */
/* Finding and loading NVML, and its errors in our words. The simulated library stands below a
 * driver root made for the test. */
#include "unit.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "driver/nvml.h"

enum {
	PATH_BYTES = 256
};

static const char *const folders[] = { "usr", "usr/lib64", "usr/lib", "usr/lib/x86_64-linux-gnu" };

struct fixture {
	char root[64];
	char scenario[PATH_BYTES];
	struct nvml *nvml;
};

static void below(const struct fixture *fixture, const char *name, char ret[static PATH_BYTES])
{
	(void)snprintf(ret, PATH_BYTES, "%s/%s", fixture->root, name);
}

static void write_below(const struct fixture *fixture, const char *name, const char *text)
{
	char path[PATH_BYTES];
	below(fixture, name, path);
	assert_int_equal(file_write(path, text, strlen(text), 0600, NULL), 0);
}

static void link_below(const struct fixture *fixture, const char *name)
{
	char path[PATH_BYTES];
	below(fixture, name, path);
	assert_int_equal(symlink(SIM_FOLDER "/libnvidia-ml.so.1", path), 0);
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	if (!fixture)
		return -1;
	*state = fixture;
	(void)snprintf(fixture->root, sizeof(fixture->root), "/tmp/test_nvml.XXXXXX");
	assert_non_null(mkdtemp(fixture->root));
	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		char path[PATH_BYTES];
		below(fixture, folders[i], path);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	below(fixture, "sim.yaml", fixture->scenario);
	write_below(fixture, "sim.yaml", "driver: {version: 535.104.05}");
	assert_int_equal(setenv("ROTA_SIM", fixture->scenario, 1), 0);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	static const char *const files[] = { "sim.yaml", "usr/lib64/libnvidia-ml.so.1",
					     "usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1" };
	char path[PATH_BYTES];
	fixture->nvml = nvml_close(fixture->nvml);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		below(fixture, files[i], path);
		(void)unlink(path);
	}
	for (size_t i = ARRAY_LEN(folders); i > 0; i--) {
		below(fixture, folders[i - 1], path);
		(void)rmdir(path);
	}
	(void)rmdir(fixture->root);
	free(fixture);
	return 0;
}

static void loads_what_lies_below_the_driver_root(void **state)
{
	struct fixture *fixture = *state;
	char version[NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE];
	link_below(fixture, "usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1");
	assert_int_equal(nvml_open(fixture->root, &fixture->nvml, NULL), 0);
	assert_non_null(fixture->nvml->nvmlDeviceGetMemoryAffinity);
	assert_int_equal(fixture->nvml->nvmlSystemGetDriverVersion(version, sizeof(version)), 0);
	assert_string_equal(version, "535.104.05");
}

/* For example one of another architecture. */
static void a_file_that_is_no_library_does_not_end_the_search(void **state)
{
	struct fixture *fixture = *state;
	write_below(fixture, "usr/lib64/libnvidia-ml.so.1", "not a library");
	link_below(fixture, "usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1");
	assert_int_equal(nvml_open(fixture->root, &fixture->nvml, NULL), 0);
}

static void says_where_it_looked_for_a_missing_library(void **state)
{
	struct fixture *fixture = *state;
	struct err err = ERR_INIT;
	char expected[ERR_TEXT_BYTES];
	void *real = dlopen("libnvidia-ml.so.1", RTLD_LAZY);
	if (real) {
		(void)dlclose(real);
		skip(); /* a machine with a driver */
	}
	assert_int_equal(nvml_open(fixture->root, &fixture->nvml, &err), -ENOENT);
	(void)snprintf(
		expected, sizeof(expected),
		"no NVIDIA driver library under %s nor on the loader's path: ", fixture->root);
	assert_memory_equal(err.msg, expected, strlen(expected));
	assert_non_null(strstr(err.msg, "; install the driver on this node"));
	assert_null(fixture->nvml);
	assert_int_equal(nvml_open(fixture->root, &fixture->nvml, NULL), -ENOENT);
}

static void says_the_remedy_also_after_a_long_path(void **state)
{
	struct fixture *fixture = *state;
	struct err err = ERR_INIT;
	char root[ERR_TEXT_BYTES];
	memset(root, 'x', sizeof(root) - 1);
	root[0] = '/';
	root[sizeof(root) - 1] = '\0';
	void *real = dlopen("libnvidia-ml.so.1", RTLD_LAZY);
	if (real) {
		(void)dlclose(real);
		skip(); /* a machine with a driver */
	}
	assert_int_equal(nvml_open(root, &fixture->nvml, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "install the driver on this node, or run this container "
					"with the NVIDIA runtime"));
}

static void says_what_the_driver_says(void **state)
{
	struct fixture *fixture = *state;
	struct err err = ERR_INIT;
	link_below(fixture, "usr/lib64/libnvidia-ml.so.1");
	write_below(fixture, "sim.yaml",
		    "faults: [{call: nvmlInit_v2, do: fail, "
		    "error: NVML_ERROR_LIB_RM_VERSION_MISMATCH}]");
	assert_int_equal(nvml_open(fixture->root, &fixture->nvml, &err), -EAGAIN);
	assert_string_equal(err.msg,
			    "nvmlInit_v2: Driver/library version mismatch (NVML error 18); the "
			    "driver was upgraded but its old kernel module is loaded: reboot the "
			    "node or reload the module");
	assert_null(fixture->nvml);
}

static void every_error_has_an_errno(void **state)
{
	struct fixture *fixture = *state;
	struct err err = ERR_INIT;
	link_below(fixture, "usr/lib64/libnvidia-ml.so.1");
	assert_int_equal(nvml_open(fixture->root, &fixture->nvml, NULL), 0);
	const struct nvml *nvml = fixture->nvml;
	assert_int_equal(nvml_err(nvml, "f", NVML_ERROR_UNINITIALIZED, NULL), -EAGAIN);
	assert_int_equal(nvml_err(nvml, "f", NVML_ERROR_DRIVER_NOT_LOADED, NULL), -EAGAIN);
	assert_int_equal(nvml_err(nvml, "f", NVML_ERROR_NO_PERMISSION, NULL), -EACCES);
	assert_int_equal(nvml_err(nvml, "f", NVML_ERROR_GPU_IS_LOST, NULL), -ENXIO);
	assert_int_equal(nvml_err(nvml, "f", NVML_ERROR_NOT_SUPPORTED, NULL), -ENOTSUP);
	assert_int_equal(nvml_err(nvml, "f", 777, &err), -EIO);
	assert_string_equal(err.msg,
			    "f: Unknown Error (NVML error 777); see `dmesg | grep -i nvrm`");
}

static void closing_nothing_is_allowed(void **state)
{
	(void)state;
	assert_null(nvml_close(NULL));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(loads_what_lies_below_the_driver_root),
		TEST(a_file_that_is_no_library_does_not_end_the_search),
		TEST(says_where_it_looked_for_a_missing_library),
		TEST(says_the_remedy_also_after_a_long_path),
		TEST(says_what_the_driver_says),
		TEST(every_error_has_an_errno),
		TEST(closing_nothing_is_allowed),
	};
	return cmocka_run_group_tests_name("nvml", tests, NULL, NULL);
}
