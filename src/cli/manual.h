/* SPDX-License-Identifier: Apache-2.0 */
/* Manual pages (troff with the man macros) from the table of commands. Failures are kept in @out.
 */
#pragma once

#include "base/buf.h"
#include "cli/command.h"

/** Append rota(1), which lists the commands. */
void manual_overview(struct buf *out);

/** Append the page of one command. */
void manual_command(const struct command *command, struct buf *out);

/** Append the file name of the page of a command, "rota-config-check.1"; NULL: of rota itself. */
void manual_file_name(const struct command *command, struct buf *out);
