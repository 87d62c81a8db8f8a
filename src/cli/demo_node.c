/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See demo_node.h. Everything waits in one place, a poll over kubelet's events and our signals, so
 * that Ctrl-C is heard at any time and every wait has the same bound.
 */
#include "cli/demo_node.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/document.h"
#include "base/file.h"
#include "cli/demo_process.h"

enum {
	WAIT_MS = 60 * 1000, /* for any one thing; a healthy step takes tenths of a second */
	TICK_MS = 100,
	STOP_MS = 5000,
	READ_BYTES = 4096,
	LOG_BYTES_MAX = 1 << 20,
	ENVIRONMENT_MAX = 8,
	VARIABLE_BYTES = DEMO_PATH_BYTES + 32, /* a path with its name */
	PREFIX_BYTES_MAX = 60, /* of the temporary directory: socket paths have at most 107 bytes */
	OPEN_DIRECTORIES = 16,
	LOG_SHOWN_BYTES = 120,
	MODE_FILE = 0644,
};

/* Longer than nvidia-smi takes anywhere, short enough to hear of one that is missing. */
static const uint64_t LOG_WAIT_NS = 20ULL * CLOCK_NS_PER_S;

static const char executable[] = "/proc/self/exe";
static const char pod_command[] = "while true; do nvidia-smi; sleep 5; done";

static void path_in(const struct demo_node *node, const char *name,
		    char ret[static DEMO_PATH_BYTES])
{
	/* The directory's length is bounded by PREFIX_BYTES_MAX. */
	(void)snprintf(ret, DEMO_PATH_BYTES, "%.128s/%s", node->directory, name);
}

static int make_directory(struct demo_node *node, struct err *err)
{
	char path[DEMO_PATH_BYTES];
	const char *parent = getenv("TMPDIR");
	if (!parent || parent[0] != '/' || strlen(parent) > PREFIX_BYTES_MAX)
		parent = "/tmp";
	(void)snprintf(path, sizeof(path), "%s/rota-demo-XXXXXX", parent);
	if (!mkdtemp(path))
		return err_errno(err, -errno, "%s", path);
	(void)snprintf(node->directory, sizeof(node->directory), "%s", path);
	return 0;
}

static int write_scenario(const struct demo_node *node, unsigned gpus, struct err *err)
{
	char path[DEMO_PATH_BYTES];
	cleanup_buf struct buf text = BUF_INIT(LOG_BYTES_MAX);
	(void)buf_text(&text, "gpus:\n");
	for (unsigned i = 0; i < gpus; i++)
		(void)buf_text(&text, "  - model: Tesla T4\n");
	if (text.error < 0)
		return err_errno(err, text.error, "scenario");
	path_in(node, "scenario.yaml", path);
	return file_write(path, text.data, text.len, MODE_FILE, err);
}

/* The simulated tools and nothing of the user's environment, which could configure the agent; what
 * sanitizers are told is kept. */
struct environment {
	char texts[ENVIRONMENT_MAX][VARIABLE_BYTES];
	char *items[ENVIRONMENT_MAX + 1];
	size_t count;
};

static void add_variable(struct environment *environment, const char *name, const char *value)
{
	if (!value || environment->count == ENVIRONMENT_MAX)
		return;
	char *text = environment->texts[environment->count];
	environment->items[environment->count++] = text;
	(void)snprintf(text, VARIABLE_BYTES, "%s=%s", name, value);
}

static void make_environment(const struct demo_node *node, struct environment *ret)
{
	static const char *const kept[] = { "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS" };
	char scenario[DEMO_PATH_BYTES];
	path_in(node, "scenario.yaml", scenario);
	*ret = (struct environment){ 0 };
	add_variable(ret, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	add_variable(ret, "ROTA_SIM", scenario);
	add_variable(ret, "LD_LIBRARY_PATH", node->sim);
	add_variable(ret, "ROTA_POD_RESOURCES_SOCKET",
		     ""); /* a kubelet of this host is none of ours */
	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		add_variable(ret, kept[i], getenv(kept[i]));
}

static int start_kubelet(struct demo_node *node, struct err *err)
{
	char path[DEMO_PATH_BYTES];
	char plugins[DEMO_PATH_BYTES];
	char tools[DEMO_PATH_BYTES];
	char options[2][24] = { "--device-plugins", "--tools" };
	int commands[2];
	int events[2];
	struct environment environment;
	(void)snprintf(path, sizeof(path), "%.400s/kubelet", node->sim);
	(void)snprintf(tools, sizeof(tools), "%.400s", node->sim);
	path_in(node, "device-plugins", plugins);
	make_environment(node, &environment);
	if (pipe2(commands, O_CLOEXEC) < 0)
		return err_errno(err, -errno, "pipe");
	cleanup_close int commands_read = commands[0];
	node->commands = commands[1];
	if (pipe2(events, O_CLOEXEC) < 0)
		return err_errno(err, -errno, "pipe");
	cleanup_close int events_write = events[1];
	node->events = events[0];

	char *argv[] = { path, options[0], plugins, options[1], tools, NULL };
	struct demo_program program = { path,          argv,         environment.items,
					commands_read, events_write, STDERR_FILENO };
	return demo_process_start(&program, &node->kubelet, err);
}

/* Before anything is started, so that no signal is lost between. */
static int catch_signals(struct demo_node *node, struct err *err)
{
	sigset_t set;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGHUP);
	(void)pthread_sigmask(SIG_BLOCK, &set, NULL); /* a good mask cannot fail */
	(void)signal(SIGPIPE, SIG_IGN);               /* kubelet's end shows as EPIPE */
	node->signals = signalfd(-1, &set, SFD_CLOEXEC);
	return node->signals < 0 ? err_errno(err, -errno, "signalfd") : 0;
}

static bool knows_the_node(const struct demo_node *node, const void *context)
{
	(void)context;
	return node->told.capacity != NULL;
}

int demo_node_open(struct demo_node *node, const char *sim, unsigned gpus,
		   struct demo_listener *listener, struct err *err)
{
	memset(node, 0, sizeof(*node)); /* too large for a literal on the stack */
	node->sim = sim;
	node->listener = listener;
	node->commands = -1;
	node->events = -1;
	node->signals = -1;
	demo_told_init(&node->told);
	int r = catch_signals(node, err);
	if (r == 0)
		r = make_directory(node, err);
	return r < 0 ? r : write_scenario(node, gpus, err);
}

int demo_node_start_kubelet(struct demo_node *node, struct err *err)
{
	int r = start_kubelet(node, err);
	if (r == 0)
		r = demo_node_wait(node, knows_the_node, NULL, err);
	return r == -ETIMEDOUT ? err_set(err, r, "the stand-in kubelet does not answer") : r;
}

int demo_node_start_agent(struct demo_node *node, const char *config_file, struct err *err)
{
	char words[6][24] = { "rota", "agent", "--kubelet-socket", "--agent-socket",
			      "--config-file" };
	char kubelet_socket[DEMO_PATH_BYTES];
	char agent_socket[DEMO_PATH_BYTES];
	char log[DEMO_PATH_BYTES];
	char config[DEMO_PATH_BYTES];
	struct environment environment;
	path_in(node, "device-plugins/kubelet.sock", kubelet_socket);
	path_in(node, "agent.sock", agent_socket);
	path_in(node, "agent.log", log);
	(void)snprintf(config, sizeof(config), "%s", config_file ? config_file : "");
	make_environment(node, &environment);
	cleanup_close int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, MODE_FILE);
	if (fd < 0)
		return err_errno(err, -errno, "%s", log);

	char *argv[] = { words[0],
			 words[1],
			 words[2],
			 kubelet_socket,
			 words[3],
			 agent_socket,
			 config_file ? words[4] : NULL,
			 config,
			 NULL };
	struct demo_program program = { executable, argv, environment.items, -1, fd, fd };
	return demo_process_start(&program, &node->agent, err);
}

void demo_node_stop_agent(struct demo_node *node)
{
	demo_process_stop(&node->agent, SIGTERM, STOP_MS);
}

static int read_events(struct demo_node *node, struct err *err)
{
	char bytes[READ_BYTES];
	ssize_t length = read(node->events, bytes, sizeof(bytes));
	if (length <= 0)
		return err_set(err, -EPIPE, "the stand-in kubelet ended");
	int r = demo_told_take(&node->told, bytes, (size_t)length);
	return r < 0 ? err_errno(err, r, "events of the stand-in kubelet") : 0;
}

static int check_agent(struct demo_node *node, struct err *err)
{
	int status = 0;
	if (!demo_process_has_ended(&node->agent, &status))
		return 0;
	if (WIFSIGNALED(status))
		return err_set(err, -ECHILD, "the agent ended by signal %d", WTERMSIG(status));
	return err_set(err, -ECHILD, "the agent ended with status %d", WEXITSTATUS(status));
}

/* One round of the one place where the demo waits. */
static int wait_once(struct demo_node *node, struct err *err)
{
	struct pollfd fds[] = { { .fd = node->events, .events = POLLIN },
				{ .fd = node->signals, .events = POLLIN } };
	if (poll(fds, ARRAY_LEN(fds), TICK_MS) < 0 && errno != EINTR)
		return err_errno(err, -errno, "poll");
	if (fds[1].revents)
		return err_set(err, -EINTR, "interrupted");
	int r = fds[0].revents ? read_events(node, err) : 0;
	if (r == 0)
		r = check_agent(node, err);
	if (r == 0 && node->listener)
		node->listener->on_wait(node->listener);
	return r;
}

int demo_node_wait(struct demo_node *node, demo_condition_fn *is_met, const void *context,
		   struct err *err)
{
	uint64_t end = clock_ns() + (uint64_t)WAIT_MS * CLOCK_NS_PER_MS;
	while (!is_met(node, context)) {
		if (clock_ns() > end)
			return -ETIMEDOUT;
		int r = wait_once(node, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int send_command(struct demo_node *node, json_t *command, struct err *err)
{
	cleanup_free char *text = document_text(command, JSON_COMPACT);
	json_decref(command);
	if (!text)
		return err_errno(err, -ENOMEM, "command");
	if (dprintf(node->commands, "%s\n", text) < 0)
		return err_set(err, -EPIPE, "the stand-in kubelet ended");
	return 0;
}

static bool has_answer(const struct demo_node *node, const void *context)
{
	(void)context;
	return node->told.answer != NULL;
}

/* Commands are answered in order and asked one at a time. */
static int ask(struct demo_node *node, json_t *command, struct err *err)
{
	json_decref(node->told.answer);
	node->told.answer = NULL;
	int r = send_command(node, command, err);
	if (r == 0)
		r = demo_node_wait(node, has_answer, NULL, err);
	if (r == -ETIMEDOUT)
		return err_set(err, r, "the stand-in kubelet does not answer");
	if (r == 0 && !json_is_true(json_object_get(node->told.answer, "ok"))) {
		const char *text = json_string_value(json_object_get(node->told.answer, "error"));
		return err_set(err, -EINVAL, "the stand-in kubelet: %s", text ? text : "refused");
	}
	return r;
}

int demo_node_create_pod(struct demo_node *node, const char *resource, struct err *err)
{
	if (node->told.pods_count == DEMO_PODS_MAX)
		return err_set(err, -ENOSPC, "at most %d pods", DEMO_PODS_MAX);
	struct demo_pod *pod = &node->told.pods[node->told.pods_count++];
	*pod = (struct demo_pod){ .created_ns = clock_ns() };
	(void)snprintf(pod->name, sizeof(pod->name), "gpu-pod-%zu", node->told.pods_count);
	return ask(node,
		   json_pack("{s:s, s:{s:s, s:s, s:i, s:[s, s, s]}}", "command", "create", "pod",
			     "name", pod->name, "resource", resource, "count", 1, "command", "sh",
			     "-c", pod_command),
		   err);
}

static bool has_no_pod(const struct demo_node *node, const void *context)
{
	(void)context;
	return node->told.pods_count == 0;
}

static struct demo_pod *find_kept(struct demo_node *node)
{
	for (size_t i = 0; i < node->told.pods_count; i++)
		if (!node->told.pods[i].is_deleted)
			return &node->told.pods[i];
	return NULL;
}

int demo_node_delete_pods(struct demo_node *node, struct err *err)
{
	struct demo_pod *pod;
	while ((pod = find_kept(node))) {
		pod->is_deleted = true;
		int r = ask(node, json_pack("{s:s, s:s}", "command", "delete", "name", pod->name),
			    err);
		if (r < 0)
			return r;
	}
	int r = demo_node_wait(node, has_no_pod, NULL, err);
	return r == -ETIMEDOUT ? err_set(err, r, "pods do not end") : r;
}

static int get_log(struct demo_node *node, const char *pod, char **ret, struct err *err)
{
	int r = ask(node, json_pack("{s:s, s:s}", "command", "logs", "name", pod), err);
	if (r < 0)
		return r;
	const char *text = json_string_value(json_object_get(node->told.answer, "log"));
	char *copy = strdup(text ? text : "");
	if (!copy)
		return err_errno(err, -ENOMEM, "log of %s", pod);
	*ret = copy;
	return 0;
}

static int blame_log(const char *pod, const char *log, struct err *err)
{
	size_t length = strlen(log);
	const char *end = length > LOG_SHOWN_BYTES ? log + length - LOG_SHOWN_BYTES : log;
	return err_set(err, -ETIMEDOUT, "the log of %s is not as expected, it ends with: %s", pod,
		       end);
}

int demo_node_wait_log(struct demo_node *node, const char *pod, const char *text, char **ret,
		       struct err *err)
{
	uint64_t end = clock_ns() + LOG_WAIT_NS;
	while (true) {
		cleanup_free char *log = NULL;
		int r = get_log(node, pod, &log, err);
		if (r < 0)
			return r;
		if (strstr(log, text)) {
			*ret = TAKE_PTR(log);
			return 0;
		}
		if (clock_ns() > end)
			return blame_log(pod, log, err);
		r = wait_once(node, err); /* no event tells of output, so this is a pause */
		if (r < 0)
			return r;
	}
}

void demo_node_agent_errors(const struct demo_node *node, struct buf *out)
{
	char path[DEMO_PATH_BYTES];
	cleanup_free char *text = NULL;
	path_in(node, "agent.log", path);
	if (file_read(path, LOG_BYTES_MAX, &text, NULL, NULL) < 0)
		return; /* the agent was never started */
	char *rest = text;
	for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n"))
		if (strstr(line, "level=error") || strstr(line, "\"level\":\"error\""))
			(void)buf_printf(out, "%s\n", line);
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
	(void)status;
	(void)kind;
	(void)place;
	(void)remove(path); /* go on and remove what can be removed */
	return 0;
}

void demo_node_close(struct demo_node *node)
{
	demo_node_stop_agent(node);
	if (node->commands >= 0)
		(void)close(TAKE_FD(node->commands)); /* kubelet ends with its stdin */
	/* An event that nobody reads must not keep it from ending. */
	if (node->events >= 0)
		(void)close(TAKE_FD(node->events));
	demo_process_stop(&node->kubelet, 0, STOP_MS);
	if (node->signals >= 0)
		(void)close(TAKE_FD(node->signals));
	if (node->directory[0] != '\0')
		(void)nftw(node->directory, remove_one, OPEN_DIRECTORIES, FTW_DEPTH | FTW_PHYS);
	demo_told_done(&node->told);
}
