/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See console.h. Every line gets exactly one answer, also when it is not JSON; nothing that comes
 * in here ends the node but the end of stdin.
 */
#include "sim/kubelet/console.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "sim/kubelet/events.h"

enum {
	READ_BYTES = 16 * 1024,
};

/* Adds to @answer what the command has to tell. */
typedef int command_fn(struct simnode *node, const json_t *request, json_t *answer,
		       struct err *err);

static int get_name(const json_t *request, const char **ret, struct err *err)
{
	const char *name = json_string_value(json_object_get(request, "name"));
	if (!name)
		return err_set(err, -EINVAL, "name: must be a pod's name");
	*ret = name;
	return 0;
}

static int do_create(struct simnode *node, const json_t *request, json_t *answer, struct err *err)
{
	(void)answer;
	cleanup_arena struct arena arena = { 0 };
	struct pod_spec spec;
	int r = pod_spec_parse(json_object_get(request, "pod"), &arena, &spec, err);
	return r < 0 ? r : simnode_create(node, &arena, &spec, err);
}

static int do_delete(struct simnode *node, const json_t *request, json_t *answer, struct err *err)
{
	(void)answer;
	const char *name;
	int r = get_name(request, &name, err);
	return r < 0 ? r : simnode_delete(node, name, err);
}

static int do_start(struct simnode *node, const json_t *request, json_t *answer, struct err *err)
{
	(void)request;
	(void)answer;
	return simnode_start(node, err);
}

static int do_stop(struct simnode *node, const json_t *request, json_t *answer, struct err *err)
{
	(void)request;
	(void)answer;
	return simnode_stop(node, err);
}

static int do_restart(struct simnode *node, const json_t *request, json_t *answer, struct err *err)
{
	(void)request;
	(void)answer;
	int r = simnode_stop(node, err);
	return r < 0 ? r : simnode_start(node, err);
}

/* Output need not be UTF-8, and a window may begin inside a letter: such bytes become "?". */
static int do_logs(struct simnode *node, const json_t *request, json_t *answer, struct err *err)
{
	const char *name;
	int r = get_name(request, &name, err);
	if (r < 0)
		return r;
	const struct pod *pod = simnode_find(node, name);
	if (!pod)
		return err_set(err, -ENOENT, "pod \"%s\" not found", name);

	json_t *text = json_stringn(pod->log, pod->log_length);
	if (!text) {
		struct buf ascii = BUF_INIT(POD_LOG_BYTES);
		for (size_t i = 0; i < pod->log_length; i++)
			(void)buf_append(&ascii, (pod->log[i] & 0x80) ? "?" : &pod->log[i], 1);
		text = json_stringn(ascii.data ? ascii.data : "", ascii.len);
		buf_done(&ascii);
	}
	return json_object_set_new(answer, "log", text) < 0 ? err_errno(err, -ENOMEM, "log") : 0;
}

static json_t *pods_json(const struct simnode *node)
{
	json_auto_t *pods = json_array();
	for (const struct pod *pod = node->pods; pod; pod = pod->next)
		if (json_array_append_new(pods, events_pod(pod, &node->tables)) < 0)
			return NULL;
	return TAKE_PTR(pods);
}

static int do_state(struct simnode *node, const json_t *request, json_t *answer, struct err *err)
{
	(void)request;
	json_auto_t *node_values = events_node(&node->tables);
	if (!node_values || json_object_update(answer, node_values) < 0 ||
	    json_object_set_new(answer, "running", json_boolean(node->registry != NULL)) < 0 ||
	    json_object_set_new(answer, "resources", events_resources(&node->tables)) < 0 ||
	    json_object_set_new(answer, "pods", pods_json(node)) < 0)
		return err_errno(err, -ENOMEM, "state");
	return 0;
}

static const struct command {
	const char *name;
	command_fn *run;
} commands[] = {
	{ "create", do_create }, { "delete", do_delete },   { "start", do_start },
	{ "stop", do_stop },     { "restart", do_restart }, { "logs", do_logs },
	{ "state", do_state },
};

static int run_command(struct simnode *node, const json_t *request, json_t *answer, struct err *err)
{
	if (!json_is_object(request))
		return err_set(err, -EINVAL, "a command is a JSON object");
	const char *name = json_string_value(json_object_get(request, "command"));
	for (size_t i = 0; name && i < ARRAY_LEN(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return commands[i].run(node, request, answer, err);
	return err_set(err, -EINVAL,
		       "command: must be create, delete, start, stop, restart, logs or state");
}

static void answer_line(const json_t *request, json_t *answer, const struct err *err)
{
	json_t *name = json_object_get(request, "command");
	json_t *id = json_object_get(request, "id");
	if (name)
		(void)json_object_set(answer, "command", name);
	if (id)
		(void)json_object_set(answer, "id", id);
	(void)json_object_set_new(answer, "ok", json_boolean(err == NULL));
	if (err)
		(void)json_object_set_new(answer, "error", json_string(err->msg));
	events_emit("answer", json_incref(answer));
}

static void take_line(struct console *console, const char *line, size_t length)
{
	struct err err = ERR_INIT;
	json_error_t where;
	json_auto_t *answer = json_object();
	json_auto_t *request = json_loadb(line, length, JSON_REJECT_DUPLICATES, &where);
	int r = 0;
	if (!answer)
		return;
	if (request)
		r = run_command(console->node, request, answer, &err);
	else
		r = err_set(&err, -EINVAL, "not JSON: %s", where.text);
	answer_line(request, answer, r < 0 ? &err : NULL);
}

static void refuse_long_line(struct console *console)
{
	struct err err = ERR_INIT;
	json_auto_t *answer = json_object();
	(void)err_set(&err, -EMSGSIZE, "a line has at most %d bytes", CONSOLE_LINE_BYTES_MAX);
	if (answer)
		answer_line(NULL, answer, &err);
	console->is_skipping = true;
}

/* @bytes hold no end of line. */
static void add_to_line(struct console *console, const char *bytes, size_t length)
{
	if (console->is_skipping)
		return;
	if (buf_append(&console->line, bytes, length) < 0)
		refuse_long_line(console);
}

static void end_line(struct console *console)
{
	if (!console->is_skipping && console->line.len > 0)
		take_line(console, console->line.data, console->line.len);
	console->is_skipping = false;
	buf_done(&console->line);
	console->line.error = 0;
}

static void take_bytes(struct console *console, const char *bytes, size_t length)
{
	while (length > 0) {
		const char *end = memchr(bytes, '\n', length);
		size_t part = end ? (size_t)(end - bytes) : length;
		add_to_line(console, bytes, part);
		if (!end)
			return;
		end_line(console);
		bytes += part + 1;
		length -= part + 1;
	}
}

/* One read at a time is handled before the next, so one buffer a console would do; libuv asks for
 * it anew each time. */
static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *room)
{
	(void)handle;
	(void)suggested;
	char *bytes = malloc(READ_BYTES);
	*room = uv_buf_init(bytes, bytes ? READ_BYTES : 0);
}

static void on_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *room)
{
	struct console *console = container_of((uv_pipe_t *)stream, struct console, input);
	if (length > 0)
		take_bytes(console, room->base, (size_t)length);
	free(room->base);
	if (length < 0) {
		(void)uv_read_stop(stream);
		console->on_end(console);
	}
}

int console_open(struct console *console, uv_loop_t *loop, struct simnode *node,
		 void (*on_end)(struct console *console), struct err *err)
{
	*console = (struct console){ .node = node,
				     .line = BUF_INIT(CONSOLE_LINE_BYTES_MAX),
				     .on_end = on_end };
	(void)uv_pipe_init(loop, &console->input, 0); /* cannot fail */
	int r = uv_pipe_open(&console->input, STDIN_FILENO);
	if (r == 0)
		r = uv_read_start((uv_stream_t *)&console->input, give_room, on_read);
	if (r < 0)
		uv_close((uv_handle_t *)&console->input, NULL);
	return r < 0 ? err_errno(err, r, "stdin must be a pipe, a socket or a terminal") : 0;
}

void console_close(struct console *console)
{
	uv_close((uv_handle_t *)&console->input, NULL);
	buf_done(&console->line);
}
