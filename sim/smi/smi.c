/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nvidia-smi for a simulated node: the part that people and their scripts use, with the texts and
 * exit codes of the real one. It asks whatever NVML the loader finds.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "sim/smi/card.h"
#include "sim/smi/library.h"
#include "sim/smi/show.h"

enum smi_exit {
	SMI_DONE = 0,
	SMI_USAGE = 1,
	SMI_INVALID = 2, /* an argument that is not possible */
	SMI_NO_DEVICES = 6,
	SMI_NO_DRIVER = 9,
	SMI_NO_LIBRARY = 12,
	SMI_OTHER = 255,
};

/* All borrowed from the command line. */
struct request {
	bool wants_help;
	bool wants_list;
	const char *choice; /* NULL: all GPUs */
	const char *fields; /* of --query-gpu; NULL: the table */
	const char *format;
};

static const char usage[] =
	"NVIDIA System Management Interface, the part of it that a simulated node needs\n"
	"\n"
	"nvidia-smi [OPTION1 [ARG1]] [OPTION2 [ARG2]] ...\n"
	"\n"
	"    -h,   --help                Print usage information and exit.\n"
	"    -L,   --list-gpus           Display a list of GPUs connected to the system.\n"
	"    -i,   --id=                 Target a specific GPU: index, UUID or PCI bus id.\n"
	"          --query-gpu=          Information about GPU: a comma list of fields.\n"
	"          --format=             With --query-gpu: csv[,noheader][,nounits]\n";

/* Takes "--name=VALUE", "--name VALUE" or "-n VALUE". Returns whether the word was this option. */
static bool take_value(char ***words, const char *name, const char *letter, const char **ret)
{
	const char *word = **words;
	size_t length = strlen(name);
	if (strncmp(word, name, length) == 0 && word[length] == '=') {
		*ret = word + length + 1;
		return true;
	}
	if ((strcmp(word, name) != 0 && (!letter || strcmp(word, letter) != 0)) || !(*words)[1])
		return false;
	*ret = *++*words;
	return true;
}

static bool take_switch(const char *word, const char *name, const char *letter, bool *ret)
{
	if (strcmp(word, name) != 0 && strcmp(word, letter) != 0)
		return false;
	*ret = true;
	return true;
}

static int read_words(char **words, struct request *request)
{
	for (; *words; words++)
		if (!take_switch(*words, "--help", "-h", &request->wants_help) &&
		    !take_switch(*words, "--list-gpus", "-L", &request->wants_list) &&
		    !take_value(&words, "--id", "-i", &request->choice) &&
		    !take_value(&words, "--query-gpu", NULL, &request->fields) &&
		    !take_value(&words, "--format", NULL, &request->format)) {
			(void)puts("Invalid combination of input arguments. Please run "
				   "'nvidia-smi -h' for help.\n");
			return SMI_USAGE;
		}
	return SMI_DONE;
}

static bool has_word(const char *list, const char *word)
{
	size_t length = strlen(word);
	for (const char *at = list; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (strcspn(at, ",") == length && strncmp(at, word, length) == 0)
			return true;
	}
	return false;
}

static int check_query(const struct request *request)
{
	if (!request->fields)
		return SMI_DONE;
	const char *unknown = show_unknown_field(request->fields);
	if (unknown) {
		(void)printf("Field \"%.*s\" is not a valid field to query.\n\n",
			     (int)strcspn(unknown, ","), unknown);
		return SMI_INVALID;
	}
	if (!request->format || !has_word(request->format, "csv")) {
		(void)puts("\"--format=\" switch is missing or is not csv. Please run 'nvidia-smi "
			   "-h' for help.\n");
		return SMI_USAGE;
	}
	return SMI_DONE;
}

static int fail_without_library(void)
{
	(void)puts("NVIDIA-SMI couldn't find libnvidia-ml.so library in your system. Please make "
		   "sure that the NVIDIA Display Driver is properly installed and present in your "
		   "system.\n"
		   "Please also try adding directory that contains libnvidia-ml.so to your system "
		   "PATH.\n");
	return SMI_NO_LIBRARY;
}

static int fail_with(const struct library *library, int result)
{
	if (result == NVML_ERROR_DRIVER_NOT_LOADED) {
		(void)puts("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA "
			   "driver. Make sure that the latest NVIDIA driver is installed and "
			   "running.\n");
		return SMI_NO_DRIVER;
	}
	(void)printf("Failed to initialize NVML: %s\n", library->nvmlErrorString(result));
	return result > 0 && result < SMI_OTHER ? result : SMI_OTHER;
}

static int fail_without_devices(void)
{
	(void)puts("No devices were found");
	return SMI_NO_DEVICES;
}

static void show(const struct request *request, const struct cards *cards)
{
	if (request->wants_list)
		show_list(cards);
	else if (request->fields)
		show_fields(cards, request->fields, !has_word(request->format, "noheader"),
			    !has_word(request->format, "nounits"));
	else
		show_table(cards);
}

static int answer(const struct library *library, const struct request *request)
{
	cleanup_free struct cards *cards = calloc(1, sizeof(*cards));
	if (!cards)
		return SMI_OTHER;
	int result = library->nvmlInit_v2();
	if (result != NVML_SUCCESS)
		return fail_with(library, result);
	result = card_read_all(library, request->choice, cards);
	(void)library->nvmlShutdown(); /* the process ends soon */
	if (result == NVML_ERROR_NOT_FOUND)
		return fail_without_devices();
	if (result != NVML_SUCCESS) {
		(void)printf("Unable to determine the device handle for GPU%zu: %s\n", cards->count,
			     library->nvmlErrorString(result));
		return result < SMI_OTHER ? result : SMI_OTHER;
	}
	if (cards->count == 0)
		return fail_without_devices();
	show(request, cards);
	return SMI_DONE;
}

#ifdef __SANITIZE_ADDRESS__
/*
 * AddressSanitizer asks for its defaults here. In a pod /proc shows other processes under the
 * numbers of ours, and LeakSanitizer would stop those; who wants leaks found, as the tests do,
 * says so in ASAN_OPTIONS, which a pod does not have.
 */
__attribute__((visibility("default"))) const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
#endif

int main(int argc, char **argv)
{
	struct request request = { 0 };
	int r = argc > 0 ? read_words(argv + 1, &request) : SMI_USAGE;
	if (r == SMI_DONE && request.wants_help) {
		(void)fputs(usage, stdout);
		return SMI_DONE;
	}
	if (r == SMI_DONE)
		r = check_query(&request);
	if (r != SMI_DONE)
		return r;

	CLEANUP(library_close) struct library library = { 0 };
	if (library_open(&library) < 0)
		return fail_without_library();
	return answer(&library, &request);
}
