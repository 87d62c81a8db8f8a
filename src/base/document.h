/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON documents that are whole or are not: what jansson 2.14 leaves out without a word when memory
 * is out (a key while it writes, an element that its caller could not make) is a failure here.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>

/**
 * Append to a list that is being made.
 *
 * @list  taken. NULL: its making failed before.
 * @item  taken. NULL: its making failed.
 *
 * Returns the list, NULL for want of memory.
 */
json_t *document_append(json_t *list, json_t *item);

/**
 * The text of a document.
 *
 * @root   borrowed. NULL: its making failed.
 * @flags  of json_dumps().
 *
 * Returns the text, the caller's to free(); NULL for want of memory.
 */
char *document_text(const json_t *root, size_t flags);
