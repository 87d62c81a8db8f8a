/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What travels between agent and driver process: a head of PACKET_HEAD_BYTES (length of what
 * follows, version, kind; little endian) and one protobuf message. The peer may be corrupted, so
 * everything that is decoded is bounded and checked. Pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct answer;
struct buf;

enum {
	PACKET_HEAD_BYTES = 8,
	PACKET_BYTES_MAX = 128 << 10,  /* behind the head; DEVICES_MAX devices need about 90 KiB */
	PACKET_REQUEST_BYTES_MAX = 64, /* head included; a request is a number */
	PACKET_TEXT_MAX = 256,         /* of one text inside */
	PACKET_VERSION = 1,
};

/** Append a request to @out. Returns 0, -ENOMEM, -EMSGSIZE. */
int packet_encode_request(uint64_t id, struct buf *out);

/** Append an answer to @out. Returns 0, -ENOMEM, -EMSGSIZE (over PACKET_BYTES_MAX). */
int packet_encode_answer(const struct answer *answer, struct buf *out);

/**
 * How long the packet at the start of @bytes is, head included.
 *
 * @ret  0 when not even the head is there; else the length, which may be more than @length.
 *
 * Returns 0, -EPROTO (another version), -EMSGSIZE (over PACKET_BYTES_MAX).
 */
int packet_measure(const uint8_t *bytes, size_t length, size_t *ret, struct err *err);

/** Decode one whole packet of @length bytes. Returns 0, -EPROTO, -EMSGSIZE (over PACKET_BYTES_MAX),
 * -ENOMEM. */
int packet_decode_request(const uint8_t *packet, size_t length, uint64_t *ret_id, struct err *err);

/**
 * Decode one whole packet of @length bytes.
 *
 * @ret  the caller's to answer_done(); a snapshot within DEVICES_MAX whose texts are UTF-8 without
 *       control characters and whose uuids and indices are all different, or a fault.
 *
 * Returns 0, -EPROTO, -EMSGSIZE (over PACKET_BYTES_MAX), -ENOMEM.
 */
int packet_decode_answer(const uint8_t *packet, size_t length, struct answer *ret, struct err *err);
