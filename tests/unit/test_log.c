/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"

enum {
	CAPTURED_BYTES = 16384,
	LINE_BYTES_MAX = 4096, /* what one line may have, as log.c has it */
	TIME_LENGTH = 24       /* 2024-01-31T12:00:00.000Z */
};

static int saved_stderr = -1;
static int captured_fd = -1;
static char captured[CAPTURED_BYTES];

/* A pipe that keeps packets apart: one read gives what one write gave. */
static int capture(void **state)
{
	(void)state;
	int fds[2];
	if (pipe2(fds, O_DIRECT | O_CLOEXEC | O_NONBLOCK) < 0)
		return -1;
	saved_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	captured_fd = fds[0];
	int r = dup2(fds[1], STDERR_FILENO);
	(void)close(fds[1]);
	log_init(LOG_INFO, LOG_FORMAT_LOGFMT);
	return r < 0 ? -1 : 0;
}

static int release(void **state)
{
	(void)state;
	(void)dup2(saved_stderr, STDERR_FILENO);
	(void)close(saved_stderr);
	(void)close(captured_fd);
	return 0;
}

/* The next write to stderr as a text; "" when there was none. */
static const char *next_write(void)
{
	ssize_t got = read(captured_fd, captured, sizeof(captured) - 1);
	captured[got > 0 ? got : 0] = '\0';
	return captured;
}

/* The next line behind its time, which is checked for its shape. */
static const char *next_line(void)
{
	const char *line = next_write();
	assert_memory_equal(line, "time=", 5);
	assert_int_equal(line[5 + TIME_LENGTH - 1], 'Z');
	assert_int_equal(line[5 + TIME_LENGTH], ' ');
	return line + 5 + TIME_LENGTH + 1;
}

static void writes_an_event_and_its_pairs(void **state)
{
	(void)state;
	log_info("replicas advertised", KV_STR("resource", "nvidia.com/gpu"), KV_U64("count", 5),
		 KV_I64("code", -2), KV_BOOL("first", true), KV_BOOL("last", false));
	assert_string_equal(next_line(), "level=info event=\"replicas advertised\" "
					 "resource=nvidia.com/gpu count=5 code=-2 first=true "
					 "last=false\n");
	log_error("gone");
	assert_string_equal(next_line(), "level=error event=gone\n");
}

static void quotes_what_a_reader_would_misread(void **state)
{
	(void)state;
	log_warn("x", KV_STR("a", "two words"), KV_STR("b", "k=v"), KV_STR("c", "say \"hi\"\\"),
		 KV_STR("d", "line\nbreak\x7f"), KV_STR("e", ""), KV_STR("f", NULL));
	assert_string_equal(next_line(), "level=warn event=x a=\"two words\" b=\"k=v\" "
					 "c=\"say \\\"hi\\\"\\\\\" d=\"line\\u000abreak\\u007f\" "
					 "e=\"\" f=\"\"\n");
}

static void json_has_the_same_pairs(void **state)
{
	(void)state;
	log_init(LOG_INFO, LOG_FORMAT_JSON);
	log_info("up", KV_STR("gpu", "GPU-\"1\""), KV_U64("count", UINT64_MAX),
		 KV_I64("least", INT64_MIN), KV_BOOL("is", true));
	const char *line = next_write();
	assert_memory_equal(line, "{\"time\":\"", 9);
	assert_string_equal(line + 9 + TIME_LENGTH,
			    "\",\"level\":\"info\",\"event\":\"up\",\"gpu\":\"GPU-\\\"1\\\"\","
			    "\"count\":18446744073709551615,\"least\":-9223372036854775808,"
			    "\"is\":true}\n");
}

static void the_level_decides_what_is_written(void **state)
{
	(void)state;
	log_debug("not this");
	assert_string_equal(next_write(), "");
	log_init(LOG_ERROR, LOG_FORMAT_LOGFMT);
	log_warn("nor this");
	assert_string_equal(next_write(), "");
	log_init(LOG_DEBUG, LOG_FORMAT_LOGFMT);
	log_debug("but this");
	assert_string_equal(next_line(), "level=debug event=\"but this\"\n");
}

static void a_long_line_is_cut_at_a_pair_and_is_one_write(void **state)
{
	(void)state;
	char filler[LINE_BYTES_MAX - 100];
	memset(filler, 'x', sizeof(filler) - 1);
	filler[sizeof(filler) - 1] = '\0';
	log_info("long", KV_STR("kept", filler), KV_STR("cut", filler), KV_U64("also", 1));
	const char *line = next_line();
	size_t length = strlen(line);
	assert_int_equal(line[length - 1], '\n');
	assert_null(strstr(line, "cut="));
	assert_null(strstr(line, "also="));
	assert_int_equal(line[length - 2], 'x');
	assert_string_equal(next_write(), "");
}

static void the_longest_line_is_one_write(void **state)
{
	(void)state;
	char filler[LINE_BYTES_MAX];
	/* From one that fits to one that does not, so that the bound itself is met. */
	for (size_t length = sizeof(filler) - 90; length < sizeof(filler) - 1; length++) {
		memset(filler, 'x', length);
		filler[length] = '\0';
		log_info("l", KV_STR("k", filler));
		const char *line = next_line();
		assert_int_equal(line[strlen(line) - 1], '\n');
		assert_string_equal(next_write(), "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(writes_an_event_and_its_pairs, capture, release),
		cmocka_unit_test_setup_teardown(quotes_what_a_reader_would_misread, capture,
						release),
		cmocka_unit_test_setup_teardown(json_has_the_same_pairs, capture, release),
		cmocka_unit_test_setup_teardown(the_level_decides_what_is_written, capture,
						release),
		cmocka_unit_test_setup_teardown(a_long_line_is_cut_at_a_pair_and_is_one_write,
						capture, release),
		cmocka_unit_test_setup_teardown(the_longest_line_is_one_write, capture, release),
	};
	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
