/* SPDX-License-Identifier: Apache-2.0 */
/* `rota status`: what the running agent has, advertises and has done; asked over the agent's own
 * socket. */
#include "cli/commands.h"

#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/output.h"
#include "cli/settings_of.h"
#include "cli/table.h"
#include "config/schema.h"
#include "control/control.h"

enum {
	ANSWER_MS = 5000,
	TEXT_BYTES_MAX = 16 << 20,
	DURATION_BYTES = 32,
};

struct values {
	struct output output;
	struct option_given flags;
};

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

static long long number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static bool is_set(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

/* As kubectl writes an age: "42s", "7m", "3h", "12d". */
static const char *age(long long seconds, char ret[static DURATION_BYTES])
{
	static const struct {
		long long seconds;
		char unit;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	size_t i = 0;
	while (i + 1 < ARRAY_LEN(units) && seconds < 2 * units[i].seconds)
		i++;
	(void)snprintf(ret, DURATION_BYTES, "%lld%c", seconds / units[i].seconds, units[i].unit);
	return ret;
}

static void print_agent(const json_t *status, struct buf *out)
{
	char since[DURATION_BYTES];
	const json_t *driver = json_object_get(status, "driver");
	const char *config = text_of(status, "configFile");
	const char *fault = text_of(driver, "fault");
	(void)buf_printf(out, "agent %s, pid %lld, up %s, configuration %s\n",
			 text_of(status, "version"), number_of(status, "pid"),
			 age(number_of(status, "uptimeSeconds"), since),
			 config[0] ? config : "built in");
	const json_t *refused = json_object_get(status, "configRefused");
	if (json_is_object(refused))
		(void)buf_printf(out,
				 "the configuration on disk is refused since %s, the one before "
				 "stays in force: %s\n",
				 text_of(refused, "since"), text_of(refused, "cause"));
	if (is_set(driver, "ok"))
		(void)buf_printf(out, "driver %s, CUDA %s\n", text_of(driver, "version"),
				 text_of(driver, "cuda"));
	else
		(void)buf_printf(out, "driver does not answer: %s\n",
				 fault[0] ? fault : "asked, no answer yet");
}

static int print_resources(const json_t *resources, struct buf *out)
{
	static const char *const headings[] = { "RESOURCE",    "REPLICAS", "HEALTHY", "KUBELET",
						"ALLOCATIONS", "REFUSALS", NULL };
	if (json_array_size(resources) == 0)
		return buf_text(out, "\nnothing is advertised\n");
	cleanup_table struct table table = { 0 };
	table_begin(&table, headings);
	size_t i = 0;
	const json_t *resource = NULL;
	json_array_foreach(resources, i, resource)
	{
		table_cell(&table, "%s", text_of(resource, "name"));
		table_cell(&table, "%lld", number_of(resource, "replicas"));
		table_cell(&table, "%lld", number_of(resource, "healthy"));
		table_cell(&table, "%s", is_set(resource, "registered") ? "registered" : "waiting");
		table_cell(&table, "%lld", number_of(resource, "allocations"));
		table_cell(&table, "%lld", number_of(resource, "refusals"));
	}
	(void)buf_text(out, "\n");
	return table_print(&table, out);
}

static int print_devices(const json_t *devices, struct buf *out)
{
	static const char *const headings[] = { "GPU", "UUID", "MODEL", "MEMORY", "HEALTH", NULL };
	cleanup_table struct table table = { 0 };
	table_begin(&table, headings);
	size_t i = 0;
	const json_t *device = NULL;
	json_array_foreach(devices, i, device)
	{
		table_cell(&table, "%s", text_of(device, "index"));
		table_cell(&table, "%s", text_of(device, "uuid"));
		const char *profile = text_of(device, "migProfile");
		table_cell(&table, "%s%s%s", text_of(device, "model"), profile[0] ? " MIG " : "",
			   profile);
		table_cell(&table, "%lldMiB", number_of(device, "memoryBytes") >> 20);
		table_cell(&table, "%s", is_set(device, "healthy") ? "healthy" : "unhealthy");
	}
	(void)buf_text(out, "\n");
	return table_print(&table, out);
}

/* Why devices are unhealthy, and what is odd about the node; nothing when all is well. */
static void print_reasons(const json_t *status, struct buf *out)
{
	const char *lead = "\n";
	size_t i = 0;
	const json_t *item = NULL;
	json_array_foreach(json_object_get(status, "devices"), i, item)
	{
		if (text_of(item, "reason")[0] == '\0')
			continue;
		(void)buf_printf(out, "%sGPU %s: %s\n", lead, text_of(item, "index"),
				 text_of(item, "reason")); /* a failure is seen at the end */
		lead = "";
	}
	json_array_foreach(json_object_get(status, "complaints"), i, item)
	{
		(void)buf_printf(out, "%s%s\n", lead, json_string_value(item)); /* as above */
		lead = "";
	}
}

static int print_status(const json_t *status)
{
	cleanup_buf struct buf out = BUF_INIT(TEXT_BYTES_MAX);
	print_agent(status, &out);
	int r = print_resources(json_object_get(status, "resources"), &out);
	if (r == 0)
		r = print_devices(json_object_get(status, "devices"), &out);
	print_reasons(status, &out);
	return output_text(r < 0 ? NULL : &out);
}

static int run(const void *opaque, const struct option_words *arguments)
{
	(void)arguments;
	const struct values *values = opaque;
	cleanup_settings struct settings *settings = NULL;
	cleanup_free char *answer = NULL;
	struct err err = ERR_INIT;
	int r = settings_of_socket(&values->flags, &settings, &err);
	int code = r < 0 ? settings_exit(r) : COMMAND_FAILED;
	if (r == 0)
		r = control_ask(settings->agent_socket, "status", ANSWER_MS, &answer, &err);
	if (r < 0) {
		(void)fprintf(stderr, "rota status: %s\n", err.msg);
		return code;
	}
	json_t *status = json_loads(answer, 0, NULL);
	if (!status) {
		(void)fprintf(stderr,
			      "rota status: %s: the answer is no JSON; is an agent of "
			      "another version running?\n",
			      settings->agent_socket);
		return COMMAND_FAILED;
	}
	if (values->output.format == OUTPUT_JSON)
		return output_json(status);
	r = print_status(status);
	json_decref(status);
	return r;
}

static const struct command_options options[] = {
	{ &output_options, offsetof(struct values, output) },
	{ &schema_socket_option, offsetof(struct values, flags) },
};

const struct command command_status = {
	.name = "status",
	.synopsis = "[-o table|json] [--agent-socket PATH]",
	.summary = "what the agent of this node has, advertises and has done",
	.details = "Asks the running agent at its socket: in a cluster, in the agent's container.",
	.options = options,
	.options_count = ARRAY_LEN(options),
	.values_bytes = sizeof(struct values),
	.run = run,
};
