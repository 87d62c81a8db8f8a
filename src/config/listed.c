/* SPDX-License-Identifier: Apache-2.0 */
/* See listed.h. */
#include "config/listed.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "config/scalar.h"

enum {
	NUMBER_BYTES = 24,
	CHANNELS_SHOWN = 8,
};

/* The words of a text; they lie in the scratch arena. */
struct words {
	struct arena scratch;
	const char *items[LISTED_MAX];
	size_t count;
};

static void words_done(struct words *words)
{
	arena_done(&words->scratch);
}

#define cleanup_words CLEANUP(words_done)

static char *trim(char *word)
{
	static const char blanks[] = " \t\n\v\f\r"; /* Go's TrimSpace, but for what is not ASCII */
	word += strspn(word, blanks);
	size_t length = strlen(word);
	while (length > 0 && strchr(blanks, word[length - 1]))
		length--;
	word[length] = '\0';
	return word;
}

/* False, and a finding, when they cannot be had. */
static bool split(const struct apply *apply, const struct finding_place *place, const char *text,
		  struct words *words)
{
	char *next = arena_copy(&words->scratch, text, strlen(text));
	if (!next) {
		apply->findings->error = -ENOMEM;
		return false;
	}
	while (next && words->count < LISTED_MAX)
		words->items[words->count++] = trim(strsep(&next, ","));
	if (next)
		apply_refuse(apply, place, "a list of more than %d, allowed: at most %d",
			     LISTED_MAX, LISTED_MAX);
	return !next;
}

static void accept_choices(const struct apply *apply, const struct schema_key *key,
			   const struct finding_place *place, const char *const *words,
			   size_t count)
{
	if (apply_is_overridden(apply, key))
		return;
	char allowed[APPLY_ALLOWED_BYTES];
	if (count == 0 && key->empty)
		apply_refuse(apply, place, "%s, allowed: %s", key->empty,
			     apply_allowed_words(key, allowed));
	unsigned sum = key->always;
	for (size_t i = 0; i < count; i++) {
		if (words[i][0] == '\0' && !key->empty)
			continue;
		const struct schema_choice *choice = scalar_choose(apply, key, place, words[i]);
		sum |= choice ? choice->value : 0;
	}
	apply_store_unsigned(apply, key, sum);
	apply_mark(apply, key, place);
}

void listed_text_choices(const struct apply *apply, const struct schema_key *key,
			 const struct finding_place *place, const char *text)
{
	cleanup_words struct words words = { 0 };
	if (split(apply, place, text, &words))
		accept_choices(apply, key, place, words.items, words.count);
}

/* False, and a refusal, when a word is none or there are too many. */
static bool read_words(const struct apply *apply, const struct finding_place *place,
		       const struct tree *list, struct words *words)
{
	for (const struct tree *item = list->child; item; item = item->next) {
		struct value word = value_read(item);
		bool is_word = word.kind == VALUE_TEXT || word.kind == VALUE_NULL;
		if (!is_word || words->count == LISTED_MAX) {
			apply_refuse(apply, place,
				     "invalid deviceListStrategy: entry %zu is %s, allowed: texts, "
				     "at most %d",
				     words->count, value_kind_name(word.kind), LISTED_MAX);
			return false;
		}
		words->items[words->count++] = word.kind == VALUE_NULL ? "" : word.text;
	}
	return true;
}

void listed_node_choices(const struct apply *apply, const struct schema_key *key,
			 const struct finding_place *place, const struct tree *node)
{
	struct value value = value_read(node);
	cleanup_words struct words words = { .items = { value.text }, .count = 1 };
	if (value.kind == VALUE_LIST) {
		words.count = 0;
		if (!read_words(apply, place, node, &words))
			return;
	} else if (value.kind != VALUE_TEXT) {
		apply_refuse(apply, place,
			     "invalid deviceListStrategy: %s, allowed: a text or a list of texts",
			     value_kind_name(value.kind));
		return;
	}
	accept_choices(apply, key, place, words.items, words.count);
}

static void accept_channels(const struct apply *apply, const struct schema_key *key,
			    const struct finding_place *place, const int64_t *ids, size_t count)
{
	if (apply_is_overridden(apply, key))
		return;
	apply_mark(apply, key, place);
	if (count == 0 || (count == 1 && ids[0] == 0)) {
		apply_store_bool(apply, key, count == 1);
		return;
	}
	char found[CHANNELS_SHOWN * NUMBER_BYTES];
	size_t used = 0;
	for (size_t i = 0; i < count && i < CHANNELS_SHOWN; i++)
		used += (size_t)snprintf(found + used, sizeof(found) - used, "%s%" PRId64,
					 i > 0 ? " " : "", ids[i]);
	apply_refuse(apply, place,
		     "invalid IMEX channel IDs: invalid IMEX config: channelIDs must be [] or [0]; "
		     "found [%s%s], allowed: [], [0]",
		     found, count > CHANNELS_SHOWN ? " ..." : "");
}

void listed_text_channels(const struct apply *apply, const struct schema_key *key,
			  const struct finding_place *place, const char *text)
{
	cleanup_words struct words words = { 0 };
	if (!split(apply, place, text, &words))
		return;
	int64_t ids[CHANNELS_SHOWN] = { 0 };
	for (size_t i = 0; i < words.count; i++) {
		uint64_t id = 0;
		if (text_parse_u64(words.items[i], 0, INT32_MAX, &id) < 0) {
			apply_refuse_value(apply, key, place, words.items[i]);
			return;
		}
		if (i < CHANNELS_SHOWN)
			ids[i] = (int64_t)id;
	}
	accept_channels(apply, key, place, ids, words.count);
}

void listed_node_channels(const struct apply *apply, const struct schema_key *key,
			  const struct finding_place *place, const struct tree *node)
{
	struct value value = value_read(node);
	if (value.kind != VALUE_LIST) {
		apply_refuse_kind(apply, key, place, &value);
		return;
	}
	int64_t ids[CHANNELS_SHOWN] = { 0 };
	size_t count = 0;
	for (const struct tree *item = node->child; item; item = item->next) {
		struct value id = value_read(item);
		if (id.kind != VALUE_INT && id.kind != VALUE_NULL) {
			apply_refuse_kind(apply, key, place, &id);
			return;
		}
		if (count < CHANNELS_SHOWN)
			ids[count] = id.number;
		count++;
	}
	accept_channels(apply, key, place, ids, count);
}

/* "all", and of those that do not count also "xids", the only health check that there is. */
static bool is_all_xids(const struct schema_key *key, const char *word)
{
	return strcasecmp(word, "all") == 0 ||
	       (key->type == SCHEMA_XIDS_OFF && strcasecmp(word, "xids") == 0);
}

static void accept_xid(const struct apply *apply, const struct schema_key *key,
		       const struct finding_place *place, const char *word)
{
	struct xid_set *set = apply_field(apply, key);
	bool counts = key->type == SCHEMA_XIDS_ON;
	const char *digits = word;
	while (digits[0] == '0' && digits[1] != '\0')
		digits++;
	uint64_t xid = 0;
	char shown[FINDING_SHOWN_BYTES];
	if (is_all_xids(key, word) && counts)
		xid_set_fill(set);
	else if (is_all_xids(key, word))
		*set = (struct xid_set){ 0 };
	else if (text_parse_u64(digits, 0, XID_SET_MAX - 1, &xid) == 0)
		(counts ? xid_set_add : xid_set_remove)(set, xid);
	else
		apply_warn(apply, place, "%s is not an Xid and is skipped, allowed: %s",
			   finding_shown(word, shown), key->allowed);
}

void listed_text_xids(const struct apply *apply, const struct schema_key *key,
		      const struct finding_place *place, const char *text)
{
	cleanup_words struct words words = { 0 };
	if (!split(apply, place, text, &words))
		return;
	for (size_t i = 0; i < words.count; i++)
		if (words.items[i][0] != '\0')
			accept_xid(apply, key, place, words.items[i]);
	apply_mark(apply, key, place);
}
