/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks for files of the driver and for device nodes, by tables, and adds what is there to edits:
 * under the path that the host has, since that is what a runtime mounts, and the path that the
 * container shall have.
 *
 *   what       where we see it                             where the host has it
 *   files      container_driver_root                       driver_root
 *   nodes      the same when it has a dev folder, else /   dev_root
 */
#pragma once

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "cdi/cdi_edits.h"
#include "cdi/rooted.h"
#include "core/device.h"
#include "core/settings.h"

/* Folders in which a file is looked for, one after the other. */
enum cdi_place {
	CDI_PLACE_LIBRARIES,
	CDI_PLACE_XORG,
	CDI_PLACE_CONFIGS,
	CDI_PLACE_VULKAN, /* the same, and the root itself */
	CDI_PLACE_FIRMWARE,
	CDI_PLACE_PROGRAMS,
	CDI_PLACE_RUN,
	CDI_PLACE_TOP, /* the root itself */
	CDI_PLACES,
};

/* What a file must be. */
enum cdi_kind {
	CDI_KIND_FILE,
	CDI_KIND_PROGRAM,
	CDI_KIND_ANY, /* also a folder or a socket */
};

/* A row of a table: what is looked for, and how it is mounted. */
struct cdi_file {
	enum cdi_place place;
	enum cdi_kind kind;
	/* Below the place: "*" stands for any characters of its last part, "@" for the version of
	 * the driver. */
	const char *pattern;
	const char *folder; /* of the container; NULL: as found */
	bool is_first;      /* only in the first folder that has it */
	bool is_followed;   /* under the name that its links lead to; else that which was asked */
	bool is_socket;     /* to speak with a daemon of the host; else read only */
	unsigned with;      /* bits of enum cdi_feature that it needs */
	unsigned without;   /* bits of enum cdi_feature that switch it off */
};

/* Texts are borrowed from the arena, the settings and the snapshot. */
struct cdi_search {
	struct arena *arena;
	const struct settings *settings;
	const char *version;     /* of the driver */
	const char *driver_root; /* where we see it; "" is / */
	const char *dev_root;
	const char *host_driver_root; /* where the host has it */
	const char *host_dev_root;
};

/** Returns 0, -EINVAL (a version of the driver that could be no part of a file's name), -ENOMEM. */
int cdi_search_init(struct arena *arena, const struct settings *settings,
		    const struct snapshot *snapshot, struct cdi_search *ret, struct err *err);

/** Mount what there is of these. Returns 0, -E2BIG (a bound), -ENOMEM, or an errno of looking. */
int cdi_search_files(const struct cdi_search *search, const struct cdi_file *files, size_t count,
		     struct cdi_edits *edits, struct err *err);

/** Add what there is of these nodes, "*" standing for any characters of the last part, with the
 * group of one that is not for everybody. Returns as cdi_search_files(). */
int cdi_search_nodes(const struct cdi_search *search, const char *const *patterns, size_t count,
		     struct cdi_edits *edits, struct err *err);

/** Add this node, also when it is not there. Returns 0, -E2BIG, -ENOMEM. */
int cdi_search_add_node(const struct cdi_search *search, const char *path, struct cdi_edits *edits,
			struct err *err);
