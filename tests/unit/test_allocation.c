/* SPDX-License-Identifier: Apache-2.0 */
/* Section 4.5 of the contract of NVIDIA's plugin. */
#include "given.h"

#include <errno.h>

#include "base/buf.h"
#include "core/allocation.h"
#include "failing.h"

enum {
	TEXT_BYTES_MAX = 4096,
	CALLS_MAX = 64,
	CHUNK_BYTES = 4096, /* of an arena */
	CHUNK_STEP = 16,
};

struct row {
	const char *what;
	uint32_t replicas;
	enum device_id_strategy strategy;
	bool fails_greater_than_one;
	const char *ids[4];  /* ended by NULL */
	const char *visible; /* NULL: refused */
	const char *refusal;
};

static const struct row rows[] = {
	{ "one replica names its GPU", 5, DEVICE_ID_UUID, false, { "GPU-0::3" }, "GPU-0", NULL },
	{ "order of the request is kept",
	  5,
	  DEVICE_ID_UUID,
	  false,
	  { "GPU-1::0", "GPU-0::0" },
	  "GPU-1,GPU-0",
	  NULL },
	{ "two replicas of a GPU expose it once",
	  5,
	  DEVICE_ID_UUID,
	  false,
	  { "GPU-1::0", "GPU-0::0", "GPU-1::4" },
	  "GPU-1,GPU-0",
	  NULL },
	{ "index strategy keeps the order too",
	  5,
	  DEVICE_ID_INDEX,
	  false,
	  { "GPU-1::0", "GPU-0::0" },
	  "1,0",
	  NULL },
	{ "whole GPUs", 1, DEVICE_ID_UUID, false, { "GPU-1", "GPU-0" }, "GPU-1,GPU-0", NULL },
	{ "several whole GPUs are fine",
	  1,
	  DEVICE_ID_UUID,
	  true,
	  { "GPU-1", "GPU-0" },
	  "GPU-1,GPU-0",
	  NULL },
	{ "one replica is fine", 5, DEVICE_ID_UUID, true, { "GPU-1::2" }, "GPU-1", NULL },
	{ "nothing asked is nothing given", 5, DEVICE_ID_UUID, true, { NULL }, "", NULL },
	{ "unknown device",
	  5,
	  DEVICE_ID_UUID,
	  false,
	  { "GPU-0::0", "GPU-7::0" },
	  NULL,
	  "invalid allocation request for \"nvidia.com/gpu\": invalid request: unknown device: GPU-7::0" },
	{ "a whole id while the GPU is shared",
	  5,
	  DEVICE_ID_UUID,
	  false,
	  { "GPU-0" },
	  NULL,
	  "invalid allocation request for \"nvidia.com/gpu\": invalid request: unknown device: GPU-0" },
	{ "more than one replica where one is the most",
	  5,
	  DEVICE_ID_UUID,
	  true,
	  { "GPU-0::0", "GPU-0::1" },
	  NULL,
	  "invalid allocation request for \"nvidia.com/gpu\": invalid request: maximum request size for shared resources is 1; found 2" },
	{ "unknown comes before too many",
	  5,
	  DEVICE_ID_UUID,
	  true,
	  { "GPU-0::0", "GPU-0::9" },
	  NULL,
	  "invalid allocation request for \"nvidia.com/gpu\": invalid request: unknown device: GPU-0::9" },
};

static const struct allocation_inputs no_inputs = { 0 };

static void check(const struct row *row)
{
	cleanup_resource struct resource *resource = given_resource(2, row->replicas);
	struct settings settings = {
		.device_list_strategies = DEVICE_LIST_ENVVAR,
		.device_id_strategy = row->strategy,
		.time_slicing = { .fail_requests_greater_than_one = row->fails_greater_than_one },
	};
	struct id_text ids[ARRAY_LEN(row->ids)];
	size_t count = 0;
	for (; count < ARRAY_LEN(row->ids) && row->ids[count]; count++)
		ids[count] = given_id(row->ids[count]);

	cleanup_edits struct edits edits = { 0 };
	struct err err = ERR_INIT;
	int r = allocation_make(resource, &settings, &no_inputs, ids, count, &edits, &err);
	if (row->refusal) {
		assert_true(r < 0);
		assert_string_equal(err.msg, row->refusal);
		assert_int_equal(edits.envs_count, 0);
		return;
	}
	assert_int_equal(r, 0);
	assert_int_equal(edits.envs_count, 1);
	assert_string_equal(edits.envs[0].name, "NVIDIA_VISIBLE_DEVICES");
	assert_string_equal(edits.envs[0].value, row->visible);
}

static void answers_every_row_of_the_contract(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		print_message("%s\n", rows[i].what);
		check(&rows[i]);
	}
}

static void an_unhealthy_device_is_not_refused(void **state)
{
	(void)state;
	cleanup_resource struct resource *resource = given_resource(1, 5);
	resource->snapshot->devices[0].is_healthy = false;
	struct settings settings = { 0 };
	struct id_text id = given_id("GPU-0::1");
	cleanup_edits struct edits edits = { 0 };

	assert_int_equal(allocation_make(resource, &settings, &no_inputs, &id, 1, &edits, NULL), 0);
}

static void a_long_unknown_id_is_cut_in_the_text(void **state)
{
	(void)state;
	cleanup_resource struct resource *resource = given_resource(1, 5);
	struct settings settings = { 0 };
	char text[2000];
	memset(text, 'x', sizeof(text));
	struct id_text id = { text, sizeof(text) };
	cleanup_edits struct edits edits = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(allocation_make(resource, &settings, &no_inputs, &id, 1, &edits, &err),
			 -EINVAL);
	assert_int_equal(strlen(err.msg), ERR_TEXT_BYTES - 1);
}

/* What a container gets, by settings and by what the node has. */
struct edits_row {
	const char *what;
	unsigned strategies; /* 0: envvar */
	struct settings settings;
	bool has_uvm; /* /dev/nvidiactl and /dev/nvidia-uvm are there, the other two are not */
	bool has_imex;
	unsigned cdi_classes; /* whose specifications are there */
	const char *ids[4];   /* ended by NULL; of two GPUs of five replicas */
	const char *expected; /* one line an edit */
};

#define BOTH_LISTS (DEVICE_LIST_ENVVAR | DEVICE_LIST_VOLUME_MOUNTS)
#define FOLDER     "/var/run/nvidia-container-devices"
#define IMEX_NODE  "/dev/nvidia-caps-imex-channels/channel0"
#define KIND(name) "k8s.device-plugin.nvidia.com/" name "="

#define EVERY_CLASS (CDI_BIT(CDI_CLASSES) - 1)

static const struct edits_row edits_rows[] = {
	{ .what = "envvar: the names in one variable",
	  .ids = { "GPU-1::0", "GPU-0::0" },
	  .expected = "env NVIDIA_VISIBLE_DEVICES=GPU-1,GPU-0\n" },
	{ .what = "volume-mounts: the folder in the variable, a mount for each name",
	  .strategies = DEVICE_LIST_VOLUME_MOUNTS,
	  .ids = { "GPU-1::0", "GPU-0::0", "GPU-1::1" },
	  .expected = "env NVIDIA_VISIBLE_DEVICES=" FOLDER "\n"
		      "mount /dev/null " FOLDER "/GPU-1\n"
		      "mount /dev/null " FOLDER "/GPU-0\n" },
	{ .what = "volume-mounts by index",
	  .strategies = DEVICE_LIST_VOLUME_MOUNTS,
	  .settings = { .device_id_strategy = DEVICE_ID_INDEX },
	  .ids = { "GPU-1::0" },
	  .expected = "env NVIDIA_VISIBLE_DEVICES=" FOLDER "\n"
		      "mount /dev/null " FOLDER "/1\n" },
	{ .what = "volume-mounts override the value of envvar",
	  .strategies = BOTH_LISTS,
	  .ids = { "GPU-0::0" },
	  .expected = "env NVIDIA_VISIBLE_DEVICES=" FOLDER "\n"
		      "mount /dev/null " FOLDER "/GPU-0\n" },
	{ .what = "volume-mounts of nothing",
	  .strategies = DEVICE_LIST_VOLUME_MOUNTS,
	  .expected = "env NVIDIA_VISIBLE_DEVICES=" FOLDER "\n" },
	{ .what = "GDRCopy",
	  .settings = { .gdrcopy_enabled = true },
	  .ids = { "GPU-0::0" },
	  .expected = "env NVIDIA_VISIBLE_DEVICES=GPU-0\nenv NVIDIA_GDRCOPY=enabled\n" },
	{ .what = "GPUDirect Storage",
	  .settings = { .gds_enabled = true },
	  .ids = { "GPU-0::0" },
	  .expected = "env NVIDIA_VISIBLE_DEVICES=GPU-0\nenv NVIDIA_GDS=enabled\n" },
	{ .what = "MOFED",
	  .settings = { .mofed_enabled = true },
	  .ids = { "GPU-0::0" },
	  .expected = "env NVIDIA_VISIBLE_DEVICES=GPU-0\nenv NVIDIA_MOFED=enabled\n" },
	{ .what = "all three with volume-mounts",
	  .strategies = DEVICE_LIST_VOLUME_MOUNTS,
	  .settings = { .gdrcopy_enabled = true, .gds_enabled = true, .mofed_enabled = true },
	  .ids = { "GPU-0::0" },
	  .expected = "env NVIDIA_VISIBLE_DEVICES=" FOLDER "\n"
		      "env NVIDIA_GDRCOPY=enabled\n"
		      "env NVIDIA_GDS=enabled\n"
		      "env NVIDIA_MOFED=enabled\n"
		      "mount /dev/null " FOLDER "/GPU-0\n" },
	{ .what = "device specs: control nodes that exist, then those of the GPUs as asked",
	  .settings = { .pass_device_specs = true, .dev_root = "/" },
	  .has_uvm = true,
	  .ids = { "GPU-1::0", "GPU-0::0" },
	  .expected = "env NVIDIA_VISIBLE_DEVICES=GPU-1,GPU-0\n"
		      "device /dev/nvidiactl /dev/nvidiactl rw\n"
		      "device /dev/nvidia-uvm /dev/nvidia-uvm rw\n"
		      "device /dev/nvidia1 /dev/nvidia1 rw\n"
		      "device /dev/nvidia0 /dev/nvidia0 rw\n" },
	{ .what = "device specs where no control node exists",
	  .settings = { .pass_device_specs = true, .dev_root = "/" },
	  .ids = { "GPU-0::0" },
	  .expected = "env NVIDIA_VISIBLE_DEVICES=GPU-0\n"
		      "device /dev/nvidia0 /dev/nvidia0 rw\n" },
	{ .what = "no device specs unless they are asked for",
	  .settings = { .dev_root = "/" },
	  .has_uvm = true,
	  .ids = { "GPU-0::0" },
	  .expected = "env NVIDIA_VISIBLE_DEVICES=GPU-0\n" },
	{ .what = "two replicas of a GPU are its node twice",
	  .settings = { .pass_device_specs = true, .dev_root = "/" },
	  .ids = { "GPU-1::0", "GPU-0::0", "GPU-1::4" },
	  .expected = "env NVIDIA_VISIBLE_DEVICES=GPU-1,GPU-0\n"
		      "device /dev/nvidia1 /dev/nvidia1 rw\n"
		      "device /dev/nvidia0 /dev/nvidia0 rw\n"
		      "device /dev/nvidia1 /dev/nvidia1 rw\n" },
	{ .what = "the dev root is of the host only",
	  .settings = { .pass_device_specs = true, .dev_root = "/run/nvidia/driver" },
	  .has_uvm = true,
	  .ids = { "GPU-0::0" },
	  .expected = "env NVIDIA_VISIBLE_DEVICES=GPU-0\n"
		      "device /run/nvidia/driver/dev/nvidiactl /dev/nvidiactl rw\n"
		      "device /run/nvidia/driver/dev/nvidia-uvm /dev/nvidia-uvm rw\n"
		      "device /run/nvidia/driver/dev/nvidia0 /dev/nvidia0 rw\n" },
	{ .what = "a slash at the end of the dev root is not doubled",
	  .settings = { .pass_device_specs = true, .dev_root = "/driver//" },
	  .ids = { "GPU-0::0" },
	  .expected = "env NVIDIA_VISIBLE_DEVICES=GPU-0\n"
		      "device /driver/dev/nvidia0 /dev/nvidia0 rw\n" },
	{ .what = "an empty dev root is /",
	  .settings = { .pass_device_specs = true, .dev_root = "" },
	  .ids = { "GPU-0::0" },
	  .expected = "env NVIDIA_VISIBLE_DEVICES=GPU-0\n"
		      "device /dev/nvidia0 /dev/nvidia0 rw\n" },
	{ .what = "device specs beside volume-mounts",
	  .strategies = DEVICE_LIST_VOLUME_MOUNTS,
	  .settings = { .pass_device_specs = true, .dev_root = "/" },
	  .ids = { "GPU-0::0" },
	  .expected = "env NVIDIA_VISIBLE_DEVICES=" FOLDER "\n"
		      "mount /dev/null " FOLDER "/GPU-0\n"
		      "device /dev/nvidia0 /dev/nvidia0 rw\n" },
	{ .what = "strategies of CDI alone pass no device specs and no list",
	  .strategies = DEVICE_LIST_CDI_CRI,
	  .settings = { .pass_device_specs = true, .dev_root = "/", .gds_enabled = true },
	  .has_uvm = true,
	  .ids = { "GPU-0::0" },
	  .expected = "env NVIDIA_GDS=enabled\n"
		      "cdi " KIND("gpu") "GPU-0\n" },
	{ .what = "cdi-cri: a name for each device, in the order of the request",
	  .strategies = DEVICE_LIST_CDI_CRI,
	  .cdi_classes = CDI_BIT(CDI_GPU),
	  .ids = { "GPU-1::0", "GPU-0::0", "GPU-1::1" },
	  .expected = "cdi " KIND("gpu") "GPU-1\n"
					 "cdi " KIND("gpu") "GPU-0\n" },
	{ .what = "cdi-annotations: the same in one annotation",
	  .strategies = DEVICE_LIST_CDI_ANNOTATIONS,
	  .ids = { "GPU-1::0", "GPU-0::0" },
	  .expected = "annotation cdi.k8s.io/nvidia-device-plugin_<uuid>=" KIND(
		  "gpu") "GPU-1," KIND("gpu") "GPU-0\n" },
	{ .what = "cdi by index",
	  .strategies = DEVICE_LIST_CDI_CRI,
	  .settings = { .device_id_strategy = DEVICE_ID_INDEX },
	  .ids = { "GPU-1::0" },
	  .expected = "cdi " KIND("gpu") "1\n" },
	{ .what = "all strategies at once, with device specs",
	  .strategies = BOTH_LISTS | DEVICE_LIST_CDI_ANNOTATIONS | DEVICE_LIST_CDI_CRI,
	  .settings = { .pass_device_specs = true, .dev_root = "/" },
	  .ids = { "GPU-0::0" },
	  .expected = "env NVIDIA_VISIBLE_DEVICES=" FOLDER "\n"
		      "mount /dev/null " FOLDER "/GPU-0\n"
		      "device /dev/nvidia0 /dev/nvidia0 rw\n"
		      "annotation cdi.k8s.io/nvidia-device-plugin_<uuid>=" KIND(
			      "gpu") "GPU-0\n"
				     "cdi " KIND("gpu") "GPU-0\n" },
	{ .what = "cdi: after the GPUs the channel, GDRCopy, GDS, MOFED",
	  .strategies = DEVICE_LIST_CDI_CRI,
	  .settings = { .imex_channel = true,
			.gdrcopy_enabled = true,
			.gds_enabled = true,
			.mofed_enabled = true },
	  .has_imex = true,
	  .cdi_classes = EVERY_CLASS,
	  .ids = { "GPU-0::0" },
	  .expected =
		  "env NVIDIA_GDRCOPY=enabled\n"
		  "env NVIDIA_GDS=enabled\n"
		  "env NVIDIA_MOFED=enabled\n"
		  "cdi " KIND(
			  "gpu") "GPU-0\n"
				 "cdi " KIND(
					 "imex-channel") "0\n"
							 "cdi " KIND(
								 "gdrcopy") "all\n"
									    "cdi " KIND(
										    "gds") "all\n"
											   "cdi " KIND(
												   "mofed") "all\n" },
	{ .what = "cdi: a class without a specification is not named",
	  .strategies = DEVICE_LIST_CDI_CRI,
	  .settings = { .imex_channel = true, .gdrcopy_enabled = true, .mofed_enabled = true },
	  .has_imex = true,
	  .cdi_classes = CDI_BIT(CDI_GPU) | CDI_BIT(CDI_MOFED),
	  .ids = { "GPU-0::0" },
	  .expected = "env NVIDIA_GDRCOPY=enabled\n"
		      "env NVIDIA_MOFED=enabled\n"
		      "cdi " KIND("gpu") "GPU-0\n"
					 "cdi " KIND("mofed") "all\n" },
	{ .what = "cdi: a class that is not wanted is not named, whoever described it",
	  .strategies = DEVICE_LIST_CDI_CRI,
	  .cdi_classes = EVERY_CLASS,
	  .ids = { "GPU-0::0" },
	  .expected = "cdi " KIND("gpu") "GPU-0\n" },
	{ .what = "IMEX with envvar is a variable",
	  .settings = { .imex_channel = true },
	  .has_imex = true,
	  .ids = { "GPU-0::0" },
	  .expected = "env NVIDIA_VISIBLE_DEVICES=GPU-0\nenv NVIDIA_IMEX_CHANNELS=0\n" },
	{ .what = "IMEX with volume-mounts is a mount",
	  .strategies = DEVICE_LIST_VOLUME_MOUNTS,
	  .settings = { .imex_channel = true },
	  .has_imex = true,
	  .ids = { "GPU-0::0" },
	  .expected = "env NVIDIA_VISIBLE_DEVICES=" FOLDER "\n"
		      "mount /dev/null " FOLDER "/GPU-0\n"
		      "mount /dev/null " FOLDER "/imex/0\n" },
	{ .what = "IMEX with both is both, its node last",
	  .strategies = BOTH_LISTS,
	  .settings = { .imex_channel = true, .pass_device_specs = true, .dev_root = "/host" },
	  .has_uvm = true,
	  .has_imex = true,
	  .ids = { "GPU-0::0" },
	  .expected = "env NVIDIA_VISIBLE_DEVICES=" FOLDER "\n"
		      "env NVIDIA_IMEX_CHANNELS=0\n"
		      "mount /dev/null " FOLDER "/GPU-0\n"
		      "mount /dev/null " FOLDER "/imex/0\n"
		      "device /host/dev/nvidiactl /dev/nvidiactl rw\n"
		      "device /host/dev/nvidia-uvm /dev/nvidia-uvm rw\n"
		      "device /host/dev/nvidia0 /dev/nvidia0 rw\n"
		      "device /host" IMEX_NODE " " IMEX_NODE " rw\n" },
	{ .what = "IMEX that is not there and not required is left out",
	  .strategies = BOTH_LISTS,
	  .settings = { .imex_channel = true, .pass_device_specs = true, .dev_root = "/" },
	  .ids = { "GPU-0::0" },
	  .expected = "env NVIDIA_VISIBLE_DEVICES=" FOLDER "\n"
		      "mount /dev/null " FOLDER "/GPU-0\n"
		      "device /dev/nvidia0 /dev/nvidia0 rw\n" },
	{ .what = "IMEX that is required is always given",
	  .settings = { .imex_channel = true, .imex_required = true },
	  .ids = { "GPU-0::0" },
	  .expected = "env NVIDIA_VISIBLE_DEVICES=GPU-0\nenv NVIDIA_IMEX_CHANNELS=0\n" },
	{ .what = "IMEX that is there and not wanted is left out",
	  .settings = { .imex_required = true },
	  .has_imex = true,
	  .ids = { "GPU-0::0" },
	  .expected = "env NVIDIA_VISIBLE_DEVICES=GPU-0\n" },
};

static const char *shown(const struct edits *edits, struct buf *text)
{
	for (size_t i = 0; i < edits->envs_count; i++)
		(void)buf_printf(text, "env %s=%s\n", edits->envs[i].name, edits->envs[i].value);
	for (size_t i = 0; i < edits->mounts_count; i++) {
		const struct edit_mount *mount = &edits->mounts[i];
		(void)buf_printf(text, "mount %s %s%s\n", mount->host_path, mount->container_path,
				 mount->is_read_only ? " read-only" : "");
	}
	for (size_t i = 0; i < edits->devices_count; i++) {
		const struct edit_device *device = &edits->devices[i];
		(void)buf_printf(text, "device %s %s %s\n", device->host_path,
				 device->container_path, device->permissions);
	}
	for (size_t i = 0; i < edits->annotations_count; i++)
		(void)buf_printf(text, "annotation %s=%s\n", edits->annotations[i].name,
				 edits->annotations[i].value);
	for (size_t i = 0; i < edits->cdi_devices_count; i++)
		(void)buf_printf(text, "cdi %s\n", edits->cdi_devices[i]);
	return text->data;
}

static int make(const struct edits_row *row, const struct resource *resource, struct edits *edits)
{
	struct settings settings = row->settings;
	settings.device_list_strategies = row->strategies ? row->strategies : DEVICE_LIST_ENVVAR;
	settings.cdi_annotation_prefix = "cdi.k8s.io/";
	const struct allocation_inputs inputs = {
		.control = { "/dev/nvidiactl", "/dev/nvidia-uvm" },
		.control_count = row->has_uvm ? 2 : 0,
		.has_imex_channel = row->has_imex,
		.cdi_classes = row->cdi_classes,
		.unique = "<uuid>",
	};
	struct id_text ids[ARRAY_LEN(row->ids)];
	size_t count = 0;
	for (; count < ARRAY_LEN(row->ids) && row->ids[count]; count++)
		ids[count] = given_id(row->ids[count]);
	return allocation_make(resource, &settings, &inputs, ids, count, edits, NULL);
}

static void edits_follow_every_row_of_the_contract(void **state)
{
	(void)state;
	cleanup_resource struct resource *resource = given_resource(2, 5);
	for (size_t i = 0; i < ARRAY_LEN(edits_rows); i++) {
		print_message("%s\n", edits_rows[i].what);
		cleanup_edits struct edits edits = { 0 };
		assert_int_equal(make(&edits_rows[i], resource, &edits), 0);
		cleanup_buf struct buf text = BUF_INIT(TEXT_BYTES_MAX);
		assert_string_equal(shown(&edits, &text), edits_rows[i].expected);
	}
}

/* The minor number names the node, not the index: they differ after a GPU was taken out. */
static void the_node_of_a_gpu_is_that_of_its_minor_number(void **state)
{
	(void)state;
	cleanup_resource struct resource *resource = given_resource(1, 1);
	resource->snapshot->devices[0].minor = UINT32_MAX;
	const struct settings settings = {
		.device_list_strategies = DEVICE_LIST_ENVVAR,
		.device_id_strategy = DEVICE_ID_INDEX,
		.pass_device_specs = true,
		.dev_root = "/",
	};
	struct id_text id = given_id("GPU-0");
	cleanup_edits struct edits edits = { 0 };

	assert_int_equal(allocation_make(resource, &settings, &no_inputs, &id, 1, &edits, NULL), 0);
	cleanup_buf struct buf text = BUF_INIT(TEXT_BYTES_MAX);
	assert_string_equal(shown(&edits, &text),
			    "env NVIDIA_VISIBLE_DEVICES=0\n"
			    "device /dev/nvidia4294967295 /dev/nvidia4294967295 rw\n");
}

/* The edits need a new chunk of their arena at another place for each amount that is taken before.
 */
static void fails_cleanly_wherever_a_chunk_is_full(void **state)
{
	(void)state;
	static const struct edits_row row = {
		.strategies = BOTH_LISTS,
		.settings = { .imex_channel = true, .pass_device_specs = true, .dev_root = "/" },
		.has_uvm = true,
		.has_imex = true,
		.ids = { "GPU-0::1", "GPU-1::1" },
	};
	cleanup_resource struct resource *resource = given_resource(2, 5);
	unsigned failures = 0;
	for (size_t taken = CHUNK_STEP; taken <= CHUNK_BYTES; taken += CHUNK_STEP) {
		cleanup_edits struct edits edits = { 0 };
		assert_non_null(arena_alloc(&edits.arena, taken));
		failing_calloc = 1;
		int r = make(&row, resource, &edits);
		failing_calloc = 0;
		assert_true(r == 0 || r == -ENOMEM);
		failures += r < 0 ? 1 : 0;
	}
	assert_true(failures > 10);
}

static struct snapshot *given_parts(void)
{
	struct snapshot *snapshot = given_snapshot(3);
	snapshot->devices[0].is_mig = true;
	snapshot->devices[0].minor = 7;
	for (size_t i = 1; i < 3; i++) {
		struct device *part = &snapshot->devices[i];
		part->uuid = arena_printf(&snapshot->arena, "MIG-%zu", i);
		part->index = arena_printf(&snapshot->arena, "0:%zu", i);
		part->profile = "1g.5gb";
		part->parent = 0;
		part->minor = 7;
		part->gpu_capability = 30;
		part->compute_capability = (int32_t)(30 + i);
	}
	snapshot->devices[2].gpu_capability = DEVICE_NO_CAPABILITY;
	return snapshot;
}

static void a_part_has_the_nodes_of_its_gpu_and_of_its_capabilities(void **state)
{
	(void)state;
	const struct settings settings = {
		.mig_strategy = MIG_STRATEGY_MIXED,
		.device_list_strategies = DEVICE_LIST_ENVVAR | DEVICE_LIST_CDI_CRI,
		.device_id_strategy = DEVICE_ID_INDEX,
		.pass_device_specs = true,
		.dev_root = "/host",
	};
	cleanup_resource struct resource *resource = NULL;
	cleanup_plan struct plan plan = { 0 };
	struct snapshot *snapshot = given_parts();
	assert_int_equal(plan_make(&settings, snapshot, &plan, NULL), 0);
	assert_int_equal(resource_new(&plan, plan.names[0], snapshot, NULL, &resource, NULL), 0);
	const struct id_text ids[] = { given_id("MIG-2"), given_id("MIG-1") };
	cleanup_edits struct edits edits = { 0 };

	assert_int_equal(allocation_make(resource, &settings, &no_inputs, ids, 2, &edits, NULL), 0);
	cleanup_buf struct buf text = BUF_INIT(TEXT_BYTES_MAX);
	assert_string_equal(shown(&edits, &text), "env NVIDIA_VISIBLE_DEVICES=0:2,0:1\n"
						  "device /host/dev/nvidia7 /dev/nvidia7 rw\n"
						  "device /host/dev/nvidia-caps/nvidia-cap32 "
						  "/dev/nvidia-caps/nvidia-cap32 rw\n"
						  "device /host/dev/nvidia7 /dev/nvidia7 rw\n"
						  "device /host/dev/nvidia-caps/nvidia-cap30 "
						  "/dev/nvidia-caps/nvidia-cap30 rw\n"
						  "device /host/dev/nvidia-caps/nvidia-cap31 "
						  "/dev/nvidia-caps/nvidia-cap31 rw\n"
						  "cdi " KIND("gpu") "0:2\n"
								     "cdi " KIND("gpu") "0:1\n");
}

/* Sharing ended while a pod held replicas: what was asked for decides, not what is configured. */
static void replicas_that_are_only_held_still_count_as_shared(void **state)
{
	(void)state;
	const struct settings settings = {
		.time_slicing = { .fail_requests_greater_than_one = true },
	};
	struct held held = { 0 };
	assert_int_equal(held_add(&held, given_id("nvidia.com/gpu"), given_id("GPU-0::3"), 0), 0);
	struct resource *resource = NULL;
	int r = given_list(&settings, "nvidia.com/gpu", 3, &held, &resource, NULL);
	held_done(&held);
	assert_int_equal(r, 0);
	const struct id_text whole[] = { given_id("GPU-1"), given_id("GPU-2") };
	const struct id_text mixed[] = { given_id("GPU-1"), given_id("GPU-0::3") };
	cleanup_edits struct edits edits = { 0 };

	assert_int_equal(allocation_make(resource, &settings, &no_inputs, whole, 2, &edits, NULL),
			 0);
	assert_int_equal(allocation_make(resource, &settings, &no_inputs, mixed, 2, &edits, NULL),
			 -EPERM);
	(void)resource_free(resource);
}

/* Counted down by realloc(), which grows texts; the call that reaches zero fails. 0: none. */
static unsigned failing_realloc;

void *__real_realloc(void *memory, size_t bytes);
void *__wrap_realloc(void *memory, size_t bytes);

void *__wrap_realloc(void *memory, size_t bytes)
{
	if (failing_realloc > 0 && --failing_realloc == 0)
		return NULL;
	return __real_realloc(memory, bytes);
}

/* Everything that an answer can be made of, so that it needs memory of every kind. */
static void assert_fails_cleanly_at_each(unsigned *failing)
{
	static const struct edits_row row = {
		.strategies = BOTH_LISTS | DEVICE_LIST_CDI_ANNOTATIONS | DEVICE_LIST_CDI_CRI,
		.settings = { .imex_channel = true, .pass_device_specs = true, .dev_root = "/" },
		.has_uvm = true,
		.has_imex = true,
		.ids = { "GPU-0::1", "GPU-1::1" },
	};
	cleanup_resource struct resource *resource = given_resource(2, 5);
	int r = -ENOMEM;
	unsigned calls = 1;
	for (; r < 0 && calls < CALLS_MAX; calls++) {
		cleanup_edits struct edits edits = { 0 };
		*failing = calls;
		r = make(&row, resource, &edits);
		*failing = 0;
		assert_true(r == 0 || r == -ENOMEM);
	}
	assert_int_equal(r, 0);
	assert_true(calls > 2);
}

static void fails_cleanly_when_a_text_cannot_grow(void **state)
{
	(void)state;
	assert_fails_cleanly_at_each(&failing_realloc);
}

static void fails_cleanly_whenever_memory_is_out(void **state)
{
	(void)state;
	assert_fails_cleanly_at_each(&failing_calloc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_every_row_of_the_contract),
		cmocka_unit_test(an_unhealthy_device_is_not_refused),
		cmocka_unit_test(fails_cleanly_wherever_a_chunk_is_full),
		cmocka_unit_test(a_long_unknown_id_is_cut_in_the_text),
		cmocka_unit_test(edits_follow_every_row_of_the_contract),
		cmocka_unit_test(the_node_of_a_gpu_is_that_of_its_minor_number),
		cmocka_unit_test(a_part_has_the_nodes_of_its_gpu_and_of_its_capabilities),
		cmocka_unit_test(replicas_that_are_only_held_still_count_as_shared),
		cmocka_unit_test(fails_cleanly_when_a_text_cannot_grow),
		cmocka_unit_test(fails_cleanly_whenever_memory_is_out),
	};
	return cmocka_run_group_tests_name("allocation", tests, NULL, NULL);
}
