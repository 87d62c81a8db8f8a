/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"

struct thing {
	int before;
	unsigned frees;
};

static struct thing thing;

static void thing_free(struct thing *object)
{
	object->frees++;
}

DEFINE_CLEANUP(struct thing *, thing_cleanup, thing_free);
#define cleanup_thing CLEANUP(thing_cleanup)

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static int fresh(void **state)
{
	(void)state;
	thing = (struct thing){ 0 };
	return 0;
}

static struct thing *made(bool has_failed)
{
	cleanup_thing struct thing *object = &thing;
	if (has_failed)
		return NULL;
	return TAKE_PTR(object);
}

static void what_is_not_taken_is_freed_once(void **state)
{
	(void)state;
	assert_null(made(true));
	assert_int_equal(thing.frees, 1);
}

static void what_is_taken_is_not_freed(void **state)
{
	(void)state;
	assert_ptr_equal(made(false), &thing);
	assert_int_equal(thing.frees, 0);
}

static void nothing_is_not_freed(void **state)
{
	(void)state;
	struct thing *none = NULL;
	thing_cleanup(&none);
	assert_int_equal(thing.frees, 0);
}

static void taking_leaves_nothing_behind(void **state)
{
	(void)state;
	cleanup_free char *text = malloc(8);
	char *taken = TAKE_PTR(text);
	assert_null(text);
	free(taken);

	cleanup_close int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int taken_fd = TAKE_FD(fd);
	assert_int_equal(fd, -1);
	assert_true(is_open(taken_fd));
	assert_int_equal(close(taken_fd), 0);
}

static int opened_and_left(int *ret_fd)
{
	cleanup_close int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	*ret_fd = fd;
	errno = ENOTTY;
	return -errno;
}

static void a_descriptor_is_closed_and_errno_is_kept(void **state)
{
	(void)state;
	int fd = -1;
	assert_int_equal(opened_and_left(&fd), -ENOTTY);
	assert_int_equal(errno, ENOTTY);
	assert_true(fd >= 0);
	assert_false(is_open(fd));

	int none = -1;
	errno = ENOTTY;
	cleanup_close_fd(&none);
	assert_int_equal(errno, ENOTTY);
}

static void finds_the_owner_of_a_member(void **state)
{
	(void)state;
	assert_ptr_equal(container_of(&thing.frees, struct thing, frees), &thing);
	int numbers[7];
	assert_int_equal(ARRAY_LEN(numbers), 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_is_not_taken_is_freed_once, fresh),
		cmocka_unit_test_setup(what_is_taken_is_not_freed, fresh),
		cmocka_unit_test_setup(nothing_is_not_freed, fresh),
		cmocka_unit_test_setup(taking_leaves_nothing_behind, fresh),
		cmocka_unit_test_setup(a_descriptor_is_closed_and_errno_is_kept, fresh),
		cmocka_unit_test_setup(finds_the_owner_of_a_member, fresh),
	};
	return cmocka_run_group_tests_name("cleanup", tests, NULL, NULL);
}
