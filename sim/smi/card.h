/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that nvidia-smi shows, read once, as plain data. */
#pragma once

#include <stddef.h>

#include "driver/nvml_abi.h"

struct library;

enum {
	CARDS_MAX = 64,
	CARD_PARTS_MAX = 8,
	CARD_UNKNOWN = -1, /* of the int fields below: NVML does not say */
};

/* A part of a GPU in MIG mode. */
struct card_part {
	unsigned index;
	char name[NVML_DEVICE_NAME_V2_BUFFER_SIZE];
	char uuid[NVML_DEVICE_UUID_V2_BUFFER_SIZE];
	unsigned gpu_instance;
	unsigned compute_instance;
	struct nvml_memory_v2 memory;
	struct nvml_bar1_memory window;
	struct nvml_device_attributes attributes;
};

struct card {
	unsigned index;
	char name[NVML_DEVICE_NAME_V2_BUFFER_SIZE];
	char uuid[NVML_DEVICE_UUID_V2_BUFFER_SIZE];
	char bus_id[NVML_DEVICE_PCI_BUS_ID_BUFFER_SIZE];
	struct nvml_memory_v2 memory;
	int compute_major;
	int compute_minor;
	int celsius;
	int draw_milliwatts;
	int limit_milliwatts;
	int fan_percent;
	int persistence; /* 0 or 1, as the modes below */
	int pstate;
	int display;
	int ecc;
	int ecc_errors;
	int compute_mode;
	int mig;
	int busy_percent;
	int memory_busy_percent;
	struct card_part parts[CARD_PARTS_MAX];
	size_t parts_count;
};

struct cards {
	char driver_version[NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE];
	int cuda_version;
	struct card items[CARDS_MAX];
	size_t count;
	size_t total; /* on this machine, chosen or not */
};

/**
 * Read the machine and the GPUs that were chosen.
 *
 * @choice  index, uuid or PCI address; NULL: all.
 *
 * Returns what NVML returned; NVML_ERROR_NOT_FOUND for a choice that is none of its GPUs.
 */
int card_read_all(const struct library *library, const char *choice, struct cards *ret);
