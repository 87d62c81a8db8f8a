/* SPDX-License-Identifier: Apache-2.0 */
/* See occupancy.h. A kubelet that does not answer takes nothing away from what was known, nor do
 * the first answers of one that comes back: for about a second it lists no pods. */
#include "agent/occupancy.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"

/* Kubelet lists an id only after it has our answer to Allocate. */
#define GRACE_NS UINT64_C(10000000000)

static void on_held(struct pods_listener *listener, struct held *held, uint64_t asked_ns)
{
	struct occupancy *occupancy = container_of(listener, struct occupancy, listener);
	uint64_t keep_ns = asked_ns > GRACE_NS ? asked_ns - GRACE_NS : 0;
	if (held_replace(&occupancy->held, held, keep_ns) < 0)
		log_warn("cannot take over what pods hold, keeping what was known");
	occupancy->is_known = true;
	occupancy->on_change(occupancy);
}

void occupancy_keep(struct occupancy *occupancy)
{
	held_keep(&occupancy->held, uv_hrtime());
}

static void on_fault(struct pods_listener *listener, bool is_absent, const char *text)
{
	struct occupancy *occupancy = container_of(listener, struct occupancy, listener);
	occupancy_keep(occupancy);
	if (is_absent && !occupancy->is_absence_said)
		log_info("kubelet cannot be asked which ids pods hold, since its socket is not "
			 "here; those count that this agent hands out",
			 KV_STR("socket", text));
	if (!is_absent && repeat_is_due(&occupancy->repeat, text, uv_hrtime()))
		log_warn("kubelet does not say which ids pods hold, trying again",
			 KV_STR("cause", text));
	occupancy->is_absence_said |= is_absent;
	if (occupancy->is_known)
		return;
	occupancy->is_known = true;
	occupancy->on_change(occupancy);
}

void occupancy_start(struct occupancy *occupancy, uv_loop_t *loop, const char *socket)
{
	struct err err = ERR_INIT;
	occupancy->listener = (struct pods_listener){ on_held, on_fault };
	occupancy->is_known = socket[0] == '\0';
	if (occupancy->is_known)
		return;
	if (pods_start(loop, socket, &occupancy->listener, &occupancy->pods, &err) == 0)
		return;
	occupancy->is_known = true;
	log_warn("cannot ask kubelet which ids pods hold, going on without it",
		 KV_STR("cause", err.msg));
}

void occupancy_add(struct occupancy *occupancy, const char *resource, const struct id_text *ids,
		   size_t count)
{
	struct id_text name = { resource, strlen(resource) };
	for (size_t i = 0; i < count; i++)
		if (held_add(&occupancy->held, name, ids[i], uv_hrtime()) < 0)
			log_warn("cannot keep in mind that an id was handed out; a smaller "
				 "configuration may take it off the list",
				 KV_STR("resource", resource));
	occupancy_ask(occupancy);
}

void occupancy_ask(struct occupancy *occupancy)
{
	pods_ask(occupancy->pods);
}

void occupancy_stop(struct occupancy *occupancy)
{
	pods_stop(TAKE_PTR(occupancy->pods));
	held_done(&occupancy->held);
}
