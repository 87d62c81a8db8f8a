/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target once on every file named on the command line, so that a corpus is an ordinary
 * test. */
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/file.h"

enum {
	INPUT_BYTES_MAX = 8 << 20
};

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		cleanup_free char *data = NULL;
		size_t size = 0;
		struct err err = ERR_INIT;
		if (file_read(argv[i], INPUT_BYTES_MAX, &data, &size, &err) < 0) {
			(void)fprintf(stderr, "replay: %s\n", err.msg);
			return EXIT_FAILURE;
		}
		(void)LLVMFuzzerTestOneInput((const unsigned char *)data, size);
	}
	(void)printf("%d inputs replayed\n", argc - 1);
	return EXIT_SUCCESS;
}
