/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the status codes, for messages that people read. */
#include "rpc/status.h"

#include <stddef.h>

#include "base/cleanup.h"

static const char *const names[] = {
	[RPC_OK] = "OK",
	[RPC_CANCELLED] = "Canceled",
	[RPC_UNKNOWN] = "Unknown",
	[RPC_INVALID_ARGUMENT] = "InvalidArgument",
	[RPC_DEADLINE_EXCEEDED] = "DeadlineExceeded",
	[RPC_NOT_FOUND] = "NotFound",
	[RPC_ALREADY_EXISTS] = "AlreadyExists",
	[RPC_PERMISSION_DENIED] = "PermissionDenied",
	[RPC_RESOURCE_EXHAUSTED] = "ResourceExhausted",
	[RPC_FAILED_PRECONDITION] = "FailedPrecondition",
	[RPC_ABORTED] = "Aborted",
	[RPC_OUT_OF_RANGE] = "OutOfRange",
	[RPC_UNIMPLEMENTED] = "Unimplemented",
	[RPC_INTERNAL] = "Internal",
	[RPC_UNAVAILABLE] = "Unavailable",
	[RPC_DATA_LOSS] = "DataLoss",
	[RPC_UNAUTHENTICATED] = "Unauthenticated",
};

const char *rpc_status_name(enum rpc_status status)
{
	size_t i = (size_t)status;
	return i < ARRAY_LEN(names) ? names[i] : names[RPC_UNKNOWN];
}
