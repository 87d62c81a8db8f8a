/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See document.h. json_dumps() of jansson 2.14 does not look whether a key found room in its
 * buffer; a buffer of ours keeps the failure until the end.
 */
#include "base/document.h"

#include "base/buf.h"
#include "base/cleanup.h"

enum {
	TEXT_BYTES_MAX = 64 << 20, /* several times the longest status */
};

json_t *document_append(json_t *list, json_t *item)
{
	if (json_array_append_new(list, item) == 0)
		return list;
	json_decref(list);
	return NULL;
}

static int append(const char *text, size_t length, void *data)
{
	return buf_append(data, text, length);
}

char *document_text(const json_t *root, size_t flags)
{
	cleanup_buf struct buf text = BUF_INIT(TEXT_BYTES_MAX);
	if (json_dump_callback(root, append, &text, flags) < 0 || text.error < 0)
		return NULL;
	return TAKE_PTR(text.data);
}
