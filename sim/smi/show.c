/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table is made of the widths that driver 550 uses: 41, 24 and 22 columns between the bars.
 * Fields of --query-gpu are one constant table. A value that NVML does not say is N/A.
 */
#include "sim/smi/show.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "sim/smi/card.h"
#include "sim/smi/show_parts.h"

enum {
	VALUE_BYTES = 128,
	FIELD_NAMES = 2,
	MIB = 1 << 20,
};

static const char unknown[] = "N/A";

static const char *const compute_modes[] = { "Default", "Exclusive_Thread", "Prohibited",
					     "Exclusive_Process" };

/* A name for a small number; N/A outside of the table. */
static const char *word_for(int value, const char *const *words, size_t count)
{
	return value >= 0 && (size_t)value < count ? words[value] : unknown;
}

static const char *on_off(int value)
{
	static const char *const words[] = { "Off", "On" };
	return word_for(value, words, ARRAY_LEN(words));
}

static const char *enabled(int value)
{
	static const char *const words[] = { "Disabled", "Enabled" };
	return word_for(value, words, ARRAY_LEN(words));
}

static const char *number(char buffer[static VALUE_BYTES], int value, const char *unit)
{
	if (value == CARD_UNKNOWN)
		return unknown;
	(void)snprintf(buffer, VALUE_BYTES, "%d%s", value, unit);
	return buffer;
}

static int watts(int milliwatts)
{
	return milliwatts == CARD_UNKNOWN ? CARD_UNKNOWN : milliwatts / 1000;
}

static void show_head(const struct cards *cards)
{
	char now[VALUE_BYTES];
	char cuda[VALUE_BYTES];
	time_t seconds = time(NULL);
	struct tm local;
	(void)localtime_r(&seconds, &local);
	(void)strftime(now, sizeof(now), "%a %b %e %H:%M:%S %Y", &local);
	(void)snprintf(cuda, sizeof(cuda), "%d.%d", cards->cuda_version / 1000,
		       cards->cuda_version % 1000 / 10);
	(void)printf("%-31s\n", now);
	(void)puts("+-----------------------------------------------------------------------------"
		   "------------+");
	(void)printf("| NVIDIA-SMI %-22s Driver Version: %-14s CUDA Version: %-8s |\n",
		     cards->driver_version, cards->driver_version, cuda);
	(void)puts(
		"|-----------------------------------------+------------------------+----------------------+\n"
		"| GPU  Name                 Persistence-M | Bus-Id          Disp.A | Volatile Uncorr. ECC |\n"
		"| Fan  Temp   Perf          Pwr:Usage/Cap |           Memory-Usage | GPU-Util  Compute M. |\n"
		"|                                         |                        |               MIG M. |\n"
		"|=========================================+========================+======================|");
}

static void show_card(const struct card *card)
{
	char ecc[VALUE_BYTES];
	char fan[VALUE_BYTES];
	char temperature[VALUE_BYTES];
	char perf[VALUE_BYTES] = "N/A";
	char draw[VALUE_BYTES];
	char limit[VALUE_BYTES];
	char busy[VALUE_BYTES];
	if (card->pstate != CARD_UNKNOWN)
		(void)snprintf(perf, sizeof(perf), "P%d", card->pstate);
	(void)printf("| %3u  %-30.30s %-3s |   %-16s %-3s | %20s |\n", card->index, card->name,
		     on_off(card->persistence), card->bus_id, on_off(card->display),
		     card->mig == 1   ? on_off(card->ecc)
		     : card->ecc == 0 ? "Off"
				      : number(ecc, card->ecc_errors, ""));
	(void)printf("|%4s  %4s    %-4s%14s / %5s | %7lluMiB / %6lluMiB | %7s%13s |\n",
		     number(fan, card->fan_percent, "%"), number(temperature, card->celsius, "C"),
		     perf, number(draw, watts(card->draw_milliwatts), "W"),
		     number(limit, watts(card->limit_milliwatts), "W"), card->memory.used / MIB,
		     card->memory.total / MIB, number(busy, card->busy_percent, "%"),
		     word_for(card->compute_mode, compute_modes, ARRAY_LEN(compute_modes)));
	(void)printf("|%41s|%24s| %20s |\n", "", "", enabled(card->mig));
	(void)puts("+-----------------------------------------+------------------------+---------"
		   "-------------+");
}

void show_table(const struct cards *cards)
{
	show_head(cards);
	for (size_t i = 0; i < cards->count; i++)
		show_card(&cards->items[i]);
	show_parts_table(cards);
	(void)printf("%89s\n", "");
	(void)puts(
		"+-----------------------------------------------------------------------------------------+\n"
		"| Processes:                                                                              |\n"
		"|  GPU   GI   CI        PID   Type   Process name                              GPU Memory |\n"
		"|        ID   ID                                                               Usage      |\n"
		"|=========================================================================================|\n"
		"|  No running processes found                                                             |\n"
		"+-----------------------------------------------------------------------------------------+");
}

void show_list(const struct cards *cards)
{
	for (size_t i = 0; i < cards->count; i++) {
		(void)printf("GPU %u: %s (UUID: %s)\n", cards->items[i].index, cards->items[i].name,
			     cards->items[i].uuid);
		show_parts_list(&cards->items[i]);
	}
}

/* Fields of --query-gpu. Each writes its value without unit, "" for one that is not known. */

typedef void field_fn(const struct cards *cards, const struct card *card,
		      char ret[static VALUE_BYTES]);

static void put(char ret[static VALUE_BYTES], const char *text)
{
	(void)snprintf(ret, VALUE_BYTES, "%s", text);
}

static void put_word(char ret[static VALUE_BYTES], const char *word)
{
	put(ret, word == unknown ? "" : word);
}

static void put_number(char ret[static VALUE_BYTES], int value)
{
	if (value != CARD_UNKNOWN)
		(void)snprintf(ret, VALUE_BYTES, "%d", value);
}

static void put_watts(char ret[static VALUE_BYTES], int milliwatts)
{
	if (milliwatts != CARD_UNKNOWN)
		(void)snprintf(ret, VALUE_BYTES, "%d.%02d", milliwatts / 1000,
			       milliwatts % 1000 / 10);
}

static void put_mib(char ret[static VALUE_BYTES], unsigned long long bytes)
{
	(void)snprintf(ret, VALUE_BYTES, "%llu", bytes / MIB);
}

#define FIELD(name, action)                                                          \
	static void field_##name(const struct cards *cards, const struct card *card, \
				 char ret[static VALUE_BYTES])                       \
	{                                                                            \
		(void)cards;                                                         \
		(void)card;                                                          \
		action;                                                              \
	}                                                                            \
	struct field_semicolon_

FIELD(index, put_number(ret, (int)card->index));
FIELD(name, put(ret, card->name));
FIELD(uuid, put(ret, card->uuid));
FIELD(bus_id, put(ret, card->bus_id));
FIELD(driver, put(ret, cards->driver_version));
FIELD(count, put_number(ret, (int)cards->total));
FIELD(total, put_mib(ret, card->memory.total));
FIELD(used, put_mib(ret, card->memory.used));
FIELD(free, put_mib(ret, card->memory.free));
FIELD(reserved, put_mib(ret, card->memory.reserved));
FIELD(busy, put_number(ret, card->busy_percent));
FIELD(memory_busy, put_number(ret, card->memory_busy_percent));
FIELD(celsius, put_number(ret, card->celsius));
FIELD(draw, put_watts(ret, card->draw_milliwatts));
FIELD(limit, put_watts(ret, card->limit_milliwatts));
FIELD(fan, put_number(ret, card->fan_percent));
FIELD(persistence, put_word(ret, enabled(card->persistence)));
FIELD(pstate, (void)snprintf(ret, VALUE_BYTES, "P%d", card->pstate));
FIELD(display, put_word(ret, enabled(card->display)));
FIELD(ecc, put_word(ret, enabled(card->ecc)));
FIELD(ecc_errors, put_number(ret, card->ecc_errors));
FIELD(compute_mode,
      put_word(ret, word_for(card->compute_mode, compute_modes, ARRAY_LEN(compute_modes))));
FIELD(compute_cap,
      (void)snprintf(ret, VALUE_BYTES, "%d.%d", card->compute_major, card->compute_minor));
FIELD(mig, put_word(ret, enabled(card->mig)));

static const struct field {
	const char *names[FIELD_NAMES];
	const char *unit;
	field_fn *get;
} fields_known[] = {
	{ { "index" }, NULL, field_index },
	{ { "name", "gpu_name" }, NULL, field_name },
	{ { "uuid", "gpu_uuid" }, NULL, field_uuid },
	{ { "pci.bus_id", "gpu_bus_id" }, NULL, field_bus_id },
	{ { "driver_version" }, NULL, field_driver },
	{ { "count" }, NULL, field_count },
	{ { "memory.total" }, "MiB", field_total },
	{ { "memory.used" }, "MiB", field_used },
	{ { "memory.free" }, "MiB", field_free },
	{ { "memory.reserved" }, "MiB", field_reserved },
	{ { "utilization.gpu" }, "%", field_busy },
	{ { "utilization.memory" }, "%", field_memory_busy },
	{ { "temperature.gpu" }, NULL, field_celsius },
	{ { "power.draw" }, "W", field_draw },
	{ { "power.limit" }, "W", field_limit },
	{ { "fan.speed" }, "%", field_fan },
	{ { "persistence_mode" }, NULL, field_persistence },
	{ { "pstate" }, NULL, field_pstate },
	{ { "display_active" }, NULL, field_display },
	{ { "ecc.mode.current" }, NULL, field_ecc },
	{ { "ecc.errors.uncorrected.volatile.total" }, NULL, field_ecc_errors },
	{ { "compute_mode" }, NULL, field_compute_mode },
	{ { "compute_cap" }, NULL, field_compute_cap },
	{ { "mig.mode.current" }, NULL, field_mig },
};

static bool is_name(const char *known, const char *name, size_t length)
{
	return known && strlen(known) == length && strncmp(known, name, length) == 0;
}

/* The field whose name begins at @name and ends at a comma or the end. */
static const struct field *find_field(const char *name)
{
	size_t length = strcspn(name, ",");
	for (size_t i = 0; i < ARRAY_LEN(fields_known); i++)
		if (is_name(fields_known[i].names[0], name, length) ||
		    is_name(fields_known[i].names[1], name, length))
			return &fields_known[i];
	return NULL;
}

static const char *skip_blanks(const char *at)
{
	return at + strspn(at, " ");
}

/* The next name of a comma list; NULL at its end. */
static const char *next_name(const char *name)
{
	const char *comma = strchr(name, ',');
	return comma ? skip_blanks(comma + 1) : NULL;
}

const char *show_unknown_field(const char *fields)
{
	for (const char *name = skip_blanks(fields); name; name = next_name(name))
		if (!find_field(name))
			return name;
	return NULL;
}

static void show_field(const struct cards *cards, const struct card *card,
		       const struct field *field, bool has_units)
{
	char value[VALUE_BYTES] = "";
	field->get(cards, card, value);
	if (value[0] == '\0')
		(void)fputs("[N/A]", stdout);
	else if (has_units && field->unit)
		(void)printf("%s %s", value, field->unit);
	else
		(void)fputs(value, stdout);
}

static void show_field_names(const char *fields)
{
	for (const char *name = skip_blanks(fields); name; name = next_name(name)) {
		const struct field *field = find_field(name);
		(void)printf("%.*s", (int)strcspn(name, ","), name);
		if (field && field->unit)
			(void)printf(" [%s]", field->unit);
		(void)fputs(next_name(name) ? ", " : "\n", stdout);
	}
}

void show_fields(const struct cards *cards, const char *fields, bool has_header, bool has_units)
{
	if (has_header)
		show_field_names(fields);
	for (size_t i = 0; i < cards->count; i++)
		for (const char *name = skip_blanks(fields); name; name = next_name(name)) {
			const struct field *field = find_field(name);
			if (field)
				show_field(cards, &cards->items[i], field, has_units);
			(void)fputs(next_name(name) ? ", " : "\n", stdout);
		}
}
