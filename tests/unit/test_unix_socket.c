/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/unix_socket.h"

static char folder[64];
static char path[80];

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/rota-socket-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	(void)snprintf(path, sizeof(path), "%s/s", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(folder);
}

static int make(struct unix_socket *made)
{
	int fd = -1;
	struct err err = ERR_INIT;
	assert_int_equal(unix_socket_make(path, made, &fd, &err), 0);
	return fd;
}

static void is_for_its_owner_only(void **state)
{
	(void)state;
	struct unix_socket made;
	struct stat status;
	cleanup_close int fd = make(&made);
	assert_true(fd >= 0);
	assert_int_equal(lstat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
}

static void is_vacant_while_nobody_listens(void **state)
{
	(void)state;
	assert_true(unix_socket_is_vacant(path));
	struct unix_socket made;
	cleanup_close int fd = make(&made);
	assert_true(unix_socket_is_vacant(path));
	assert_int_equal(listen(fd, 1), 0);
	assert_false(unix_socket_is_vacant(path));
	assert_int_equal(close(TAKE_FD(fd)), 0);
	assert_true(unix_socket_is_vacant(path));
}

static void a_path_that_cannot_be_asked_is_not_vacant(void **state)
{
	(void)state;
	char long_path[UNIX_SOCKET_PATH_MAX + 2];
	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	assert_false(unix_socket_is_vacant(long_path));
}

static void removes_its_own_file(void **state)
{
	(void)state;
	struct unix_socket made;
	cleanup_close int fd = make(&made);
	assert_true(fd >= 0);
	assert_true(unix_socket_is_ours(&made));
	unix_socket_remove(&made);
	assert_false(unix_socket_is_ours(&made));
	assert_int_equal(access(path, F_OK), -1);
}

static void leaves_the_file_of_a_newer_one(void **state)
{
	(void)state;
	struct unix_socket old;
	struct unix_socket newer;
	cleanup_close int old_fd = make(&old);
	assert_int_equal(unlink(path), 0);
	cleanup_close int newer_fd = make(&newer);
	assert_true(old_fd >= 0 && newer_fd >= 0);
	unix_socket_remove(&old);
	assert_int_equal(access(path, F_OK), 0);
	assert_true(unix_socket_is_ours(&newer));
}

static void does_not_take_a_place_that_is_taken(void **state)
{
	(void)state;
	struct unix_socket made;
	struct unix_socket second = { .inode = 7 };
	struct err err = ERR_INIT;
	int second_fd = -1;
	cleanup_close int fd = make(&made);
	assert_true(fd >= 0);
	assert_int_equal(unix_socket_make(path, &second, &second_fd, &err), -EADDRINUSE);
	assert_int_equal(second_fd, -1);
	assert_int_equal(second.inode, 7);
	assert_memory_equal(err.msg, path, strlen(path));
}

static void a_long_path_is_refused_and_not_cut(void **state)
{
	(void)state;
	struct sockaddr_un address;
	char text[UNIX_SOCKET_PATH_MAX + 2];
	memset(text, 'x', sizeof(text));
	text[UNIX_SOCKET_PATH_MAX + 1] = '\0';
	assert_int_equal(unix_socket_address(text, &address), -ENAMETOOLONG);
	text[UNIX_SOCKET_PATH_MAX] = '\0';
	assert_int_equal(unix_socket_address(text, &address), 0);
	assert_string_equal(address.sun_path, text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(is_for_its_owner_only, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(is_vacant_while_nobody_listens, make_folder,
						remove_folder),
		cmocka_unit_test(a_path_that_cannot_be_asked_is_not_vacant),
		cmocka_unit_test_setup_teardown(removes_its_own_file, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(leaves_the_file_of_a_newer_one, make_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(does_not_take_a_place_that_is_taken, make_folder,
						remove_folder),
		cmocka_unit_test(a_long_path_is_refused_and_not_cut),
	};
	return cmocka_run_group_tests_name("unix_socket", tests, NULL, NULL);
}
