/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes from a driver process that may be corrupted: what is accepted can be merged and comes back
 * the same when it is sent again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "driver/answer.h"
#include "driver/packet.h"
#include "driver/packet_decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A long reason or version may outgrow a packet only when it was padded; then nothing is compared.
 */
static void send_again(const struct answer *answer)
{
	cleanup_buf struct buf packet = BUF_INIT(PACKET_HEAD_BYTES + PACKET_BYTES_MAX);
	cleanup_answer struct answer again = { 0 };
	if (packet_encode_answer(answer, &packet) < 0)
		return;
	if (packet_decode_answer((const uint8_t *)packet.data, packet.len, &again, NULL) < 0 ||
	    again.id != answer->id || again.lost_count != answer->lost_count ||
	    strcmp(again.complaint, answer->complaint) != 0 ||
	    !snapshot_is_equal(again.snapshot, answer->snapshot))
		abort();
}

static void use(const struct answer *answer)
{
	cleanup_snapshot struct snapshot *merged = NULL;
	if (!answer->snapshot) {
		if (answer->fault.code >= 0 || answer->fault.msg[0] == '\0')
			abort();
		return;
	}
	if (answer->snapshot->devices_count + answer->lost_count > DEVICES_MAX ||
	    answer->snapshot->links_count > LINKS_MAX ||
	    answer_merge(answer, answer->snapshot, false, &merged) < 0)
		abort();
	for (size_t i = 0; i < merged->devices_count; i++)
		if (merged->devices[i].parent >= (int32_t)i)
			abort();
}

static void decode_event(const uint8_t *data, size_t length)
{
	cleanup_arena struct arena arena = { 0 };
	struct device_event event = { 0 };
	if (packet_decode_event(data, length, &arena, &event, NULL) == 0 &&
	    strlen(event.uuid) > PACKET_TEXT_MAX)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_answer struct answer answer = { 0 };
	struct request request = { 0 };
	size_t length = 0;
	if (packet_measure(data, size, &length, NULL) < 0 || length == 0 || length > size)
		return 0;
	(void)packet_decode_request(data, length, &request, NULL);
	decode_event(data, length);
	if (packet_decode_answer(data, length, &answer, NULL) < 0)
		return 0;
	use(&answer);
	send_again(&answer);
	return 0;
}
