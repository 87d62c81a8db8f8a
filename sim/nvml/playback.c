/* SPDX-License-Identifier: Apache-2.0 */
/* See playback.h. Its owner, the state, has the lock. */
#include "sim/nvml/playback.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "sim/installed.h"

/* Before the file is read, so that a change in between is seen at the next call. */
static struct playback_stamp stamp_get(const char *path)
{
	struct playback_stamp stamp = { 0 };
	struct stat status;
	if (path && stat(path, &status) == 0)
		stamp = (struct playback_stamp){ status.st_dev, status.st_ino, status.st_size,
						 status.st_mtim };
	return stamp;
}

static bool stamp_is_equal(const struct playback_stamp *a, const struct playback_stamp *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

int playback_load(struct playback *playback, struct playback_stamp *ret_stamp,
		  struct scenario **ret, struct err *err)
{
	char buf[INSTALLED_PATH_BYTES];
	const char *path = installed_scenario("", buf);
	if (playback->began_ns == 0)
		playback->began_ns = clock_ns();
	struct playback_stamp stamp = stamp_get(path);
	int r = scenario_read(path, ret, err);
	if (r == 0)
		*ret_stamp = stamp;
	return r;
}

static uint64_t digest_of(const struct scenario_event *event)
{
	return text_digest(event->id, strlen(event->id));
}

static bool is_past(const struct playback *playback, const struct scenario_event *event)
{
	for (size_t i = 0; i < SCENARIO_EVENTS_MAX; i++)
		if (playback->past[i] == digest_of(event))
			return true;
	return false;
}

void playback_start(struct playback *playback, const struct playback_stamp *stamp,
		    const struct scenario *hardware)
{
	playback->stamp = *stamp;
	playback->hardware = hardware;
	for (size_t i = 0; i < hardware->events_count; i++)
		playback->has_happened[i] = !hardware->events[i].has_time ||
					    is_past(playback, &hardware->events[i]);
}

/* An event is known by its id; one that was not in the file before is new. */
static void take_over_events(struct playback *playback, const struct scenario *newer)
{
	const struct scenario *older = playback_scenario(playback);
	bool has_happened[SCENARIO_EVENTS_MAX] = { false };
	for (size_t i = 0; i < newer->events_count; i++) {
		const struct scenario_event *known = scenario_find_event(older,
									 newer->events[i].id);
		has_happened[i] = known && playback->has_happened[known - older->events];
	}
	memcpy(playback->has_happened, has_happened, sizeof(has_happened));
}

/* A file that cannot be read now leaves all as it is: it may be about to be replaced. */
static void refresh(struct playback *playback)
{
	char buf[INSTALLED_PATH_BYTES];
	const char *path = installed_scenario("", buf);
	struct playback_stamp stamp = stamp_get(path);
	struct scenario *newer = NULL;
	struct err err = ERR_INIT;
	if (!path || stamp.inode == 0 || stamp_is_equal(&stamp, &playback->stamp))
		return;
	playback->stamp = stamp;
	if (scenario_read(path, &newer, &err) < 0) {
		(void)fprintf(stderr, "simulated NVML: %s\n", err.msg);
		return;
	}
	take_over_events(playback, newer);
	(void)scenario_free(playback->newer); /* returns NULL, replaced at once */
	playback->newer = newer;
}

void playback_step(struct playback *playback)
{
	refresh(playback);
	uint64_t elapsed_ns = playback_elapsed_ns(playback);
	for (size_t i = 0; i < playback->hardware->gpus_count; i++)
		if (scenario_loses(playback_scenario(playback), (int)i, elapsed_ns))
			playback->is_lost[i] = true;
}

void playback_stop(struct playback *playback)
{
	const struct scenario *scenario = playback_scenario(playback);
	struct playback stopped = { 0 };
	for (size_t i = 0; i < scenario->events_count; i++)
		if (playback->has_happened[i])
			stopped.past[i] = digest_of(&scenario->events[i]);
	(void)scenario_free(playback->newer); /* returns NULL, as all of it is below */
	*playback = stopped;
}

const struct scenario_event *playback_next_event(struct playback *playback)
{
	const struct scenario *scenario = playback_scenario(playback);
	uint64_t elapsed_ns = playback_elapsed_ns(playback);
	for (size_t i = 0; i < scenario->events_count; i++) {
		const struct scenario_event *event = &scenario->events[i];
		if (playback->has_happened[i] || event->at_ns > elapsed_ns)
			continue;
		playback->has_happened[i] = true;
		return event;
	}
	return NULL;
}

const struct scenario *playback_scenario(const struct playback *playback)
{
	return playback->newer ? playback->newer : playback->hardware;
}

/* The latest layout that has come over the GPU at this position of @scenario, else as the file has
 * it. Of two at one time the later of the list. */
static const struct scenario_gpu *gpu_by_now(const struct playback *playback,
					     const struct scenario *scenario, size_t position)
{
	const struct scenario_event *latest = NULL;
	for (size_t i = 0; i < scenario->events_count; i++) {
		const struct scenario_event *event = &scenario->events[i];
		if (event->becomes && (size_t)event->gpu == position && playback->has_happened[i] &&
		    (!latest || event->at_ns >= latest->at_ns))
			latest = event;
	}
	return latest ? latest->becomes : &scenario->gpus[position];
}

const struct scenario_gpu *playback_gpu(const struct playback *playback, unsigned position)
{
	const struct scenario_gpu *gpu = &playback->hardware->gpus[position];
	const struct scenario *scenario = playback_scenario(playback);
	for (size_t i = 0; i < scenario->gpus_count; i++)
		if (strcmp(scenario->gpus[i].uuid, gpu->uuid) == 0)
			return gpu_by_now(playback, scenario, i);
	return gpu;
}

uint64_t playback_elapsed_ns(const struct playback *playback)
{
	return clock_ns() - playback->began_ns;
}
