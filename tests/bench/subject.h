/* SPDX-License-Identifier: Apache-2.0 */
/* The process that is measured: a device plugin started with its settings in the environment, which
 * NVIDIA's and ours read alike. It dies with us. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct subject {
	pid_t pid; /* 0: not running */
};

/* Of the process and its children. */
struct subject_memory {
	uint64_t rss_kib;
	uint64_t pss_kib; /* pages that several processes map count in part; 0: not readable */
};

/**
 * Start @argv, its output in DIRECTORY/log.
 *
 * @directory  scenario.yaml and config.yaml are there, kubelet.sock too.
 * @mount_at   NULL, or where it must see @directory since it takes no other place; needs root.
 *
 * Returns 0 or a negative errno.
 */
int subject_start(struct subject *subject, char *const *argv, const char *directory,
		  const char *mount_at, struct err *err);

/** Whether it ended by itself. */
bool subject_has_ended(struct subject *subject);

/** 0 or the errno of reading /proc. */
int subject_measure(const struct subject *subject, struct subject_memory *ret, struct err *err);

/** SIGTERM, and SIGKILL when that is not heard within some seconds. */
void subject_stop(struct subject *subject);
