/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's side of the driver process: when it is asked, when another one is started, and when a
 * silence is a fault. Invariant: after every event either a request is under way with the deadline
 * running, or `next` will bring the next step.
 *
 * state      serving  is_asking  timers running
 * resting    NULL     false      next (start a process)
 * asking     set      true       deadline
 * idle       set      false      next (ask again)
 * stopping   NULL     false      deadline (until the last process is reaped); listener is NULL
 *
 * grace runs beside any of them while a death waits to become a fault, silence beside asking until
 * a warning is due.
 */
#include "driver/driver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "driver/answer.h"
#include "driver/packet.h"
#include "driver/packet_decode.h"
#include "driver/processes.h"

enum {
	/* A packet that is not whole, and what is read behind it. */
	INPUT_BYTES_MAX = PACKET_HEAD_BYTES + PACKET_BYTES_MAX + PROCESSES_READ_BYTES,
	CLOSE_WAIT_MS = 1000, /* between the end of the stream and the end of the process */
	STOP_WAIT_MS = 1000,
};

struct told {
	bool is_set;
	enum driver_fault fault;
	char text[ERR_TEXT_BYTES];
};

struct driver {
	struct driver_options options;
	struct driver_listener *listener; /* borrowed; NULL after driver_stop() */
	uv_timer_t next;
	uv_timer_t deadline;
	uv_timer_t grace;
	uv_timer_t silence;
	unsigned handles; /* timers that are not closed */
	struct processes processes;
	struct buf input; /* of the process in service */
	bool is_hung_up;  /* its stream ended, it did not yet */
	bool is_asking;
	bool is_overdue; /* the deadline passed once; the loop may only have been late */
	bool is_hurried;
	bool is_missing;      /* the last answer had lost or vanished GPUs */
	bool is_refreshing;   /* driver_refresh() was not answered yet */
	bool is_refresh_sent; /* the request under way says so */
	bool is_news;         /* the next snapshot is told even if it is equal to the last */
	bool is_silence_told;
	uint64_t request_id;
	uint64_t asked_ns; /* when the last request was sent, by uv_hrtime() */
	uint64_t backoff_ms;
	struct snapshot *last; /* owned; what the listener has */
	struct told told;      /* the fault that the listener has */
	struct told pending;   /* the fault that waits for the end of grace */
	char warning[ERR_TEXT_BYTES];
};

static void start_process(struct driver *driver);
static void ask(struct driver *driver);

static uint64_t poll_ms(const struct driver *driver)
{
	uint64_t ms = driver->options.poll_ns / CLOCK_NS_PER_MS;
	if (ms == 0)
		ms = DRIVER_POLL_MS;
	return driver->is_hurried && ms > DRIVER_HURRY_MS ? DRIVER_HURRY_MS : ms;
}

static uint64_t silent_ms(const struct driver *driver)
{
	uint64_t ms = driver->options.silent_ns / CLOCK_NS_PER_MS;
	return ms > 0 ? ms : DRIVER_SILENT_MS;
}

static uint64_t grace_ms(const struct driver *driver)
{
	uint64_t ms = driver->options.grace_ns / CLOCK_NS_PER_MS;
	return ms > 0 ? ms : DRIVER_GRACE_MS;
}

static uint64_t retry_ms(const struct driver *driver)
{
	return poll_ms(driver) < DRIVER_RETRY_MS ? poll_ms(driver) : DRIVER_RETRY_MS;
}

static uint64_t deadline_ms(const struct driver *driver)
{
	return driver->options.deadline_ns / CLOCK_NS_PER_MS + 1; /* never zero */
}

/* Telling the listener. It may stop the driver, so each of these is its caller's last action. */

static void told_set(struct told *told, enum driver_fault fault, const char *text)
{
	told->is_set = true;
	told->fault = fault;
	(void)snprintf(told->text, sizeof(told->text), "%s", text); /* a cut text is still a text */
}

static void tell_fault(struct driver *driver, enum driver_fault fault, const char *text)
{
	bool is_known = driver->told.is_set && driver->told.fault == fault &&
			strcmp(driver->told.text, text) == 0;
	(void)uv_timer_stop(&driver->grace); /* cannot fail on a live timer */
	driver->pending.is_set = false;
	if (is_known || !driver->listener)
		return;
	told_set(&driver->told, fault, text);
	driver->listener->on_fault(driver->listener, fault, driver->told.text);
}

static void on_grace(uv_timer_t *timer)
{
	struct driver *driver = container_of(timer, struct driver, grace);
	struct told pending = driver->pending;
	tell_fault(driver, pending.fault, pending.text);
}

/* Death and silence of the process wait for its successor (DRIVER_GRACE_MS). */
static void suspect(struct driver *driver, enum driver_fault fault, const char *text)
{
	bool is_first = !driver->pending.is_set;
	told_set(&driver->pending, fault, text);
	if (is_first)
		(void)uv_timer_start(&driver->grace, on_grace, grace_ms(driver), 0);
}

static void tell_snapshot(struct driver *driver, struct snapshot *snapshot)
{
	bool is_news = driver->is_news || driver->is_hurried || driver->told.is_set ||
		       !snapshot_is_equal(driver->last, snapshot);
	(void)uv_timer_stop(&driver->grace); /* cannot fail on a live timer */
	driver->pending.is_set = false;
	driver->told.is_set = false;
	driver->is_news = false;
	if (!is_news || !driver->listener) {
		(void)snapshot_free(snapshot); /* returns NULL */
		return;
	}
	(void)snapshot_free(driver->last);
	driver->last = snapshot_copy(snapshot); /* NULL: the next one is news again */
	driver->listener->on_snapshot(driver->listener, snapshot, driver->asked_ns);
}

/* Lost GPUs are told by the snapshot. */
static void tell_complaint(struct driver *driver, const struct answer *answer)
{
	bool is_news = answer->complaint[0] != '\0' &&
		       strcmp(answer->complaint, driver->warning) != 0;
	memcpy(driver->warning, answer->complaint, sizeof(driver->warning));
	if (is_news && driver->listener && driver->listener->on_warning)
		driver->listener->on_warning(driver->listener, driver->warning);
}

/* Timers. */

static void on_next(uv_timer_t *timer)
{
	struct driver *driver = container_of(timer, struct driver, next);
	if (driver->processes.serving)
		ask(driver);
	else
		start_process(driver);
}

static void wait_next(struct driver *driver, uint64_t ms)
{
	(void)uv_timer_start(&driver->next, on_next, ms, 0); /* fails only while closing */
}

/* Ask within @ms instead of later. Nothing is changed while an answer or another process is waited
 * for. */
static void hasten(struct driver *driver, uint64_t ms)
{
	if (driver->processes.serving && !driver->is_asking &&
	    uv_is_active((uv_handle_t *)&driver->next) && uv_timer_get_due_in(&driver->next) > ms)
		wait_next(driver, ms);
}

/* Give up the process in service, if any, and start another one later. */
static void rest(struct driver *driver)
{
	processes_give_up(&driver->processes);
	driver->is_hung_up = false;
	driver->is_asking = false;
	driver->is_refresh_sent = false;
	(void)uv_timer_stop(&driver->silence);  /* as the next */
	(void)uv_timer_stop(&driver->deadline); /* cannot fail on a live timer */
	wait_next(driver, driver->backoff_ms);
	driver->backoff_ms *= 2;
	if (driver->backoff_ms > DRIVER_BACKOFF_MAX_MS)
		driver->backoff_ms = DRIVER_BACKOFF_MAX_MS;
}

static void lose(struct driver *driver, enum driver_fault fault, const char *text)
{
	rest(driver);
	suspect(driver, fault, text);
}

/* Answers arrive after the deadline's timer in a turn of the loop that came late, so the socket is
 * read once more before the process is called hung. */
static void on_deadline(uv_timer_t *timer)
{
	struct driver *driver = container_of(timer, struct driver, deadline);
	char text[ERR_TEXT_BYTES];
	if (!driver->is_overdue) {
		driver->is_overdue = true;
		/* Not 0: that would run before the socket is looked at. */
		(void)uv_timer_start(&driver->deadline, on_deadline, 1, 0);
		return;
	}
	if (driver->is_hung_up) {
		lose(driver, DRIVER_FAULT_DIED,
		     "the driver process closed its socket and did not end; it was killed and is "
		     "started again");
		return;
	}
	(void)snprintf(text, sizeof(text),
		       "the NVIDIA driver did not answer within %llu ms; its process was killed "
		       "and is started again. If this goes on, see `dmesg | grep Xid` and reboot "
		       "the node",
		       (unsigned long long)(driver->options.deadline_ns / CLOCK_NS_PER_MS));
	lose(driver, DRIVER_FAULT_HUNG, text);
}

static void start_deadline(struct driver *driver, uint64_t ms)
{
	driver->is_overdue = false;
	(void)uv_timer_start(&driver->deadline, on_deadline, ms, 0); /* fails only while closing */
}

static void on_silence(uv_timer_t *timer)
{
	struct driver *driver = container_of(timer, struct driver, silence);
	char text[ERR_TEXT_BYTES];
	if (driver->is_silence_told || !driver->listener || !driver->listener->on_warning)
		return;
	driver->is_silence_told = true;
	(void)snprintf(text, sizeof(text),
		       "the NVIDIA driver has not answered for %llu ms; its process is killed "
		       "when there is no answer within %llu ms. If this goes on, see `dmesg | grep "
		       "Xid`",
		       (unsigned long long)silent_ms(driver),
		       (unsigned long long)(driver->options.deadline_ns / CLOCK_NS_PER_MS));
	driver->listener->on_warning(driver->listener, text);
}

/* An answer that came before the warning ends the run of slow ones. */
static void end_silence(struct driver *driver)
{
	if (uv_is_active((uv_handle_t *)&driver->silence))
		driver->is_silence_told = false;
	(void)uv_timer_stop(&driver->silence); /* cannot fail on a live timer */
}

/* Talking. */

static void lose_to_nonsense(struct driver *driver, const struct err *err)
{
	char text[ERR_TEXT_BYTES + 64];
	(void)snprintf(text, sizeof(text),
		       "the driver process spoke nonsense and is started again: %s", err->msg);
	lose(driver, DRIVER_FAULT_DIED, text);
}

static enum request_freshness freshness(const struct driver *driver)
{
	if (driver->is_refreshing)
		return REQUEST_FRESH;
	return driver->is_missing ? REQUEST_FRESH_IF_DUE : REQUEST_AS_IS;
}

static void ask(struct driver *driver)
{
	cleanup_buf struct buf packet = BUF_INIT(PACKET_REQUEST_BYTES_MAX);
	const struct request request = { ++driver->request_id, freshness(driver) };
	int r = packet_encode_request(&request, &packet);
	if (r < 0) {
		wait_next(driver, retry_ms(driver)); /* memory is out; ask later */
		return;
	}
	driver->is_asking = true;
	driver->is_refresh_sent = driver->is_refreshing;
	driver->asked_ns = uv_hrtime();
	start_deadline(driver, deadline_ms(driver));
	(void)uv_timer_start(&driver->silence, on_silence, silent_ms(driver), 0); /* as above */
	/* The peer reads each request before it answers, so the socket has room. */
	processes_send(&driver->processes, packet.data, packet.len);
}

static bool misses_any(const struct answer *answer, const struct snapshot *merged)
{
	for (size_t i = 0; i < merged->devices_count; i++)
		if (!merged->devices[i].is_healthy)
			return true;
	return answer->lost_count > 0;
}

static void take_snapshot(struct driver *driver, const struct answer *answer)
{
	struct snapshot *snapshot = NULL;
	bool is_forgetting = driver->is_refresh_sent;
	driver->is_refreshing &= !is_forgetting; /* or it is asked for once more */
	driver->is_refresh_sent = false;
	wait_next(driver, driver->is_refreshing ? 0 : poll_ms(driver));
	if (answer_merge(answer, driver->last, is_forgetting, &snapshot) < 0)
		return; /* memory is out; the next answer comes */
	driver->is_missing = misses_any(answer, snapshot);
	tell_snapshot(driver, snapshot);
	tell_complaint(driver, answer);
}

static void take_answer(struct driver *driver, const struct answer *answer)
{
	driver->is_asking = false;
	driver->backoff_ms = DRIVER_BACKOFF_FIRST_MS;
	(void)uv_timer_stop(&driver->deadline); /* cannot fail on a live timer */
	end_silence(driver);
	if (answer->snapshot) {
		take_snapshot(driver, answer);
		return;
	}
	wait_next(driver, retry_ms(driver));
	tell_fault(driver, DRIVER_FAULT_INIT, answer->fault.msg);
}

/* What an answer under way says was read after the event, since the process sends in order. */
static void take_event(struct driver *driver, const struct device_event *event)
{
	uint64_t passed_ms = (uv_hrtime() - driver->asked_ns) / CLOCK_NS_PER_MS;
	hasten(driver, passed_ms < DRIVER_EVENT_GAP_MS ? DRIVER_EVENT_GAP_MS - passed_ms : 0);
	if (event->xid == 0)
		return; /* only the advice to look */
	driver->is_news = true;
	if (driver->listener && driver->listener->on_event)
		driver->listener->on_event(driver->listener, event);
}

static int receive_event(struct driver *driver, struct buf *input, size_t length, struct err *err)
{
	cleanup_arena struct arena arena = { 0 };
	struct device_event event = { 0 };
	int r = packet_decode_event((const uint8_t *)input->data, length, &arena, &event, err);
	if (r < 0)
		return r;
	buf_consume(input, length);
	take_event(driver, &event);
	return 1;
}

static int receive_answer(struct driver *driver, struct buf *input, size_t length, struct err *err)
{
	cleanup_answer struct answer answer = { 0 };
	int r = packet_decode_answer((const uint8_t *)input->data, length, &answer, err);
	if (r < 0)
		return r;
	if (!driver->is_asking || answer.id != driver->request_id)
		return err_set(err, -EPROTO, "an answer to a question that was not asked");
	buf_consume(input, length);
	take_answer(driver, &answer);
	return 1;
}

/* Returns 0 when no whole packet is there, 1 when one was consumed. */
static int take_packet(struct driver *driver, struct buf *input, struct err *err)
{
	const uint8_t *bytes = (const uint8_t *)input->data;
	size_t length = 0;
	int r = packet_measure(bytes, input->len, &length, err);
	if (r < 0)
		return r;
	if (length == 0 || length > input->len)
		return 0;
	return packet_kind(bytes) == PACKET_EVENT ? receive_event(driver, input, length, err)
						  : receive_answer(driver, input, length, err);
}

static void on_bytes(struct processes *processes, const char *bytes, size_t length)
{
	struct driver *driver = container_of(processes, struct driver, processes);
	struct err err = ERR_INIT;
	int r = buf_append(&driver->input, bytes, length);
	if (r < 0) {
		(void)err_errno(&err, r, "keep a packet");
		lose_to_nonsense(driver, &err);
		return;
	}
	do
		r = take_packet(driver, &driver->input, &err);
	while (r > 0 && processes->serving);
	if (r < 0)
		lose_to_nonsense(driver, &err);
}

/* How it ended is known when it is reaped, which should be at once. */
static void on_hang_up(struct processes *processes)
{
	struct driver *driver = container_of(processes, struct driver, processes);
	(void)uv_timer_stop(&driver->next); /* cannot fail on a live timer */
	driver->is_hung_up = true;
	start_deadline(driver, CLOSE_WAIT_MS);
}

static void describe_end(int64_t status, int signal_number, char *text, size_t size)
{
	const char *words = sigdescr_np(signal_number); /* strsignal() is not for threads */
	if (signal_number != 0)
		(void)snprintf(text, size,
			       "the driver process ended by signal %d (%s); it is started again",
			       signal_number, words ? words : "unknown");
	else
		(void)snprintf(text, size,
			       "the driver process ended with status %lld; it is started again",
			       (long long)status);
}

static void on_end(struct processes *processes, int64_t status, int signal_number)
{
	char text[ERR_TEXT_BYTES];
	describe_end(status, signal_number, text, sizeof(text));
	lose(container_of(processes, struct driver, processes), DRIVER_FAULT_DIED, text);
}

/* Starting. */

static int launch(struct driver *driver)
{
	const struct driver_options *options = &driver->options;
	char *arguments[] = {
		unconst("rota"),
		unconst("driver"),
		unconst("--driver-root-ctr-path"),
		unconst(options->container_driver_root),
		unconst("--root"),
		unconst(options->root ? options->root : ""),
		NULL,
	};
	buf_done(&driver->input);
	driver->input = (struct buf)BUF_INIT(INPUT_BYTES_MAX);
	return processes_start(&driver->processes, options->executable, arguments);
}

static void lose_to_spawn(struct driver *driver, int code)
{
	char text[ERR_TEXT_BYTES];
	(void)snprintf(text, sizeof(text), "the driver process cannot be started: %s: %s",
		       driver->options.executable, uv_strerror(code));
	lose(driver, DRIVER_FAULT_DIED, text);
}

static void start_process(struct driver *driver)
{
	if (processes_unreaped(&driver->processes) >= DRIVER_ABANDONED_MAX) {
		lose(driver, DRIVER_FAULT_HUNG,
		     "several driver processes hang in the kernel and cannot be killed; reboot "
		     "the node");
		return;
	}
	int r = launch(driver);
	if (r < 0)
		lose_to_spawn(driver, r);
	else
		ask(driver);
}

/* Stopping. */

static void driver_handle_closed(struct driver *driver)
{
	if (--driver->handles > 0)
		return;
	(void)snapshot_free(driver->last); /* returns NULL */
	buf_done(&driver->input);
	free(driver);
}

static void on_next_closed(uv_handle_t *handle)
{
	driver_handle_closed(container_of(handle, struct driver, next));
}

static void on_deadline_closed(uv_handle_t *handle)
{
	driver_handle_closed(container_of(handle, struct driver, deadline));
}

static void on_grace_closed(uv_handle_t *handle)
{
	driver_handle_closed(container_of(handle, struct driver, grace));
}

static void on_silence_closed(uv_handle_t *handle)
{
	driver_handle_closed(container_of(handle, struct driver, silence));
}

static void stop_if_done(struct driver *driver)
{
	if (driver->listener || driver->processes.all)
		return;
	uv_close((uv_handle_t *)&driver->next, on_next_closed);
	uv_close((uv_handle_t *)&driver->deadline, on_deadline_closed);
	uv_close((uv_handle_t *)&driver->grace, on_grace_closed);
	uv_close((uv_handle_t *)&driver->silence, on_silence_closed);
}

static void on_empty(struct processes *processes)
{
	stop_if_done(container_of(processes, struct driver, processes));
}

int driver_start(uv_loop_t *loop, const struct driver_options *options,
		 struct driver_listener *listener, struct driver **ret, struct err *err)
{
	struct driver *driver = calloc(1, sizeof(*driver));
	if (!driver)
		return err_set(err, -ENOMEM, "out of memory");
	driver->options = *options;
	driver->listener = listener;
	driver->processes = (struct processes){
		.loop = loop,
		.on_bytes = on_bytes,
		.on_hang_up = on_hang_up,
		.on_end = on_end,
		.on_empty = on_empty,
	};
	driver->backoff_ms = DRIVER_BACKOFF_FIRST_MS;
	(void)uv_timer_init(loop, &driver->next); /* these only set fields */
	(void)uv_timer_init(loop, &driver->deadline);
	(void)uv_timer_init(loop, &driver->grace);
	(void)uv_timer_init(loop, &driver->silence);
	driver->handles = 4;
	*ret = driver;
	start_process(driver);
	return 0;
}

void driver_refresh(struct driver *driver)
{
	if (!driver)
		return;
	driver->is_refreshing = true;
	driver->is_refresh_sent = false; /* an answer under way may be from before */
	hasten(driver, 0);
}

void driver_hurry(struct driver *driver, bool is_hurried)
{
	if (!driver)
		return;
	driver->is_hurried = is_hurried;
	hasten(driver, poll_ms(driver));
}

/* A process that even SIGKILL does not end is left to init. */
static void on_stop_wait(uv_timer_t *timer)
{
	struct driver *driver = container_of(timer, struct driver, deadline);
	processes_abandon(&driver->processes);
}

void driver_stop(struct driver *driver)
{
	if (!driver)
		return;
	driver->listener = NULL;
	driver->is_asking = false;
	(void)uv_timer_stop(&driver->next); /* these cannot fail on a live timer */
	(void)uv_timer_stop(&driver->grace);
	(void)uv_timer_stop(&driver->silence);
	(void)uv_timer_start(&driver->deadline, on_stop_wait, STOP_WAIT_MS, 0);
	processes_stop(&driver->processes);
	stop_if_done(driver);
}
