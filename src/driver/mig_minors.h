/* SPDX-License-Identifier: Apache-2.0 */
/* The driver's list of what guards the parts of GPUs, /proc/driver/nvidia-caps/mig-minors: which
 * /dev/nvidia-caps/nvidia-cap<n> a container needs. Pure. */
#pragma once

#include <stdint.h>

enum {
	/* Twice what drivers write: 32 GPUs, each with 15 GPU instances of 8 compute instances. */
	MIG_MINORS_BYTES_MAX = 256 << 10,
};

/**
 * The number of the capability of a GPU instance, or of a compute instance in it.
 *
 * @text              the whole list.
 * @minor             of the GPU, /dev/nvidia<minor>.
 * @compute_instance  DEVICE_NO_INSTANCE: the GPU instance itself is meant.
 *
 * Returns DEVICE_NO_CAPABILITY when the list does not say it.
 */
int32_t mig_minors_find(const char *text, uint32_t minor, uint32_t gpu_instance,
			uint32_t compute_instance);
