/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

enum {
	PATH_BYTES = 256,
	MAX_BYTES = 7000 /* more than is read at once */
};

static char folder[PATH_BYTES];
static char path[PATH_BYTES + 16];
static bool is_memory_out;

/* The linker puts these in the place of realloc() for the code under test. */
void *__real_realloc(void *memory, size_t bytes);
void *__wrap_realloc(void *memory, size_t bytes);

void *__wrap_realloc(void *memory, size_t bytes)
{
	return is_memory_out ? NULL : __real_realloc(memory, bytes);
}

static int make_folder(void **state)
{
	(void)state;
	(void)umask(022);
	const char *above = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe): one thread */
	(void)snprintf(folder, sizeof(folder), "%s/rota-file-XXXXXX", above ? above : "/tmp");
	if (!mkdtemp(folder))
		return -1;
	(void)snprintf(path, sizeof(path), "%s/file", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	is_memory_out = false;
	(void)unlink(path);
	(void)rmdir(path); /* some tests put a directory there */
	return rmdir(folder);
}

static unsigned files_in_folder(void)
{
	unsigned count = 0;
	DIR *listing = opendir(folder);
	assert_non_null(listing);
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
	for (struct dirent *entry = readdir(listing); entry; entry = readdir(listing))
		count += entry->d_name[0] != '.';
	(void)closedir(listing);
	return count;
}

static void assert_content(const char *content)
{
	char *text = NULL;
	assert_int_equal(file_read(path, MAX_BYTES, &text, NULL, NULL), 0);
	assert_string_equal(text, content);
	free(text);
}

static void reads_back_what_was_written(void **state)
{
	(void)state;
	char bytes[MAX_BYTES];
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i % 251);
	assert_int_equal(file_write(path, bytes, sizeof(bytes), 0640, NULL), 0);

	char *text = NULL;
	size_t length = 0;
	assert_int_equal(file_read(path, MAX_BYTES, &text, &length, NULL), 0);
	assert_int_equal(length, sizeof(bytes));
	assert_memory_equal(text, bytes, sizeof(bytes));
	assert_int_equal(text[length], '\0');
	free(text);
	struct stat status;
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0640);
}

static void an_empty_file_is_an_empty_text(void **state)
{
	(void)state;
	assert_int_equal(file_write(path, "", 0, 0600, NULL), 0);
	assert_content("");
}

static void reads_a_file_that_claims_no_size(void **state)
{
	(void)state;
	char *text = NULL;
	size_t length = 0;
	assert_int_equal(file_read("/proc/self/stat", MAX_BYTES, &text, &length, NULL), 0);
	assert_true(length > 0);
	free(text);
}

static void refuses_what_is_larger_and_leaves_the_outputs(void **state)
{
	(void)state;
	assert_int_equal(file_write(path, "12345", 5, 0600, NULL), 0);
	char *text = NULL;
	size_t length = 99;
	struct err err = ERR_INIT;
	assert_int_equal(file_read(path, 4, &text, &length, &err), -EFBIG);
	assert_null(text);
	assert_int_equal(length, 99);
	assert_memory_equal(err.msg, path, strlen(path));
	assert_non_null(strstr(err.msg, "larger than 4 bytes"));
	assert_int_equal(file_read(path, 5, &text, &length, &err), 0);
	free(text);
}

static void says_which_file_and_why(void **state)
{
	(void)state;
	char *text = NULL;
	struct err err = ERR_INIT;
	assert_int_equal(file_read("/nowhere/at/all", 9, &text, NULL, &err), -ENOENT);
	assert_string_equal(err.msg, "/nowhere/at/all: No such file or directory");
	assert_int_equal(file_read("/proc", 9, &text, NULL, &err), -EISDIR);
	assert_string_equal(err.msg, "/proc: Is a directory");
	assert_null(text);
}

/* Nobody ever writes there: were it opened as a file is, the test would not end. */
static void a_pipe_is_refused_at_once(void **state)
{
	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	char *text = NULL;
	struct err err = ERR_INIT;
	assert_int_equal(file_read(path, MAX_BYTES, &text, NULL, &err), -EOPNOTSUPP);
	assert_null(text);
	assert_memory_equal(err.msg, path, strlen(path));
	assert_non_null(strstr(err.msg, "a pipe or a device"));
	assert_non_null(strstr(err.msg, "put a regular file there"));
}

static void of_the_devices_only_null_is_read(void **state)
{
	(void)state;
	char *text = NULL;
	assert_int_equal(file_read("/dev/zero", MAX_BYTES, &text, NULL, NULL), -EOPNOTSUPP);
	assert_null(text);
	assert_int_equal(file_read("/dev/null", MAX_BYTES, &text, NULL, NULL), 0);
	assert_string_equal(text, "");
	free(text);
}

static void a_stream_may_be_a_pipe(void **state)
{
	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	int both = open(path, O_RDWR | O_CLOEXEC); /* so that no end waits for the other */
	assert_true(both >= 0);
	assert_int_equal(file_put(both, "a: b", 4), 0);
	char *text = NULL;
	struct err err = ERR_INIT;
	/* The pipe never ends while it is open for writing: what is too much is said before. */
	assert_int_equal(file_read_stream(path, 3, &text, NULL, &err), -EFBIG);
	(void)close(both);
	assert_int_equal(file_read_stream("/nowhere/at/all", 3, &text, NULL, &err), -ENOENT);
	assert_int_equal(file_write(path, "a: b", 4, 0600, NULL), 0);
	assert_int_equal(file_read_stream(path, 4, &text, NULL, NULL), 0);
	assert_string_equal(text, "a: b");
	free(text);
}

static void memory_that_is_out_is_an_error(void **state)
{
	(void)state;
	char *text = NULL;
	is_memory_out = true;
	assert_int_equal(file_read("/proc/self/stat", MAX_BYTES, &text, NULL, NULL), -ENOMEM);
	assert_null(text);
}

static void replaces_by_rename(void **state)
{
	(void)state;
	struct stat before;
	struct stat after;
	assert_int_equal(file_write(path, "old", 3, 0600, NULL), 0);
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(file_write(path, "new", 3, 0600, NULL), 0);
	assert_int_equal(stat(path, &after), 0);
	assert_content("new");
	assert_true(before.st_ino != after.st_ino);
	assert_int_equal(files_in_folder(), 1);
}

static void a_write_that_fails_half_way_keeps_the_old_file(void **state)
{
	(void)state;
	assert_int_equal(file_write(path, "old", 3, 0600, NULL), 0);
	struct rlimit before;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	const struct rlimit small = { .rlim_cur = 10, .rlim_max = before.rlim_max };
	(void)signal(SIGXFSZ, SIG_IGN); /* so that write() says -EFBIG */
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	struct err err = ERR_INIT;
	int r = file_write(path, "0123456789abcdef", 16, 0600, &err);
	(void)setrlimit(RLIMIT_FSIZE, &before);

	assert_int_equal(r, -EFBIG);
	assert_memory_equal(err.msg, path, strlen(path));
	assert_content("old");
	assert_int_equal(files_in_folder(), 1);
}

static void a_rename_that_fails_leaves_nothing_behind(void **state)
{
	(void)state;
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(file_write(path, "x", 1, 0600, NULL), -EISDIR);
	assert_int_equal(files_in_folder(), 1);
	assert_int_equal(file_write("/nowhere/file", "x", 1, 0600, NULL), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reads_back_what_was_written, make_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(an_empty_file_is_an_empty_text, make_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(reads_a_file_that_claims_no_size, make_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(refuses_what_is_larger_and_leaves_the_outputs,
						make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(says_which_file_and_why, make_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(a_pipe_is_refused_at_once, make_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(of_the_devices_only_null_is_read, make_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(a_stream_may_be_a_pipe, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(memory_that_is_out_is_an_error, make_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(replaces_by_rename, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(a_write_that_fails_half_way_keeps_the_old_file,
						make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(a_rename_that_fails_leaves_nothing_behind,
						make_folder, remove_folder),
	};
	return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
