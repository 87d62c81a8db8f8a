/* SPDX-License-Identifier: Apache-2.0 */
/* What kubelet says to a plugin and hears from it, between bytes and values. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "sim/kubelet/ids.h"
#include "sim/kubelet/listing.h"

struct message_options {
	bool is_pre_start_required;
	bool is_preferred_available;
};

/* Each encodes one container's request. @ret is malloc'ed, the caller's. 0 or -ENOMEM. */
int message_prefer(const struct ids *available, size_t need, uint8_t **ret, size_t *ret_length);
int message_allocate(const struct ids *ids, uint8_t **ret, size_t *ret_length);
int message_pre_start(const struct ids *ids, uint8_t **ret, size_t *ret_length);

/* Each decodes an answer: 0, -EBADMSG (malformed), -ENOMEM. */
int message_read_options(const uint8_t *bytes, size_t length, struct message_options *ret,
			 struct err *err);
/** Replaces @listing; also -EBADMSG for an id that is not text. */
int message_read_list(const uint8_t *bytes, size_t length, struct listing *listing,
		      struct err *err);
/** The ids of the first container. */
int message_read_preferred(const uint8_t *bytes, size_t length, struct ids *ret, struct err *err);
/** The first container's Allocation, serialized again; @ret is malloc'ed, the caller's. */
int message_read_allocated(const uint8_t *bytes, size_t length, uint8_t **ret, size_t *ret_length,
			   struct err *err);
