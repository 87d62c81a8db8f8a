/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See registration.h and its table of states. A kubelet that is new (another socket file) is turned
 * to at once; the same one again only after a growing pause, so that a refusal cannot become a busy
 * loop.
 */
#include "kubelet/registration.h"

#include <string.h>

#define MS UINT64_C(1000000)

static const uint64_t backoff_first_ns = 100 * MS;
static const uint64_t backoff_last_ns = 10000 * MS;
/* Kubelet opens the stream right after its answer; up to 1.36 it may also lose the plugin (issue
 * 121994). */
static const uint64_t stream_wait_ns = 5000 * MS;
/* Another plugin took our socket, and its place with kubelet, and has ended; or somebody removed
 * the file. A plugin that begins leaves the path empty for a moment, too. */
static const uint64_t vacant_wait_ns = 1000 * MS;
/* A stream that lasted this long was a good one: the next loss starts with the shortest pause
 * again. */
static const uint64_t steady_ns = 10000 * MS;

static bool is_same(const struct socket_id *a, const struct socket_id *b)
{
	return a->device == b->device && a->inode == b->inode && a->ctime_ns == b->ctime_ns;
}

static bool is_absent(const struct socket_id *id)
{
	return id->device == 0 && id->inode == 0;
}

static uint64_t next_backoff(struct registration *registration)
{
	uint64_t pause = registration->backoff_ns ? registration->backoff_ns : backoff_first_ns;
	registration->backoff_ns = pause < backoff_last_ns / 2 ? pause * 2 : backoff_last_ns;
	return pause;
}

/* The stream is up, or just went away. */
static void note_stream(struct registration *registration, bool has_stream, uint64_t now_ns)
{
	bool was_serving = registration->state == REGISTRATION_SERVING;
	if (has_stream && !was_serving) {
		registration->state = REGISTRATION_SERVING;
		registration->stream_since_ns = now_ns;
	}
	if (!has_stream && was_serving) {
		if (now_ns - registration->stream_since_ns >= steady_ns)
			registration->backoff_ns = 0;
		registration->state = REGISTRATION_WAITING;
		registration->retry_ns = now_ns + next_backoff(registration);
	}
}

/* A stream that is still open says nothing any more once our socket was taken and given up. */
static void note_vacancy(struct registration *registration, bool is_vacant, uint64_t now_ns)
{
	if (!is_vacant || registration->state != REGISTRATION_SERVING) {
		registration->vacant_since_ns = 0;
	} else if (registration->vacant_since_ns == 0) {
		registration->vacant_since_ns = now_ns;
	} else if (now_ns - registration->vacant_since_ns >= vacant_wait_ns) {
		registration->state = REGISTRATION_IDLE;
		registration->retry_ns = now_ns;
	}
}

enum registration_action registration_step(struct registration *registration,
					   const struct registration_view *view, uint64_t now_ns)
{
	if (registration->state == REGISTRATION_CALLING)
		return REGISTRATION_NOTHING;
	if (is_absent(&view->kubelet)) {
		registration->state = REGISTRATION_IDLE;
		registration->known = view->kubelet;
		registration->retry_ns = UINT64_MAX;
		return REGISTRATION_NOTHING;
	}
	if (!is_same(&view->kubelet, &registration->known)) {
		registration->known = view->kubelet;
		registration->state = REGISTRATION_IDLE;
		registration->backoff_ns = 0;
		registration->retry_ns = now_ns;
	} else {
		note_stream(registration, view->has_stream, now_ns);
	}
	note_vacancy(registration, view->is_vacant, now_ns);
	if (registration->state == REGISTRATION_SERVING || now_ns < registration->retry_ns)
		return REGISTRATION_NOTHING;
	if (!view->is_reachable)
		return REGISTRATION_SERVE;
	registration->state = REGISTRATION_CALLING;
	return REGISTRATION_REGISTER;
}

void registration_answered(struct registration *registration, bool is_ok, uint64_t now_ns)
{
	uint64_t pause = next_backoff(registration);
	if (is_ok && pause < stream_wait_ns)
		pause = stream_wait_ns;
	registration->state = REGISTRATION_WAITING;
	registration->retry_ns = now_ns + pause;
}

void registration_serve_failed(struct registration *registration, uint64_t now_ns)
{
	registration->retry_ns = now_ns + next_backoff(registration);
}

uint64_t registration_due_ns(const struct registration *registration)
{
	switch (registration->state) {
	case REGISTRATION_CALLING:
		return UINT64_MAX;
	case REGISTRATION_SERVING:
		return registration->vacant_since_ns
			       ? registration->vacant_since_ns + vacant_wait_ns
			       : UINT64_MAX;
	case REGISTRATION_IDLE:
	case REGISTRATION_WAITING:
		break;
	}
	return registration->retry_ns;
}
