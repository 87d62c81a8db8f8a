/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measures one device plugin from kubelet's side: starts it on a simulated node, plays kubelet, and
 * prints one JSON object. What an answer says is checked, so that nothing is fast by being wrong.
 * tests/bench/run.py runs it and judges the figures.
 */
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/option.h"
#include "bench/fields.h"
#include "bench/peer.h"
#include "bench/scratch.h"
#include "bench/subject.h"

enum {
	REQUEST_BYTES_MAX = 4 << 20, /* kubelet's own limit */
	CALLS_MAX = 1000000,
	GPUS_MAX = 64,
	REPLICAS_MAX = 100000,
	ASKED_MAX = 8, /* replicas that one container asks for */
	EXIT_USAGE = 2,
	HELP_BYTES_MAX = 16 << 10,
	/* Field numbers of v1beta1. */
	CONTAINERS = 1,
	DEVICES = 1,
	DEVICE_ID = 1,
	AVAILABLE = 1,
	MUST_INCLUDE = 2,
	SIZE = 3,
	IDS = 1,
	ENVS = 1,
};

struct options {
	uint64_t gpus;
	uint64_t replicas;
	uint64_t allocations;
	uint64_t preferences;
	const char *mount_at;
	char *const *command;
};

struct id {
	char *text; /* owned by the bench, in `list` */
	size_t length;
};

struct bench {
	const struct options *options;
	struct peer *peer;
	struct id *ids; /* owned */
	size_t ids_count;
	struct buf list; /* the first list, which the ids point into */
	uint64_t random;
	uint64_t *times_ns; /* owned; room for the larger of both counts of calls */
};

struct figures {
	double registered_ms;
	double first_list_ms;
	size_t list_bytes;
	double preferred_p50_ms, preferred_p99_ms;
	double allocate_p50_ms, allocate_p99_ms;
	struct subject_memory after_list, after_calls;
};

/* splitmix64 from a fixed start: every run asks the same. */
static uint64_t draw(struct bench *bench, uint64_t below)
{
	uint64_t z = bench->random += 0x9E3779B97F4A7C15U;
	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9U;
	z = (z ^ z >> 27) * 0x94D049BB133111EBU;
	return (z ^ z >> 31) % below;
}

/* What one container asks for. */
static size_t draw_size(struct bench *bench)
{
	return 1 + draw(bench, ASKED_MAX < bench->ids_count ? ASKED_MAX : bench->ids_count);
}

/* Bring @count random ids to the front, in random order. */
static void shuffle(struct bench *bench, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t other = i + draw(bench, bench->ids_count - i);
		struct id id = bench->ids[i];
		bench->ids[i] = bench->ids[other];
		bench->ids[other] = id;
	}
}

static double to_ms(uint64_t ns)
{
	return (double)ns / 1e6;
}

static int compare_times(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a;
	uint64_t right = *(const uint64_t *)b;
	return (left > right) - (left < right);
}

/* The smallest value that @percent of all do not pass. */
static double find_percentile(const uint64_t *sorted_ns, size_t count, size_t percent)
{
	return count == 0 ? 0 : to_ms(sorted_ns[(count * percent + 99) / 100 - 1]);
}

static void put_container(struct buf *request, const struct buf *container)
{
	fields_put_bytes(request, CONTAINERS, container->data, container->len);
}

/* GetPreferredAllocation as kubelet asks: all free ids, and at times some that are held already by
 * an init container. */
static void build_preference(struct bench *bench, size_t size, size_t must, struct buf *request)
{
	cleanup_buf struct buf container = BUF_INIT(REQUEST_BYTES_MAX);
	for (size_t i = 0; i < bench->ids_count; i++)
		fields_put_bytes(&container, AVAILABLE, bench->ids[i].text, bench->ids[i].length);
	for (size_t i = 0; i < must; i++)
		fields_put_bytes(&container, MUST_INCLUDE, bench->ids[i].text,
				 bench->ids[i].length);
	fields_put_number(&container, SIZE, size);
	put_container(request, &container);
}

static void build_allocation(struct bench *bench, size_t size, struct buf *request)
{
	cleanup_buf struct buf container = BUF_INIT(REQUEST_BYTES_MAX);
	for (size_t i = 0; i < size; i++)
		fields_put_bytes(&container, IDS, bench->ids[i].text, bench->ids[i].length);
	put_container(request, &container);
}

static bool is_id(const struct id *id, const struct field_view *field)
{
	return field->length == id->length && memcmp(field->bytes, id->text, id->length) == 0;
}

/* How many of the first @must ids the answer has. */
static size_t count_must(const struct bench *bench, size_t must, struct field_view container)
{
	size_t found = 0;
	for (size_t i = 0; i < must; i++) {
		struct field_reader reader = { container.bytes,
					       container.bytes + container.length };
		struct field_view field = { 0 };
		while (fields_next(&reader, &field) > 0)
			found += field.bytes && is_id(&bench->ids[i], &field);
	}
	return found;
}

static int check_preference(const struct bench *bench, const struct peer_answer *answer,
			    size_t size, size_t must, struct err *err)
{
	struct field_view container = { 0 };
	int r = fields_find(answer->message, answer->length, CONTAINERS, &container);
	int count = r < 0 ? r : fields_count(container.bytes, container.length, IDS);
	if (count < 0 || (size_t)count != size || count_must(bench, must, container) != must)
		return err_set(err, -EPROTO,
			       "GetPreferredAllocation: %d ids, asked for %zu of "
			       "which %zu must be there",
			       count, size, must);
	return 0;
}

static int check_allocation(const struct peer_answer *answer, struct err *err)
{
	struct field_view container = { 0 };
	int r = fields_find(answer->message, answer->length, CONTAINERS, &container);
	if (r < 0 || fields_count(container.bytes, container.length, ENVS) < 1)
		return err_set(err, -EPROTO, "Allocate: no environment in the answer");
	return 0;
}

static int time_preference(struct bench *bench, uint64_t *ret_ns, struct err *err)
{
	cleanup_buf struct buf request = BUF_INIT(REQUEST_BYTES_MAX);
	struct peer_answer answer = { 0 };
	size_t size = draw_size(bench);
	size_t must = draw(bench, 2) ? draw(bench, size) : 0;
	shuffle(bench, bench->ids_count);
	build_preference(bench, size, must, &request);
	if (request.error < 0)
		return err_errno(err, request.error, "build a request");
	int r = peer_call(bench->peer, "/v1beta1.DevicePlugin/GetPreferredAllocation",
			  (const uint8_t *)request.data, request.len, &answer, err);
	if (r == 0)
		r = check_preference(bench, &answer, size, must, err);
	*ret_ns = answer.ns;
	return r;
}

static int time_allocation(struct bench *bench, uint64_t *ret_ns, struct err *err)
{
	cleanup_buf struct buf request = BUF_INIT(REQUEST_BYTES_MAX);
	struct peer_answer answer = { 0 };
	size_t size = draw_size(bench);
	shuffle(bench, size);
	build_allocation(bench, size, &request);
	if (request.error < 0)
		return err_errno(err, request.error, "build a request");
	int r = peer_call(bench->peer, "/v1beta1.DevicePlugin/Allocate",
			  (const uint8_t *)request.data, request.len, &answer, err);
	if (r == 0)
		r = check_allocation(&answer, err);
	*ret_ns = answer.ns;
	return r;
}

typedef int time_fn(struct bench *bench, uint64_t *ret_ns, struct err *err);

static int time_calls(struct bench *bench, time_fn *time_one, size_t count, double *ret_p50_ms,
		      double *ret_p99_ms, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		int r = time_one(bench, &bench->times_ns[i], err);
		if (r < 0)
			return r;
	}
	qsort(bench->times_ns, count, sizeof(bench->times_ns[0]), compare_times);
	*ret_p50_ms = find_percentile(bench->times_ns, count, 50);
	*ret_p99_ms = find_percentile(bench->times_ns, count, 99);
	return 0;
}

/* Keep the list and find the ids in it. */
static int read_ids(struct bench *bench, const struct peer_answer *answer, struct err *err)
{
	int r = buf_append(&bench->list, answer->message, answer->length);
	if (r < 0)
		return err_errno(err, r, "keep the list");
	const uint8_t *start = (const uint8_t *)bench->list.data;
	struct field_reader reader = { start, start + bench->list.len };
	struct field_view device = { 0 };
	struct field_view id = { 0 };
	for (size_t i = 0; i < bench->ids_count; i++) {
		if (fields_next(&reader, &device) <= 0 || device.number != DEVICES ||
		    fields_find(device.bytes, device.length, DEVICE_ID, &id) < 0)
			return err_set(err, -EPROTO, "ListAndWatch: device %zu has no id", i);
		bench->ids[i] = (struct id){ bench->list.data + (id.bytes - start), id.length };
	}
	return 0;
}

static int measure_calls(struct bench *bench, const struct subject *subject,
			 struct figures *figures, struct err *err)
{
	const struct options *options = bench->options;
	int r = time_calls(bench, time_preference, options->preferences, &figures->preferred_p50_ms,
			   &figures->preferred_p99_ms, err);
	if (r == 0)
		r = time_calls(bench, time_allocation, options->allocations,
			       &figures->allocate_p50_ms, &figures->allocate_p99_ms, err);
	if (r == 0)
		r = subject_measure(subject, &figures->after_calls, err);
	return r;
}

static int measure_start(struct bench *bench, const struct subject *subject, uint64_t started_ns,
			 struct figures *figures, struct err *err)
{
	struct peer_answer answer = { 0 };
	uint64_t registered_ns = 0;
	int r = peer_wait_registered(bench->peer, &registered_ns, err);
	if (r == 0)
		r = peer_watch(bench->peer, bench->ids_count, &answer, err);
	if (r == 0)
		r = subject_measure(subject, &figures->after_list, err);
	if (r == 0)
		r = read_ids(bench, &answer, err);
	figures->registered_ms = to_ms(registered_ns - started_ns);
	figures->first_list_ms = to_ms(answer.ns);
	figures->list_bytes = answer.length;
	return r;
}

static void bench_done(struct bench *bench)
{
	free(bench->ids);
	free(bench->times_ns);
	buf_done(&bench->list);
}

/* The order of declarations is the reverse of the ends: the process first, its directory last. */
static int measure(const struct options *options, struct figures *figures, struct err *err)
{
	size_t calls = options->allocations > options->preferences ? options->allocations
								   : options->preferences;
	CLEANUP(bench_done)
	struct bench bench = {
		.options = options,
		.ids_count = options->gpus * options->replicas,
		.list = BUF_INIT(REQUEST_BYTES_MAX),
	};
	bench.ids = calloc(bench.ids_count, sizeof(bench.ids[0]));
	bench.times_ns = calloc(calls + 1, sizeof(bench.times_ns[0]));
	if (!bench.ids || !bench.times_ns)
		return err_errno(err, -ENOMEM, "bench");

	struct scratch scratch = { 0 };
	int r = scratch_make(&scratch, (unsigned)options->gpus, (unsigned)options->replicas, err);
	if (r < 0)
		return r;
	struct subject subject = { 0 };
	r = peer_open(scratch.path, &subject, &bench.peer, err);
	uint64_t started_ns = clock_ns();
	if (r == 0)
		r = subject_start(&subject, options->command, scratch.path, options->mount_at, err);
	if (r == 0)
		r = measure_start(&bench, &subject, started_ns, figures, err);
	if (r == 0)
		r = measure_calls(&bench, &subject, figures, err);
	subject_stop(&subject);
	bench.peer = peer_close(bench.peer);
	if (r == 0 || r == -EINTR) /* else the log tells why it failed */
		scratch_done(&scratch);
	return r;
}

static int print(const struct options *options, const struct figures *figures)
{
	json_t *object = json_pack(
		"{s:I s:I s:f s:f s:I s:f s:f s:f s:f s:I s:I s:I s:I}", "gpus",
		(json_int_t)options->gpus, "replicas", (json_int_t)options->replicas,
		"registered_ms", figures->registered_ms, "first_list_ms", figures->first_list_ms,
		"list_bytes", (json_int_t)figures->list_bytes, "preferred_p50_ms",
		figures->preferred_p50_ms, "preferred_p99_ms", figures->preferred_p99_ms,
		"allocate_p50_ms", figures->allocate_p50_ms, "allocate_p99_ms",
		figures->allocate_p99_ms, "rss_after_list_kib",
		(json_int_t)figures->after_list.rss_kib, "rss_after_calls_kib",
		(json_int_t)figures->after_calls.rss_kib, "pss_after_list_kib",
		(json_int_t)figures->after_list.pss_kib, "pss_after_calls_kib",
		(json_int_t)figures->after_calls.pss_kib);
	int r = object ? json_dumpf(object, stdout, JSON_REAL_PRECISION(6)) : -1;
	json_decref(object);
	return r < 0 || putchar('\n') == EOF || fflush(stdout) == EOF ? -EIO : 0;
}

/* Values come from the struct of defaults in main(). */
static const struct option rows[] = {
	{ .name = "gpus",
	  .value_name = "N",
	  .help = "simulated GPUs",
	  .default_text = "8",
	  .kind = OPTION_NUMBER,
	  .offset = offsetof(struct options, gpus),
	  .min = 1,
	  .max = GPUS_MAX },
	{ .name = "replicas",
	  .value_name = "N",
	  .help = "of each GPU",
	  .default_text = "1250",
	  .kind = OPTION_NUMBER,
	  .offset = offsetof(struct options, replicas),
	  .min = 2,
	  .max = REPLICAS_MAX },
	{ .name = "preferences",
	  .value_name = "N",
	  .help = "calls of GetPreferredAllocation",
	  .default_text = "300",
	  .kind = OPTION_NUMBER,
	  .offset = offsetof(struct options, preferences),
	  .max = CALLS_MAX },
	{ .name = "allocations",
	  .value_name = "N",
	  .help = "calls of Allocate",
	  .default_text = "3000",
	  .kind = OPTION_NUMBER,
	  .offset = offsetof(struct options, allocations),
	  .max = CALLS_MAX },
	{ .name = "mount-at",
	  .value_name = "DIR",
	  .help = "where COMMAND looks for kubelet if it takes no other place; needs root",
	  .kind = OPTION_TEXT,
	  .offset = offsetof(struct options, mount_at) },
};

static void print_usage(const char *complaint)
{
	cleanup_buf struct buf text = BUF_INIT(HELP_BYTES_MAX);
	option_help(&OPTION_TABLE(rows), &text);
	(void)fprintf(
		stderr,
		"bench_agent: %s\nUsage: bench_agent [OPTION...] [COMMAND [ARGUMENT...]]\n"
		"Measures the device plugin COMMAND (build/rota agent) as kubelet sees it.\n%s",
		complaint, text.data ? text.data : ""); /* the process ends with this */
}

static int read_options(int argc, char **argv, struct options *ret, struct err *err)
{
	const struct option_set set = { OPTION_TABLE(rows), ret };
	const struct option_words words = { argv + 1, (size_t)argc - 1 };
	struct option_words command = { 0 };
	int r = option_parse(&set, 1, OPTION_ORDER_GO, words, &command, err);
	if (r < 0 || command.count == 0)
		return r;
	command.items[command.count] = NULL; /* they were moved to the front of argv */
	ret->command = command.items;
	return 0;
}

int main(int argc, char **argv)
{
	char *const command[] = { (char[]){ "build/rota" }, (char[]){ "agent" }, NULL };
	struct options options = {
		.gpus = 8,
		.replicas = 1250,
		.preferences = 300,
		.allocations = 3000,
		.command = command,
	};
	struct figures figures = { 0 };
	struct err err = ERR_INIT;
	int r = read_options(argc, argv, &options, &err);
	if (r < 0) {
		print_usage(err.msg);
		return EXIT_USAGE;
	}
	(void)signal(SIGPIPE, SIG_IGN); /* a plugin that died is told as an error */
	r = measure(&options, &figures, &err);
	if (r < 0) {
		(void)fprintf(stderr, "bench_agent: %s\n", err.msg); /* the process ends with it */
		return EXIT_FAILURE;
	}
	return print(&options, &figures) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
