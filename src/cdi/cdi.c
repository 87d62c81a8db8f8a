/* SPDX-License-Identifier: Apache-2.0 */
/* See cdi.h. */
#include "cdi/cdi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "cdi/cdi_search.h"
#include "cdi/cdi_spec.h"
#include "cdi/extra_spec.h"
#include "cdi/gpu_spec.h"
#include "cdi/spec_file.h"

/* One text a class; NULL for one that has no device or is not wanted. */
struct texts {
	char *items[CDI_CLASSES]; /* owned */
};

static void texts_done(struct texts *texts)
{
	for (unsigned i = 0; i < CDI_CLASSES; i++)
		free(texts->items[i]);
}

static int make_text(const struct cdi_search *search, const struct snapshot *snapshot,
		     const struct held *held, enum cdi_class class, char **ret, struct err *err)
{
	struct cdi_spec spec = { 0 };
	int r = class == CDI_GPU ? gpu_spec_make(search, snapshot, held, &spec, err)
				 : extra_spec_make(search, class, &spec, err);
	return r < 0 || spec.devices_count == 0 ? r : cdi_spec_encode(&spec, ret, err);
}

static int make_texts(const struct settings *settings, const struct snapshot *snapshot,
		      const struct held *held, struct texts *texts, struct err *err)
{
	cleanup_arena struct arena arena = { 0 };
	struct cdi_search search;
	unsigned wanted = cdi_class_wanted(settings);
	int r = cdi_search_init(&arena, settings, snapshot, &search, err);
	for (unsigned i = 0; i < CDI_CLASSES && r == 0; i++)
		if (wanted & CDI_BIT(i))
			r = make_text(&search, snapshot, held, i, &texts->items[i], err);
	return r;
}

static int write_class(const char *folder, enum cdi_class class, const char *text,
		       struct cdi_report *report, struct err *err)
{
	const char *name = cdi_class_file(class);
	int r = text ? spec_file_write(folder, name, text, strlen(text), err)
		     : spec_file_remove(folder, name, err);
	if (r < 0)
		return r;
	if (text)
		report->present |= CDI_BIT(class);
	if (r > 0)
		*(text ? &report->written : &report->removed) |= CDI_BIT(class);
	return 0;
}

static int write_texts(const char *folder, unsigned wanted, const struct texts *texts,
		       struct cdi_report *ret, struct err *err)
{
	struct cdi_report report = { 0 };
	int r = spec_file_make_folder(folder, err);
	if (r == 0)
		r = spec_file_sweep(folder, err);
	for (unsigned i = 0; i < CDI_CLASSES && r >= 0; i++)
		if (wanted & CDI_BIT(i))
			r = write_class(folder, i, texts->items[i], &report, err);
	if (r < 0)
		return r;
	*ret = report;
	return 0;
}

int cdi_write(const struct settings *settings, const struct snapshot *snapshot,
	      const struct held *held, struct cdi_report *ret, struct err *err)
{
	unsigned wanted = cdi_class_wanted(settings);
	if (wanted == 0) {
		*ret = (struct cdi_report){ 0 };
		return 0;
	}
	cleanup_arena struct arena arena = { 0 };
	const char *folder = arena_printf(&arena, "%s%s", settings->root, CDI_FOLDER);
	if (!folder)
		return err_set(err, -ENOMEM, "out of memory");
	struct texts texts = { 0 };
	int r = make_texts(settings, snapshot, held, &texts, err);
	if (r == 0)
		r = write_texts(folder, wanted, &texts, ret, err);
	texts_done(&texts);
	return r < 0 ? err_wrap(err, r, "CDI") : 0;
}

bool cdi_depends_on_held(const struct settings *settings, const struct snapshot *snapshot,
			 const struct held *held)
{
	if ((cdi_class_wanted(settings) & CDI_BIT(CDI_GPU)) == 0)
		return false;
	for (size_t i = 0; i < snapshot->devices_count; i++)
		if (held_has_device(held, snapshot->devices[i].uuid))
			return true;
	return false;
}
