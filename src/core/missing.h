/* SPDX-License-Identifier: Apache-2.0 */
/* Devices that pods hold while the driver cannot describe them. */
#pragma once

struct held;
struct snapshot;

/**
 * A copy of @snapshot and, while it tells of lost GPUs, behind its devices one for each uuid of
 * NVIDIA's form that pods hold an id of and @snapshot does not have: any of them may be what is
 * lost. Such a device is unhealthy, nothing but its uuid is known (device_is_missing()), no plan
 * advertises it, and a resource has of it what pods hold. While nothing is lost an unknown uuid is
 * of a GPU that was taken out, and is left out.
 *
 * @held  borrowed for the call.
 *
 * Returns NULL when memory is out.
 */
struct snapshot *missing_join(const struct snapshot *snapshot, const struct held *held);
