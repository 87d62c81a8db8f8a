/* SPDX-License-Identifier: Apache-2.0 */
/* Bind mounts in a mount namespace that is already the caller's own. */
#pragma once

#include "base/err.h"
#include "sim/kubelet/sandbox.h"

/** Cut the namespace off from its parent, so that no mount travels back. */
int sandbox_mount_private(struct err *err);

/**
 * Bind one mount. A place that does not exist is made without touching the host: its nearest
 * directory is covered by a writable copy whose entries are the old ones, bound.
 *
 * Returns 0, -EINVAL (not absolute, or with ".."), -EPERM (a new entry in / itself), or the errno
 * of what failed.
 */
int sandbox_mount_bind(const struct sandbox_mount *mount, struct err *err);
