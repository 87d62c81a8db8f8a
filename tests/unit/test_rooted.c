/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_root.h"

#include <dirent.h>

#include "cdi/rooted.h"
#include "failing.h"

static struct fake_root root;
static unsigned endless; /* entries that every folder has, made by the test */

/* The linker puts these in the place of readdir(), under its name
 * with large files, for the code under test. */
struct dirent *__real_readdir64(DIR *listing);
struct dirent *__wrap_readdir64(DIR *listing);

struct dirent *__wrap_readdir64(DIR *listing)
{
	static struct dirent entry;
	if (endless == 0)
		return __real_readdir64(listing); /* NOLINT(concurrency-mt-unsafe): one thread */
	if (--endless == 0) {
		errno = EIO;
		return NULL;
	}
	(void)snprintf(entry.d_name, sizeof(entry.d_name), "f%u", endless);
	return &entry;
}

static int set_up(void **state)
{
	(void)state;
	endless = 0;
	return fake_root_make(&root);
}

static int tear_down(void **state)
{
	(void)state;
	endless = 0;
	failing_calloc = 0;
	return fake_root_remove(&root);
}

static const char *leads_to(const char *path)
{
	static struct rooted found;
	int r = rooted_resolve(root.path, path, &found);
	return r == 0 ? found.path : strerrorname_np(-r);
}

static void a_path_without_links_leads_to_itself(void **state)
{
	(void)state;
	fake_root_file(&root, "/usr/lib/a.so", 0644);
	assert_string_equal(leads_to("/usr/lib/a.so"), "/usr/lib/a.so");
	assert_string_equal(leads_to("//usr/./lib/../lib//a.so"), "/usr/lib/a.so");
	assert_string_equal(leads_to("/usr/lib/"), "/usr/lib");
	assert_string_equal(leads_to("/"), "");
	assert_string_equal(leads_to("/usr/lib/b.so"), "ENOENT");
	assert_string_equal(leads_to("/usr/lib/a.so/x"), "ENOTDIR");
}

static void links_stay_below_the_root(void **state)
{
	(void)state;
	fake_root_file(&root, "/usr/lib/a.so.2", 0644);
	fake_root_link(&root, "/lib", "usr/lib");
	fake_root_link(&root, "/usr/lib/a.so.1", "a.so.2");
	fake_root_link(&root, "/usr/lib/a.so", "/lib/a.so.1");
	fake_root_link(&root, "/etc/climbs", "../../../../../usr/lib/a.so");
	assert_string_equal(leads_to("/lib/a.so"), "/usr/lib/a.so.2");
	assert_string_equal(leads_to("/etc/climbs"), "/usr/lib/a.so.2");
	fake_root_link(&root, "/etc/ours", root.path);
	assert_string_equal(leads_to("/etc/ours"), "ENOENT");
}

static void tells_mode_and_group(void **state)
{
	(void)state;
	struct rooted found;
	fake_root_file(&root, "/bin/x", 0751);
	fake_root_link(&root, "/x", "bin/x");
	assert_int_equal(rooted_resolve(root.path, "/x", &found), 0);
	assert_true(S_ISREG(found.mode));
	assert_int_equal(found.mode & 0777, 0751);
	assert_int_equal(found.gid, getegid());
}

static void an_empty_root_is_our_own(void **state)
{
	(void)state;
	struct rooted found;
	assert_int_equal(rooted_resolve("", "/", &found), 0);
	assert_string_equal(found.path, "");
	assert_true(S_ISDIR(found.mode));
	assert_int_equal(rooted_resolve("", root.path, &found), 0);
}

static void links_that_never_end_are_an_error(void **state)
{
	(void)state;
	fake_root_link(&root, "/a", "b");
	fake_root_link(&root, "/b", "a");
	assert_string_equal(leads_to("/a"), "ELOOP");
	fake_root_file(&root, "/chain/0", 0644);
	for (unsigned i = 1; i <= ROOTED_LINKS_MAX + 1; i++) {
		char path[32];
		char target[32];
		(void)snprintf(path, sizeof(path), "/chain/%u", i);
		(void)snprintf(target, sizeof(target), "%u", i - 1);
		fake_root_link(&root, path, target);
	}
	assert_string_equal(leads_to("/chain/40"), "/chain/0");
	assert_string_equal(leads_to("/chain/41"), "ELOOP");
}

static void a_path_that_is_too_long_is_an_error_and_not_cut(void **state)
{
	(void)state;
	char path[ROOTED_PATH_BYTES + 3];
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[ROOTED_PATH_BYTES] = '/';
	path[ROOTED_PATH_BYTES + 2] = '\0';
	assert_string_equal(leads_to(path), "ENAMETOOLONG");
	char target[ROOTED_PATH_BYTES];
	assert_int_equal(rooted_link(root.path, path, target), -ENAMETOOLONG);
}

static void a_target_that_makes_the_path_too_long_is_an_error(void **state)
{
	(void)state;
	char target[ROOTED_PATH_BYTES - 8];
	memset(target, '/', sizeof(target) - 1);
	target[sizeof(target) - 1] = '\0';
	fake_root_link(&root, "/a", target);
	assert_string_equal(leads_to("/a/bbbbbbbbbbbbbbb"), "ENAMETOOLONG");
}

static void reads_what_a_link_says(void **state)
{
	(void)state;
	char target[ROOTED_PATH_BYTES] = "old";
	fake_root_link(&root, "/usr/lib/a.so", "../lib/a.so.1");
	fake_root_link(&root, "/lib", "/usr/lib");
	fake_root_file(&root, "/usr/lib/file", 0644);
	assert_int_equal(rooted_link(root.path, "/lib/file", target), -EINVAL);
	assert_int_equal(rooted_link(root.path, "/none/a.so", target), -ENOENT);
	assert_string_equal(target, "old");
	assert_int_equal(rooted_link(root.path, "/lib/a.so", target), 0);
	assert_string_equal(target, "../lib/a.so.1");
}

static void lists_what_matches_in_order(void **state)
{
	(void)state;
	cleanup_arena struct arena arena = { 0 };
	struct rooted_names names;
	fake_root_link(&root, "/lib", "/usr/lib");
	fake_root_file(&root, "/usr/lib/b.so.1", 0644);
	fake_root_file(&root, "/usr/lib/a.so.1", 0644);
	fake_root_file(&root, "/usr/lib/a.so.2", 0644);
	fake_root_file(&root, "/usr/lib/.c.so.1", 0644);
	assert_int_equal(rooted_list(root.path, "/lib", "*.so.1", &arena, &names, NULL), 0);
	assert_int_equal(names.count, 2);
	assert_string_equal(names.items[0], "a.so.1");
	assert_string_equal(names.items[1], "b.so.1");
	assert_int_equal(rooted_list(root.path, "/none", "*", &arena, &names, NULL), 0);
	assert_int_equal(names.count, 0);
	assert_int_equal(rooted_list(root.path, "/lib/a.so.1", "*", &arena, &names, NULL), 0);
	assert_int_equal(names.count, 0);
}

static int list_of(unsigned entries, const char *pattern, struct err *err)
{
	cleanup_arena struct arena arena = { 0 };
	struct rooted_names names;
	endless = entries;
	return rooted_list(root.path, "/", pattern, &arena, &names, err);
}

static void more_names_or_entries_than_the_bounds_are_an_error(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	assert_int_equal(list_of(ROOTED_NAMES_MAX + 2, "f*", &err), -E2BIG);
	assert_non_null(strstr(err.msg, "cannot look for f*"));
	assert_int_equal(list_of(ROOTED_ENTRIES_MAX + 3, "g*", NULL), -E2BIG);
}

static void a_folder_that_cannot_be_read_is_an_error(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	assert_int_equal(list_of(3, "*", &err), -EIO);
	assert_memory_equal(err.msg, root.path, strlen(root.path));
}

static void memory_that_is_out_is_an_error(void **state)
{
	(void)state;
	cleanup_arena struct arena arena = { 0 };
	struct rooted_names names;
	char name[200];
	memset(name, 'n', sizeof(name) - 1);
	name[0] = '/';
	name[sizeof(name) - 1] = '\0';
	for (int i = 0; i < 26; i++) { /* more than one chunk of an arena */
		name[1] = (char)('a' + i);
		fake_root_file(&root, name, 0644);
	}
	int r = -ENOMEM;
	unsigned calls = 1;
	for (; r == -ENOMEM && calls < 20; calls++) {
		failing_calloc = calls;
		r = rooted_list(root.path, "/", "*", &arena, &names, NULL);
		arena_done(&arena);
	}
	assert_int_equal(r, 0);
	assert_true(calls > 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define IN_ROOT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
		IN_ROOT(a_path_without_links_leads_to_itself),
		IN_ROOT(links_stay_below_the_root),
		IN_ROOT(tells_mode_and_group),
		IN_ROOT(an_empty_root_is_our_own),
		IN_ROOT(links_that_never_end_are_an_error),
		IN_ROOT(a_path_that_is_too_long_is_an_error_and_not_cut),
		IN_ROOT(a_target_that_makes_the_path_too_long_is_an_error),
		IN_ROOT(reads_what_a_link_says),
		IN_ROOT(lists_what_matches_in_order),
		IN_ROOT(more_names_or_entries_than_the_bounds_are_an_error),
		IN_ROOT(a_folder_that_cannot_be_read_is_an_error),
		IN_ROOT(memory_that_is_out_is_an_error),
	};
	return cmocka_run_group_tests_name("rooted", tests, NULL, NULL);
}
