/* SPDX-License-Identifier: Apache-2.0 */
/* `rota version`: which Rota this is and which plugin of NVIDIA's it stands in for. */
#include "cli/commands.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "cli/output.h"

static const char replaces[] = "0.20.0"; /* whose behaviour is the reference */

static int run(const void *values, const struct option_words *arguments)
{
	(void)arguments;
	const struct output *output = values;
	if (output->format == OUTPUT_JSON)
		return output_json(json_pack("{s:s, s:s}", "version", ROTA_VERSION,
					     "nvidiaDevicePlugin", replaces));
	(void)printf("rota %s\n", ROTA_VERSION);
	return COMMAND_DONE;
}

static const struct command_options options[] = { { &output_options, 0 } };

const struct command command_version = {
	.name = "version",
	.synopsis = "[-o table|json]",
	.summary = "print the version",
	.options = options,
	.options_count = ARRAY_LEN(options),
	.values_bytes = sizeof(struct output),
	.run = run,
};
