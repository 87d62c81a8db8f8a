/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Figures from data sheets and from nvidia-smi on idle machines; only their order of size matters.
 * Profiles as NVIDIA's MIG user guide and `nvidia-smi mig -lgip` of such GPUs have them; what they
 * have of memory agrees with their names by NVIDIA's rule (eighths of the GPU's, rounded up).
 */
#include "sim/model.h"

#include <string.h>

#include "base/cleanup.h"

/* clang-format off */
static const struct mig_profile a30_profiles[] = {
	/* name       slices width last max memory  SMs CE DEC ENC JPEG OFA */
	{ "1g.6gb",       1, 1, 3, 4,  5952,  14, 1, 0, 0, 0, 0 },
	{ "1g.6gb+me",    1, 1, 3, 1,  5952,  14, 1, 1, 0, 1, 1 },
	{ "2g.12gb",      2, 2, 2, 2, 11968,  28, 2, 2, 0, 0, 0 },
	{ "2g.12gb+me",   2, 2, 2, 1, 11968,  28, 2, 2, 0, 1, 1 },
	{ "4g.24gb",      4, 4, 0, 1, 24000,  56, 4, 4, 0, 1, 1 },
};

static const struct mig_profile a100_40gb_profiles[] = {
	{ "1g.5gb",       1, 1, 6, 7,  4864,  14, 1, 0, 0, 0, 0 },
	{ "1g.5gb+me",    1, 1, 6, 1,  4864,  14, 1, 1, 0, 1, 1 },
	{ "1g.10gb",      1, 2, 6, 4,  9856,  14, 1, 1, 0, 0, 0 },
	{ "2g.10gb",      2, 2, 4, 3,  9856,  28, 2, 1, 0, 0, 0 },
	{ "3g.20gb",      3, 4, 4, 2, 19968,  42, 3, 2, 0, 0, 0 },
	{ "4g.20gb",      4, 4, 0, 1, 19968,  56, 4, 2, 0, 0, 0 },
	{ "7g.40gb",      7, 8, 0, 1, 40192,  98, 7, 5, 0, 1, 1 },
};

static const struct mig_profile a100_80gb_profiles[] = {
	{ "1g.10gb",      1, 1, 6, 7,  9728,  14, 1, 0, 0, 0, 0 },
	{ "1g.10gb+me",   1, 1, 6, 1,  9728,  14, 1, 1, 0, 1, 1 },
	{ "1g.20gb",      1, 2, 6, 4, 19968,  14, 1, 1, 0, 0, 0 },
	{ "2g.20gb",      2, 2, 4, 3, 19968,  28, 2, 1, 0, 0, 0 },
	{ "3g.40gb",      3, 4, 4, 2, 40192,  42, 3, 2, 0, 0, 0 },
	{ "4g.40gb",      4, 4, 0, 1, 40192,  56, 4, 2, 0, 0, 0 },
	{ "7g.80gb",      7, 8, 0, 1, 80896,  98, 7, 5, 0, 1, 1 },
};

static const struct mig_profile h100_80gb_profiles[] = {
	{ "1g.10gb",      1, 1, 6, 7,  9984,  16, 1, 1, 0, 1, 0 },
	{ "1g.10gb+me",   1, 1, 6, 1,  9984,  16, 1, 1, 0, 1, 1 },
	{ "1g.20gb",      1, 2, 6, 4, 20096,  26, 1, 1, 0, 1, 0 },
	{ "2g.20gb",      2, 2, 4, 3, 20096,  32, 2, 2, 0, 2, 0 },
	{ "3g.40gb",      3, 4, 4, 2, 40448,  60, 3, 3, 0, 3, 0 },
	{ "4g.40gb",      4, 4, 0, 1, 40448,  64, 4, 4, 0, 4, 0 },
	{ "7g.80gb",      7, 8, 0, 1, 81152, 132, 8, 7, 0, 7, 1 },
};

static const struct mig_profile h200_profiles[] = {
	{ "1g.18gb",      1, 1, 6, 7, 16384,  16, 1, 1, 0, 1, 0 },
	{ "1g.18gb+me",   1, 1, 6, 1, 16384,  16, 1, 1, 0, 1, 1 },
	{ "1g.35gb",      1, 2, 6, 4, 33024,  26, 1, 1, 0, 1, 0 },
	{ "2g.35gb",      2, 2, 4, 3, 33024,  32, 2, 2, 0, 2, 0 },
	{ "3g.71gb",      3, 4, 4, 2, 71168,  60, 3, 3, 0, 3, 0 },
	{ "4g.71gb",      4, 4, 0, 1, 71168,  64, 4, 4, 0, 4, 0 },
	{ "7g.141gb",     7, 8, 0, 1, 142848, 132, 8, 7, 0, 7, 1 },
};

static const struct mig_profile rtx_pro_6000_profiles[] = {
	{ "1g.24gb",        1, 1, 3, 4, 24192,  46, 1, 1, 1, 1, 0 },
	{ "1g.24gb+me",     1, 1, 3, 1, 24192,  46, 1, 1, 1, 1, 1 },
	{ "1g.24gb+gfx",    1, 1, 3, 4, 24192,  46, 1, 1, 1, 1, 0 },
	{ "1g.24gb+me.all", 1, 1, 3, 1, 24192,  46, 1, 4, 4, 4, 1 },
	{ "1g.24gb-me",     1, 1, 3, 4, 24192,  46, 1, 0, 0, 0, 0 },
	{ "2g.48gb",        2, 2, 2, 2, 48512,  94, 2, 2, 2, 2, 0 },
	{ "2g.48gb+gfx",    2, 2, 2, 2, 48512,  94, 2, 2, 2, 2, 0 },
	{ "2g.48gb+me.all", 2, 2, 2, 1, 48512,  94, 2, 4, 4, 4, 1 },
	{ "2g.48gb-me",     2, 2, 2, 2, 48512,  94, 2, 0, 0, 0, 0 },
	{ "4g.96gb",        4, 4, 0, 1, 97280, 188, 4, 4, 4, 4, 1 },
	{ "4g.96gb+gfx",    4, 4, 0, 1, 97280, 188, 4, 4, 4, 4, 1 },
};
/* clang-format on */

#define GEOMETRY(profiles, slices, memory_slices, multiprocessors)                            \
	{                                                                                     \
		(profiles), ARRAY_LEN(profiles), (slices), (memory_slices), (multiprocessors) \
	}

static const struct mig_geometry a30_mig = GEOMETRY(a30_profiles, 4, 4, 14);
static const struct mig_geometry a100_40gb_mig = GEOMETRY(a100_40gb_profiles, 7, 8, 14);
static const struct mig_geometry a100_80gb_mig = GEOMETRY(a100_80gb_profiles, 7, 8, 14);
static const struct mig_geometry h100_80gb_mig = GEOMETRY(h100_80gb_profiles, 7, 8, 16);
static const struct mig_geometry h200_mig = GEOMETRY(h200_profiles, 7, 8, 16);
static const struct mig_geometry rtx_pro_6000_mig = GEOMETRY(rtx_pro_6000_profiles, 4, 4, 46);

/* clang-format off */
static const struct model models[] = {
	/* name                  memory  reserved compute idle limit temperature  PCI ids      NVLinks MIG */
	{ "Tesla T4",             15360,  440,  7, 5,     9,   70, 34, 0x1EB810DE, 0x12A210DE,  0, NULL },
	{ "Tesla V100-SXM2-16GB", 16384,  230,  7, 0,    41,  300, 35, 0x1DB110DE, 0x121210DE,  6, NULL },
	{ "NVIDIA A10G",          23028,  512,  8, 6,    16,  300, 28, 0x223710DE, 0x152F10DE,  0, NULL },
	{ "NVIDIA L4",            23034,  434,  8, 9,    12,   72, 36, 0x27B810DE, 0x16CA10DE,  0, NULL },
	{ "NVIDIA A30",           24576,  450,  8, 0,    30,  165, 33, 0x20B710DE, 0x153210DE,  4, &a30_mig },
	{ "NVIDIA A100-SXM4-40GB", 40960, 610,  8, 0,    52,  400, 31, 0x20B010DE, 0x134F10DE, 12, &a100_40gb_mig },
	{ "NVIDIA A100-SXM4-80GB", 81920, 635,  8, 0,    60,  400, 32, 0x20B210DE, 0x147F10DE, 12, &a100_80gb_mig },
	{ "NVIDIA H100 80GB HBM3", 81559, 551,  9, 0,    70,  700, 30, 0x233010DE, 0x16C110DE, 18, &h100_80gb_mig },
	{ "NVIDIA H200",          143771, 597,  9, 0,    76,  700, 29, 0x233510DE, 0x18BE10DE, 18, &h200_mig },
	{ "NVIDIA RTX PRO 6000 Blackwell Server Edition",
				   97887, 644, 12, 0,    33,  600, 31, 0x2BB510DE, 0x204E10DE,  0, &rtx_pro_6000_mig },
};
/* clang-format on */

const struct model *model_get(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(models); i++)
		if (strcmp(models[i].name, name) == 0)
			return &models[i];
	return &models[0];
}

const struct mig_profile *model_find_profile(const struct mig_geometry *geometry, const char *name)
{
	for (size_t i = 0; i < geometry->profiles_count; i++)
		if (strcmp(geometry->profiles[i].name, name) == 0)
			return &geometry->profiles[i];
	return NULL;
}
