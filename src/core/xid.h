/* SPDX-License-Identifier: Apache-2.0 */
/* NVIDIA's Xid errors: which of them speak against a GPU, and what each means in plain words. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
	XID_SET_MAX = 1024, /* the largest known to a driver has three digits */
	XID_SET_WORDS = XID_SET_MAX / 64,
};

/* Which Xids count. Zero is the empty set. */
struct xid_set {
	uint64_t words[XID_SET_WORDS]; /* bit n % 64 of word n / 64: Xid n */
	bool has_others;               /* those of XID_SET_MAX and above */
};

/* All but those that a faulty program causes on a GPU that is well: 13, 31, 43, 45, 68, 109. */
#define XID_SET_DEFAULT                                                                        \
	{                                                                                      \
		.words = { [0] = ~(UINT64_C(1) << 13 | UINT64_C(1) << 31 | UINT64_C(1) << 43 | \
				   UINT64_C(1) << 45),                                         \
			   [1] = ~(UINT64_C(1) << (68 - 64) | UINT64_C(1) << (109 - 64)),      \
			   [2 ... XID_SET_WORDS - 1] = UINT64_MAX },                           \
		.has_others = true,                                                            \
	}

static inline bool xid_set_has(const struct xid_set *set, uint64_t xid)
{
	return xid < XID_SET_MAX ? (set->words[xid / 64] >> xid % 64 & 1) != 0 : set->has_others;
}
