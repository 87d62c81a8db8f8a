/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent answers over HTTP: /metrics, /healthz, /readyz. */
#pragma once

#include "agent/report.h"
#include "metrics/http.h"

/**
 * Answer @path from the state of the agent; an unknown path stays a 404.
 *
 * /healthz is 200 for as long as the loop runs. /readyz is 200 when nothing is left to wait for:
 * the driver answers and kubelet watches our list, or there is no GPU to advertise; else 503 with
 * the reason.
 */
void web_answer(const struct report *report, const char *path, struct http_answer *answer);
