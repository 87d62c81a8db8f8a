/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cdi/hook_call.h"
#include "failing.h"

static const char *const operands[] = { "a::b", "c::d" };

/* Program and arguments in one line; "" for no call. */
static const char *called(const struct settings *settings, enum cdi_hook hook, size_t count)
{
	static char text[500];
	cleanup_arena struct arena arena = { 0 };
	struct cdi_edits edits;
	const struct cdi_room room = { .hooks = 1 };
	assert_int_equal(cdi_edits_init(&arena, &room, &edits), 0);
	assert_int_equal(hook_call_add(settings, hook, operands, count, &arena, &edits), 0);
	text[0] = '\0';
	if (edits.hooks_count == 0)
		return text;
	const struct cdi_hook_call *call = &edits.hooks[0];
	assert_string_equal(call->name, "createContainer");
	assert_string_equal(call->envs[0], "NVIDIA_CTK_DEBUG=false");
	assert_null(call->envs[1]);
	(void)snprintf(text, sizeof(text), "%s:", call->path);
	for (size_t i = 0; call->args[i]; i++) {
		size_t length = strlen(text);
		(void)snprintf(text + length, sizeof(text) - length, " %s", call->args[i]);
	}
	return text;
}

static void is_called_as_the_program_wants_it(void **state)
{
	(void)state;
	const struct settings ctk = { .cdi_hook_path = "/usr/bin/nvidia-ctk" };
	const struct settings hook = { .cdi_hook_path = "/opt/nvidia-cdi-hook" };
	assert_string_equal(called(&ctk, CDI_HOOK_CREATE_SYMLINKS, 2),
			    "/usr/bin/nvidia-ctk: nvidia-ctk hook create-symlinks "
			    "--link a::b --link c::d");
	assert_string_equal(called(&hook, CDI_HOOK_UPDATE_LDCACHE, 1),
			    "/opt/nvidia-cdi-hook: nvidia-cdi-hook update-ldcache --folder a::b");
	assert_string_equal(called(&hook, CDI_HOOK_ENABLE_CUDA_COMPAT, 1),
			    "/opt/nvidia-cdi-hook: nvidia-cdi-hook enable-cuda-compat a::b");
	assert_string_equal(called(&hook, CDI_HOOK_DISABLE_DEVICE_NODE_MODIFICATION, 0),
			    "/opt/nvidia-cdi-hook: nvidia-cdi-hook "
			    "disable-device-node-modification");
	assert_string_equal(called(&hook, CDI_HOOK_UPDATE_APPLICATION_PROFILE, 0),
			    "/opt/nvidia-cdi-hook: nvidia-cdi-hook update-application-profile");
}

static void one_without_a_folder_is_called_by_its_name(void **state)
{
	(void)state;
	const struct settings settings = { .cdi_hook_path = "nvidia-ctk" };
	assert_string_equal(called(&settings, CDI_HOOK_UPDATE_LDCACHE, 1),
			    "nvidia-ctk: nvidia-ctk hook update-ldcache --folder a::b");
}

static void one_that_is_disabled_or_has_nothing_to_do_is_not_called(void **state)
{
	(void)state;
	struct settings settings = { .cdi_hook_path = "/h",
				     .cdi_disabled_hooks = CDI_HOOK_UPDATE_LDCACHE };
	assert_string_equal(called(&settings, CDI_HOOK_UPDATE_LDCACHE, 1), "");
	assert_string_equal(called(&settings, CDI_HOOK_CREATE_SYMLINKS, 0), "");
	assert_string_not_equal(called(&settings, CDI_HOOK_CREATE_SYMLINKS, 1), "");
	settings.cdi_disabled_hooks = CDI_HOOKS_ALL;
	for (unsigned i = 0; (1U << i) <= CDI_HOOKS_ALL; i++)
		if ((1U << i) != CDI_HOOK_CHMOD)
			assert_string_equal(called(&settings, 1U << i, 1), "");
}

static void says_when_there_is_no_room_or_no_memory(void **state)
{
	(void)state;
	cleanup_arena struct arena arena = { 0 };
	const struct settings settings = { .cdi_hook_path = "/h" };
	struct cdi_edits edits = { 0 };
	failing_calloc = 1;
	int r = hook_call_add(&settings, CDI_HOOK_CREATE_SYMLINKS, operands, 1, &arena, &edits);
	failing_calloc = 0;
	assert_int_equal(r, -ENOMEM);
	assert_int_equal(
		hook_call_add(&settings, CDI_HOOK_CREATE_SYMLINKS, operands, 1, &arena, &edits),
		-E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_called_as_the_program_wants_it),
		cmocka_unit_test(one_without_a_folder_is_called_by_its_name),
		cmocka_unit_test(one_that_is_disabled_or_has_nothing_to_do_is_not_called),
		cmocka_unit_test(says_when_there_is_no_room_or_no_memory),
	};
	return cmocka_run_group_tests_name("hook_call", tests, NULL, NULL);
}
