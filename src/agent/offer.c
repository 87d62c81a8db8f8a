/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See offer.h. Container runtimes are told what Allocate will name before kubelet is offered any of
 * it. Invariant: what cannot be advertised changes nothing; the old list stays and the log says
 * why.
 */
#include "agent/offer.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cdi/cdi.h"
#include "core/missing.h"
#include "core/plan.h"

/* On failure all stays as it was. Before it is known what pods hold, an id of theirs could be
 * missing. */
static int advertise(struct offer *offer, const struct settings *settings, struct err *err)
{
	const struct held *held = &offer->occupancy->held;
	if (!offer->vitals->believed || !offer->occupancy->is_known)
		return 0;
	cleanup_snapshot struct snapshot *offered = missing_join(offer->vitals->believed, held);
	if (!offered || description_mark(&offer->description, offered) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	return adverts_update(&offer->adverts, settings, offered, held, err);
}

/* A node that cannot be advertised as it was asked for ends the agent at its start, as NVIDIA's
 * plugin does; later it must not. */
static void fail_if_refused(struct offer *offer)
{
	const char *refusal = offer->adverts.plan.refusal;
	bool is_fatal = refusal && !offer->was_offered && offer->settings->fail_on_init_error;
	offer->was_offered |= offer->vitals->believed && offer->occupancy->is_known && !refusal;
	if (!is_fatal)
		return;
	struct err err = ERR_INIT;
	(void)err_set(&err, -EINVAL, "%s", refusal);
	offer->on_failure(offer, &err);
}

/* Memory may be there again later, when neither the driver nor kubelet has news for us. */
static void on_retry(uv_timer_t *timer)
{
	struct offer *offer = container_of(timer, struct offer, retry);
	vitals_retry(offer->vitals, offer->settings);
	offer_update(offer);
}

void offer_update(struct offer *offer)
{
	struct err err = ERR_INIT;
	int r = advertise(offer, offer->settings, &err);
	if (r < 0 && repeat_is_due(&offer->repeat, err.msg, uv_hrtime()))
		log_error("cannot advertise, keeping what was advertised before",
			  KV_STR("cause", err.msg));
	if (r == -ENOMEM || offer->vitals->is_stale) /* starting it fails only while closing */
		(void)uv_timer_start(&offer->retry, on_retry, OFFER_RETRY_MS, 0);
	if (r == 0)
		fail_if_refused(offer);
}

static void on_look(uv_timer_t *timer);

static void look_later(struct offer *offer)
{
	unsigned cdi = DEVICE_LIST_CDI_ANNOTATIONS | DEVICE_LIST_CDI_CRI;
	uint64_t ms = offer->description.fault[0] ? DESCRIPTION_RETRY_MS : DESCRIPTION_LOOK_MS;
	if ((offer->settings->device_list_strategies & cdi) != 0)
		(void)uv_timer_start(&offer->look, on_look, ms, 0); /* fails only while closing */
	else
		(void)uv_timer_stop(&offer->look); /* cannot fail */
}

/* The first time there is nothing to go on with. False when the agent ends. */
static bool describe(struct offer *offer)
{
	struct err err = ERR_INIT;
	int r = description_write(&offer->description, offer->settings, offer->vitals->told,
				  &offer->occupancy->held, &err);
	if (r < 0 && !description_is_begun(&offer->description)) {
		offer->on_failure(offer, &err);
		return false;
	}
	look_later(offer);
	return true;
}

static void on_look(uv_timer_t *timer)
{
	struct offer *offer = container_of(timer, struct offer, look);
	bool was_faulty = offer->description.fault[0] != '\0';
	if (describe(offer) && was_faulty)
		offer_update(offer);
}

void offer_renew(struct offer *offer)
{
	if (describe(offer))
		offer_update(offer);
}

void offer_renew_held(struct offer *offer)
{
	const struct snapshot *told = offer->vitals->told;
	if (told && cdi_depends_on_held(offer->settings, told, &offer->occupancy->held))
		offer_renew(offer);
	else
		offer_update(offer);
}

/* Settings that this node cannot follow are refused as a file that cannot be read. Where nothing is
 * offered already, none can make it worse. */
static int check_plan(const struct offer *offer, const struct settings *settings, struct err *err)
{
	cleanup_plan struct plan plan = { 0 };
	if (!offer->vitals->believed || offer->adverts.plan.refusal)
		return 0;
	int r = plan_make(settings, offer->vitals->believed, &plan, err);
	return r == 0 && plan.refusal ? err_set(err, -EINVAL, "%s", plan.refusal) : r;
}

/* All or nothing: names by index in a description are of no use to a list of uuids. */
int offer_follow(struct offer *offer, const struct settings *settings, struct err *err)
{
	const struct snapshot *told = offer->vitals->told;
	const struct held *held = &offer->occupancy->held;
	int r = check_plan(offer, settings, err);
	if (r < 0)
		return r;
	if (told)
		r = description_write(&offer->description, settings, told, held, err);
	if (r == 0)
		r = advertise(offer, settings, err);
	if (r == 0)
		offer->settings = settings;
	else if (told) /* the first failure is reported */
		(void)description_write(&offer->description, offer->settings, told, held, NULL);
	look_later(offer);
	return r;
}

static void on_allocated(struct adverts *adverts, const char *resource, const struct id_text *ids,
			 size_t count)
{
	struct offer *offer = container_of(adverts, struct offer, adverts);
	occupancy_add(offer->occupancy, resource, ids, count);
}

static void on_kubelet(struct adverts *adverts)
{
	occupancy_keep(container_of(adverts, struct offer, adverts)->occupancy);
}

void offer_start(struct offer *offer, uv_loop_t *loop, const struct settings *settings,
		 struct vitals *vitals, struct occupancy *occupancy)
{
	offer->settings = settings;
	offer->vitals = vitals;
	offer->occupancy = occupancy;
	offer->adverts.on_allocated = on_allocated;
	offer->adverts.on_kubelet = on_kubelet;
	adverts_init(&offer->adverts, loop);
	(void)uv_timer_init(loop, &offer->retry); /* these only set fields */
	(void)uv_timer_init(loop, &offer->look);
}

void offer_stop(struct offer *offer)
{
	uv_close((uv_handle_t *)&offer->retry, NULL);
	uv_close((uv_handle_t *)&offer->look, NULL);
	adverts_stop(&offer->adverts);
	description_done(&offer->description);
}
