/* SPDX-License-Identifier: Apache-2.0 */
/* The table of all commands, in the order of `rota --help` and of the manual. */
#include "cli/commands.h"

#include "base/cleanup.h"

static const struct command *const commands[] = {
	&command_agent,
	&command_config_check,
	&command_config_karpenter,
	&command_config_reference,
	&command_config_show,
	&command_demo,
	&command_devices,
	&command_driver,
	&command_status,
	&command_version,
};

static const struct option common[] = {
	{ .name = "help",
	  .aliases = { "h" },
	  .help = "print this help",
	  .kind = OPTION_SWITCH,
	  .offset = offsetof(struct common, wants_help) },
	{ .name = "version",
	  .aliases = { "v" },
	  .help = "print the version",
	  .kind = OPTION_SWITCH,
	  .offset = offsetof(struct common, wants_version) },
};

const struct option_table common_options = OPTION_TABLE(common);

const struct command *const *commands_all(size_t *ret_count)
{
	*ret_count = ARRAY_LEN(commands);
	return commands;
}
