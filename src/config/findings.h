/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a configuration: all of it at once, in the order of the file, in bounded
 * number. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"

enum {
	FINDINGS_MAX = 100,       /* kept; the others are only counted */
	FINDING_TEXT_BYTES = 512, /* a longer text is cut */
	FINDING_SHOWN_BYTES = 80, /* of a value of the user's; more is cut */
};

enum finding_severity {
	FINDING_REFUSE, /* the agent does not take this configuration */
	FINDING_WARN,   /* the agent goes on */
};

/* Where a value stands. line 0: not in the file; path is then "--flag" or the name of an
 * environment variable, and col only says what comes first. path is borrowed. */
struct finding_place {
	unsigned line;
	unsigned col;
	const char *path; /* "sharing.timeSlicing.resources[0].replicas"; "" for the file itself */
};

/* Texts are borrowed from the arena of the findings. */
struct finding {
	struct finding_place place;
	enum finding_severity severity;
	const char *text; /* what is wrong, what is allowed */
};

/* Zero is a valid, empty struct. Kept are the first by position; a refusal displaces a warning. */
struct findings {
	struct arena arena;
	const char *file;                   /* what the lines are of; NULL when no file was read */
	struct finding items[FINDINGS_MAX]; /* sorted by position */
	size_t count;
	size_t refusals; /* all, kept or not */
	size_t warnings;
	int error; /* -ENOMEM when a finding got lost for want of memory */
};

/** Record what is wrong at @place, which is copied. A failure is kept in findings->error. */
__attribute__((format(printf, 4, 5))) void findings_add(struct findings *findings,
							const struct finding_place *place,
							enum finding_severity severity,
							const char *format, ...);

/** False: a finding at @place would only be counted, so its text need not be worked out. */
bool findings_may_keep(const struct findings *findings, const struct finding_place *place,
		       enum finding_severity severity);

/** The first refusal, NULL when there is none. */
const struct finding *findings_refusal(const struct findings *findings);

/** Append "FILE:LINE:COL: path: text", or "path: text" when it is not in the file. */
void finding_print(const struct finding *finding, const char *file, struct buf *out);

/** @text with control characters written as \xNN, cut to FINDING_SHOWN_BYTES. */
const char *finding_shown(const char *text, char ret[static FINDING_SHOWN_BYTES]);

void findings_done(struct findings *findings);

#define cleanup_findings CLEANUP(findings_done)
