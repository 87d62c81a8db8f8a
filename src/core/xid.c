/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of Xids, after NVIDIA's Xid catalogue (docs.nvidia.com/deploy/xid-errors) in our own
 * words: what the catalogue calls unused is here only where its edition for GPUs before Ampere
 * knows it, and what has no action there yet is left out. Invariants, which a test holds: numbers
 * rise, and what demands a reset concerns the whole GPU, since a part cannot be reset alone.
 */
#include "core/xid.h"

#include <stdlib.h>

static const char copy_engine[] = "a copy engine reported an error";
static const char video_decoder[] = "a video decoder reported an error";
static const char jpeg_decoder[] = "a JPEG decoder reported an error";
static const char nvlink_unit[] = "a unit of the GPU's NVLinks reported an error";

static const struct xid_row rows[] = {
	{ 8, XID_DEMAND_NOTHING, XID_SCOPE_PROGRAM, false,
	  "a program's work on the GPU stood still for too long" },
	{ 11, XID_DEMAND_NOTHING, XID_SCOPE_PROGRAM, false,
	  "a program sent commands that the GPU cannot read" },
	{ 13, XID_DEMAND_NOTHING, XID_SCOPE_PROGRAM, false,
	  "a program broke a rule of the compute engine, such as an index out of bounds" },
	{ 14, XID_DEMAND_NOTHING, XID_SCOPE_PROGRAM, false,
	  "an error was injected by a program, as a test" },
	{ 25, XID_DEMAND_NOTHING, XID_SCOPE_PROGRAM, false,
	  "a program sent commands that the GPU cannot read" },
	{ 31, XID_DEMAND_NOTHING, XID_SCOPE_PROGRAM, false,
	  "a program used a GPU memory address that is not its own" },
	{ 32, XID_DEMAND_NOTHING, XID_SCOPE_PART, false,
	  "commands arrived broken at the GPU, often because of the PCIe link" },
	{ 37, XID_DEMAND_NOTHING, XID_SCOPE_PART, false,
	  "the GPU's scheduling firmware was asked for something that it does not know" },
	{ 38, XID_DEMAND_NOTHING, XID_SCOPE_PART, false,
	  "the GPU's scheduling firmware did not answer in time" },
	{ 39, XID_DEMAND_NOTHING, XID_SCOPE_PART, false, copy_engine },
	{ 40, XID_DEMAND_NOTHING, XID_SCOPE_PART, false, copy_engine },
	{ 41, XID_DEMAND_NOTHING, XID_SCOPE_PART, false, copy_engine },
	{ 43, XID_DEMAND_NOTHING, XID_SCOPE_PROGRAM, false,
	  "a program made an error and was stopped, the GPU is well" },
	{ 44, XID_DEMAND_NOTHING, XID_SCOPE_PART, false,
	  "the compute engine reported a fault while it changed from one program to another" },
	{ 45, XID_DEMAND_NOTHING, XID_SCOPE_PROGRAM, false,
	  "the driver cleaned up after a program that ended or was killed" },
	{ 46, XID_DEMAND_RESET, XID_SCOPE_GPU, false,
	  "the GPU stopped working and did not answer in time" },
	{ 48, XID_DEMAND_RESET, XID_SCOPE_GPU, true,
	  "the GPU's memory has an error that cannot be corrected" },
	{ 54, XID_DEMAND_REBOOT, XID_SCOPE_GPU, false, "the GPU board has no auxiliary power" },
	{ 56, XID_DEMAND_NOTHING, XID_SCOPE_GPU, false, "the display engine reported an error" },
	{ 57, XID_DEMAND_NOTHING, XID_SCOPE_GPU, false,
	  "the link to the GPU's memory could not be set up" },
	{ 58, XID_DEMAND_NOTHING, XID_SCOPE_GPU, false,
	  "the link to the GPU's memory is unstable" },
	{ 60, XID_DEMAND_NOTHING, XID_SCOPE_PART, false, "a video engine reported an error" },
	{ 61, XID_DEMAND_RESET, XID_SCOPE_GPU, false,
	  "a micro-controller of the GPU ran into a breakpoint" },
	{ 62, XID_DEMAND_RESET, XID_SCOPE_GPU, true, "a micro-controller of the GPU halted" },
	{ 63, XID_DEMAND_NOTHING, XID_SCOPE_GPU, true,
	  "a bad row or page of the GPU's memory was retired" },
	{ 64, XID_DEMAND_RESET, XID_SCOPE_GPU, true,
	  "a bad row or page of the GPU's memory could not be retired" },
	{ 65, XID_DEMAND_NOTHING, XID_SCOPE_PART, false, "a video encoder reported an error" },
	{ 66, XID_DEMAND_NOTHING, XID_SCOPE_PART, false,
	  "the driver used a register of the GPU that it must not use" },
	{ 67, XID_DEMAND_NOTHING, XID_SCOPE_PART, false,
	  "the driver used the GPU in a way that its firmware forbids" },
	{ 68, XID_DEMAND_NOTHING, XID_SCOPE_PART, false, video_decoder },
	{ 69, XID_DEMAND_NOTHING, XID_SCOPE_PROGRAM, false,
	  "a program used the compute engine in a way that it does not have" },
	{ 70, XID_DEMAND_NOTHING, XID_SCOPE_PART, false, copy_engine },
	{ 71, XID_DEMAND_NOTHING, XID_SCOPE_PART, false, copy_engine },
	{ 72, XID_DEMAND_NOTHING, XID_SCOPE_PART, false, copy_engine },
	{ 73, XID_DEMAND_NOTHING, XID_SCOPE_PART, false, "a video encoder reported an error" },
	{ 74, XID_DEMAND_RESET, XID_SCOPE_GPU, true,
	  "an NVLink of the GPU, or the device at its other end, failed" },
	{ 75, XID_DEMAND_NOTHING, XID_SCOPE_PART, false, copy_engine },
	{ 76, XID_DEMAND_NOTHING, XID_SCOPE_PART, false, copy_engine },
	{ 77, XID_DEMAND_NOTHING, XID_SCOPE_PART, false, copy_engine },
	{ 78, XID_DEMAND_NOTHING, XID_SCOPE_GPU, false,
	  "a virtual GPU could not be started, as versions of its software do not fit" },
	{ 79, XID_DEMAND_REBOOT, XID_SCOPE_GPU, true, "the GPU fell off the PCIe bus" },
	{ 80, XID_DEMAND_NOTHING, XID_SCOPE_PROGRAM, false,
	  "commands were changed on their way to the GPU" },
	{ 82, XID_DEMAND_NOTHING, XID_SCOPE_PART, false, jpeg_decoder },
	{ 83, XID_DEMAND_NOTHING, XID_SCOPE_PART, false, video_decoder },
	{ 84, XID_DEMAND_NOTHING, XID_SCOPE_PART, false, video_decoder },
	{ 85, XID_DEMAND_NOTHING, XID_SCOPE_PART, false, copy_engine },
	{ 86, XID_DEMAND_NOTHING, XID_SCOPE_PART, false,
	  "the optical flow engine reported an error" },
	{ 88, XID_DEMAND_NOTHING, XID_SCOPE_PART, false, video_decoder },
	{ 89, XID_DEMAND_NOTHING, XID_SCOPE_PART, false, video_decoder },
	{ 92, XID_DEMAND_NOTHING, XID_SCOPE_GPU, false,
	  "the GPU's memory has many errors, which were corrected" },
	{ 93, XID_DEMAND_NOTHING, XID_SCOPE_GPU, false,
	  "the GPU's own store of facts was not written, to spare it" },
	{ 94, XID_DEMAND_NOTHING, XID_SCOPE_PART, true,
	  "a memory error that cannot be corrected hit one program and no other" },
	{ 95, XID_DEMAND_RESET, XID_SCOPE_GPU, true,
	  "a memory error that cannot be corrected may have hit several programs" },
	{ 96, XID_DEMAND_NOTHING, XID_SCOPE_PART, false, video_decoder },
	{ 97, XID_DEMAND_NOTHING, XID_SCOPE_PART, false, video_decoder },
	{ 98, XID_DEMAND_NOTHING, XID_SCOPE_PART, false, video_decoder },
	{ 99, XID_DEMAND_NOTHING, XID_SCOPE_PART, false, jpeg_decoder },
	{ 100, XID_DEMAND_NOTHING, XID_SCOPE_PART, false, jpeg_decoder },
	{ 101, XID_DEMAND_NOTHING, XID_SCOPE_PART, false, jpeg_decoder },
	{ 102, XID_DEMAND_NOTHING, XID_SCOPE_PART, false, jpeg_decoder },
	{ 103, XID_DEMAND_NOTHING, XID_SCOPE_PART, false, jpeg_decoder },
	{ 104, XID_DEMAND_NOTHING, XID_SCOPE_PART, false, jpeg_decoder },
	{ 105, XID_DEMAND_NOTHING, XID_SCOPE_PART, false, jpeg_decoder },
	{ 106, XID_DEMAND_NOTHING, XID_SCOPE_GPU, false,
	  "the management controller sent a test message" },
	{ 107, XID_DEMAND_NOTHING, XID_SCOPE_GPU, false,
	  "the management controller sent a test message" },
	{ 109, XID_DEMAND_RESET, XID_SCOPE_GPU, true,
	  "the GPU did not change from one program to another in time" },
	{ 110, XID_DEMAND_RESET, XID_SCOPE_GPU, true, "the GPU reported a security fault" },
	{ 119, XID_DEMAND_RESET, XID_SCOPE_GPU, false,
	  "the GPU's system processor did not answer the driver in time" },
	{ 120, XID_DEMAND_RESET, XID_SCOPE_GPU, true,
	  "the GPU's system processor reported an error" },
	{ 121, XID_DEMAND_NOTHING, XID_SCOPE_GPU, false,
	  "errors on the link to the CPU were corrected" },
	{ 122, XID_DEMAND_NOTHING, XID_SCOPE_GPU, false,
	  "the GPU's flash memory could not be read" },
	{ 123, XID_DEMAND_NOTHING, XID_SCOPE_GPU, false,
	  "the GPU's flash memory could not be written" },
	{ 124, XID_DEMAND_NOTHING, XID_SCOPE_GPU, false,
	  "the GPU's flash memory could not be erased" },
	{ 125, XID_DEMAND_NOTHING, XID_SCOPE_GPU, false,
	  "the file system of the GPU's own store of facts is damaged" },
	{ 126, XID_DEMAND_NOTHING, XID_SCOPE_PART, false, copy_engine },
	{ 127, XID_DEMAND_NOTHING, XID_SCOPE_PART, false, copy_engine },
	{ 128, XID_DEMAND_NOTHING, XID_SCOPE_PART, false, copy_engine },
	{ 129, XID_DEMAND_NOTHING, XID_SCOPE_PART, false, copy_engine },
	{ 130, XID_DEMAND_NOTHING, XID_SCOPE_PART, false, copy_engine },
	{ 131, XID_DEMAND_NOTHING, XID_SCOPE_PART, false, copy_engine },
	{ 132, XID_DEMAND_NOTHING, XID_SCOPE_PART, false, copy_engine },
	{ 133, XID_DEMAND_NOTHING, XID_SCOPE_PART, false, copy_engine },
	{ 134, XID_DEMAND_NOTHING, XID_SCOPE_PART, false, copy_engine },
	{ 135, XID_DEMAND_NOTHING, XID_SCOPE_PART, false, copy_engine },
	{ 136, XID_DEMAND_RESET, XID_SCOPE_GPU, true, "an NVLink of the GPU could not be set up" },
	{ 137, XID_DEMAND_NOTHING, XID_SCOPE_PROGRAM, false,
	  "a program used memory of another GPU over NVLink that is not its own" },
	{ 139, XID_DEMAND_NOTHING, XID_SCOPE_PART, false,
	  "the optical flow engine reported an error" },
	{ 140, XID_DEMAND_RESET, XID_SCOPE_GPU, false,
	  "a memory error could neither be corrected nor its place be retired" },
	{ 141, XID_DEMAND_NOTHING, XID_SCOPE_PROGRAM, false,
	  "a fast path of CUDA reported an error" },
	{ 142, XID_DEMAND_NOTHING, XID_SCOPE_PART, false, "a video encoder reported an error" },
	{ 143, XID_DEMAND_RESET, XID_SCOPE_GPU, false, "the GPU could not be initialised" },
	{ 144, XID_DEMAND_RESET, XID_SCOPE_GPU, true, nvlink_unit },
	{ 145, XID_DEMAND_RESET, XID_SCOPE_GPU, true, nvlink_unit },
	{ 146, XID_DEMAND_RESET, XID_SCOPE_GPU, true, nvlink_unit },
	{ 147, XID_DEMAND_RESET, XID_SCOPE_GPU, true, nvlink_unit },
	{ 148, XID_DEMAND_RESET, XID_SCOPE_GPU, true, nvlink_unit },
	{ 149, XID_DEMAND_RESET, XID_SCOPE_GPU, true, nvlink_unit },
	{ 150, XID_DEMAND_RESET, XID_SCOPE_GPU, true, nvlink_unit },
	{ 151, XID_DEMAND_REBOOT, XID_SCOPE_GPU, false,
	  "the keys of confidential computing could not be changed" },
	{ 154, XID_DEMAND_NOTHING, XID_SCOPE_GPU, true,
	  "the driver changed its mind about what the GPU needs" },
	{ 155, XID_DEMAND_RESET, XID_SCOPE_GPU, true,
	  "an NVLink of the GPU was taken down by software" },
	{ 156, XID_DEMAND_RESET, XID_SCOPE_GPU, true, "a broken unit of the GPU was retired" },
	{ 157, XID_DEMAND_NOTHING, XID_SCOPE_GPU, false,
	  "a broken unit of the GPU could not be retired, for want of spare ones" },
	{ 158, XID_DEMAND_RESET, XID_SCOPE_GPU, true, "the GPU did not answer in time, for good" },
	{ 159, XID_DEMAND_NOTHING, XID_SCOPE_GPU, true, "the link to the CPU reported an error" },
	{ 160, XID_DEMAND_NOTHING, XID_SCOPE_GPU, false,
	  "a broken channel of the GPU's memory was retired" },
	{ 161, XID_DEMAND_NOTHING, XID_SCOPE_GPU, false,
	  "a broken channel of the GPU's memory could not be retired" },
	{ 171, XID_DEMAND_NOTHING, XID_SCOPE_GPU, false,
	  "the memory error of Xid 48 is in the GPU's DRAM" },
	{ 172, XID_DEMAND_NOTHING, XID_SCOPE_GPU, false,
	  "the memory error of Xid 48 is in the GPU's SRAM" },
};

enum {
	ROWS_COUNT = sizeof(rows) / sizeof(rows[0])
};

void xid_set_add(struct xid_set *set, uint64_t xid)
{
	if (xid < XID_SET_MAX)
		set->words[xid / 64] |= UINT64_C(1) << xid % 64;
	else
		set->has_others = true;
}

void xid_set_remove(struct xid_set *set, uint64_t xid)
{
	if (xid < XID_SET_MAX)
		set->words[xid / 64] &= ~(UINT64_C(1) << xid % 64);
	else
		set->has_others = false;
}

bool xid_set_is_empty(const struct xid_set *set)
{
	for (size_t i = 0; i < XID_SET_WORDS; i++)
		if (set->words[i] != 0)
			return false;
	return !set->has_others;
}

void xid_set_fill(struct xid_set *set)
{
	for (size_t i = 0; i < XID_SET_WORDS; i++)
		set->words[i] = UINT64_MAX;
	set->has_others = true;
}

static int compare(const void *key, const void *element)
{
	uint64_t number = *(const uint64_t *)key;
	const struct xid_row *row = element;
	return number < row->number ? -1 : number > row->number ? 1 : 0;
}

const struct xid_row *xid_find(uint64_t number)
{
	return bsearch(&number, rows, ROWS_COUNT, sizeof(rows[0]), compare);
}

const char *xid_meaning(uint64_t number)
{
	const struct xid_row *row = xid_find(number);
	return row ? row->meaning : "an error of which Rota knows only the number";
}

const struct xid_row *xid_rows(size_t *ret_count)
{
	*ret_count = ROWS_COUNT;
	return rows;
}
