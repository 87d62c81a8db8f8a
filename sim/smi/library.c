/* SPDX-License-Identifier: Apache-2.0 */
/* See library.h. Used by nvidia-smi alone. */
#include "sim/smi/library.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"

struct symbol {
	const char *name;
	size_t offset;
};

static const struct symbol symbols[] = {
#define LIBRARY_SYMBOL(name) { #name, offsetof(struct library, name) },
	LIBRARY_CALLS(LIBRARY_SYMBOL)
#undef LIBRARY_SYMBOL
};

int library_open(struct library *library)
{
	library->handle = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
	if (!library->handle)
		return -ENOENT;
	for (size_t i = 0; i < ARRAY_LEN(symbols); i++) {
		void *found = dlsym(library->handle, symbols[i].name);
		if (!found)
			return -ELIBBAD;
		/* A function's address as data, which only POSIX promises. */
		memcpy((char *)library + symbols[i].offset, &found, sizeof(found));
	}
	return 0;
}

void library_close(struct library *library)
{
	if (library->handle)
		(void)dlclose(library->handle); /* a library that stays costs only memory */
	library->handle = NULL;
}
