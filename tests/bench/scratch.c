/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/scratch.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"

enum {
	FILE_BYTES_MAX = 64 << 10,
	FILE_MODE = 0644,
	OPEN_FILES_MAX = 8, /* of the walk that removes */
};

int scratch_place(const char *directory, const char *name, size_t length,
		  char ret[static SCRATCH_PLACE_BYTES])
{
	size_t head = strlen(directory);
	if (head >= SCRATCH_PLACE_BYTES || length >= SCRATCH_PLACE_BYTES - head - 1)
		return -ENAMETOOLONG;
	memcpy(ret, directory, head);
	ret[head] = '/';
	memcpy(ret + head + 1, name, length);
	ret[head + 1 + length] = '\0';
	return 0;
}

static int put_file(const struct scratch *scratch, const char *name, const struct buf *text,
		    struct err *err)
{
	char path[SCRATCH_PLACE_BYTES];
	if (text->error < 0)
		return err_errno(err, text->error, "%s", name);
	int r = scratch_place(scratch->path, name, strlen(name), path);
	if (r < 0)
		return err_errno(err, r, "%s", name);
	return file_write(path, text->data, text->len, FILE_MODE, err);
}

static int put_scenario(const struct scratch *scratch, unsigned gpus, struct err *err)
{
	cleanup_buf struct buf text = BUF_INIT(FILE_BYTES_MAX);
	(void)buf_text(&text, "gpus:\n"); /* failures are kept in text.error */
	for (unsigned i = 0; i < gpus; i++)
		(void)buf_text(&text, "- {model: Tesla T4}\n");
	return put_file(scratch, "scenario.yaml", &text, err);
}

static int put_config(const struct scratch *scratch, unsigned replicas, struct err *err)
{
	cleanup_buf struct buf text = BUF_INIT(FILE_BYTES_MAX);
	(void)buf_printf(&text,
			 "version: v1\n"
			 "sharing:\n"
			 "  timeSlicing:\n"
			 "    resources:\n"
			 "    - name: nvidia.com/gpu\n"
			 "      replicas: %u\n",
			 replicas); /* a failure is kept in text.error */
	return put_file(scratch, "config.yaml", &text, err);
}

int scratch_make(struct scratch *scratch, unsigned gpus, unsigned replicas, struct err *err)
{
	char path[SCRATCH_PATH_BYTES] = "/tmp/rota-bench-XXXXXX";
	if (!mkdtemp(path))
		return err_errno(err, -errno, "%s", path);
	memcpy(scratch->path, path, sizeof(path));

	int r = put_scenario(scratch, gpus, err);
	if (r == 0)
		r = put_config(scratch, replicas, err);
	if (r < 0)
		scratch_done(scratch);
	return r;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
	(void)status;
	(void)type;
	(void)place;
	(void)remove(path); /* what stays is a few KiB in /tmp */
	return 0;
}

void scratch_done(struct scratch *scratch)
{
	if (scratch->path[0] != '\0')
		(void)nftw(scratch->path, remove_entry, OPEN_FILES_MAX,
			   FTW_DEPTH | FTW_PHYS | FTW_MOUNT); /* as above */
	scratch->path[0] = '\0';
}
