/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See pods.h. A connection for each question, so that a kubelet that was restarted needs no
 * special case. The timer alone opens and closes it, so that nothing is closed inside its own
 * callback.
 */
#include "kubelet/pods.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/unix_socket.h"
#include "kubelet/pods_wire.h"
#include "rpc/client.h"

static const char list_method[] = "/v1.PodResourcesLister/List";

struct pods {
	uv_loop_t *loop;                /* borrowed */
	struct pods_listener *listener; /* borrowed */
	uv_timer_t timer;
	struct rpc_client *client; /* owned; while a question is under way */
	struct rpc_reply reply;
	struct held held; /* of the answer that is coming in */
	struct err fault; /* code 0: the answer could be read */
	uint64_t asked_ns;
	uint64_t retry_ms; /* pause after the next question that fails */
	bool has_message;
	bool is_answered; /* the call ended, its client is to be closed */
	bool is_wanted;   /* asked for while a question was under way */
	bool is_stopped;
	char path[UNIX_SOCKET_PATH_MAX + 1];
};

static void on_timer(uv_timer_t *timer);

static void schedule(struct pods *pods, uint64_t delay_ms)
{
	(void)uv_timer_start(&pods->timer, on_timer, delay_ms, 0); /* fails only while closing */
}

/* What a pod holds may be missing from the list meanwhile, so the first pauses are short. */
static void schedule_retry(struct pods *pods)
{
	schedule(pods, pods->retry_ms);
	pods->retry_ms *= 2;
	if (pods->retry_ms > PODS_POLL_MS)
		pods->retry_ms = PODS_POLL_MS;
}

static void on_message(struct rpc_reply *reply, const uint8_t *message, size_t length)
{
	struct pods *pods = container_of(reply, struct pods, reply);
	if (pods->has_message)
		return; /* a unary call has one answer */
	pods->has_message = true;
	(void)pods_wire_decode(message, length, &pods->held, &pods->fault); /* kept in fault */
}

static void on_done(struct rpc_reply *reply, enum rpc_status status, const char *text)
{
	struct pods *pods = container_of(reply, struct pods, reply);
	if (pods->is_stopped)
		return;
	if (status != RPC_OK)
		(void)err_set(&pods->fault, -EIO, "%s: %s", rpc_status_name(status), text);
	else if (!pods->has_message)
		(void)err_set(&pods->fault, -EBADMSG, "no message in the answer");
	pods->is_answered = true;
	schedule(pods, 0);
}

static int call(struct pods *pods, struct err *err)
{
	int r = rpc_client_open(pods->loop, pods->path, &pods->client, err);
	if (r < 0)
		return r;
	rpc_client_limit(pods->client, PODS_ANSWER_BYTES_MAX);
	pods->asked_ns = uv_hrtime();
	return rpc_client_call(pods->client, list_method, NULL, 0, PODS_DEADLINE_MS, &pods->reply,
			       err);
}

static void ask(struct pods *pods)
{
	pods->fault = (struct err)ERR_INIT;
	pods->has_message = false;
	pods->is_wanted = false;
	if (access(pods->path, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR)) {
		schedule(pods, PODS_POLL_MS);
		pods->listener->on_fault(pods->listener, true, pods->path);
		return;
	}
	struct err err = ERR_INIT;
	if (call(pods, &err) == 0)
		return;
	rpc_client_close(TAKE_PTR(pods->client));
	schedule_retry(pods);
	pods->listener->on_fault(pods->listener, false, err.msg);
}

static void deliver(struct pods *pods)
{
	pods->is_answered = false;
	rpc_client_close(TAKE_PTR(pods->client));
	if (pods->fault.code < 0) {
		schedule_retry(pods);
		pods->listener->on_fault(pods->listener, false, pods->fault.msg);
	} else {
		pods->retry_ms = PODS_PAUSE_MS;
		schedule(pods, pods->is_wanted ? PODS_PAUSE_MS : PODS_POLL_MS);
		pods->listener->on_held(pods->listener, &pods->held, pods->asked_ns);
	}
	held_done(&pods->held);
}

static void on_timer(uv_timer_t *timer)
{
	struct pods *pods = container_of(timer, struct pods, timer);
	if (pods->is_answered)
		deliver(pods);
	else
		ask(pods);
}

int pods_start(uv_loop_t *loop, const char *path, struct pods_listener *listener, struct pods **ret,
	       struct err *err)
{
	size_t length = strlen(path);
	if (length > UNIX_SOCKET_PATH_MAX)
		return err_set(err, -ENAMETOOLONG, "%s: a socket path has at most %d bytes", path,
			       UNIX_SOCKET_PATH_MAX);
	struct pods *pods = calloc(1, sizeof(*pods));
	if (!pods)
		return err_set(err, -ENOMEM, "%s: out of memory", path);
	memcpy(pods->path, path, length + 1);
	pods->loop = loop;
	pods->listener = listener;
	pods->retry_ms = PODS_PAUSE_MS;
	pods->reply.on_message = on_message;
	pods->reply.on_done = on_done;
	(void)uv_timer_init(loop, &pods->timer); /* cannot fail */
	schedule(pods, 0);
	*ret = pods;
	return 0;
}

void pods_ask(struct pods *pods)
{
	if (!pods)
		return;
	if (pods->client) {
		pods->is_wanted = true;
		return;
	}
	if (uv_timer_get_due_in(&pods->timer) > PODS_PAUSE_MS)
		schedule(pods, PODS_PAUSE_MS);
}

static void on_closed(uv_handle_t *handle)
{
	struct pods *pods = container_of(handle, struct pods, timer);
	held_done(&pods->held);
	free(pods);
}

void pods_stop(struct pods *pods)
{
	if (!pods)
		return;
	pods->is_stopped = true;
	rpc_client_close(TAKE_PTR(pods->client));
	uv_close((uv_handle_t *)&pods->timer, on_closed);
}
