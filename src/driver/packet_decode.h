/* SPDX-License-Identifier: Apache-2.0 */
/* Reads packets. The peer may be corrupted, so everything is bounded and checked. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct answer;
struct arena;
struct device_event;
struct request;

/** Decode one whole packet of @length bytes. Returns 0, -EPROTO, -EBADMSG (not protobuf), -EMSGSIZE
 * (over PACKET_BYTES_MAX), -E2BIG (over UNPACK_BYTES_MAX), -ENOMEM. */
int packet_decode_request(const uint8_t *packet, size_t length, struct request *ret,
			  struct err *err);

/**
 * Decode one whole packet of @length bytes.
 *
 * @ret  the caller's to answer_done(); a snapshot, or a fault. In the snapshot texts are UTF-8
 *       without control characters, uuids and indices are all different, each part stands behind
 *       its GPU, which is in MIG mode, no two parts are the same instance, and links are of GPUs,
 *       each pair once and in order.
 *
 * Returns as packet_decode_request().
 */
int packet_decode_answer(const uint8_t *packet, size_t length, struct answer *ret, struct err *err);

/** The same for an event; its uuid lives in @arena. */
int packet_decode_event(const uint8_t *packet, size_t length, struct arena *arena,
			struct device_event *ret, struct err *err);
