/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See description.h. Invariant: a device that is offered as healthy is one that a container runtime
 * finds under the name that Allocate gives it.
 */
#include "agent/description.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "base/log.h"
#include "cdi/cdi.h"

enum {
	CAUSE_BYTES_MAX = 200 /* of a fault, with what stands before it; a cut one still tells */
};

static void log_written(const struct cdi_report *report)
{
	if ((report->written | report->removed) == 0)
		return;
	log_info("CDI specifications written", KV_STR("folder", CDI_FOLDER),
		 KV_U64("changed", (unsigned)__builtin_popcount(report->written)),
		 KV_U64("removed", (unsigned)__builtin_popcount(report->removed)));
}

static int note_fault(struct description *description, const struct err *err)
{
	(void)snprintf(description->fault, sizeof(description->fault),
		       "cannot describe the GPUs to container runtimes: %.*s", CAUSE_BYTES_MAX,
		       err->msg);
	if (repeat_is_due(&description->repeat, description->fault, uv_hrtime()))
		log_error(
			"cannot describe the GPUs to container runtimes, trying again; what is not "
			"described is not offered",
			KV_STR("cause", err->msg));
	return err->code;
}

int description_write(struct description *description, const struct settings *settings,
		      const struct snapshot *snapshot, const struct held *held, struct err *err)
{
	struct cdi_report report = { 0 };
	struct err cause = ERR_INIT;
	struct snapshot *copy = snapshot_copy(snapshot);
	int r = copy ? cdi_write(settings, snapshot, held, &report, &cause)
		     : err_set(&cause, -ENOMEM, "out of memory");
	if (r < 0) {
		(void)snapshot_free(copy);
		if (err)
			*err = cause;
		return note_fault(description, &cause);
	}
	log_written(&report);
	(void)snapshot_free(description->described);
	description->described = copy;
	description->fault[0] = '\0';
	return 0;
}

/* By what its specification is made of. */
static bool is_described(const struct snapshot *described, const struct device *device)
{
	for (size_t i = 0; i < described->devices_count; i++) {
		const struct device *known = &described->devices[i];
		if (strcmp(known->uuid, device->uuid) == 0)
			return strcmp(known->index, device->index) == 0 &&
			       known->minor == device->minor &&
			       known->gpu_capability == device->gpu_capability &&
			       known->compute_capability == device->compute_capability;
	}
	return false;
}

int description_mark(const struct description *description, struct snapshot *snapshot)
{
	const struct snapshot *described = description->described;
	if (description->fault[0] == '\0' || !described)
		return 0;
	const char *reason = arena_printf(&snapshot->arena, "%s", description->fault);
	if (!reason)
		return -ENOMEM;
	bool is_same_driver = strcmp(described->driver_version, snapshot->driver_version) == 0;
	for (size_t i = 0; i < snapshot->devices_count; i++) {
		struct device *device = &snapshot->devices[i];
		if (!device->is_healthy || (is_same_driver && is_described(described, device)))
			continue;
		device->is_healthy = false;
		device->reason = reason;
	}
	return 0;
}

void description_done(struct description *description)
{
	description->described = snapshot_free(description->described);
}
