/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver process: one request in, one answer out, on a blocking socket, and events unasked in
 * between. One thread does both in turns: NVML waits for events only as long as a request may wait.
 * It may hang or die in any call of NVML; its parent expects that. Invariant: it ends with its
 * parent.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "driver/alarms.h"
#include "driver/answer.h"
#include "driver/driver.h"
#include "driver/inventory.h"
#include "driver/links.h"
#include "driver/nvml.h"
#include "driver/packet.h"
#include "driver/packet_decode.h"

static const char process_name[] = "rota-driver"; /* in ps and top; else "exe", of /proc/self/exe */

/* A GPU that is missed is looked for by opening NVML anew: not more often than this, and so that
 * opening, which may take seconds while a GPU is broken and is deaf to events, takes at most a
 * twentieth of the time. */
static const uint64_t reopen_ns = 10ULL * CLOCK_NS_PER_S;
static const uint64_t reopen_rest = 20;

struct session {
	int fd;
	const char *driver_root;
	const char *root;      /* before /proc and /sys of the inventory */
	struct nvml *nvml;     /* owned; NULL until it could be opened */
	uint64_t reopen_at_ns; /* not before, for the sake of a missed GPU alone */
	struct links links;    /* of this NVML, as the next */
	struct alarms alarms;
};

static void session_done(struct session *session)
{
	links_done(&session->links);
	if (session->nvml)
		alarms_done(&session->alarms, session->nvml);
	session->nvml = nvml_close(session->nvml);
}

/* The other end of the socketpair was made by the parent. If it is gone already, the signal asked
 * for here would never come. */
static int tie_to_parent(int fd, struct err *err)
{
	struct ucred parent = { 0 };
	socklen_t length = sizeof(parent);
	if (prctl(PR_SET_NAME, process_name) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return err_errno(err, -errno, "prctl");
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &parent, &length) < 0)
		return err_errno(err, -errno, "fd %d is not the agent's socket", fd);
	if (parent.pid != getppid())
		return err_set(err, -ESRCH, "the agent is gone");
	return 0;
}

/* For kernels before 5.9, which do not have close_range(2). */
static int close_listed_above(int fd, struct err *err)
{
	DIR *folder = opendir("/proc/self/fd");
	if (!folder)
		return err_errno(err, -errno, "/proc/self/fd");
	for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
		uint64_t number = 0;
		if (text_parse_u64(entry->d_name, 0, INT_MAX, &number) == 0 && (int)number > fd &&
		    (int)number != dirfd(folder))
			(void)close((int)number); /* it is gone, whatever this says */
	}
	(void)closedir(folder); /* as above */
	return 0;
}

/* What the agent has open is not ours to keep open: its sockets must close with it. */
static int close_above(int fd, struct err *err)
{
	if (close_range((unsigned)fd + 1, ~0U, 0) == 0)
		return 0;
	if (errno != ENOSYS && errno != EPERM) /* EPERM: an old seccomp profile */
		return err_errno(err, -errno, "close_range");
	return close_listed_above(fd, err);
}

/* Returns 1 when @length bytes were read, 0 at the end of the stream. */
static int read_all(int fd, uint8_t *bytes, size_t length, struct err *err)
{
	size_t have = 0;
	while (have < length) {
		ssize_t got = read(fd, bytes + have, length - have);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_errno(err, -errno, "read a request");
		if (got == 0)
			return 0;
		have += (size_t)got;
	}
	return 1;
}

static int write_all(int fd, const char *bytes, size_t length, struct err *err)
{
	while (length > 0) {
		ssize_t put = send(fd, bytes, length, MSG_NOSIGNAL);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return err_errno(err, -errno, "write an answer");
		bytes += put;
		length -= (size_t)put;
	}
	return 0;
}

static int read_request(int fd, struct request *ret, struct err *err)
{
	uint8_t packet[PACKET_REQUEST_BYTES_MAX];
	size_t length = 0;
	int r = read_all(fd, packet, PACKET_HEAD_BYTES, err);
	if (r <= 0)
		return r;
	r = packet_measure(packet, PACKET_HEAD_BYTES, &length, err);
	if (r < 0)
		return r;
	if (length > sizeof(packet))
		return err_set(err, -EPROTO, "a request of %zu bytes", length);
	r = read_all(fd, packet + PACKET_HEAD_BYTES, length - PACKET_HEAD_BYTES, err);
	if (r <= 0)
		return r;
	r = packet_decode_request(packet, length, ret, err);
	return r < 0 ? r : 1;
}

/* The agent refuses what is not printable, and a loader's message may quote any path. */
static void make_printable(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

/* NVML finds GPUs when it is initialised, not later. */
static bool may_have_more(const struct answer *answer)
{
	return answer->snapshot && answer->snapshot->devices_count == 0 && answer->lost_count == 0;
}

static void freshen(struct session *session, enum request_freshness freshness)
{
	bool is_due = clock_ns() >= session->reopen_at_ns;
	if (freshness == REQUEST_FRESH || (freshness == REQUEST_FRESH_IF_DUE && is_due))
		session_done(session);
}

static int open_nvml(struct session *session, struct err *err)
{
	if (session->nvml)
		return 0;
	uint64_t began_ns = clock_ns();
	int r = nvml_open(session->driver_root, &session->nvml, err);
	uint64_t now_ns = clock_ns();
	uint64_t rest_ns = (now_ns - began_ns) * reopen_rest;
	session->reopen_at_ns = now_ns + (rest_ns > reopen_ns ? rest_ns : reopen_ns);
	return r;
}

static int read_snapshot(struct session *session, struct answer *ret, struct err *err)
{
	cleanup_answer struct answer answer = { .id = ret->id };
	int r = inventory_read(session->nvml, session->root, &answer, err);
	if (r < 0)
		return r;
	uint64_t digest = links_digest(answer.snapshot);
	r = links_fill(&session->links, session->nvml, digest, answer.snapshot, err);
	if (r < 0)
		return r;
	alarms_register(&session->alarms, session->nvml, digest, answer.snapshot);
	(void)snprintf(answer.complaint, sizeof(answer.complaint), "%s",
		       alarms_complaint(&session->alarms)); /* as long as an err's text */
	*ret = answer;
	answer.snapshot = NULL; /* handed over */
	return 0;
}

/* NVML stays open between requests, unless the next one may find more by opening it anew: when it
 * lost its driver, or while there is no GPU. */
static void read_answer(struct session *session, struct answer *answer)
{
	struct err err = ERR_INIT;
	int r = open_nvml(session, &err);
	if (r == 0)
		r = read_snapshot(session, answer, &err);
	if (r < 0)
		answer->fault = err;
	if (r == -EAGAIN || may_have_more(answer))
		session_done(session);
	make_printable(answer->fault.msg);
	make_printable(answer->complaint);
}

static int answer_request(struct session *session, struct err *err)
{
	struct request request = { 0 };
	int r = read_request(session->fd, &request, err);
	if (r <= 0)
		return r;
	cleanup_answer struct answer answer = { .id = request.id };
	freshen(session, request.freshness);
	read_answer(session, &answer);

	cleanup_buf struct buf out = BUF_INIT(PACKET_HEAD_BYTES + PACKET_BYTES_MAX);
	r = packet_encode_answer(&answer, &out);
	if (r < 0)
		return err_errno(err, r, "encode an answer");
	r = write_all(session->fd, out.data, out.len, err);
	return r < 0 ? r : 1;
}

static int forward_event(struct session *session, struct err *err)
{
	struct alarm told;
	if (!alarms_wait(&session->alarms, session->nvml, clock_ns(), &told))
		return 1;
	make_printable(told.uuid);
	cleanup_buf struct buf out = BUF_INIT(PACKET_HEAD_BYTES + PACKET_BYTES_MAX);
	int r = packet_encode_event(&told.event, &out);
	if (r < 0)
		return err_errno(err, r, "encode an event");
	r = write_all(session->fd, out.data, out.len, err);
	return r < 0 ? r : 1;
}

/* Returns whether there is something to read; the end of the stream, too, is. Negative @wait_ms: as
 * long as it takes. */
static int wait_for_request(int fd, int wait_ms, struct err *err)
{
	struct pollfd request = { .fd = fd, .events = POLLIN };
	int r = poll(&request, 1, wait_ms);
	if (r < 0 && errno != EINTR)
		return err_errno(err, -errno, "wait for a request");
	return r > 0;
}

/* Returns 0 at the end of the stream. */
static int serve_once(struct session *session, struct err *err)
{
	bool is_awaited = alarms_are_awaited(&session->alarms);
	int wait_ms = is_awaited ? (int)alarms_pause_ms(&session->alarms, clock_ns()) : -1;
	int r = wait_for_request(session->fd, wait_ms, err);
	if (r < 0)
		return r;
	if (r > 0)
		return answer_request(session, err);
	return is_awaited ? forward_event(session, err) : 1;
}

int driver_serve(int fd, const char *container_driver_root, const char *root)
{
	CLEANUP(session_done)
	struct session session = {
		.fd = fd,
		.driver_root = container_driver_root,
		.root = root,
	};
	struct err err = ERR_INIT;
	int r = tie_to_parent(fd, &err);
	if (r == 0)
		r = close_above(fd, &err);
	if (r == 0)
		do
			r = serve_once(&session, &err);
		while (r > 0);
	if (r == 0)
		return EXIT_SUCCESS;
	(void)fprintf(stderr, "rota driver: %s\n", err.msg); /* the process ends with this */
	return EXIT_FAILURE;
}
