/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps findings sorted as they come, since the reader does not walk in the order of the file.
 * Invariant: a refusal is dropped only when FINDINGS_MAX refusals stand before it.
 */
#include "config/findings.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool is_before(const struct finding_place *a, const struct finding_place *b)
{
	return a->line != b->line ? a->line < b->line : a->col < b->col;
}

/* The finding to drop for one more at @place, or FINDINGS_MAX when the new one itself is. */
static size_t victim(const struct findings *findings, const struct finding_place *place,
		     enum finding_severity severity)
{
	size_t last = FINDINGS_MAX; /* last warning, or the last refusal without any */
	for (size_t i = 0; i < findings->count; i++)
		if (last == FINDINGS_MAX || findings->items[i].severity == FINDING_WARN ||
		    findings->items[last].severity == FINDING_REFUSE)
			last = i;
	const struct finding *finding = &findings->items[last];
	if (finding->severity == severity)
		return is_before(place, &finding->place) ? last : FINDINGS_MAX;
	return severity == FINDING_REFUSE ? last : FINDINGS_MAX;
}

bool findings_may_keep(const struct findings *findings, const struct finding_place *place,
		       enum finding_severity severity)
{
	return findings->count < FINDINGS_MAX || victim(findings, place, severity) < FINDINGS_MAX;
}

static void make_room(struct findings *findings, const struct finding_place *place,
		      enum finding_severity severity)
{
	if (findings->count < FINDINGS_MAX)
		return;
	size_t out = victim(findings, place, severity);
	findings->count--;
	memmove(&findings->items[out], &findings->items[out + 1],
		(findings->count - out) * sizeof(findings->items[0]));
}

/* Behind those at the same place. */
static void insert(struct findings *findings, struct finding finding)
{
	size_t at = findings->count;
	while (at > 0 && is_before(&finding.place, &findings->items[at - 1].place))
		at--;
	memmove(&findings->items[at + 1], &findings->items[at],
		(findings->count - at) * sizeof(findings->items[0]));
	findings->items[at] = finding;
	findings->count++;
}

void findings_add(struct findings *findings, const struct finding_place *place,
		  enum finding_severity severity, const char *format, ...)
{
	size_t *counter = severity == FINDING_REFUSE ? &findings->refusals : &findings->warnings;
	(*counter)++;
	if (!findings_may_keep(findings, place, severity))
		return;
	char text[FINDING_TEXT_BYTES];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args); /* a cut text is still a text */
	va_end(args);

	struct finding finding = { .place = *place, .severity = severity };
	finding.place.path = arena_copy(&findings->arena, place->path, strlen(place->path));
	finding.text = arena_copy(&findings->arena, text, strlen(text));
	if (!finding.place.path || !finding.text) {
		findings->error = -ENOMEM;
		return;
	}
	make_room(findings, place, severity);
	insert(findings, finding);
}

const struct finding *findings_refusal(const struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++)
		if (findings->items[i].severity == FINDING_REFUSE)
			return &findings->items[i];
	return NULL;
}

void finding_print(const struct finding *finding, const char *file, struct buf *out)
{
	const struct finding_place *place = &finding->place;
	if (place->line > 0)
		(void)buf_printf(out, "%s:%u:%u: ", file, place->line, place->col);
	if (place->path[0] != '\0')
		(void)buf_printf(out, "%s: ", place->path);
	(void)buf_text(out, finding->text);
}

const char *finding_shown(const char *text, char ret[static FINDING_SHOWN_BYTES])
{
	static const char more[] = "...";
	size_t used = 0;
	for (; *text != '\0'; text++) {
		unsigned char byte = (unsigned char)*text;
		bool is_control = byte < 0x20 || byte == 0x7f;
		size_t length = is_control ? 4 : 1;
		if (used + length + sizeof(more) > FINDING_SHOWN_BYTES) {
			/* Not in the middle of a character. */
			while (used > 0 && ((unsigned char)*text & 0xC0) == 0x80) {
				text--;
				used--;
			}
			memcpy(ret + used, more, sizeof(more));
			return ret;
		}
		if (is_control)
			(void)snprintf(ret + used, 5, "\\x%02x", byte);
		else
			ret[used] = *text;
		used += length;
	}
	ret[used] = '\0';
	return ret;
}

void findings_done(struct findings *findings)
{
	arena_done(&findings->arena);
	*findings = (struct findings){ 0 };
}
