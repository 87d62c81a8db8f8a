/* SPDX-License-Identifier: Apache-2.0 */
/*
 * protobuf-c says only that there is no message. Its allocator is ours, and remembers whether it
 * was memory that was missing.
 */
#include "base/unpack.h"

#include <errno.h>

struct budget {
	struct arena *arena; /* borrowed */
	size_t left;
	int code; /* of the allocation that failed; 0: none did */
};

static void *spend(void *opaque, size_t bytes)
{
	struct budget *budget = opaque;
	if (bytes > budget->left) {
		budget->code = -E2BIG;
		return NULL;
	}
	budget->left -= bytes;
	void *memory = arena_alloc(budget->arena, bytes);
	if (!memory)
		budget->code = -ENOMEM;
	return memory;
}

static void keep(void *opaque, void *memory)
{
	(void)opaque;
	(void)memory; /* the arena frees all at once */
}

int unpack_message(const ProtobufCMessageDescriptor *type, const uint8_t *bytes, size_t length,
		   struct arena *arena, void *ret, struct err *err)
{
	struct budget budget = { .arena = arena, .left = UNPACK_BYTES_MAX };
	ProtobufCAllocator allocator = { spend, keep, &budget };
	ProtobufCMessage *message = protobuf_c_message_unpack(type, &allocator, length, bytes);
	if (message) {
		*(ProtobufCMessage **)ret = message;
		return 0;
	}
	switch (budget.code) {
	case 0:
		return err_set(err, -EBADMSG, "not an encoded %s", type->short_name);
	case -E2BIG:
		return err_set(err, -E2BIG, "a %s that takes more than %d MiB of memory",
			       type->short_name, UNPACK_BYTES_MAX >> 20);
	default:
		return err_set(err, budget.code, "out of memory");
	}
}
