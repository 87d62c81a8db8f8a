/* SPDX-License-Identifier: Apache-2.0 */
/* NVIDIA's Xid errors: which of them speak against a GPU, and what each means in plain words. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
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

/** One more or one less that counts. Those of XID_SET_MAX and above go together. */
void xid_set_add(struct xid_set *set, uint64_t xid);
void xid_set_remove(struct xid_set *set, uint64_t xid);

/** Whether no Xid counts. */
bool xid_set_is_empty(const struct xid_set *set);

/** All Xids count, also those that programs cause. */
void xid_set_fill(struct xid_set *set);

/* What must be done before the GPU can be used again; a larger one includes the smaller ones. */
enum xid_demand {
	XID_DEMAND_NOTHING, /* of the GPU; the program that met the error may have to start anew */
	XID_DEMAND_RESET,
	XID_DEMAND_REBOOT,
	XID_DEMANDS_COUNT,
};

/* What is ill when the driver says in which part of a GPU in MIG mode it happened. */
enum xid_scope {
	XID_SCOPE_PROGRAM, /* one program met it; only its part is suspected */
	XID_SCOPE_PART,    /* hardware that each part has for itself */
	XID_SCOPE_GPU,     /* what all parts share, or what only a reset of the whole GPU mends */
	XID_SCOPES_COUNT,
};

struct xid_row {
	uint16_t number;
	enum xid_demand demand; /* by NVIDIA's catalogue */
	enum xid_scope scope;
	/* Drivers that tell a recovery action at all (R570 and later) let it follow this Xid, so
	 * that their NONE means what it says. */
	bool has_action;
	const char *meaning; /* one sentence without a full stop */
};

/** The row of Xid @number, or NULL when the table does not have it. */
const struct xid_row *xid_find(uint64_t number);

/** What Xid @number means, also when the table does not have it. */
const char *xid_meaning(uint64_t number);

/** All rows in the order of their numbers, for documents. */
const struct xid_row *xid_rows(size_t *ret_count);
