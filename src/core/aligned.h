/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which whole GPUs belong together: NVIDIA's scoring of links ("best effort"), without its search.
 *
 * A pair scores 10 to 60 by its level, from across CPUs to the same board, and 100 for each NVLink
 * between the two; a pair whose link is not known scores 0. The GPUs on offer are divided into
 * groups of the size asked for, and one smaller group of what is left over. Of all divisions that
 * have all required GPUs in one group of full size, one with the greatest sum over all its groups
 * is sought, so that what stays behind is good too, and the answer is its best group. NVIDIA takes
 * the first such division of an order of its own; here the answer is
 *
 *  - a group of full size with all required GPUs, out of a division with the greatest sum;
 *  - of all of those, over every such division, one with the greatest score, so never one that is
 *    worse than NVIDIA's;
 *  - of those, the first in the order of the list.
 *
 * This is exact up to ALIGNED_EXACT_MAX GPUs on offer. Beyond, the division is one that no exchange
 * of two GPUs makes better, or the best that ALIGNED_PASSES_MAX passes find: good, and not always
 * the best. Of more than ALIGNED_GPUS_MAX the first of the list are taken, whatever their links.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "core/device.h"

enum {
	ALIGNED_EXACT_MAX = 16, /* half a MiB, and at most some 2 ms */
	ALIGNED_GPUS_MAX = 64,  /* as many as a snapshot has links of */
	ALIGNED_PASSES_MAX = 8, /* over all pairs; few divisions get better after the third */
};

struct aligned_request {
	const struct snapshot *snapshot; /* borrowed */
	const uint32_t *gpus;  /* their places in the snapshot, those required first; borrowed */
	size_t gpus_count;     /* at least size */
	size_t required_count; /* at most size */
	size_t size;           /* how many to choose, at least 1 */
};

/**
 * Choose GPUs that belong together.
 *
 * @ret  @request->size positions in request->gpus, ascending: those required come first.
 *
 * Returns 0 or -ENOMEM.
 */
int aligned_choose(const struct aligned_request *request, uint32_t *ret, struct err *err);
