/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/config_watch.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

enum {
	PATH_BYTES = 256,
	HANG_MS = 60000,
	/* Looks of which one would find a change that counts. */
	STILL_MS = 3 * CONFIG_WATCH_QUIET_MS,
};

struct fixture {
	uv_loop_t loop;
	uv_timer_t guard;
	struct config_watch watch;
	unsigned changes;
	bool is_late;
	char directory[32];
};

static void on_change(struct config_watch *watch)
{
	struct fixture *f = container_of(watch, struct fixture, watch);
	f->changes++;
	uv_stop(&f->loop);
}

static void on_guard(uv_timer_t *guard)
{
	struct fixture *f = container_of(guard, struct fixture, guard);
	f->is_late = true;
	uv_stop(&f->loop);
}

static int make_fixture(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	(void)snprintf(f->directory, sizeof(f->directory), "/tmp/rota-watch-XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	assert_int_equal(uv_loop_init(&f->loop), 0);
	assert_int_equal(uv_timer_init(&f->loop, &f->guard), 0);
	f->watch.on_change = on_change;
	*state = f;
	return 0;
}

static int free_fixture(void **state)
{
	struct fixture *f = *state;
	config_watch_stop(&f->watch);
	uv_close((uv_handle_t *)&f->guard, NULL);
	(void)uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	char command[PATH_BYTES];
	(void)snprintf(command, sizeof(command), "rm -rf %s", f->directory);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a path of our own */
	free(f);
	return 0;
}

static const char *at(const struct fixture *f, const char *name, char ret[static PATH_BYTES])
{
	(void)snprintf(ret, PATH_BYTES, "%s/%s", f->directory, name);
	return ret;
}

static void put(const struct fixture *f, const char *name, const char *content)
{
	char path[PATH_BYTES];
	assert_int_equal(file_write(at(f, name, path), content, strlen(content), 0600, NULL), 0);
}

static void make_directory(const struct fixture *f, const char *name)
{
	char path[PATH_BYTES];
	assert_int_equal(mkdir(at(f, name, path), 0700), 0);
}

/* By rename, as kubelet does it. */
static void link_to(const struct fixture *f, const char *target, const char *name)
{
	char partial[PATH_BYTES];
	char path[PATH_BYTES];
	assert_int_equal(symlink(target, at(f, "partial", partial)), 0);
	assert_int_equal(rename(partial, at(f, name, path)), 0);
}

static void watch(struct fixture *f, const char *name, const char *content)
{
	char path[PATH_BYTES];
	uint64_t digest = text_digest(content, strlen(content));
	assert_int_equal(config_watch_start(&f->watch, &f->loop, at(f, name, path), digest), 0);
}

/* Run until the next change. */
static void wait_change(struct fixture *f)
{
	unsigned before = f->changes;
	(void)uv_timer_start(&f->guard, on_guard, HANG_MS, 0);
	(void)uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_false(f->is_late);
	assert_int_equal(f->changes, before + 1);
}

/* Run for some looks; there is no change. */
static void wait_nothing(struct fixture *f)
{
	unsigned before = f->changes;
	(void)uv_timer_start(&f->guard, on_guard, STILL_MS, 0);
	(void)uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_true(f->is_late);
	assert_int_equal(f->changes, before);
	f->is_late = false;
}

static unsigned armed_count(const struct fixture *f)
{
	unsigned count = 0;
	for (size_t i = 0; i < CONFIG_WATCH_DIRECTORIES_MAX; i++)
		count += f->watch.directories[i].is_armed ? 1 : 0;
	return count;
}

static void says_nothing_of_a_file_that_stays(void **state)
{
	struct fixture *f = *state;
	put(f, "c", "5");
	watch(f, "c", "5");
	wait_nothing(f);
	put(f, "other", "6");
	wait_nothing(f);
}

static void a_new_content_is_told_and_a_touch_is_not(void **state)
{
	struct fixture *f = *state;
	put(f, "c", "5");
	watch(f, "c", "5");
	wait_nothing(f);
	put(f, "c", "6");
	wait_change(f);
	put(f, "c", "6");
	wait_nothing(f);
}

static void finds_what_changed_between_the_reading_and_the_start(void **state)
{
	struct fixture *f = *state;
	put(f, "c", "6");
	watch(f, "c", "5");
	wait_change(f);
}

static void a_file_that_goes_and_comes_is_told_both_times(void **state)
{
	struct fixture *f = *state;
	char path[PATH_BYTES];
	put(f, "c", "5");
	watch(f, "c", "5");
	assert_int_equal(unlink(at(f, "c", path)), 0);
	wait_change(f);
	put(f, "c", "5");
	wait_change(f);
}

static void another_reason_why_it_cannot_be_read_is_told(void **state)
{
	struct fixture *f = *state;
	char path[PATH_BYTES];
	put(f, "c", "5");
	watch(f, "c", "5");
	assert_int_equal(unlink(at(f, "c", path)), 0);
	wait_change(f);
	wait_nothing(f);
	make_directory(f, "c");
	wait_change(f);
	put(f, "c/other", "5");
	wait_nothing(f);
}

static void watches_every_directory_of_a_chain_of_links(void **state)
{
	struct fixture *f = *state;
	make_directory(f, "volume");
	make_directory(f, "volume/..1");
	put(f, "volume/..1/c", "5");
	link_to(f, "..1", "volume/..data");
	link_to(f, "..data/c", "volume/c");
	link_to(f, "volume/c", "c");
	watch(f, "c", "5");
	assert_int_equal(armed_count(f), 3);
	make_directory(f, "volume/..2");
	put(f, "volume/..2/c", "6");
	link_to(f, "..2", "volume/..data");
	wait_change(f);
	assert_int_equal(armed_count(f), 3);
	put(f, "volume/..2/c", "7");
	wait_change(f);
}

static void links_in_a_circle_are_a_file_that_is_not_there(void **state)
{
	struct fixture *f = *state;
	char path[PATH_BYTES];
	link_to(f, "b", "a");
	link_to(f, "a", "b");
	watch(f, "a", "5");
	wait_change(f);
	wait_nothing(f);
	assert_int_equal(unlink(at(f, "a", path)), 0);
	put(f, "a", "5");
	wait_change(f);
}

static void what_the_owner_reads_itself_is_not_told(void **state)
{
	struct fixture *f = *state;
	put(f, "c", "5");
	watch(f, "c", "5");
	put(f, "c", "6");
	config_watch_settle(&f->watch);
	wait_nothing(f);
}

static void a_path_that_is_too_long_is_refused(void **state)
{
	struct fixture *f = *state;
	char path[CONFIG_WATCH_PATH_BYTES + 1];
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(config_watch_start(&f->watch, &f->loop, path, 0), -ENAMETOOLONG);
}

#define watch_test(name) cmocka_unit_test_setup_teardown(name, make_fixture, free_fixture)

int main(void)
{
	const struct CMUnitTest tests[] = {
		watch_test(says_nothing_of_a_file_that_stays),
		watch_test(a_new_content_is_told_and_a_touch_is_not),
		watch_test(finds_what_changed_between_the_reading_and_the_start),
		watch_test(a_file_that_goes_and_comes_is_told_both_times),
		watch_test(another_reason_why_it_cannot_be_read_is_told),
		watch_test(watches_every_directory_of_a_chain_of_links),
		watch_test(links_in_a_circle_are_a_file_that_is_not_there),
		watch_test(what_the_owner_reads_itself_is_not_told),
		watch_test(a_path_that_is_too_long_is_refused),
	};
	return cmocka_run_group_tests_name("config_watch", tests, NULL, NULL);
}
