/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See driver_files.h. The tables follow NVIDIA's container toolkit 1.20. Libraries come first among
 * the mounts: the links and the folders for the dynamic linker are made from them.
 */
#include "cdi/driver_files.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "cdi/hook_call.h"

enum {
	MOUNTS_MAX = 512,
	HOOKS_MAX = 5,
	GIDS_MAX = 8,
	DIRS_BYTES_MAX = 8 << 10, /* of the folders in one variable */
};

/* The libraries that carry the driver's version; without them there is no driver. */
static const struct cdi_file versioned[] = {
	{ CDI_PLACE_LIBRARIES, CDI_KIND_FILE, "*.so.@", .is_followed = true },
};

#define LIBRARY(pattern, ...)                                                                 \
	{                                                                                     \
		CDI_PLACE_LIBRARIES, CDI_KIND_FILE, pattern, .is_followed = true, __VA_ARGS__ \
	}
#define EXPLICIT(name) LIBRARY(name, .with = CDI_EXPLICIT_DRIVER_LIBRARIES)

static const struct cdi_file libraries[] = {
	LIBRARY("vdpau/*.so.@"),
	LIBRARY("libnvidia-nvvm70.so.*"),
	/* Platforms of EGL have versions of their own; the configuration below names them. */
	LIBRARY("libnvidia-egl-gbm.so.*.*"),
	LIBRARY("libnvidia-egl-wayland.so.*.*"),
	LIBRARY("libnvidia-egl-wayland2.so.*.*"),
	LIBRARY("libnvidia-egl-xcb.so.*.*"),
	LIBRARY("libnvidia-egl-xlib.so.*.*"),
	EXPLICIT("libEGL.so"),
	EXPLICIT("libGL.so"),
	EXPLICIT("libGLESv1_CM.so"),
	EXPLICIT("libGLESv2.so"),
	EXPLICIT("libGLX.so"),
	EXPLICIT("libGLdispatch.so"),
	EXPLICIT("libOpenCL.so"),
	EXPLICIT("libOpenGL.so"),
	EXPLICIT("libnvidia-api.so"),
	EXPLICIT("libnvidia-egl-xcb.so"),
	EXPLICIT("libnvidia-egl-xlib.so"),
};

#define CONFIG(place, path, in)                                              \
	{                                                                    \
		place, CDI_KIND_FILE, path, .folder = (in), .is_first = true \
	}
#define SHARED(path) CONFIG(CDI_PLACE_CONFIGS, path, "/usr/share")
#define VULKAN(path) CONFIG(CDI_PLACE_VULKAN, path, "/etc")
#define PROGRAM(name)                                                        \
	{                                                                    \
		CDI_PLACE_PROGRAMS, CDI_KIND_PROGRAM, name, .is_first = true \
	}
#define SOCKET(place, path)                                                     \
	{                                                                       \
		place, CDI_KIND_ANY, path, .is_first = true, .is_socket = true, \
					   .without = CDI_NO_IPC_DISCOVERER     \
	}

static const struct cdi_file others[] = {
	{ CDI_PLACE_XORG, CDI_KIND_FILE, "nvidia_drv.so", .is_first = true },
	{ CDI_PLACE_XORG, CDI_KIND_FILE, "libglxserver_nvidia.so.@", .is_first = true },
	SHARED("glvnd/egl_vendor.d/10_nvidia.json"),
	SHARED("egl/egl_external_platform.d/15_nvidia_gbm.json"),
	SHARED("egl/egl_external_platform.d/10_nvidia_wayland.json"),
	SHARED("egl/egl_external_platform.d/09_nvidia_wayland2.json"),
	SHARED("egl/egl_external_platform.d/20_nvidia_xcb.json"),
	SHARED("egl/egl_external_platform.d/20_nvidia_xlib.json"),
	SHARED("nvidia/nvoptix.bin"),
	SHARED("X11/xorg.conf.d/10-nvidia.conf"),
	SHARED("X11/xorg.conf.d/nvidia-drm-outputclass.conf"),
	CONFIG(CDI_PLACE_CONFIGS, "OpenCL/vendors/nvidia.icd", "/etc"),
	VULKAN("vulkan/icd.d/nvidia_icd.json"),
	VULKAN("vulkan/icd.d/nvidia_layers.json"),
	VULKAN("vulkan/implicit_layer.d/nvidia_layers.json"),
	VULKAN("vulkan/icd.d/nvidia_icd.x86_64.json"),
	VULKAN("vulkan/icd.d/nvidia_icd.aarch64.json"),
	{ .place = CDI_PLACE_FIRMWARE, .pattern = "nvidia/@/gsp*.bin" },
	PROGRAM("nvidia-smi"),
	PROGRAM("nvidia-debugdump"),
	PROGRAM("nvidia-persistenced"),
	PROGRAM("nvidia-cuda-mps-control"),
	PROGRAM("nvidia-cuda-mps-server"),
	PROGRAM("nvidia-imex"),
	PROGRAM("nvidia-imex-ctl"),
	SOCKET(CDI_PLACE_RUN, "nvidia-persistenced/socket"),
	SOCKET(CDI_PLACE_RUN, "nvidia-fabricmanager/socket"),
	SOCKET(CDI_PLACE_TOP, "tmp/nvidia-mps"),
};

static const char *const control_nodes[] = {
	"/dev/nvidiactl",
	"/dev/nvidia-uvm",
	"/dev/nvidia-uvm-tools",
	"/dev/nvidia-modeset",
};

/* Links that programs count on and that the dynamic linker's cache does not make. @target NULL: the
 * library itself. */
static const struct {
	const char *library; /* its name before the version */
	const char *link;
	const char *target;
} needed_links[] = {
	{ "libcuda.so.", "libcuda.so", "libcuda.so.1" },
	{ "libGLX_nvidia.so.", "libGLX_indirect.so.0", NULL },
	{ "libnvidia-opticalflow.so.", "libnvidia-opticalflow.so", "libnvidia-opticalflow.so.1" },
	{ "libnvidia-allocator.so.", "gbm/nvidia-drm_gbm.so", "../libnvidia-allocator.so.1" },
	{ "libnvidia-vulkan-producer.so.", "libnvidia-vulkan-producer.so", NULL },
	{ "libglxserver_nvidia.so.", "libglxserver_nvidia.so", NULL },
};

/* Ends of the links beside a library by which programs find it: "libcuda.so", "libcuda.so.1". */
static const char *const link_ends[] = { "", ".0", ".1", ".2" };

/* Texts of which each is kept once. */
struct texts {
	const char **items;
	size_t count;
};

/* With room for @max. */
static int texts_init(struct arena *arena, size_t max, struct texts *ret)
{
	*ret = (struct texts){ arena_array(arena, max, sizeof(*ret->items)), 0 };
	return ret->items ? 0 : -ENOMEM;
}

static void add_text(struct texts *texts, const char *text)
{
	for (size_t i = 0; i < texts->count; i++)
		if (strcmp(texts->items[i], text) == 0)
			return;
	texts->items[texts->count++] = text;
}

/* The folder of a path, with its last slash: its length. */
static int folder_length(const char *path)
{
	return (int)(strrchr(path, '/') + 1 - path);
}

/* A link beside a library that leads to it. */
struct library_link {
	const char *target; /* what it says */
	const char *path;
	const struct cdi_mount *library;
};

struct links {
	struct library_link *items; /* each path once */
	size_t count;
};

/* @name below the folder of the library. The first that is said of a link counts. */
static int add_link(const struct cdi_search *search, const char *target,
		    const struct cdi_mount *library, const char *name, struct links *links)
{
	const char *of = library->container_path;
	const char *path = arena_printf(search->arena, "%.*s%s", folder_length(of), of, name);
	if (!path)
		return -ENOMEM;
	for (size_t i = 0; i < links->count; i++)
		if (strcmp(links->items[i].path, path) == 0)
			return 0;
	links->items[links->count++] = (struct library_link){ target, path, library };
	return 0;
}

/* Links that the driver's root has beside the library, and that lead to it. */
static int add_links_beside(const struct cdi_search *search, const struct cdi_mount *library,
			    struct links *links)
{
	const char *of = library->container_path;
	const char *end = strstr(of, ".so.");
	for (size_t i = 0; end && i < ARRAY_LEN(link_ends); i++) {
		char target[ROOTED_PATH_BYTES];
		struct rooted found;
		const char *path = arena_printf(search->arena, "%.*s.so%s", (int)(end - of), of,
						link_ends[i]);
		if (!path)
			return -ENOMEM;
		if (rooted_link(search->driver_root, path, target) < 0 ||
		    rooted_resolve(search->driver_root, path, &found) < 0 ||
		    strcmp(found.path, of) != 0)
			continue;
		const char *kept = arena_printf(search->arena, "%s", target);
		if (!kept)
			return -ENOMEM;
		int r = add_link(search, kept, library, path + folder_length(path), links);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_needed_links(const struct cdi_search *search, const struct cdi_mount *library,
			    struct links *links)
{
	const char *name = library->container_path + folder_length(library->container_path);
	for (size_t i = 0; i < ARRAY_LEN(needed_links); i++) {
		if (strncmp(name, needed_links[i].library, strlen(needed_links[i].library)) != 0)
			continue;
		const char *target = needed_links[i].target ? needed_links[i].target : name;
		int r = add_link(search, target, library, needed_links[i].link, links);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Made by NVIDIA's hook in the container. */
static int hook_links(const struct cdi_search *search, const struct links *links,
		      struct cdi_edits *edits)
{
	struct texts operands;
	int r = texts_init(search->arena, links->count, &operands);
	for (size_t i = 0; i < links->count && r == 0; i++) {
		const char *text = arena_printf(search->arena, "%s::%s", links->items[i].target,
						links->items[i].path);
		r = text ? 0 : -ENOMEM;
		operands.items[operands.count++] = text;
	}
	return r < 0 ? r
		     : hook_call_add(search->settings, CDI_HOOK_CREATE_SYMLINKS, operands.items,
				     operands.count, search->arena, edits);
}

/* Where no hook makes them: the library under its other names. */
static int mount_links(const struct links *links, struct cdi_edits *edits)
{
	int r = 0;
	for (size_t i = 0; i < links->count && r == 0; i++) {
		const struct cdi_mount *library = links->items[i].library;
		const struct cdi_mount mount = { library->host_path, links->items[i].path,
						 library->options };
		if (!cdi_edits_has_mount(edits, mount.container_path))
			r = cdi_edits_add_mount(edits, &mount);
	}
	return r;
}

static int add_links(const struct cdi_search *search, struct cdi_edits *edits)
{
	size_t max = edits->mounts_count * (ARRAY_LEN(link_ends) + ARRAY_LEN(needed_links));
	struct links links = { arena_array(search->arena, max, sizeof(*links.items)), 0 };
	if (!links.items)
		return -ENOMEM;
	for (size_t i = 0; i < edits->mounts_count; i++) {
		const struct cdi_mount *library = &edits->mounts[i];
		int r = add_links_beside(search, library, &links);
		if (r == 0)
			r = add_needed_links(search, library, &links);
		if (r < 0)
			return r;
	}
	if (search->settings->cdi_disabled_hooks & CDI_HOOK_CREATE_SYMLINKS)
		return mount_links(&links, edits);
	return hook_links(search, &links, edits);
}

static int add_compat(const struct cdi_search *search, struct cdi_edits *edits)
{
	const char *flag = arena_printf(search->arena, "--host-driver-version=%s", search->version);
	if (!flag)
		return -ENOMEM;
	return hook_call_add(search->settings, CDI_HOOK_ENABLE_CUDA_COMPAT, &flag, 1, search->arena,
			     edits);
}

/* Folders of the first @count mounts, each once. */
static int find_folders(const struct cdi_search *search, const struct cdi_edits *edits,
			size_t count, struct texts *ret)
{
	int r = texts_init(search->arena, count, ret);
	for (size_t i = 0; i < count && r == 0; i++) {
		const char *path = edits->mounts[i].container_path;
		const char *folder = arena_printf(search->arena, "%.*s", folder_length(path) - 1,
						  path);
		r = folder ? 0 : -ENOMEM;
		if (folder)
			add_text(ret, folder);
	}
	return r;
}

static int add_envs(const struct cdi_search *search, struct cdi_edits *edits)
{
	struct texts folders;
	int r = find_folders(search, edits, edits->mounts_count, &folders);
	if (r < 0)
		return r;
	cleanup_buf struct buf joined = BUF_INIT(DIRS_BYTES_MAX);
	for (size_t i = 0; i < folders.count; i++)
		(void)buf_printf(&joined, "%s%s", i > 0 ? ":" : "", folders.items[i]);
	r = buf_append(&joined, "", 0); /* tells also what went wrong above */
	if (r < 0)
		return r;
	const char *env = arena_printf(search->arena, "NVIDIA_CTK_LIBCUDA_DIR=%s", joined.data);
	if (!env)
		return -ENOMEM;
	/* Else NVIDIA's runtime would add GPUs of its own choice. */
	r = cdi_edits_add_env(edits, "NVIDIA_VISIBLE_DEVICES=void");
	return r < 0 ? r : cdi_edits_add_env(edits, env);
}

/* @libraries_count: the mounts of libraries, which are the first. */
static int add_hooks(const struct cdi_search *search, size_t libraries_count,
		     struct cdi_edits *edits)
{
	const struct settings *settings = search->settings;
	struct arena *arena = search->arena;
	struct texts folders;
	int r = add_links(search, edits);
	if (r == 0)
		r = add_compat(search, edits);
	if (r == 0)
		r = find_folders(search, edits, libraries_count, &folders);
	if (r == 0)
		r = hook_call_add(settings, CDI_HOOK_UPDATE_LDCACHE, folders.items, folders.count,
				  arena, edits);
	if (r == 0)
		r = hook_call_add(settings, CDI_HOOK_DISABLE_DEVICE_NODE_MODIFICATION, NULL, 0,
				  arena, edits);
	if (r == 0)
		r = hook_call_add(settings, CDI_HOOK_UPDATE_APPLICATION_PROFILE, NULL, 0, arena,
				  edits);
	return r;
}

static int no_library(const struct cdi_search *search, struct err *err)
{
	return err_set(err, -ENOENT,
		       "no library of driver %s below %s, mount the host's %s there, or say with "
		       "--driver-root-ctr-path where it is mounted",
		       search->version, search->driver_root[0] ? search->driver_root : "/",
		       search->settings->driver_root);
}

int driver_files_find(const struct cdi_search *search, struct cdi_edits *ret, struct err *err)
{
	const struct cdi_room room = {
		.envs = 2,
		.nodes = ARRAY_LEN(control_nodes),
		.mounts = MOUNTS_MAX,
		.hooks = HOOKS_MAX,
		.gids = GIDS_MAX,
	};
	struct cdi_edits edits;
	if (cdi_edits_init(search->arena, &room, &edits) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	int r = cdi_search_nodes(search, control_nodes, ARRAY_LEN(control_nodes), &edits, err);
	if (r == 0)
		r = cdi_search_files(search, versioned, ARRAY_LEN(versioned), &edits, err);
	if (r == 0 && edits.mounts_count == 0)
		r = no_library(search, err);
	if (r < 0)
		return r;
	r = add_envs(search, &edits);
	if (r < 0)
		return err_set(err, r, "out of memory");
	r = cdi_search_files(search, libraries, ARRAY_LEN(libraries), &edits, err);
	size_t libraries_count = edits.mounts_count;
	if (r == 0)
		r = cdi_search_files(search, others, ARRAY_LEN(others), &edits, err);
	if (r < 0)
		return r;
	r = add_hooks(search, libraries_count, &edits);
	if (r == -E2BIG)
		return err_set(err, r, "more links of libraries than a specification may have");
	if (r < 0)
		return err_set(err, r, "out of memory");
	*ret = edits;
	return 0;
}
