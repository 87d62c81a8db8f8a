/* SPDX-License-Identifier: Apache-2.0 */
/* The ids that kubelet sees: a device's uuid alone, or "uuid::n" for the n-th replica of a shared
 * device. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
	REPLICA_WHOLE = -1, /* ordinal of a device that is not shared */
	REPLICA_ID_BYTES =
		96, /* room for the longest uuid of NVML (80), "::", five digits and the end */
};

/* A text that is not terminated; borrowed. */
struct id_text {
	const char *bytes;
	size_t length;
};

struct replica_id {
	struct id_text uuid;
	int32_t ordinal; /* REPLICA_WHOLE or 0..REPLICAS_MAX-1 */
};

/**
 * Take an id apart. The form is NVIDIA's, since dcgm-exporter and kubelet's checkpoints know it.
 *
 * Returns 0 or -EINVAL: empty, or what follows "::" is not a plain number below REPLICAS_MAX.
 * @ret borrows from @id.
 */
int replica_parse(struct id_text id, struct replica_id *ret);

/**
 * The ordinal of an id whose uuid is known to be its first @uuid_length bytes, at most all of them.
 *
 * Returns 0 or -EINVAL, as replica_parse().
 */
int replica_parse_end(struct id_text id, size_t uuid_length, int32_t *ret);

/** Write the id of replica @ordinal of device @uuid. Returns its length; a longer one is cut
 * (-ENAMETOOLONG). */
int replica_format(const char *uuid, int32_t ordinal, char ret[static REPLICA_ID_BYTES]);
