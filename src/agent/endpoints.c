/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See endpoints.h. The socket serves `rota status` only, and NVIDIA's manifests give no place for
 * it, so that its lack is ordinary; a port that is taken stays taken.
 */
#include "agent/endpoints.h"

#include <stdio.h>
#include <string.h>

#include "agent/web.h"
#include "base/cleanup.h"
#include "base/log.h"

static char *on_request(struct control_handler *handler, const char *request)
{
	struct endpoints *endpoints = container_of(handler, struct endpoints, control_handler);
	if (strcmp(request, "status") != 0)
		return strdup("{\"error\": \"unknown request, known: status\"}");
	struct report report = endpoints->look(endpoints);
	return report_json(&report);
}

static void on_page(struct http_handler *handler, const char *path, struct http_answer *answer)
{
	struct endpoints *endpoints = container_of(handler, struct endpoints, http_handler);
	struct report report = endpoints->look(endpoints);
	web_answer(&report, path, answer);
}

static int open_control(struct endpoints *endpoints, struct err *err)
{
	return control_start(endpoints->loop, endpoints->path, &endpoints->control_handler,
			     &endpoints->control, err);
}

static void on_retry(uv_timer_t *timer)
{
	struct endpoints *endpoints = container_of(timer, struct endpoints, retry);
	struct err err = ERR_INIT; /* was said at the start */
	if (open_control(endpoints, &err) < 0)
		return;
	(void)uv_timer_stop(timer); /* cannot fail on a live timer */
	log_info("socket for `rota status` made", KV_STR("socket", endpoints->path));
}

static void start_control(struct endpoints *endpoints, const char *path)
{
	struct err err = ERR_INIT;
	(void)uv_timer_init(endpoints->loop, &endpoints->retry); /* only sets fields */
	/* It fits: the bound is that of the setting. */
	(void)snprintf(endpoints->path, sizeof(endpoints->path), "%s", path);
	if (open_control(endpoints, &err) == 0)
		return;
	log_warn("no socket for `rota status`, going on without it and trying again",
		 KV_STR("cause", err.msg));
	(void)uv_timer_start(&endpoints->retry, on_retry, ENDPOINTS_RETRY_MS,
			     ENDPOINTS_RETRY_MS); /* fails only while closing */
}

static void start_http(struct endpoints *endpoints, const char *address)
{
	struct err err = ERR_INIT;
	if (address[0] == '\0')
		return;
	if (http_start(endpoints->loop, address, &endpoints->http_handler, &endpoints->http, &err) <
	    0)
		log_warn("no metrics and no probes, going on without them",
			 KV_STR("cause", err.msg));
}

void endpoints_start(struct endpoints *endpoints, uv_loop_t *loop, const struct settings *settings)
{
	endpoints->loop = loop;
	endpoints->control_handler.answer = on_request;
	endpoints->http_handler.answer = on_page;
	start_control(endpoints, settings->agent_socket);
	start_http(endpoints, settings->http_listen);
}

void endpoints_stop(struct endpoints *endpoints)
{
	uv_close((uv_handle_t *)&endpoints->retry, NULL);
	control_stop(TAKE_PTR(endpoints->control));
	http_stop(TAKE_PTR(endpoints->http));
}
