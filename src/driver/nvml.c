/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads NVML by name and turns its errors into ours. Used by the driver process only. Invariant: in
 * a struct nvml that left nvml_open(), every required pointer is set and NVML is initialised.
 */
#include "driver/nvml.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static const char library_name[] = "libnvidia-ml.so.1";

/* Below the driver root, in NVIDIA's order. */
static const char *const library_folders[] = {
	"/usr/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu",
	"/lib64",     "/lib/x86_64-linux-gnu",     "/lib/aarch64-linux-gnu",
};

struct symbol {
	const char *name;
	size_t offset;
	bool is_required;
};

static const struct symbol symbols[] = {
#define NVML_SYMBOL(name, is_required) { #name, offsetof(struct nvml, name), is_required },
	NVML_USED(NVML_SYMBOL)
#undef NVML_SYMBOL
};

struct meaning {
	int result;
	int code;
	const char *remedy;
};

static const struct meaning meanings[] = {
	{ NVML_ERROR_UNINITIALIZED, -EAGAIN, "it is initialised again" },
	{ NVML_ERROR_NOT_SUPPORTED, -ENOTSUP, "this GPU or driver cannot tell" },
	{ NVML_ERROR_NO_PERMISSION, -EACCES,
	  "give this container access to /dev/nvidiactl and /dev/nvidia*" },
	{ NVML_ERROR_DRIVER_NOT_LOADED, -EAGAIN,
	  "load the NVIDIA kernel module (`modprobe nvidia`), or install the driver on this node" },
	{ NVML_ERROR_LIBRARY_NOT_FOUND, -EAGAIN, "install the driver on this node again" },
	{ NVML_ERROR_GPU_IS_LOST, -ENXIO,
	  "the GPU fell off the bus: see `dmesg | grep Xid`, reset it or reboot the node" },
	{ NVML_ERROR_RESET_REQUIRED, -ENXIO,
	  "reset it (`nvidia-smi --gpu-reset`) or reboot the node" },
	{ NVML_ERROR_OPERATING_SYSTEM, -EACCES,
	  "the device cgroup of this container was changed: restart the container" },
	{ NVML_ERROR_LIB_RM_VERSION_MISMATCH, -EAGAIN,
	  "the driver was upgraded but its old kernel module is loaded: reboot the node or reload "
	  "the module" },
	{ NVML_ERROR_GPU_NOT_FOUND, -ENODEV, "this node has no GPU that the driver knows" },
};

static const struct meaning unknown_meaning = { NVML_ERROR_UNKNOWN, -EIO,
						"see `dmesg | grep -i nvrm`" };

static const struct meaning *find_meaning(int result)
{
	for (size_t i = 0; i < ARRAY_LEN(meanings); i++)
		if (meanings[i].result == result)
			return &meanings[i];
	return &unknown_meaning;
}

int nvml_err(const struct nvml *nvml, const char *call, int result, struct err *err)
{
	const struct meaning *meaning = find_meaning(result);
	const char *text = nvml->nvmlErrorString(result);
	return err_set(err, meaning->code, "%s: %s (NVML error %d); %s", call, text ? text : "?",
		       result, meaning->remedy);
}

static int load(struct nvml *nvml, const char *path, struct err *err)
{
	nvml->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (nvml->library)
		return 0;
	const char *reason = dlerror();
	return err_set(err, -ENOENT, "%s", reason ? reason : path);
}

/* Links are followed here and not by the loader, so that the error names the file that was meant.
 */
static int load_below(struct nvml *nvml, const char *driver_root)
{
	for (size_t i = 0; i < ARRAY_LEN(library_folders); i++) {
		char path[PATH_MAX];
		int length = snprintf(path, sizeof(path), "%s%s/%s", driver_root,
				      library_folders[i], library_name);
		if (length < 0 || (size_t)length >= sizeof(path))
			return -ENAMETOOLONG;
		cleanup_free char *resolved = realpath(path, NULL);
		if (resolved && load(nvml, resolved, NULL) == 0)
			return 0;
	}
	return -ENOENT;
}

/* What the loader says is as long as the paths in it; its end gives way to the remedy. */
static void add_remedy(struct err *err)
{
	static const char remedy[] = "; install the driver on this node, or run this container "
				     "with the NVIDIA runtime";
	if (!err)
		return;
	size_t used = strnlen(err->msg, sizeof(err->msg) - sizeof(remedy));
	memcpy(err->msg + used, remedy, sizeof(remedy));
}

static int find_library(struct nvml *nvml, const char *driver_root, struct err *err)
{
	/* A runtime of the vendor may put it where only a cache would tell the loader of it. */
	if (load_below(nvml, driver_root) == 0 || load(nvml, library_name, err) == 0 ||
	    load_below(nvml, "") == 0)
		return 0;
	add_remedy(err);
	return err_wrap(err, -ENOENT, "no NVIDIA driver library under %s nor on the loader's path",
			driver_root);
}

static int find_symbols(struct nvml *nvml, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(symbols); i++) {
		void *found = dlsym(nvml->library, symbols[i].name);
		if (!found && symbols[i].is_required)
			return err_set(
				err, -ELIBBAD,
				"%s has no %s: the driver is too old, at least R450 is needed",
				library_name, symbols[i].name);
		/* A function's address as data, which only POSIX promises. */
		memcpy((char *)nvml + symbols[i].offset, &found, sizeof(found));
	}
	return 0;
}

static void unload(struct nvml **nvml)
{
	if (*nvml && (*nvml)->library)
		(void)dlclose((*nvml)->library); /* a library that stays costs only memory */
	free(*nvml);
}

int nvml_open(const char *driver_root, struct nvml **ret, struct err *err)
{
	CLEANUP(unload) struct nvml *nvml = calloc(1, sizeof(*nvml));
	if (!nvml)
		return err_set(err, -ENOMEM, "out of memory");
	int r = find_library(nvml, driver_root, err);
	if (r < 0)
		return r;
	r = find_symbols(nvml, err);
	if (r < 0)
		return r;

	int result = nvml->nvmlInit_v2();
	if (result != NVML_SUCCESS)
		return nvml_err(nvml, "nvmlInit_v2", result, err);
	*ret = TAKE_PTR(nvml);
	return 0;
}

struct nvml *nvml_close(struct nvml *nvml)
{
	if (nvml) {
		(void)nvml->nvmlShutdown(); /* whether it fails or not, it is unloaded next */
		unload(&nvml);
	}
	return NULL;
}
