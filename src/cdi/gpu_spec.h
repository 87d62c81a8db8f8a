/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The specification of the class "gpu": each GPU and each part of one as a device, and the driver's
 * files for whatever container gets one.
 *
 * A GPU in MIG mode is no device, its parts are; and there is no device that is all of them. What
 * pods hold is one all the same, and has the names of both strategies of ids: they may start their
 * containers once more.
 * Of the flags for NVIDIA's toolkit (settings' cdi_features) these have an effect:
 * CDI_EXPLICIT_DRIVER_LIBRARIES, CDI_NO_ADDITIONAL_GIDS and CDI_NO_IPC_DISCOVERER. The others have
 * none: CDI_NO_SANDBOXUTILS (that library is never used here), CDI_NO_MULTIPLE_CSV_DEVICES (of
 * Tegra), and CDI_COHERENT_ANNOTATIONS (a snapshot does not say how a GPU's memory is addressed).
 */
#pragma once

#include "cdi/cdi_search.h"
#include "cdi/cdi_spec.h"
#include "core/held.h"

/**
 * Look for the driver's files and the nodes of the GPUs and describe them.
 *
 * @held  what pods hold; borrowed.
 * @ret   devices_count is 0 when there is no device; then the rest is not set.
 *
 * Returns 0, -ENOENT (no library of this driver), -E2BIG (a bound), -ENOMEM, or an errno of
 * looking.
 */
int gpu_spec_make(const struct cdi_search *search, const struct snapshot *snapshot,
		  const struct held *held, struct cdi_spec *ret, struct err *err);
