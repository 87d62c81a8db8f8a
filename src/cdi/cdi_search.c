/* SPDX-License-Identifier: Apache-2.0 */
/* See cdi_search.h. What is not there is left out: drivers differ in what they bring. */
#include "cdi/cdi_search.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

enum {
	PLACE_FOLDERS_MAX = 12,
};

/* Where distributions and NVIDIA's installer put things; NVIDIA's toolkit looks there too. */
static const char *const places[CDI_PLACES][PLACE_FOLDERS_MAX] = {
	[CDI_PLACE_LIBRARIES] = { "/usr/lib64", "/usr/lib/x86_64-linux-gnu",
				  "/usr/lib/aarch64-linux-gnu",
				  "/usr/lib/x86_64-linux-gnu/nvidia/current",
				  "/usr/lib/aarch64-linux-gnu/nvidia/current", "/lib64",
				  "/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu",
				  "/lib/x86_64-linux-gnu/nvidia/current",
				  "/lib/aarch64-linux-gnu/nvidia/current" },
	[CDI_PLACE_XORG] = { "/usr/lib/xorg/modules/drivers", "/usr/lib/xorg/modules/extensions",
			     "/usr/lib64/xorg/modules/drivers",
			     "/usr/lib64/xorg/modules/extensions",
			     "/usr/lib/x86_64-linux-gnu/nvidia/xorg",
			     "/usr/lib/aarch64-linux-gnu/nvidia/xorg" },
	[CDI_PLACE_CONFIGS] = { "/etc", "/usr/local/share", "/usr/share" },
	[CDI_PLACE_VULKAN] = { "/etc", "/usr/local/share", "/usr/share", "" },
	[CDI_PLACE_FIRMWARE] = { "/lib/firmware/updates", "/lib/firmware" },
	[CDI_PLACE_PROGRAMS] = { "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin",
				 "/sbin", "/bin" },
	[CDI_PLACE_RUN] = { "/run", "/var/run" },
	[CDI_PLACE_TOP] = { "" },
};

static const char *const read_only[] = { "ro", "nosuid", "nodev", "rbind", "rprivate", NULL };
static const char *const of_socket[] = { "nosuid", "nodev", "rbind", "rprivate", "noexec", NULL };

static int no_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "out of memory");
}

/* Without slashes at the end, so that a path follows; "/" is "". */
static const char *root_new(struct arena *arena, const char *before, const char *root)
{
	size_t length = strlen(root);
	while (length > 0 && root[length - 1] == '/')
		length--;
	return arena_printf(arena, "%s%.*s", before, (int)length, root);
}

/* It becomes a part of patterns and paths. */
static bool is_version(const char *version)
{
	size_t length = strspn(version, "0123456789.");
	return length > 0 && version[length] == '\0' && text_is_digit(version[0]);
}

int cdi_search_init(struct arena *arena, const struct settings *settings,
		    const struct snapshot *snapshot, struct cdi_search *ret, struct err *err)
{
	if (!is_version(snapshot->driver_version))
		return err_set(err, -EINVAL,
			       "driver version \"%s\" is no number, so its files cannot be found",
			       snapshot->driver_version);
	struct cdi_search search = {
		.arena = arena,
		.settings = settings,
		.version = snapshot->driver_version,
		.driver_root = root_new(arena, settings->root, settings->container_driver_root),
		.dev_root = root_new(arena, "", settings->root),
		.host_driver_root = root_new(arena, "", settings->driver_root),
		.host_dev_root = root_new(arena, "", settings->dev_root),
	};
	if (!search.driver_root || !search.dev_root || !search.host_driver_root ||
	    !search.host_dev_root)
		return no_memory(err);
	struct rooted dev;
	if (rooted_resolve(search.driver_root, "/dev", &dev) == 0 && S_ISDIR(dev.mode))
		search.dev_root = search.driver_root;
	*ret = search;
	return 0;
}

static bool is_of_kind(enum cdi_kind kind, mode_t mode)
{
	switch (kind) {
	case CDI_KIND_FILE:
		return S_ISREG(mode);
	case CDI_KIND_PROGRAM:
		return S_ISREG(mode) && (mode & 0111);
	case CDI_KIND_ANY:
		break;
	}
	return true;
}

static int too_many(const char *what, struct err *err)
{
	return err_set(err, -E2BIG, "%s: more files or nodes than a specification may have", what);
}

/* A row of a table with the version put in, and where it is looked for at the moment. */
struct wanted {
	const struct cdi_file *file;
	const char *pattern;
	const char *folder; /* below the root */
	const char *name;   /* in it, or a pattern */
};

static int add_mount(const struct cdi_search *search, const struct wanted *wanted, const char *name,
		     const char *found, struct cdi_edits *edits, struct err *err)
{
	const struct cdi_file *file = wanted->file;
	struct arena *arena = search->arena;
	const char *container = NULL;
	if (file->folder)
		container = arena_printf(arena, "%s/%s", file->folder, wanted->pattern);
	else if (file->is_followed)
		container = arena_printf(arena, "%s", found);
	else
		container = arena_printf(arena, "%s/%s", wanted->folder, name);
	const char *host = arena_printf(arena, "%s%s", search->host_driver_root, found);
	if (!container || !host)
		return no_memory(err);
	if (cdi_edits_has_mount(edits, container))
		return 0;
	const struct cdi_mount mount = { host, container, file->is_socket ? of_socket : read_only };
	return cdi_edits_add_mount(edits, &mount) < 0 ? too_many(found, err) : 0;
}

/* The names in a folder, or the one that is no pattern, whether it is there or not. */
static int names_in(const struct cdi_search *search, const char *root, const char *folder,
		    const char *name, struct rooted_names *ret, struct err *err)
{
	if (strchr(name, '*'))
		return rooted_list(root, folder, name, search->arena, ret, err);
	const char **items = arena_array(search->arena, 1, sizeof(*items));
	if (!items)
		return no_memory(err);
	items[0] = name;
	*ret = (struct rooted_names){ items, 1 };
	return 0;
}

/* Returns how many there were. */
static int search_folder(const struct cdi_search *search, const struct wanted *wanted,
			 struct cdi_edits *edits, struct err *err)
{
	struct rooted_names names;
	int r = names_in(search, search->driver_root, wanted->folder, wanted->name, &names, err);
	if (r < 0)
		return r;
	int count = 0;
	for (size_t i = 0; i < names.count; i++) {
		struct rooted found;
		const char *path = arena_printf(search->arena, "%s/%s", wanted->folder,
						names.items[i]);
		if (!path)
			return no_memory(err);
		if (rooted_resolve(search->driver_root, path, &found) < 0 ||
		    !is_of_kind(wanted->file->kind, found.mode))
			continue;
		r = add_mount(search, wanted, names.items[i], found.path, edits, err);
		if (r < 0)
			return r;
		count++;
	}
	return count;
}

/* The last slash parts what is before it, taken as it is, from a name or a pattern. */
static int aim(struct wanted *wanted, const char *place, struct arena *arena, struct err *err)
{
	char *path = arena_printf(arena, "%s/%s", place, wanted->pattern);
	if (!path)
		return no_memory(err);
	char *slash = strrchr(path, '/');
	*slash = '\0';
	wanted->folder = path;
	wanted->name = slash + 1;
	return 0;
}

static int search_places(const struct cdi_search *search, const struct cdi_file *file,
			 struct cdi_edits *edits, struct err *err)
{
	const char *pattern = file->pattern;
	int before = (int)strcspn(pattern, "@");
	struct wanted wanted = { .file = file, .pattern = pattern };
	if (pattern[before] == '@')
		wanted.pattern = arena_printf(search->arena, "%.*s%s%s", before, pattern,
					      search->version, pattern + before + 1);
	if (!wanted.pattern)
		return no_memory(err);
	const char *const *folders = places[file->place];
	for (size_t i = 0; i < PLACE_FOLDERS_MAX && folders[i]; i++) {
		int r = aim(&wanted, folders[i], search->arena, err);
		if (r == 0)
			r = search_folder(search, &wanted, edits, err);
		if (r < 0 || (r > 0 && file->is_first))
			return r;
	}
	return 0;
}

int cdi_search_files(const struct cdi_search *search, const struct cdi_file *files, size_t count,
		     struct cdi_edits *edits, struct err *err)
{
	unsigned features = search->settings->cdi_features;
	for (size_t i = 0; i < count; i++) {
		if ((features & files[i].with) != files[i].with || (features & files[i].without))
			continue;
		int r = search_places(search, &files[i], edits, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* @found: where the path leads, NULL when it is not there. A node that only a group may use is of
 * use to a process of another user only in that group. */
static int add_node(const struct cdi_search *search, const char *path, const struct rooted *found,
		    struct cdi_edits *edits, struct err *err)
{
	const mode_t for_all = S_IROTH | S_IWOTH;
	const char *place = found ? found->path : path;
	struct cdi_node node = {
		.path = arena_printf(search->arena, "%s", path),
		.host_path = arena_printf(search->arena, "%s%s", search->host_dev_root, place),
	};
	if (!node.path || !node.host_path)
		return no_memory(err);
	if (strcmp(node.path, node.host_path) == 0)
		node.host_path = NULL; /* which only CDI 0.5.0 knows */
	int r = cdi_edits_add_node(edits, &node);
	if (r == 0 && found && (found->mode & for_all) != for_all &&
	    !(search->settings->cdi_features & CDI_NO_ADDITIONAL_GIDS))
		r = cdi_edits_add_gid(edits, found->gid);
	return r < 0 ? too_many(path, err) : 0;
}

static int search_pattern(const struct cdi_search *search, const char *pattern,
			  struct cdi_edits *edits, struct err *err)
{
	struct rooted_names names;
	struct wanted wanted = { .pattern = pattern + 1 };
	int r = aim(&wanted, "", search->arena, err);
	if (r == 0)
		r = names_in(search, search->dev_root, wanted.folder, wanted.name, &names, err);
	for (size_t i = 0; r == 0 && i < names.count; i++) {
		struct rooted found;
		const char *path = arena_printf(search->arena, "%s/%s", wanted.folder,
						names.items[i]);
		if (!path)
			return no_memory(err);
		if (rooted_resolve(search->dev_root, path, &found) == 0 && !S_ISDIR(found.mode))
			r = add_node(search, path, &found, edits, err);
	}
	return r;
}

int cdi_search_nodes(const struct cdi_search *search, const char *const *patterns, size_t count,
		     struct cdi_edits *edits, struct err *err)
{
	int r = 0;
	for (size_t i = 0; i < count && r == 0; i++)
		r = search_pattern(search, patterns[i], edits, err);
	return r;
}

int cdi_search_add_node(const struct cdi_search *search, const char *path, struct cdi_edits *edits,
			struct err *err)
{
	struct rooted found;
	bool is_there = rooted_resolve(search->dev_root, path, &found) == 0;
	return add_node(search, path, is_there ? &found : NULL, edits, err);
}
