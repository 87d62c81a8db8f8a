/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stand-in kubelet as a program: options, signals, and the order in which things start and end.
 * It ends with stdin, SIGINT or SIGTERM, and its pods end with it.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/cleanup.h"
#include "base/option.h"
#include "sim/kubelet/console.h"
#include "sim/kubelet/simnode.h"

enum {
	EXIT_USAGE = 2,
	HELP_BYTES_MAX = 16 * 1024,
	MS_MAX = 24 * 60 * 60 * 1000,
	DEFAULT_GRACE_MS = 5 * 60 * 1000, /* kubelet's own */
	DEFAULT_BACKOFF_MS = 10 * 1000,   /* kubelet's own */
	DEFAULT_TERMINATE_MS =
		500,        /* a shell as first process ignores SIGTERM, so this is waited for */
	DESCRIPTORS = 4096, /* two a pod */
};

/* What images usually have; the user's own PATH means nothing in a pod. */
static const char pod_path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

struct program {
	uv_loop_t loop;
	struct simnode node;
	struct console console;
	uv_signal_t signals[2];
	bool is_ending;
};

static void end(struct program *program)
{
	if (program->is_ending)
		return;
	program->is_ending = true;
	console_close(&program->console);
	simnode_done(&program->node);
	for (size_t i = 0; i < ARRAY_LEN(program->signals); i++)
		uv_close((uv_handle_t *)&program->signals[i], NULL);
}

static void on_stdin_end(struct console *console)
{
	end(container_of(console, struct program, console));
}

static void on_interrupt(uv_signal_t *signal, int number)
{
	struct program *program = container_of(signal, struct program, signals[0]);
	(void)number;
	end(program);
}

static void on_terminate(uv_signal_t *signal, int number)
{
	struct program *program = container_of(signal, struct program, signals[1]);
	(void)number;
	end(program);
}

static int watch_signals(struct program *program, struct err *err)
{
	(void)uv_signal_init(&program->loop, &program->signals[0]);
	(void)uv_signal_init(&program->loop, &program->signals[1]);
	int r = uv_signal_start(&program->signals[0], on_interrupt, SIGINT);
	if (r == 0)
		r = uv_signal_start(&program->signals[1], on_terminate, SIGTERM);
	return r < 0 ? err_errno(err, r, "signals") : 0;
}

static int run(const struct simnode_options *options, struct err *err)
{
	struct program program = { 0 };
	int r = uv_loop_init(&program.loop);
	if (r < 0)
		return err_errno(err, r, "loop");
	r = simnode_init(&program.node, &program.loop, options, err);
	if (r == 0)
		r = watch_signals(&program, err);
	if (r == 0)
		r = console_open(&program.console, &program.loop, &program.node, on_stdin_end, err);
	if (r < 0)
		return r; /* the process ends; there is nothing to undo outside it */

	r = simnode_start(&program.node, err);
	if (r < 0)
		end(&program);
	(void)uv_run(&program.loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(&program.loop);
	return r;
}

struct values {
	struct simnode_options options;
	bool wants_help;
};

#define NUMBER(option_name, member, least, text, default_value)                                  \
	{                                                                                        \
		.name = (option_name), .value_name = "N", .help = (text),                        \
		.default_text = (default_value), .kind = OPTION_NUMBER,                          \
		.offset = offsetof(struct values, options.member), .min = (least), .max = MS_MAX \
	}

static const struct option options[] = {
	{ .name = "device-plugins",
	  .value_name = "DIR",
	  .help = "where kubelet.sock and the plugins' sockets are; needed",
	  .kind = OPTION_TEXT,
	  .offset = offsetof(struct values, options.directory) },
	{ .name = "tools",
	  .value_name = "DIR",
	  .help = "simulated tools and libraries, for the PATH of pods",
	  .kind = OPTION_TEXT,
	  .offset = offsetof(struct values, options.launch.tools) },
	NUMBER("grace-ms", grace_ms, 1, "how long a lost plugin's devices stay in the capacity",
	       "300000"),
	NUMBER("backoff-ms", backoff_ms, 1, "before a pod's process is started again", "10000"),
	NUMBER("terminate-ms", terminate_ms, 1, "between SIGTERM and SIGKILL of a deleted pod",
	       "500"),
	NUMBER("seed", seed, 0, "of the random order in which devices are offered", "1"),
	{ .name = "race-1.36",
	  .help = "the end of an old stream takes the new plugin with it, as up to 1.36",
	  .kind = OPTION_SWITCH,
	  .offset = offsetof(struct values, options.is_race_of_1_36) },
	{ .name = "help",
	  .aliases = { "h" },
	  .help = "print this help",
	  .kind = OPTION_SWITCH,
	  .offset = offsetof(struct values, wants_help) },
};

static int print_help(void)
{
	cleanup_buf struct buf text = BUF_INIT(HELP_BYTES_MAX);
	(void)buf_text(&text,
		       "usage: kubelet --device-plugins DIR [OPTIONS]\n\n"
		       "A stand-in for kubelet: serves DIR/kubelet.sock, takes commands as "
		       "JSON lines on\nstdin and tells what happens as JSON lines on stdout.\n"
		       "\nOptions:\n");
	option_help(&OPTION_TABLE(options), &text);
	return text.error < 0 || fputs(text.data, stdout) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int check_options(const struct values *values, const struct option_words *rest,
			 struct err *err)
{
	if (rest->count > 0)
		return err_set(err, -EINVAL, "%s: no argument is allowed", rest->items[0]);
	if (!values->wants_help && !values->options.directory)
		return err_set(err, -EINVAL, "--device-plugins is needed");
	return 0;
}

/* Two descriptors a pod: the usual soft limit would end at some 500 pods. */
static void raise_descriptors(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= DESCRIPTORS)
		return;
	limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
	(void)setrlimit(RLIMIT_NOFILE, &limit); /* fewer pods then */
}

static int fail(int status, const struct err *err)
{
	(void)fprintf(stderr, "kubelet: %s\n", err->msg);
	return status;
}

int main(int argc, char **argv)
{
	struct values values = {
		.options = {
			.grace_ms = DEFAULT_GRACE_MS,
			.backoff_ms = DEFAULT_BACKOFF_MS,
			.terminate_ms = DEFAULT_TERMINATE_MS,
			.seed = 1,
			/* nothing here changes the environment */
			.launch = { .scenario = getenv("ROTA_SIM"), .path = pod_path },
		},
	};
	const struct option_set set = { OPTION_TABLE(options), &values };
	struct option_words words = { argv + 1, argc > 1 ? (size_t)argc - 1 : 0 };
	struct err err = ERR_INIT;
	int r = option_parse(&set, 1, OPTION_ORDER_ANY, words, &words, &err);
	if (r == 0)
		r = check_options(&values, &words, &err);
	if (r < 0)
		return fail(EXIT_USAGE, &err);
	if (values.wants_help)
		return print_help();

	(void)signal(SIGPIPE, SIG_IGN);
	raise_descriptors();
	return run(&values.options, &err) < 0 ? fail(EXIT_FAILURE, &err) : EXIT_SUCCESS;
}
