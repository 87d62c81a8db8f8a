/* SPDX-License-Identifier: Apache-2.0 */
/* Kubelet's checkpoint of its device manager as JSON text. Pure. */
#pragma once

#include "base/err.h"
#include "sim/kubelet/tables.h"

/** The text, terminated; the caller's to free(); NULL when memory is out. */
char *checkpoint_encode(const struct tables *tables);

/**
 * Fill empty tables: what pods hold, and each registered resource as stopped with no device.
 *
 * Returns 0, -EINVAL (not a checkpoint, or its checksum is wrong), -ENOMEM, -ENOSPC; on failure
 * @tables are empty.
 */
int checkpoint_decode(const char *text, struct tables *tables, struct err *err);
