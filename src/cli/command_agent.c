/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `rota agent`: the entry point of the DaemonSet. Reads the configuration (again when told to),
 * says what is odd about it, and hands over to the agent.
 */
#include "cli/commands.h"

#include <errno.h>
#include <unistd.h>

#include "agent/agent.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "config/config.h"

enum {
	FINDING_LINE_BYTES = 4096
};

static const char executable[] = "/proc/self/exe";

struct values {
	struct option_given flags;
};

struct source {
	struct agent_source agent;
	const struct option_given *flags; /* borrowed */
	bool is_usage;                    /* a flag or a variable was refused */
};

static void log_findings(const struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->items[i];
		cleanup_buf struct buf line = BUF_INIT(FINDING_LINE_BYTES);
		finding_print(finding, findings->file ? findings->file : "", &line);
		if (finding->severity == FINDING_REFUSE)
			log_error("configuration refused", KV_STR("finding", line.data));
		else
			log_warn("configuration has an oddity, going on",
				 KV_STR("finding", line.data));
	}
}

static int load(struct agent_source *agent, struct settings **ret, struct err *err)
{
	struct source *source = container_of(agent, struct source, agent);
	const struct config_inputs inputs = { .flags = source->flags, .environment = environ };
	cleanup_findings struct findings findings = { 0 };
	cleanup_settings struct settings *settings = NULL;
	int r = config_load(&inputs, &findings, &settings, err);
	if (r == 0)
		log_init(settings->log_level, settings->log_format);
	log_findings(&findings);
	source->is_usage = r == -EINVAL;
	if (r == 0)
		*ret = TAKE_PTR(settings);
	return r;
}

static int run(const void *values, const struct option_words *arguments)
{
	(void)arguments;
	struct source source = {
		.agent.load = load,
		.flags = &((const struct values *)values)->flags,
	};
	struct err err = ERR_INIT;
	int r = agent_run(executable, &source.agent, &err);
	if (r < 0)
		log_error("agent ends", KV_STR("cause", err.msg));
	if (r == 0)
		return COMMAND_DONE;
	return source.is_usage ? COMMAND_USAGE : COMMAND_FAILED;
}

static const struct command_options options[] = {
	{ &schema_options, offsetof(struct values, flags) },
};

const struct command command_agent = {
	.name = "agent",
	.synopsis = "[OPTIONS]",
	.summary = "run the node agent",
	.details =
		"The device plugin of this node, with the flags and the environment of NVIDIA's. "
		"It runs in the foreground and logs to stderr. It reads the configuration file "
		"again when the file changes, and at SIGHUP; SIGTERM ends it and removes its "
		"sockets. `rota config reference` says what each of these allows.",
	.options = options,
	.options_count = ARRAY_LEN(options),
	.values_bytes = sizeof(struct values),
	.run = run,
};
