/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See the table of states in health.h. Each device, GPU or part, is judged alone by what the driver
 * says of it; that a part is no better than its GPU comes in when the snapshot is marked, so that a
 * part that is made while its GPU is ill is ill too. Errors of memory that rise in number make
 * nobody ill: the driver reports each by Xid 48, 94 or 95, which the user may have excused, and
 * wants a recovery action where one is due. A number that falls is a reset; one that cannot be read
 * says nothing.
 */
#include "core/health.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* A recovery action; what has no text is not wanted. The text goes on after "the driver wants". */
struct action {
	enum xid_demand demand;
	const char *text;
};

static const struct action actions[] = {
	[DEVICE_RECOVERY_UNKNOWN] = { XID_DEMAND_NOTHING, NULL },
	[DEVICE_RECOVERY_NONE] = { XID_DEMAND_NOTHING, NULL },
	[DEVICE_RECOVERY_GPU_RESET] = { XID_DEMAND_RESET, "the GPU to be reset" },
	[DEVICE_RECOVERY_NODE_REBOOT] = { XID_DEMAND_REBOOT, "the node to be rebooted" },
	[DEVICE_RECOVERY_DRAIN_P2P] = { XID_DEMAND_NOTHING,
					"all programs to end that reach it from another GPU" },
	[DEVICE_RECOVERY_DRAIN_AND_RESET] = { XID_DEMAND_RESET,
					      "the GPU to be reset once its programs have ended" },
	[DEVICE_RECOVERY_OTHER] = { XID_DEMAND_RESET,
				    "a recovery that Rota does not know, see `nvidia-smi -q`" },
};

/* What ends the sentence about a device that is ill, by what is still to be met. */
static const char *const remedies[XID_DEMANDS_COUNT] = {
	[XID_DEMAND_NOTHING] = "it returns by itself once the driver reports it well",
	[XID_DEMAND_RESET] = "end its programs and reset it with `nvidia-smi --gpu-reset`, then it "
			     "returns by itself",
	[XID_DEMAND_REBOOT] = "reboot the node; it returns by itself if the driver reports it "
			      "well before that",
};

static const char settling[] = "it is well again and returns when it stays so";

static enum xid_demand worse(enum xid_demand a, enum xid_demand b)
{
	return a > b ? a : b;
}

/* Where @uuid stands in the records, or count. It is mostly where it was: at @hint. */
static size_t find(const struct health *health, const char *uuid, size_t hint)
{
	if (hint < health->count && strcmp(health->records[hint].uuid, uuid) == 0)
		return hint;
	size_t i = 0;
	while (i < health->count && strcmp(health->records[i].uuid, uuid) != 0)
		i++;
	return i;
}

static bool is_named(const struct health_record *record, const struct device_event *event)
{
	return record->gpu_instance == event->gpu_instance &&
	       (event->compute_instance == DEVICE_NO_INSTANCE ||
		record->compute_instance == event->compute_instance);
}

static void fall_ill(struct health_record *record, uint64_t xid, const struct xid_row *row,
		     uint64_t now_ns)
{
	enum xid_demand demand = row ? row->demand : XID_DEMAND_NOTHING;
	if (!record->has_xid || demand > record->xid_demand) {
		record->xid = xid;
		record->xid_demand = demand;
	}
	record->has_xid = true;
	record->xid_ns = now_ns;
	record->demand = worse(record->demand, demand);
	if (demand > XID_DEMAND_NOTHING && !row->has_action)
		record->needs_proof = true;
	record->state = HEALTH_ILL;
}

struct health_rules health_rules_of(const struct settings *settings)
{
	return (struct health_rules){
		.xids = &settings->health_xids,
		.settle_ns = settings->health_settle_ns,
		.are_gpus_whole = settings->mig_strategy == MIG_STRATEGY_NONE,
	};
}

bool health_event(struct health *health, const struct health_rules *rules,
		  const struct device_event *event, uint64_t now_ns)
{
	if (!xid_set_has(rules->xids, event->xid))
		return false;
	const struct xid_row *row = xid_find(event->xid);
	bool is_of_all = event->uuid[0] == '\0';
	bool is_of_part = !is_of_all && event->gpu_instance != DEVICE_NO_INSTANCE &&
			  !(row && row->scope == XID_SCOPE_GPU) && !rules->are_gpus_whole;
	size_t gpu = find(health, event->uuid, 0);
	bool is_anyone = false;
	for (size_t i = 0; i < health->count; i++) {
		struct health_record *record = &health->records[i];
		bool is_part = record->parent != DEVICE_NO_PARENT;
		bool is_meant = is_of_all ? !is_part : i == gpu;
		if (is_of_part)
			is_meant = is_part && (size_t)record->parent == gpu &&
				   is_named(record, event);
		if (!is_meant)
			continue;
		fall_ill(record, event->xid, row, now_ns);
		is_anyone = true;
	}
	return is_anyone;
}

/* @device can be reached. A count that is not known is above every other. */
static bool has_seen_reset(const struct health_record *record, const struct device *device)
{
	bool was_wanted = actions[record->recovery].text &&
			  device->recovery == DEVICE_RECOVERY_NONE;
	return record->was_lost || was_wanted || device->ecc_errors < record->ecc_errors;
}

/* What @device, which can be reached, says of what was demanded. */
static void meet_demand(struct health_record *record, const struct device *device)
{
	bool is_met = has_seen_reset(record, device) ||
		      (device->recovery == DEVICE_RECOVERY_NONE && !record->needs_proof);
	if (is_met) {
		record->demand = XID_DEMAND_NOTHING;
		record->needs_proof = false;
	}
	if (device->ecc_errors != DEVICE_ECC_UNKNOWN)
		record->ecc_errors = device->ecc_errors;
	record->recovery = device->recovery;
}

static void return_to_health(struct health_record *record)
{
	*record = (struct health_record){
		.uuid = record->uuid,
		.parent = record->parent,
		.gpu_instance = record->gpu_instance,
		.compute_instance = record->compute_instance,
		.ecc_errors = record->ecc_errors,
	};
}

/* An observation that is neither bad nor owing. */
static void be_good(struct health_record *record, uint64_t settle_ns, uint64_t now_ns)
{
	if (record->state == HEALTH_ILL) {
		record->state = HEALTH_SETTLING;
		record->well_ns = now_ns;
	}
	bool has_settled = now_ns >= record->well_ns && now_ns - record->well_ns >= settle_ns;
	if (record->state == HEALTH_SETTLING && has_settled)
		return_to_health(record);
}

static void observe(struct health_record *record, const struct device *device, uint64_t settle_ns,
		    uint64_t now_ns)
{
	if (record->has_xid && now_ns <= record->xid_ns)
		return;
	if (device->is_healthy)
		meet_demand(record, device);
	record->was_lost = !device->is_healthy;
	const struct action *action = &actions[device->recovery];
	if (action->text) {
		record->action = device->recovery;
		record->demand = worse(record->demand, action->demand);
	}
	if (action->text || !device->is_healthy)
		record->state = HEALTH_ILL;
	else if (record->demand == XID_DEMAND_NOTHING)
		be_good(record, settle_ns, now_ns);
}

/* The records of @snapshot's devices as they were in @from; new ones start well. */
static int carry_over(const struct health *from, const struct snapshot *snapshot,
		      struct health *ret)
{
	size_t count = snapshot->devices_count;
	ret->records = arena_array(&ret->arena, count, sizeof(*ret->records));
	if (!ret->records)
		return -ENOMEM;
	ret->count = count;
	for (size_t i = 0; i < count; i++) {
		const struct device *device = &snapshot->devices[i];
		struct health_record *record = &ret->records[i];
		size_t before = find(from, device->uuid, i);
		if (before < from->count)
			*record = from->records[before];
		record->uuid = arena_copy(&ret->arena, device->uuid, strlen(device->uuid));
		if (!record->uuid)
			return -ENOMEM;
		record->parent = device->parent;
		record->gpu_instance = device->gpu_instance;
		record->compute_instance = device->compute_instance;
	}
	return 0;
}

int health_observe(struct health *health, const struct health_rules *rules,
		   const struct snapshot *snapshot, uint64_t now_ns)
{
	cleanup_health struct health next = { 0 };
	int r = carry_over(health, snapshot, &next);
	if (r < 0)
		return r;
	for (size_t i = 0; i < next.count; i++)
		observe(&next.records[i], &snapshot->devices[i], rules->settle_ns, now_ns);
	health_done(health);
	*health = next;
	next = (struct health){ 0 };
	return 0;
}

bool health_is_anyone_ill(const struct health *health)
{
	for (size_t i = 0; i < health->count; i++)
		if (health->records[i].state != HEALTH_WELL)
			return true;
	return false;
}

/* What stands, or stood last, against a device beside Xids. NULL when memory is out. */
static const char *finding_of(const struct health_record *record, const char *reason,
			      struct arena *arena)
{
	if (reason[0])
		return reason;
	if (record->was_lost || record->action == DEVICE_RECOVERY_UNKNOWN)
		return "the driver could not reach it";
	return arena_printf(arena, "the driver %s %s",
			    actions[record->recovery].text ? "wants" : "wanted",
			    actions[record->action].text);
}

/* NULL when memory is out. */
static const char *cause_of(const struct health_record *record, const char *reason,
			    struct arena *arena)
{
	bool is_bad = record->was_lost || actions[record->recovery].text;
	if (record->has_xid && !is_bad)
		return arena_printf(arena, "Xid %" PRIu64 ": %s", record->xid,
				    xid_meaning(record->xid));
	const char *finding = finding_of(record, reason, arena);
	if (!finding || !record->has_xid)
		return finding;
	return arena_printf(arena, "Xid %" PRIu64 ": %s, %s", record->xid, xid_meaning(record->xid),
			    finding);
}

/* Of the two, @record's device is @device, its GPU or its part. */
static const char *whose(const struct health_record *record, const struct device *device)
{
	if (strcmp(record->uuid, device->uuid) == 0)
		return "";
	return record->parent == DEVICE_NO_PARENT ? "its GPU: " : "a part of it: ";
}

/* @record is that of @device, of its GPU or of its part. */
static int mark(struct device *device, const struct health_record *record, struct arena *arena)
{
	const char *cause = cause_of(record, device->reason, arena);
	if (!cause)
		return -ENOMEM;
	const char *remedy = record->state == HEALTH_SETTLING ? settling : remedies[record->demand];
	const char *reason = arena_printf(arena, "%s%s; %s", whose(record, device), cause, remedy);
	if (!reason)
		return -ENOMEM;
	device->reason = reason;
	device->is_healthy = false;
	return 0;
}

/* Parts stand behind their GPU, which is at @gpu. */
static const struct health_record *find_ill_part(const struct health *health, size_t gpu)
{
	for (size_t i = gpu + 1; i < health->count; i++) {
		const struct health_record *record = &health->records[i];
		if (record->parent == (int32_t)gpu && record->state != HEALTH_WELL)
			return record;
	}
	return NULL;
}

/* The record that speaks against a device: its own, or else that of its GPU, or of a part of it. */
static const struct health_record *find_illness(const struct health *health,
						const struct health_rules *rules, size_t at)
{
	const struct health_record *record = &health->records[at];
	if (record->state == HEALTH_WELL && record->parent != DEVICE_NO_PARENT)
		record = &health->records[record->parent];
	if (record->state != HEALTH_WELL)
		return record;
	return rules->are_gpus_whole ? find_ill_part(health, at) : NULL;
}

int health_apply(const struct health *health, const struct health_rules *rules,
		 struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->devices_count; i++) {
		struct device *device = &snapshot->devices[i];
		size_t at = find(health, device->uuid, i);
		if (at == health->count)
			continue;
		const struct health_record *record = find_illness(health, rules, at);
		int r = record ? mark(device, record, &snapshot->arena) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

void health_done(struct health *health)
{
	arena_done(&health->arena);
	*health = (struct health){ 0 };
}
