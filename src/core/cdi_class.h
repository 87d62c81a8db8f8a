/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The classes of CDI devices that we describe, with the names that NVIDIA's plugin gives them: the
 * container runtime reads one specification a class, and Allocate names devices by "kind=name".
 */
#pragma once

#include "core/settings.h"

#define CDI_VENDOR "k8s.device-plugin.nvidia.com"
#define CDI_FOLDER "/var/run/cdi" /* where runtimes look for what is made at run time */

/* In the order in which Allocate names them. */
enum cdi_class {
	CDI_GPU,
	CDI_IMEX_CHANNEL,
	CDI_GDRCOPY,
	CDI_GDS,
	CDI_MOFED,
};

enum {
	CDI_CLASSES = CDI_MOFED + 1,
};

#define CDI_BIT(class) (1U << (class))

/** "k8s.device-plugin.nvidia.com/gpu" */
const char *cdi_class_kind(enum cdi_class class);

/** "k8s.device-plugin.nvidia.com-gpu.json", in CDI_FOLDER. */
const char *cdi_class_file(enum cdi_class class);

/** Name of the one device of a class that is not CDI_GPU: "all", of CDI_IMEX_CHANNEL the channel.
 */
const char *cdi_class_device(enum cdi_class class);

/** Bits of the classes that @settings ask for; 0 without a strategy of CDI. */
unsigned cdi_class_wanted(const struct settings *settings);
