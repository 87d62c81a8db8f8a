/* SPDX-License-Identifier: Apache-2.0 */
/* What a value of the file is for NVIDIA's reader, which is go-yaml v2 (YAML 1.1) and then JSON. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/tree.h"

enum value_kind {
	VALUE_NULL,
	VALUE_BOOL,
	VALUE_INT,   /* also a float without a fraction, as 2.0 */
	VALUE_FLOAT, /* with a fraction, or beyond 64 bits */
	VALUE_TEXT,
	VALUE_LIST,
	VALUE_MAP,
};

/* is_odd: not written as it is meant (yes for true, 0x10 or 2.0 for a number). */
struct value {
	enum value_kind kind;
	bool is_odd;
	bool flag;
	int64_t number;
	double real;      /* of VALUE_INT and VALUE_FLOAT */
	const char *text; /* as written; borrowed from the tree */
};

struct value value_read(const struct tree *node);

/** "a text", "a number", ... */
const char *value_kind_name(enum value_kind kind);
