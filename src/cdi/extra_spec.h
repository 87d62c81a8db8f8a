/* SPDX-License-Identifier: Apache-2.0 */
/* Specifications of the classes beside "gpu", each with one device: the IMEX channel, GDRCopy,
 * GPUDirect Storage, and Mellanox's drivers for networks. */
#pragma once

#include "cdi/cdi_search.h"
#include "cdi/cdi_spec.h"
#include "core/cdi_class.h"

/**
 * Look for the nodes of this class and describe them.
 *
 * @class  not CDI_GPU.
 * @ret    devices_count is 0 when there are none.
 *
 * Returns 0, -E2BIG (a bound), -ENOMEM, or an errno of looking.
 */
int extra_spec_make(const struct cdi_search *search, enum cdi_class class, struct cdi_spec *ret,
		    struct err *err);
