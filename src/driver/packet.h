/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What travels between agent and driver process: a head of PACKET_HEAD_BYTES (length of what
 * follows, version, kind; little endian) and one protobuf message. What comes is read by
 * packet_decode.h. Pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct answer;
struct arena;
struct buf;
struct device_event;

enum {
	PACKET_HEAD_BYTES = 8,
	/* Behind the head. DEVICES_MAX devices with their longest names need about 150 KiB, or as
	 * many lost ones 140 KiB, and LINKS_MAX links 30 KiB. */
	PACKET_BYTES_MAX = 256 << 10,
	PACKET_REQUEST_BYTES_MAX = 64, /* head included; a request is a number */
	PACKET_TEXT_MAX = 256,         /* of one text inside */
	PACKET_VERSION = 2,
};

enum packet_kind {
	PACKET_REQUEST = 1,
	PACKET_ANSWER = 2,
	PACKET_EVENT = 3,
};

/* Which NVML is to be asked. It finds GPUs only when it is opened. */
enum request_freshness {
	REQUEST_AS_IS,
	REQUEST_FRESH_IF_DUE, /* some GPU is missed; opened anew if it was not lately */
	REQUEST_FRESH,        /* opened anew in any case */
};

struct request {
	uint64_t id;
	enum request_freshness freshness;
};

/** Append a request to @out. Returns 0, -ENOMEM, -EMSGSIZE. */
int packet_encode_request(const struct request *request, struct buf *out);

/** Append an answer to @out. Returns 0, -ENOMEM, -EMSGSIZE (over PACKET_BYTES_MAX). */
int packet_encode_answer(const struct answer *answer, struct buf *out);

/** Append an event to @out. Returns 0, -ENOMEM, -EMSGSIZE. */
int packet_encode_event(const struct device_event *event, struct buf *out);

/**
 * How long the packet at the start of @bytes is, head included.
 *
 * @ret  0 when not even the head is there; else the length, which may be more than @length.
 *
 * Returns 0, -EPROTO (another version), -EMSGSIZE (over PACKET_BYTES_MAX).
 */
int packet_measure(const uint8_t *bytes, size_t length, size_t *ret, struct err *err);

/** The kind that the head of a measured packet says; it need not be one that there is. */
unsigned packet_kind(const uint8_t *packet);
