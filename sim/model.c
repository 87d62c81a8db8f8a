/* SPDX-License-Identifier: Apache-2.0 */
/* Figures from data sheets and from nvidia-smi on idle machines; only their order of size matters.
 */
#include "sim/model.h"

#include <string.h>

#include "base/cleanup.h"

/* clang-format off */
static const struct model models[] = {
	/* name                  memory  reserved compute idle limit temperature  PCI ids          MIG */
	{ "Tesla T4",             15360,  440,  7, 5,     9,   70, 34, 0x1EB810DE, 0x12A210DE, false },
	{ "Tesla V100-SXM2-16GB", 16384,  230,  7, 0,    41,  300, 35, 0x1DB110DE, 0x121210DE, false },
	{ "NVIDIA A10G",          23028,  512,  8, 6,    16,  300, 28, 0x223710DE, 0x152F10DE, false },
	{ "NVIDIA L4",            23034,  434,  8, 9,    12,   72, 36, 0x27B810DE, 0x16CA10DE, false },
	{ "NVIDIA A100-SXM4-40GB", 40960, 610,  8, 0,    52,  400, 31, 0x20B010DE, 0x134F10DE, true },
	{ "NVIDIA A100-SXM4-80GB", 81920, 635,  8, 0,    60,  400, 32, 0x20B210DE, 0x147F10DE, true },
	{ "NVIDIA H100 80GB HBM3", 81559, 551,  9, 0,    70,  700, 30, 0x233010DE, 0x16C110DE, true },
	{ "NVIDIA H200",          143771, 597,  9, 0,    76,  700, 29, 0x233510DE, 0x18BE10DE, true },
};
/* clang-format on */

const struct model *model_get(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(models); i++)
		if (strcmp(models[i].name, name) == 0)
			return &models[i];
	return &models[0];
}
