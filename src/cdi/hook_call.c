/* SPDX-License-Identifier: Apache-2.0 */
/* See hook_call.h. */
#include "cdi/hook_call.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"

static const struct {
	enum cdi_hook hook;
	const char *name;
	const char *flag;    /* before each operand; NULL: they are flags themselves */
	bool needs_operands; /* without any there is nothing to do */
} hooks[] = {
	{ CDI_HOOK_CREATE_SYMLINKS, "create-symlinks", "--link", true },
	{ CDI_HOOK_ENABLE_CUDA_COMPAT, "enable-cuda-compat", NULL, false },
	{ CDI_HOOK_UPDATE_LDCACHE, "update-ldcache", "--folder", true },
	{ CDI_HOOK_DISABLE_DEVICE_NODE_MODIFICATION, "disable-device-node-modification", NULL,
	  false },
	{ CDI_HOOK_UPDATE_APPLICATION_PROFILE, "update-application-profile", NULL, false },
};

/* "nvidia-ctk hook NAME ...", where nvidia-cdi-hook is "nvidia-cdi-hook NAME ...". */
static const char *const *args_new(const char *path, size_t row, const char *const *operands,
				   size_t count, struct arena *arena)
{
	const char **args = arena_array(arena, 4 + 2 * count, sizeof(*args));
	if (!args)
		return NULL;
	const char *slash = strrchr(path, '/');
	size_t used = 0;
	args[used++] = slash ? slash + 1 : path;
	if (strcmp(args[0], "nvidia-ctk") == 0)
		args[used++] = "hook";
	args[used++] = hooks[row].name;
	for (size_t i = 0; i < count; i++) {
		if (hooks[row].flag)
			args[used++] = hooks[row].flag;
		args[used++] = operands[i];
	}
	return args; /* ended by what the arena zeroed */
}

int hook_call_add(const struct settings *settings, enum cdi_hook hook, const char *const *operands,
		  size_t count, struct arena *arena, struct cdi_edits *edits)
{
	static const char *const envs[] = { "NVIDIA_CTK_DEBUG=false", NULL };
	size_t row = 0;
	while (hooks[row].hook != hook)
		row++;
	if ((settings->cdi_disabled_hooks & hook) || (count == 0 && hooks[row].needs_operands))
		return 0;
	const char *path = settings->cdi_hook_path;
	const char *const *args = args_new(path, row, operands, count, arena);
	if (!args)
		return -ENOMEM;
	return cdi_edits_add_hook(edits,
				  &(struct cdi_hook_call){ "createContainer", path, args, envs });
}
