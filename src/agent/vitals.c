/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See vitals.h. What is believed is always worked out anew from what was told; when memory is out
 * for that, the old belief stays and the owner tries again.
 */
#include "agent/vitals.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"

/* The reason of every device while there is a fault, which has the cause. */
static const char silence[] = "the driver does not answer";

static const struct device *find(const struct snapshot *snapshot, const char *uuid)
{
	for (size_t i = 0; snapshot && i < snapshot->devices_count; i++)
		if (strcmp(snapshot->devices[i].uuid, uuid) == 0)
			return &snapshot->devices[i];
	return NULL;
}

/* Who is well again because the driver answers needs no line of their own. */
static void log_changes(const struct snapshot *before, const struct snapshot *after)
{
	for (size_t i = 0; i < after->devices_count; i++) {
		const struct device *device = &after->devices[i];
		const struct device *old = find(before, device->uuid);
		const char *old_reason = old ? old->reason : "";
		if (strcmp(old_reason, device->reason) == 0)
			continue;
		if (!device->is_healthy)
			log_warn("device is unhealthy", KV_STR("gpu", device->index),
				 KV_STR("uuid", device->uuid), KV_STR("cause", device->reason));
		else if (strcmp(old_reason, silence) != 0)
			log_info("device is healthy again", KV_STR("gpu", device->index),
				 KV_STR("uuid", device->uuid));
	}
}

static void mark_silent(struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->devices_count; i++) {
		snapshot->devices[i].is_healthy = false;
		snapshot->devices[i].reason = silence;
	}
}

/* Returns whether it differs, or is stale. */
static bool believe(struct vitals *vitals, const struct health_rules *rules)
{
	cleanup_snapshot struct snapshot *now = snapshot_copy(vitals->told);
	vitals->is_stale = !now || health_apply(&vitals->health, rules, now) < 0;
	if (vitals->is_stale) {
		log_error("no memory to take over what the driver says, trying again");
		return true;
	}
	if (vitals->fault[0])
		mark_silent(now);
	if (snapshot_is_equal(vitals->believed, now))
		return false;
	log_changes(vitals->believed, now);
	(void)snapshot_free(vitals->believed);
	vitals->believed = TAKE_PTR(now);
	return true;
}

/* Returns as believe(). */
static bool judge(struct vitals *vitals, const struct settings *settings)
{
	struct health_rules rules = health_rules_of(settings);
	bool is_judged = health_observe(&vitals->health, &rules, vitals->told, vitals->asked_ns) ==
			 0;
	bool is_news = believe(vitals, &rules);
	vitals->is_stale |= !is_judged;
	return is_news || vitals->is_stale;
}

bool vitals_observe(struct vitals *vitals, const struct settings *settings,
		    struct snapshot *snapshot, uint64_t asked_ns)
{
	bool is_back = !vitals->told || vitals->fault[0] != '\0';
	(void)snapshot_free(vitals->told);
	vitals->told = snapshot;
	vitals->asked_ns = asked_ns;
	vitals->fault[0] = '\0';
	if (is_back)
		log_info("driver answers", KV_STR("driver", snapshot->driver_version),
			 KV_U64("devices", snapshot->devices_count));
	return judge(vitals, settings);
}

bool vitals_follow(struct vitals *vitals, const struct settings *settings)
{
	struct health_rules rules = health_rules_of(settings);
	return vitals->told && believe(vitals, &rules);
}

void vitals_retry(struct vitals *vitals, const struct settings *settings)
{
	if (vitals->is_stale)
		(void)judge(vitals, settings); /* the caller looks at what is believed now */
}

bool vitals_event(struct vitals *vitals, const struct settings *settings,
		  const struct device_event *event, uint64_t now_ns)
{
	struct health_rules rules = health_rules_of(settings);
	vitals->xids++;
	log_warn(xid_set_has(rules.xids, event->xid)
			 ? "driver reports an Xid error"
			 : "driver reports an Xid error that does not count",
		 KV_STR("uuid", event->uuid), KV_U64("xid", event->xid),
		 KV_STR("meaning", xid_meaning(event->xid)));
	return health_event(&vitals->health, &rules, event, now_ns) && vitals->told &&
	       believe(vitals, &rules);
}

void vitals_fault(struct vitals *vitals, const char *text)
{
	(void)snprintf(vitals->fault, sizeof(vitals->fault), "%s", text); /* as an err's text */
	if (vitals->believed)
		mark_silent(vitals->believed);
}

void vitals_done(struct vitals *vitals)
{
	health_done(&vitals->health);
	vitals->told = snapshot_free(vitals->told);
	vitals->believed = snapshot_free(vitals->believed);
}
