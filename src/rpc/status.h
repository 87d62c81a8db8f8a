/* SPDX-License-Identifier: Apache-2.0 */
/* gRPC's status codes (grpc.io, "Status codes and their use in gRPC"). */
#pragma once

enum rpc_status {
	RPC_OK = 0,
	RPC_CANCELLED = 1,
	RPC_UNKNOWN = 2,
	RPC_INVALID_ARGUMENT = 3,
	RPC_DEADLINE_EXCEEDED = 4,
	RPC_NOT_FOUND = 5,
	RPC_ALREADY_EXISTS = 6,
	RPC_PERMISSION_DENIED = 7,
	RPC_RESOURCE_EXHAUSTED = 8,
	RPC_FAILED_PRECONDITION = 9,
	RPC_ABORTED = 10,
	RPC_OUT_OF_RANGE = 11,
	RPC_UNIMPLEMENTED = 12,
	RPC_INTERNAL = 13,
	RPC_UNAVAILABLE = 14,
	RPC_DATA_LOSS = 15,
	RPC_UNAUTHENTICATED = 16,
};

enum {
	RPC_MESSAGE_BYTES_MAX =
		4 << 20, /* gRPC's own default limit, which kubelet uses in both directions */
};

/** The code's name as gRPC writes it, "Unavailable"; "Code(n)" has no name here and reads
 * "Unknown". */
const char *rpc_status_name(enum rpc_status status);
