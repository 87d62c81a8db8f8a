/* SPDX-License-Identifier: Apache-2.0 */
/* How nvidia-smi shows the parts of GPUs in MIG mode, on stdout. */
#pragma once

struct card;
struct cards;

/** Of `-L`, below their GPU. */
void show_parts_list(const struct card *card);

/** The table below that of GPUs; nothing when no GPU is in MIG mode. */
void show_parts_table(const struct cards *cards);
