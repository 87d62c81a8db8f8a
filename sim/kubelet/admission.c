/* SPDX-License-Identifier: Apache-2.0 */
/*
 * choose the free -> GetPreferredAllocation (if the plugin has it) -> Allocate -> holdings. No call
 * has a deadline, as in kubelet. A pod that already holds devices is only checked.
 */
#include "sim/kubelet/admission.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "sim/kubelet/endpoint.h"
#include "sim/kubelet/messages.h"
#include "sim/kubelet/pick.h"

static void finish(struct admission *admission, const char *error)
{
	admission->is_busy = false;
	ids_done(&admission->available);
	ids_done(&admission->chosen);
	if (!admission->is_given_up)
		admission->on_done(admission, error);
}

static void take_answer(struct rpc_reply *reply, const uint8_t *message, size_t length)
{
	struct admission *admission = container_of(reply, struct admission, reply);
	free(admission->answer);
	admission->answer = malloc(length + 1);
	admission->answer_length = length;
	if (admission->answer && length > 0)
		memcpy(admission->answer, message, length);
}

/* The answer of a call that ended; NULL, and the admission is finished, when it has none. */
static uint8_t *pass_answer(struct admission *admission, enum rpc_status status, const char *text)
{
	uint8_t *answer = TAKE_PTR(admission->answer);
	if (status == RPC_OK && answer)
		return answer;
	free(answer);
	cleanup_free char *error = endpoint_error(
		status == RPC_OK ? RPC_INTERNAL : status,
		status == RPC_OK ? "the call ended without an answer" : text);
	finish(admission, error ? error : text);
	return NULL;
}

static int call(struct admission *admission, const char *method, const uint8_t *message,
		size_t length, struct err *err)
{
	const struct resource_entry *entry = tables_find(admission->tables, admission->resource);
	if (!entry || !entry->endpoint)
		return err_set(err, -EAGAIN, "endpoint of %s has been stopped",
			       admission->resource);
	return endpoint_call(entry->endpoint, method, message, length, 0, &admission->reply, err);
}

static void end_allocate(struct rpc_reply *reply, enum rpc_status status, const char *text)
{
	struct admission *admission = container_of(reply, struct admission, reply);
	cleanup_free uint8_t *answer = pass_answer(admission, status, text);
	if (!answer)
		return;

	struct err err = ERR_INIT;
	cleanup_free uint8_t *allocation = NULL;
	size_t length = 0;
	int r = message_read_allocated(answer, admission->answer_length, &allocation, &length,
				       &err);
	if (r == 0) {
		r = holdings_put(&admission->tables->holdings, admission->pod, admission->resource,
				 &admission->chosen, allocation, length);
		if (r == 0)
			(void)TAKE_PTR(allocation);
		else
			(void)err_errno(&err, r, "%s", admission->pod);
	}
	finish(admission, r < 0 ? err.msg : NULL);
}

static int allocate(struct admission *admission, const struct ids *preferred, struct err *err)
{
	int r = pick_devices(&admission->available, preferred, admission->need, &admission->chosen,
			     err);
	if (r < 0)
		return r;

	cleanup_free uint8_t *message = NULL;
	size_t length = 0;
	r = message_allocate(&admission->chosen, &message, &length);
	if (r < 0)
		return err_errno(err, r, "Allocate");
	admission->reply = (struct rpc_reply){ take_answer, end_allocate };
	return call(admission, "Allocate", message, length, err);
}

static void end_prefer(struct rpc_reply *reply, enum rpc_status status, const char *text)
{
	struct admission *admission = container_of(reply, struct admission, reply);
	cleanup_free uint8_t *answer = pass_answer(admission, status, text);
	if (!answer)
		return;

	struct err err = ERR_INIT;
	cleanup_ids struct ids preferred = { 0 };
	int r = message_read_preferred(answer, admission->answer_length, &preferred, &err);
	if (r == 0)
		r = allocate(admission, &preferred, &err);
	if (r < 0)
		finish(admission, err.msg);
}

static int prefer(struct admission *admission, struct err *err)
{
	cleanup_free uint8_t *message = NULL;
	size_t length = 0;
	int r = message_prefer(&admission->available, admission->need, &message, &length);
	if (r < 0)
		return err_errno(err, r, "GetPreferredAllocation");
	admission->reply = (struct rpc_reply){ take_answer, end_prefer };
	return call(admission, "GetPreferredAllocation", message, length, err);
}

/* Returns 1 when a call is under way, 0 when the pod may start, or a negative errno. */
static int begin(struct admission *admission, struct err *err)
{
	const struct resource_entry *entry = tables_find(admission->tables, admission->resource);
	const struct holding *held = holdings_find(&admission->tables->holdings, admission->pod,
						   admission->resource);
	if (held && held->ids.count == admission->need)
		return pick_check_held(entry ? &entry->listing : NULL, held, err);
	if (!entry)
		return err_set(err, -EAGAIN, "cannot allocate unregistered device %s",
			       admission->resource);

	int r = pick_free(&entry->listing, &admission->tables->holdings, admission->resource,
			  admission->need, &admission->seed, &admission->available, err);
	if (r < 0)
		return r;
	if (entry->endpoint && endpoint_options(entry->endpoint)->is_preferred_available)
		r = prefer(admission, err);
	else
		r = allocate(admission, &(struct ids){ 0 }, err);
	return r < 0 ? r : 1;
}

void admission_begin(struct admission *admission, const char *pod, const char *resource,
		     size_t need)
{
	struct err err = ERR_INIT;
	admission->is_busy = true;
	admission->is_given_up = false;
	admission->pod = pod;
	admission->resource = resource;
	admission->need = need;
	int r = begin(admission, &err);
	if (r <= 0)
		finish(admission, r < 0 ? err.msg : NULL);
}

void admission_give_up(struct admission *admission)
{
	if (admission->is_busy)
		admission->is_given_up = true;
}
