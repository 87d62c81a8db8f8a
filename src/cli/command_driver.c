/* SPDX-License-Identifier: Apache-2.0 */
/* `rota driver`: the driver process. Only the agent starts it, with its socket as descriptor 3. */
#include <stdio.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "cli/commands.h"
#include "driver/driver.h"

enum {
	AGENT_FD = 3
};

struct values {
	const char *driver_root;
	const char *root;
};

static const struct values defaults = { .driver_root = "/driver-root", .root = "" };

/* A person who tries it gets a sentence and not the end of some other descriptor. */
static bool is_socket(int fd)
{
	int type = 0;
	socklen_t length = sizeof(type);
	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_STREAM;
}

static int run(const void *input, const struct option_words *arguments)
{
	(void)arguments;
	const struct values *values = input;
	if (!is_socket(AGENT_FD)) {
		(void)fputs("rota driver: is started by rota agent, not by hand; for what is on "
			    "this node: rota devices\n",
			    stderr);
		return COMMAND_USAGE;
	}
	return driver_serve(AGENT_FD, values->driver_root, values->root) == 0 ? COMMAND_DONE
									      : COMMAND_FAILED;
}

static const struct option own_options[] = {
	{ .name = "driver-root-ctr-path",
	  .value_name = "PATH",
	  .help = "where the root of the NVIDIA driver is mounted",
	  .default_text = "/driver-root",
	  .kind = OPTION_TEXT,
	  .offset = offsetof(struct values, driver_root) },
	{ .name = "root",
	  .value_name = "DIR",
	  .help = "before /proc and /sys where GPUs are looked for; for tests",
	  .kind = OPTION_TEXT,
	  .offset = offsetof(struct values, root) },
};

static const struct option_table own_table = OPTION_TABLE(own_options);

static const struct command_options options[] = { { &own_table, 0 } };

const struct command command_driver = {
	.name = "driver",
	.synopsis = "[--driver-root-ctr-path PATH] [--root DIR]",
	.summary = "the process that asks the NVIDIA driver; started by the agent",
	.options = options,
	.options_count = ARRAY_LEN(options),
	.values_bytes = sizeof(struct values),
	.defaults = &defaults,
	.is_hidden = true,
	.run = run,
};
