/* SPDX-License-Identifier: Apache-2.0 */
/* Kubelet's messages (device plugin v1beta1) to and from plain structs; the only code that sees
 * protobuf here. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "core/edits.h"
#include "core/resource.h"

enum {
	WIRE_CONTAINERS_MAX = 64, /* kubelet sends exactly one */
	WIRE_IDS_MAX = 131072,    /* of one container; twice what a list can hold */
};

/* An encoded message; zero is "none". */
struct wire_bytes {
	uint8_t *data; /* owned */
	size_t length;
};

/* A decoded list of ids; all borrowed from the arena of the decoder. */
struct wire_ids {
	struct id_text *ids;
	size_t count;
};

/* What one container asks of GetPreferredAllocation. */
struct wire_preference {
	struct wire_ids available;
	struct wire_ids must_include;
	size_t size;
};

/** The complete ListAndWatch answer. 0, -EMSGSIZE (over kubelet's 4 MiB), -ENOMEM. */
int wire_encode_list(const struct resource *resource, struct wire_bytes *ret, struct err *err);

/** 0 or -ENOMEM. */
int wire_encode_options(struct wire_bytes *ret, struct err *err);
int wire_encode_register(const char *endpoint, const char *resource_name, struct wire_bytes *ret,
			 struct err *err);

/** @positions[i]: @counts[i] positions in @resource, one list a container. 0 or -ENOMEM. */
int wire_encode_preferred(const struct resource *resource, uint32_t *const *positions,
			  const size_t *counts, size_t containers, struct wire_bytes *ret,
			  struct err *err);

/** One answer a container. 0, -EMSGSIZE, -ENOMEM. */
int wire_encode_allocated(const struct edits *edits, size_t containers, struct wire_bytes *ret,
			  struct err *err);

/**
 * Decode a request. Results borrow from @arena, which also holds the copy that they point to.
 *
 * Returns 0, -EBADMSG (not this message, an id with NUL or bad UTF-8), -E2BIG (a bound), -ENOMEM.
 */
int wire_decode_preferred(const uint8_t *bytes, size_t length, struct arena *arena,
			  struct wire_preference **ret, size_t *ret_count, struct err *err);
int wire_decode_allocate(const uint8_t *bytes, size_t length, struct arena *arena,
			 struct wire_ids **ret, size_t *ret_count, struct err *err);

void wire_bytes_done(struct wire_bytes *bytes);

#define cleanup_wire_bytes CLEANUP(wire_bytes_done)
