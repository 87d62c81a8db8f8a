/* SPDX-License-Identifier: Apache-2.0 */
/* See reply.h. Nothing is written when the answer is an error, as in the real library. */
#include "sim/nvml/reply.h"

#include <stdio.h>
#include <string.h>

#include "driver/nvml_abi.h"
#include "sim/scenario.h"

int reply_text(char *buffer, unsigned length, const char *text)
{
	size_t size = strlen(text) + 1;
	if (!buffer)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (length < size)
		return NVML_ERROR_INSUFFICIENT_SIZE;
	memcpy(buffer, text, size);
	return NVML_SUCCESS;
}

int reply_unsigned(unsigned *ret, unsigned value)
{
	if (!ret)
		return NVML_ERROR_INVALID_ARGUMENT;
	*ret = value;
	return NVML_SUCCESS;
}

void reply_bus_id(const struct scenario_pci *pci, struct nvml_pci_info *ret)
{
	ret->domain = pci->domain;
	ret->bus = pci->bus;
	ret->device = pci->device;
	(void)snprintf(ret->bus_id, sizeof(ret->bus_id), "%08X:%02X:%02X.0", pci->domain, pci->bus,
		       pci->device);
	/* A domain of more than four digits is cut here, as in the real library. */
	(void)snprintf(ret->bus_id_legacy, sizeof(ret->bus_id_legacy), "%04X:%02X:%02X.0",
		       pci->domain & 0xFFFFU, pci->bus & 0xFFU, pci->device & 0xFFU);
}
