/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration: flags, environment and a YAML or JSON file into settings, in this order of
 * strength, with the rules of NVIDIA's device plugin v0.20. What it reads with an oddity, or reads
 * and drops, is a warning. With a `rota:` block in the file each of these is a refusal.
 */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "base/option.h"
#include "config/findings.h"
#include "config/schema.h" /* schema_options: the flags, for command tables */
#include "core/settings.h"

/* Where values come from. All borrowed; texts that are kept are copied. */
struct config_inputs {
	const struct option_given *flags; /* what schema_options were given; NULL: nothing */
	char *const *environment;         /* "NAME=value", ends with NULL; NULL: empty */
};

/**
 * Work out the settings.
 *
 * The file is the one that --config-file or CONFIG_FILE names; none is no error. It may block on a
 * slow disk. Called again it reads all anew.
 *
 * @findings  an empty struct; holds the warnings afterwards, and the refusals too.
 * @ret       the caller's to settings_free().
 *
 * Returns 0, -EINVAL (a flag or a variable is refused), -EBADMSG (the file is; @err is the first
 * refusal and how many more there are), -ENOMEM, or the errno of reading the file.
 */
int config_load(const struct config_inputs *inputs, struct findings *findings,
		struct settings **ret, struct err *err);

/**
 * Read the text of a file as config_load() would with no flags and no environment.
 *
 * @findings  an empty struct; all that is wrong with the text afterwards.
 *
 * Returns 0, also when there are findings, or -ENOMEM.
 */
int config_check(const char *text, size_t length, struct findings *findings, struct err *err);
