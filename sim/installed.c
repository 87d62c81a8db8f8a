/* SPDX-License-Identifier: Apache-2.0 */
/* See installed.h. */
#include "sim/installed.h"

#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* As firmware of a real driver, below its version. */
#define FIRMWARE "/lib/firmware/nvidia/*/gsp_sim.bin"

const char *installed_scenario(const char *root, char buf[static INSTALLED_PATH_BYTES])
{
	char pattern[INSTALLED_PATH_BYTES];
	glob_t found = { 0 };
	const char *said = getenv("ROTA_SIM");
	if (said)
		return said;
	(void)snprintf(pattern, sizeof(pattern), "%s" FIRMWARE, root);
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): unsafe is only what it does with "~" */
	int r = glob(pattern, 0, NULL, &found);
	bool is_found = r == 0 && strlen(found.gl_pathv[0]) < INSTALLED_PATH_BYTES;
	if (is_found)
		(void)snprintf(buf, INSTALLED_PATH_BYTES, "%s", found.gl_pathv[0]);
	globfree(&found);
	return is_found ? buf : NULL;
}

static bool has_node(const char *root, const struct scenario_gpu *gpu)
{
	char node[INSTALLED_PATH_BYTES];
	int length = snprintf(node, sizeof(node), "%s/dev/nvidia%u", root, gpu->minor);
	return length > 0 && (size_t)length < sizeof(node) && access(node, F_OK) == 0;
}

const char *installed_visible(const char *root, const struct scenario *scenario,
			      char buf[static INSTALLED_LIST_BYTES])
{
	char firmware[INSTALLED_PATH_BYTES];
	const char *said = getenv("ROTA_SIM_VISIBLE");
	if (said || getenv("ROTA_SIM") || !installed_scenario(root, firmware))
		return said;
	size_t length = 0;
	buf[0] = '\0';
	for (size_t i = 0; i < scenario->gpus_count; i++)
		if (has_node(root, &scenario->gpus[i]))
			length += (size_t)snprintf(buf + length, INSTALLED_LIST_BYTES - length,
						   "%s%zu", length > 0 ? "," : "", i);
	return buf;
}
