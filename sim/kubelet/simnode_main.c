/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stand-in kubelet as a program: options, signals, and the order in which things start and end.
 * It ends with stdin, SIGINT or SIGTERM, and its pods end with it.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "sim/kubelet/console.h"
#include "sim/kubelet/simnode.h"

enum {
	EXIT_USAGE = 2,
	MS_MAX = 24 * 60 * 60 * 1000,
	DEFAULT_GRACE_MS = 5 * 60 * 1000, /* kubelet's own */
	DEFAULT_BACKOFF_MS = 10 * 1000,   /* kubelet's own */
	DEFAULT_TERMINATE_MS =
		500,        /* a shell as first process ignores SIGTERM, so this is waited for */
	DESCRIPTORS = 4096, /* two a pod */
};

/* What images usually have; the user's own PATH means nothing in a pod. */
static const char pod_path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

static const char usage[] =
	"usage: kubelet --device-plugins DIR [options]\n"
	"\n"
	"A stand-in for kubelet: serves DIR/kubelet.sock, takes commands as JSON lines on stdin and\n"
	"tells what happens as JSON lines on stdout.\n"
	"\n"
	"  --device-plugins DIR  where kubelet.sock and the plugins' sockets are\n"
	"  --tools DIR           simulated tools and libraries, for the PATH of pods\n"
	"  --grace-ms N          how long a lost plugin's devices stay in the capacity (300000)\n"
	"  --backoff-ms N        before a pod's process is started again (10000)\n"
	"  --terminate-ms N      between SIGTERM and SIGKILL of a deleted pod (500)\n"
	"  --seed N              of the random order in which devices are offered (1)\n"
	"  --race-1.36           the end of an old stream takes the new plugin with it, as up to 1.36\n";

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

enum option_id {
	OPTION_DEVICE_PLUGINS = 256,
	OPTION_TOOLS,
	OPTION_GRACE,
	OPTION_BACKOFF,
	OPTION_TERMINATE,
	OPTION_SEED,
	OPTION_RACE,
	OPTION_HELP,
};

static const struct option long_options[] = {
	{ "device-plugins", required_argument, NULL, OPTION_DEVICE_PLUGINS },
	{ "tools", required_argument, NULL, OPTION_TOOLS },
	{ "grace-ms", required_argument, NULL, OPTION_GRACE },
	{ "backoff-ms", required_argument, NULL, OPTION_BACKOFF },
	{ "terminate-ms", required_argument, NULL, OPTION_TERMINATE },
	{ "seed", required_argument, NULL, OPTION_SEED },
	{ "race-1.36", no_argument, NULL, OPTION_RACE },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ 0 },
};

static int take_option(struct simnode_options *options, int id, const char *value)
{
	switch (id) {
	case OPTION_DEVICE_PLUGINS:
		options->directory = value;
		return 0;
	case OPTION_TOOLS:
		options->launch.tools = value;
		return 0;
	case OPTION_GRACE:
		return text_parse_u64(value, 1, MS_MAX, &options->grace_ms);
	case OPTION_BACKOFF:
		return text_parse_u64(value, 1, MS_MAX, &options->backoff_ms);
	case OPTION_TERMINATE:
		return text_parse_u64(value, 1, MS_MAX, &options->terminate_ms);
	case OPTION_SEED:
		return text_parse_u64(value, 0, UINT64_MAX, &options->seed);
	case OPTION_RACE:
		options->is_race_of_1_36 = true;
		return 0;
	default:
		return -EINVAL;
	}
}

/* Returns EXIT_SUCCESS to go on, or how to exit after @ret_is_done. */
static int take_options(int argc, char **argv, struct simnode_options *options, bool *ret_is_done)
{
	int id;
	*ret_is_done = true;
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): no second thread yet */
	while ((id = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (id == OPTION_HELP) {
			(void)fputs(usage, stdout);
			return EXIT_SUCCESS;
		}
		if (take_option(options, id, optarg) < 0) {
			(void)fputs(usage, stderr);
			return EXIT_USAGE;
		}
	}
	if (!options->directory || optind < argc) {
		(void)fputs(usage, stderr);
		return EXIT_USAGE;
	}
	*ret_is_done = false;
	return EXIT_SUCCESS;
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

int main(int argc, char **argv)
{
	struct simnode_options options = {
		.grace_ms = DEFAULT_GRACE_MS,
		.backoff_ms = DEFAULT_BACKOFF_MS,
		.terminate_ms = DEFAULT_TERMINATE_MS,
		.seed = 1,
		.launch = { .scenario = getenv("ROTA_SIM"), .path = pod_path },
	};
	bool is_done = false;
	int status = take_options(argc, argv, &options, &is_done);
	if (is_done)
		return status;

	struct err err = ERR_INIT;
	(void)signal(SIGPIPE, SIG_IGN);
	raise_descriptors();
	if (run(&options, &err) < 0) {
		(void)fprintf(stderr, "kubelet: %s\n", err.msg);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
