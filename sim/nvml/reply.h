/* SPDX-License-Identifier: Apache-2.0 */
/* How NVML hands out values: the checks of the caller's pointers and sizes, in one place. */
#pragma once

struct nvml_pci_info;
struct scenario_pci;

/** NVML_ERROR_INVALID_ARGUMENT for NULL, NVML_ERROR_INSUFFICIENT_SIZE when @text and its terminator
 * do not fit into @length bytes. */
int reply_text(char *buffer, unsigned length, const char *text);

/** NVML_ERROR_INVALID_ARGUMENT for NULL. */
int reply_unsigned(unsigned *ret, unsigned value);

/** Fill everything of @ret that follows from the address. */
void reply_bus_id(const struct scenario_pci *pci, struct nvml_pci_info *ret);
