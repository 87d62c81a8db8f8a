/* SPDX-License-Identifier: Apache-2.0 */
/* See show_parts.h. The table has the widths of driver 550. */
#include "sim/smi/show_parts.h"

#include <stdio.h>
#include <string.h>

#include "sim/smi/card.h"

enum {
	MIB = 1 << 20,
};

/* NVML's name of a part ends in its kind: "NVIDIA A100-SXM4-40GB MIG 1g.5gb". */
static const char *kind_of(const struct card_part *part)
{
	static const char mark[] = " MIG ";
	const char *found = strstr(part->name, mark);
	return found ? found + sizeof(mark) - 1 : part->name;
}

void show_parts_list(const struct card *card)
{
	for (size_t i = 0; i < card->parts_count; i++)
		(void)printf("  MIG %-11s Device %2u: (UUID: %s)\n", kind_of(&card->parts[i]),
			     card->parts[i].index, card->parts[i].uuid);
}

static void show_line(void)
{
	(void)puts("+------------------+----------------------------------+-----------+----------"
		   "-------------+");
}

static void show_part(const struct card *card, const struct card_part *part)
{
	const struct nvml_device_attributes *has = &part->attributes;
	(void)printf("| %2u  %3u  %2u  %2u  | %15lluMiB / %5lluMiB    | %-3u     %d | %2u  %2u   "
		     "%2u   %2u   %2u |\n",
		     card->index, part->gpu_instance, part->compute_instance, part->index,
		     part->memory.used / MIB, part->memory.total / MIB, has->multiprocessor_count,
		     card->ecc_errors, has->shared_copy_engine_count, has->shared_encoder_count,
		     has->shared_decoder_count, has->shared_ofa_count, has->shared_jpeg_count);
	(void)printf("|                  | %15lluMiB / %5lluMiB    |           |"
		     "                       |\n",
		     part->window.used / MIB, part->window.total / MIB);
	show_line();
}

static void show_head(void)
{
	(void)printf("%89s\n", "");
	(void)puts("+-----------------------------------------------------------------------------"
		   "------------+\n"
		   "| MIG devices:                                                                "
		   "            |");
	show_line();
	(void)puts("| GPU  GI  CI  MIG |                     Memory-Usage |        Vol|        "
		   "Shared         |\n"
		   "|      ID  ID  Dev |                       BAR1-Usage | SM     Unc| CE ENC  "
		   "DEC  OFA  JPG |\n"
		   "|                  |                                  |        ECC|          "
		   "             |\n"
		   "|==================+==================================+===========+=========="
		   "=============|");
}

void show_parts_table(const struct cards *cards)
{
	size_t parts = 0;
	size_t enabled = 0;
	for (size_t i = 0; i < cards->count; i++) {
		parts += cards->items[i].parts_count;
		enabled += cards->items[i].mig == NVML_FEATURE_ENABLED;
	}
	if (enabled == 0)
		return;
	show_head();
	for (size_t i = 0; i < cards->count; i++)
		for (size_t j = 0; j < cards->items[i].parts_count; j++)
			show_part(&cards->items[i], &cards->items[i].parts[j]);
	if (parts == 0)
		(void)puts("|  No MIG devices found                                                "
			   "                   |\n"
			   "+----------------------------------------------------------------------"
			   "-------------------+");
}
