/* SPDX-License-Identifier: Apache-2.0 */
/* The system calls of the writer fail one by one. */
#include "fake_root.h"

#include <dirent.h>
#include <stdbool.h>
#include <sys/random.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "cdi/spec_file.h"
#include "core/cdi_class.h"

enum {
	MAX_BYTES = 1000,
};

#define NAME     "k8s.device-plugin.nvidia.com-gpu.json"
#define LEFTOVER "spec." NAME ".1f.tmp"

static struct fake_root root;
static char folder[FAKE_ROOT_PATH_BYTES];
static char path[FAKE_ROOT_PATH_BYTES];

/* The call that fails, and how; NULL: none. */
static const char *failing;
static unsigned synced;
static bool is_short; /* a write takes one byte */

static bool is_failing(const char *call)
{
	if (!failing || strcmp(failing, call) != 0)
		return false;
	errno = ENOSPC;
	return true;
}

/* The linker puts these in the place of libc's for the code under test; open64 is open with
 * large files. */
int __real_open64(const char *name, int flags, ...);
int __wrap_open64(const char *name, int flags, mode_t mode);
ssize_t __real_write(int fd, const void *bytes, size_t length);
ssize_t __wrap_write(int fd, const void *bytes, size_t length);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_fchmod(int fd, mode_t mode);
int __wrap_fchmod(int fd, mode_t mode);
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __real_mkdir(const char *name, mode_t mode);
int __wrap_mkdir(const char *name, mode_t mode);
int __real_unlink(const char *name);
int __wrap_unlink(const char *name);
int __real_unlinkat(int fd, const char *name, int flags);
int __wrap_unlinkat(int fd, const char *name, int flags);
ssize_t __real_getrandom(void *bytes, size_t length, unsigned flags);
ssize_t __wrap_getrandom(void *bytes, size_t length, unsigned flags);

int __wrap_open64(const char *name, int flags, mode_t mode)
{
	bool makes = (flags & O_CREAT) != 0;
	return makes && is_failing("open") ? -1 : __real_open64(name, flags, mode);
}

ssize_t __wrap_write(int fd, const void *bytes, size_t length)
{
	if (is_failing("write"))
		return -1;
	return __real_write(fd, bytes, is_short && length > 0 ? 1 : length);
}

int __wrap_fsync(int fd)
{
	synced++;
	return is_failing("fsync") ? -1 : __real_fsync(fd);
}

int __wrap_fchmod(int fd, mode_t mode)
{
	return is_failing("fchmod") ? -1 : __real_fchmod(fd, mode);
}

int __wrap_rename(const char *from, const char *to)
{
	return is_failing("rename") ? -1 : __real_rename(from, to);
}

int __wrap_mkdir(const char *name, mode_t mode)
{
	return is_failing("mkdir") ? -1 : __real_mkdir(name, mode);
}

int __wrap_unlink(const char *name)
{
	return is_failing("unlink") ? -1 : __real_unlink(name);
}

int __wrap_unlinkat(int fd, const char *name, int flags)
{
	return is_failing("unlinkat") ? -1 : __real_unlinkat(fd, name, flags);
}

ssize_t __wrap_getrandom(void *bytes, size_t length, unsigned flags)
{
	return is_failing("getrandom") ? -1 : __real_getrandom(bytes, length, flags);
}

static int set_up(void **state)
{
	(void)state;
	if (fake_root_make(&root) < 0)
		return -1;
	(void)snprintf(folder, sizeof(folder), "%s/var/run/cdi", root.path);
	(void)snprintf(path, sizeof(path), "%s/var/run/cdi/%s", root.path, NAME);
	return spec_file_make_folder(folder, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	failing = NULL;
	is_short = false;
	return fake_root_remove(&root);
}

static int write_text(const char *text, struct err *err)
{
	return spec_file_write(folder, NAME, text, strlen(text), err);
}

static void assert_content(const char *text)
{
	char *content = NULL;
	assert_int_equal(file_read(path, MAX_BYTES, &content, NULL, NULL), 0);
	assert_string_equal(content, text);
	free(content);
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

static void is_whole_on_the_disk_and_readable_by_all(void **state)
{
	(void)state;
	struct stat status;
	(void)umask(077);
	synced = 0;
	is_short = true;
	assert_int_equal(write_text("{\"a\":1}", NULL), 1);
	(void)umask(022);
	assert_content("{\"a\":1}");
	assert_int_equal(synced, 1);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0644);
	assert_int_equal(files_in_folder(), 1);
}

static void the_same_content_is_not_written_again(void **state)
{
	(void)state;
	struct stat first;
	struct stat second;
	assert_int_equal(write_text("one", NULL), 1);
	assert_int_equal(stat(path, &first), 0);
	assert_int_equal(write_text("one", NULL), 0);
	assert_int_equal(stat(path, &second), 0);
	assert_int_equal(first.st_ino, second.st_ino);
	assert_int_equal(write_text("two", NULL), 1);
	assert_content("two");
	assert_int_equal(write_text("twos", NULL), 1);
	assert_content("twos");
}

static void each_call_that_fails_leaves_the_old_file_and_nothing_else(void **state)
{
	(void)state;
	static const char *const calls[] = { "open",  "write",  "fchmod",
					     "fsync", "rename", "getrandom" };
	assert_int_equal(write_text("old", NULL), 1);
	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		struct err err = ERR_INIT;
		print_message("%s\n", calls[i]);
		failing = calls[i];
		int r = write_text("new", &err);
		failing = NULL;
		assert_int_equal(r, -ENOSPC);
		assert_memory_equal(err.msg, path, strlen(path));
		assert_content("old");
		assert_int_equal(files_in_folder(), 1);
	}
	assert_int_equal(write_text("new", NULL), 1);
	assert_content("new");
}

static void a_folder_in_the_place_of_the_file_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(write_text("new", NULL), -EISDIR);
	assert_int_equal(files_in_folder(), 1);
}

/* As a wait for one who writes there would hold up the agent. */
static void a_pipe_in_the_place_of_the_file_is_replaced_at_once(void **state)
{
	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(write_text("one", NULL), 1);
	assert_content("one");
}

static void names_that_are_too_long_are_errors(void **state)
{
	(void)state;
	char name[2000];
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(spec_file_write(folder, name, "x", 1, NULL), -ENAMETOOLONG);
	assert_int_equal(spec_file_remove(folder, name, NULL), -ENAMETOOLONG);
	assert_int_equal(spec_file_make_folder(name, NULL), -ENAMETOOLONG);
	name[250] = '\0'; /* fits itself, but not with what tells the half written one */
	assert_int_equal(spec_file_write(folder, name, "x", 1, NULL), -ENAMETOOLONG);
}

static void a_file_that_goes_is_gone(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	assert_int_equal(write_text("one", NULL), 1);
	failing = "unlink";
	int r = spec_file_remove(folder, NAME, &err);
	failing = NULL;
	assert_int_equal(r, -ENOSPC);
	assert_memory_equal(err.msg, path, strlen(path));
	assert_int_equal(spec_file_remove(folder, NAME, NULL), 1);
	assert_int_equal(files_in_folder(), 0);
	assert_int_equal(spec_file_remove(folder, NAME, NULL), 0);
}

static void sweeps_what_a_crash_left_and_nothing_of_others(void **state)
{
	(void)state;
	fake_root_file(&root, "/var/run/cdi/" LEFTOVER, 0644);
	fake_root_file(&root, "/var/run/cdi/spec." CDI_VENDOR "-gds.json.2f.tmp", 0644);
	fake_root_file(&root, "/var/run/cdi/spec.123.tmp", 0644); /* of NVIDIA's tools */
	fake_root_file(&root, "/var/run/cdi/nvidia.yaml", 0644);
	assert_int_equal(write_text("one", NULL), 1);
	assert_int_equal(spec_file_sweep(folder, NULL), 2);
	assert_int_equal(files_in_folder(), 3);
	assert_int_equal(spec_file_sweep(folder, NULL), 0);
	assert_content("one");
}

static void a_sweep_that_fails_says_where(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	fake_root_file(&root, "/var/run/cdi/" LEFTOVER, 0644);
	failing = "unlinkat";
	int r = spec_file_sweep(folder, &err);
	failing = NULL;
	assert_int_equal(r, -ENOSPC);
	assert_non_null(strstr(err.msg, LEFTOVER));
	assert_int_equal(spec_file_sweep(path, NULL), 0); /* not there */
	fake_root_file(&root, "/var/run/cdi/file", 0644);
	(void)snprintf(path, sizeof(path), "%s/var/run/cdi/file", root.path);
	assert_int_equal(spec_file_sweep(path, &err), -ENOTDIR);
}

static void folders_are_made_where_they_are_missing(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	struct stat status;
	char deep[FAKE_ROOT_PATH_BYTES + 8];
	assert_int_equal(stat(folder, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0755);
	assert_int_equal(spec_file_make_folder(folder, NULL), 0);
	(void)snprintf(deep, sizeof(deep), "%s/deep", folder);
	failing = "mkdir";
	int r = spec_file_make_folder(deep, &err);
	failing = NULL;
	assert_int_equal(r, -ENOSPC);
	assert_non_null(strstr(err.msg, "cannot make this folder"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define IN_ROOT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
		IN_ROOT(is_whole_on_the_disk_and_readable_by_all),
		IN_ROOT(the_same_content_is_not_written_again),
		IN_ROOT(each_call_that_fails_leaves_the_old_file_and_nothing_else),
		IN_ROOT(a_folder_in_the_place_of_the_file_is_an_error),
		IN_ROOT(a_pipe_in_the_place_of_the_file_is_replaced_at_once),
		IN_ROOT(names_that_are_too_long_are_errors),
		IN_ROOT(a_file_that_goes_is_gone),
		IN_ROOT(sweeps_what_a_crash_left_and_nothing_of_others),
		IN_ROOT(a_sweep_that_fails_says_where),
		IN_ROOT(folders_are_made_where_they_are_missing),
	};
	return cmocka_run_group_tests_name("spec_file", tests, NULL, NULL);
}
