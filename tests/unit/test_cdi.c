/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is found below a made-up root, and the files that follow from it: byte for byte those in
 * golden/cdi.
 */
#include "fake_root.h"
#include "given.h"

#include <dirent.h>
#include <jansson.h>

#include "base/file.h"
#include "cdi/cdi.h"

enum {
	MAX_BYTES = 1 << 20,
	CALLS_MAX = 2000,
	TEXT_BYTES = 1024,
};

#define VERSION         "550.54.15"
#define LIBRARIES       "/driver-root/usr/lib/x86_64-linux-gnu/"
#define GROUP_OF_RENDER 44

static struct fake_root root;
static const struct held nothing_held;
static unsigned failing_malloc; /* counted down by each call of jansson; the last one fails */

static void *our_malloc(size_t bytes)
{
	return failing_malloc > 0 && --failing_malloc == 0 ? NULL : malloc(bytes);
}

static unsigned failing_arena; /* the same of what asks an arena for memory */

static bool is_failing(void)
{
	return failing_arena > 0 && --failing_arena == 0;
}

/* The linker puts these in the place of the arena's for the code under test. */
void *__real_arena_alloc(struct arena *arena, size_t bytes);
void *__wrap_arena_alloc(struct arena *arena, size_t bytes);
void *__real_arena_array(struct arena *arena, size_t count, size_t bytes);
void *__wrap_arena_array(struct arena *arena, size_t count, size_t bytes);
char *__real_arena_copy(struct arena *arena, const char *text, size_t length);
char *__wrap_arena_copy(struct arena *arena, const char *text, size_t length);
__attribute__((format(printf, 2, 3))) char *__wrap_arena_printf(struct arena *arena,
								const char *format, ...);

void *__wrap_arena_alloc(struct arena *arena, size_t bytes)
{
	return is_failing() ? NULL : __real_arena_alloc(arena, bytes);
}

void *__wrap_arena_array(struct arena *arena, size_t count, size_t bytes)
{
	return is_failing() ? NULL : __real_arena_array(arena, count, bytes);
}

char *__wrap_arena_copy(struct arena *arena, const char *text, size_t length)
{
	return is_failing() ? NULL : __real_arena_copy(arena, text, length);
}

char *__wrap_arena_printf(struct arena *arena, const char *format, ...)
{
	char text[TEXT_BYTES];
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	assert_in_range(length, 0, TEXT_BYTES - 1);
	return is_failing() ? NULL : __real_arena_copy(arena, text, (size_t)length);
}

static int set_up(void **state)
{
	(void)state;
	return fake_root_make(&root);
}

static int tear_down(void **state)
{
	(void)state;
	failing_arena = 0;
	failing_malloc = 0;
	return fake_root_remove(&root);
}

static struct settings given_settings(void)
{
	return (struct settings){
		.root = root.path,
		.container_driver_root = "/driver-root",
		.driver_root = "/",
		.dev_root = "/",
		.cdi_hook_path = "/usr/bin/nvidia-ctk",
		.cdi_annotation_prefix = "cdi.k8s.io/",
		.device_list_strategies = DEVICE_LIST_CDI_CRI,
	};
}

/* A node that everybody may use, so that nobody's group matters. */
static void add_node(const char *path)
{
	fake_root_file(&root, path, 0666);
}

static void add_library(const char *name)
{
	char path[FAKE_ROOT_PATH_BYTES];
	(void)snprintf(path, sizeof(path), LIBRARIES "%s", name);
	fake_root_file(&root, path, 0644);
}

/* A driver as Ubuntu's packages install it, with what is no part of it beside. */
static void add_driver(void)
{
	static const char *const names[] = {
		"libcuda.so." VERSION,
		"libnvidia-ml.so." VERSION,
		"libGLX_nvidia.so." VERSION,
		"libnvidia-allocator.so." VERSION,
		"libnvidia-opticalflow.so." VERSION,
		"vdpau/libvdpau_nvidia.so." VERSION,
		"libnvidia-nvvm70.so.4",
		"libnvidia-egl-gbm.so.1.1.1",
		"libc.so.6",
		"libcuda.so.535.104.05",
		"libGLX_nvidia.so.535.104.05",
		"libEGL.so.1.1.0",
	};
	static const char *const texts[] = {
		"/driver-root/usr/share/glvnd/egl_vendor.d/10_nvidia.json",
		"/driver-root/usr/share/egl/egl_external_platform.d/15_nvidia_gbm.json",
		"/driver-root/etc/OpenCL/vendors/nvidia.icd",
		"/driver-root/usr/share/vulkan/icd.d/nvidia_icd.json",
		"/driver-root/usr/lib/firmware/nvidia/" VERSION "/gsp_tu10x.bin",
		"/driver-root/usr/lib/firmware/nvidia/" VERSION "/gsp_ga10x.bin",
		"/driver-root/usr/lib/firmware/nvidia/535.104.05/gsp_tu10x.bin",
		"/driver-root/run/nvidia-persistenced/socket",
		"/driver-root/usr/bin/nvidia-debugdump", /* cannot be run */
	};
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		add_library(names[i]);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		fake_root_file(&root, texts[i], 0644);
	fake_root_file(&root, "/driver-root/usr/bin/nvidia-smi", 0755);
	fake_root_file(&root, "/driver-root/usr/sbin/nvidia-persistenced", 0755);
	fake_root_link(&root, "/driver-root/lib", "usr/lib");
	fake_root_link(&root, LIBRARIES "libcuda.so.1", "libcuda.so." VERSION);
	fake_root_link(&root, LIBRARIES "libcuda.so", "libcuda.so.1");
	fake_root_link(&root, LIBRARIES "libnvidia-ml.so.1", "libnvidia-ml.so." VERSION);
	fake_root_link(&root, LIBRARIES "libnvidia-opticalflow.so",
		       "libnvidia-opticalflow.so." VERSION);
	fake_root_link(&root, LIBRARIES "libGLX_nvidia.so.0", "libGLX_nvidia.so.535.104.05");
	fake_root_link(&root, LIBRARIES "libEGL.so.1", "libEGL.so.1.1.0");
	fake_root_link(&root, LIBRARIES "libEGL.so", "libEGL.so.1");
	add_node("/dev/nvidiactl");
	add_node("/dev/nvidia-uvm");
	add_node("/dev/nvidia-modeset");
	add_node("/dev/nvidia0");
}

static const char *file_of(enum cdi_class class)
{
	static char path[FAKE_ROOT_PATH_BYTES];
	(void)snprintf(path, sizeof(path), "%s" CDI_FOLDER "/%s", root.path, cdi_class_file(class));
	return path;
}

static void assert_golden(enum cdi_class class, const char *name)
{
	char path[FAKE_ROOT_PATH_BYTES];
	char *written = NULL;
	char *golden = NULL;
	struct err err = ERR_INIT;
	assert_int_equal(file_read(file_of(class), MAX_BYTES, &written, NULL, &err), 0);
	(void)snprintf(path, sizeof(path), GOLDEN_FOLDER "/cdi/%s.json", name);
	assert_int_equal(file_read(path, MAX_BYTES, &golden, NULL, &err), 0);
	assert_string_equal(written, golden);
	free(golden);
	free(written);
}

/* The text of the class; static, for one check. */
static const char *text_of(enum cdi_class class)
{
	static char text[1 << 16];
	char *written = NULL;
	text[0] = '\0';
	if (file_read(file_of(class), sizeof(text) - 1, &written, NULL, NULL) == 0)
		memcpy(text, written, strlen(written) + 1);
	free(written);
	return text;
}

static bool has(enum cdi_class class, const char *part)
{
	return strstr(text_of(class), part) != NULL;
}

/* @snapshot is taken. */
static struct cdi_report written(const struct settings *settings, struct snapshot *snapshot)
{
	struct cdi_report report = { 0 };
	struct err err = ERR_INIT;
	int r = cdi_write(settings, snapshot, &nothing_held, &report, &err);
	(void)snapshot_free(snapshot);
	if (r < 0)
		print_error("%s\n", err.msg);
	assert_int_equal(r, 0);
	return report;
}

static int refused(const struct settings *settings, struct snapshot *snapshot,
		   char ret[static ERR_TEXT_BYTES])
{
	struct cdi_report report = { .present = 99 };
	struct err err = ERR_INIT;
	int r = cdi_write(settings, snapshot, &nothing_held, &report, &err);
	(void)snapshot_free(snapshot);
	assert_int_equal(report.present, 99);
	(void)snprintf(ret, ERR_TEXT_BYTES, "%s", err.msg);
	return r;
}

static void one_t4(void **state)
{
	(void)state;
	const struct settings settings = given_settings();
	add_driver();
	struct cdi_report report = written(&settings, given_snapshot(1));
	assert_int_equal(report.present, CDI_BIT(CDI_GPU));
	assert_int_equal(report.written, CDI_BIT(CDI_GPU));
	assert_int_equal(report.removed, 0);
	assert_golden(CDI_GPU, "one-t4");
}

static void four_gpus_by_index_three_of_them_with_a_screen(void **state)
{
	(void)state;
	struct settings settings = given_settings();
	settings.device_id_strategy = DEVICE_ID_INDEX;
	struct snapshot *snapshot = given_snapshot(4);
	snapshot->devices[1].bus_id = "nonsense/../..";
	snapshot->devices[2].bus_id = "0000AB01:00:1F.0";
	snapshot->devices[3].bus_id = "00010000:00:1E.0";
	add_driver();
	fake_root_file(&root, "/sys/devices/pci0000:00/0000:00:1e.0/drm/card1/dev", 0444);
	fake_root_file(&root, "/sys/devices/pci0000:00/0000:00:1e.0/drm/renderD128/dev", 0444);
	fake_root_file(&root, "/sys/devices/pci0000:00/0000:00:1e.0/drm/version", 0444);
	fake_root_link(&root, "/sys/bus/pci/devices/0000:00:1e.0",
		       "../../../devices/pci0000:00/0000:00:1e.0");
	fake_root_file(&root, "/sys/bus/pci/devices/ab01:00:1f.0/drm/card7/dev", 0444);
	fake_root_file(&root, "/sys/bus/pci/devices/00010000:00:1e.0/drm/card8/dev", 0444);
	add_node("/dev/dri/card1");
	add_node("/dev/dri/card2"); /* of another maker's GPU */
	add_node("/dev/dri/card7");
	add_node("/dev/dri/card8");
	add_node("/dev/dri/renderD128");
	fake_root_link(&root, "/dev/dri/by-path/pci-0000:00:1e.0-card", "../card1");
	fake_root_link(&root, "/dev/dri/by-path/pci-0000:00:1e.0-render", "../renderD128");
	fake_root_link(&root, "/dev/dri/by-path/pci-ab01:00:1f.0-card", "../card2"); /* stale */
	(void)written(&settings, snapshot);
	assert_golden(CDI_GPU, "four-by-index");
}

/* A GPU in MIG mode and its three parts, one for graphics and one without a name of a capability.
 */
static struct snapshot *given_a100(void)
{
	static const char *const profiles[] = { "", "3g.20gb", "1g.10gb+gfx", "1g.5gb" };
	struct snapshot *snapshot = given_snapshot(4);
	snapshot->devices[0].is_mig = true;
	for (size_t i = 1; i < 4; i++) {
		struct device *part = &snapshot->devices[i];
		part->uuid = arena_printf(&snapshot->arena, "MIG-%zu", i);
		part->index = arena_printf(&snapshot->arena, "0:%zu", i - 1);
		part->profile = profiles[i];
		part->parent = 0;
		part->minor = 0;
		part->gpu_capability = (int32_t)(30 * i);
		part->compute_capability = (int32_t)(30 * i + 1);
	}
	snapshot->devices[3].compute_capability = DEVICE_NO_CAPABILITY;
	return snapshot;
}

static void parts_of_an_a100(void **state)
{
	(void)state;
	struct settings settings = given_settings();
	settings.mig_strategy = MIG_STRATEGY_MIXED;
	add_driver();
	fake_root_file(&root, "/sys/bus/pci/devices/0000:00:1e.0/drm/card0/dev", 0444);
	add_node("/dev/dri/card0");
	(void)written(&settings, given_a100());
	assert_golden(CDI_GPU, "parts-of-a100");
}

/* As it is advertised: Allocate must name nothing that is not described. */
static void without_a_mig_strategy_the_gpu_is_described_whole(void **state)
{
	(void)state;
	const struct settings settings = given_settings();
	add_driver();
	(void)written(&settings, given_a100());
	assert_true(has(CDI_GPU, "\"name\":\"GPU-0\""));
	assert_false(has(CDI_GPU, "\"name\":\"MIG-"));
}

static void hold(struct held *held, const char *id)
{
	const char name[] = "nvidia.com/gpu";
	assert_int_equal(held_add(held, (struct id_text){ name, strlen(name) },
				  (struct id_text){ id, strlen(id) }, HELD_LISTED),
			 0);
}

static void describes_what_pods_hold_though_the_strategy_offers_it_no_more(void **state)
{
	(void)state;
	struct settings settings = given_settings();
	cleanup_snapshot struct snapshot *snapshot = given_a100();
	cleanup_held struct held held = { 0 };
	struct cdi_report report;
	add_driver();
	hold(&held, "MIG-1::3");
	assert_int_equal(cdi_write(&settings, snapshot, &held, &report, NULL), 0);
	assert_true(has(CDI_GPU, "\"name\":\"GPU-0\""));
	assert_true(has(CDI_GPU, "\"name\":\"MIG-1\""));
	assert_false(has(CDI_GPU, "\"name\":\"MIG-2\""));
	settings.mig_strategy = MIG_STRATEGY_MIXED;
	assert_int_equal(cdi_write(&settings, snapshot, &held, &report, NULL), 0);
	assert_false(has(CDI_GPU, "\"name\":\"GPU-0\""));
	hold(&held, "GPU-0");
	assert_int_equal(cdi_write(&settings, snapshot, &held, &report, NULL), 0);
	assert_true(has(CDI_GPU, "\"name\":\"GPU-0\""));
}

static void what_pods_hold_has_the_names_of_both_strategies(void **state)
{
	(void)state;
	struct settings settings = given_settings();
	cleanup_snapshot struct snapshot *snapshot = given_snapshot(2);
	cleanup_held struct held held = { 0 };
	struct cdi_report report;
	add_driver();
	hold(&held, "GPU-1::3");
	assert_int_equal(cdi_write(&settings, snapshot, &held, &report, NULL), 0);
	assert_true(has(CDI_GPU, "\"name\":\"GPU-0\""));
	assert_false(has(CDI_GPU, "\"name\":\"0\""));
	assert_true(has(CDI_GPU, "{\"name\":\"GPU-1\",\"containerEdits\":{\"deviceNodes\":["
				 "{\"path\":\"/dev/nvidia1\"}]}},"
				 "{\"name\":\"1\",\"containerEdits\":{\"deviceNodes\":["
				 "{\"path\":\"/dev/nvidia1\"}]}}"));
	settings.device_id_strategy = DEVICE_ID_INDEX;
	assert_int_equal(cdi_write(&settings, snapshot, &held, &report, NULL), 0);
	assert_true(has(CDI_GPU, "\"name\":\"0\""));
	assert_false(has(CDI_GPU, "\"name\":\"GPU-0\""));
	assert_true(has(CDI_GPU, "\"name\":\"1\""));
	assert_true(has(CDI_GPU, "\"name\":\"GPU-1\""));
}

/* Its index is its uuid, as another GPU may be counted under the number that it had. */
static void a_vanished_gpu_that_pods_hold_has_one_name(void **state)
{
	(void)state;
	const struct settings settings = given_settings();
	cleanup_snapshot struct snapshot *snapshot = given_snapshot(1);
	cleanup_held struct held held = { 0 };
	struct cdi_report report;
	add_driver();
	snapshot->devices[0].index = snapshot->devices[0].uuid;
	hold(&held, "GPU-0");
	assert_int_equal(cdi_write(&settings, snapshot, &held, &report, NULL), 0);
	assert_golden(CDI_GPU, "one-t4");
}

static void knows_whether_what_pods_hold_matters(void **state)
{
	(void)state;
	struct settings settings = given_settings();
	cleanup_snapshot struct snapshot *snapshot = given_a100();
	cleanup_held struct held held = { 0 };
	hold(&held, "GPU-9");
	assert_false(cdi_depends_on_held(&settings, snapshot, &held));
	hold(&held, "MIG-1::3");
	assert_true(cdi_depends_on_held(&settings, snapshot, &held));
	settings.device_list_strategies = DEVICE_LIST_ENVVAR;
	assert_false(cdi_depends_on_held(&settings, snapshot, &held));
}

static struct settings all_classes(void)
{
	struct settings settings = given_settings();
	settings.imex_channel = true;
	settings.gdrcopy_enabled = true;
	settings.gds_enabled = true;
	settings.mofed_enabled = true;
	return settings;
}

static void add_nodes_of_all_classes(void)
{
	add_node("/dev/nvidia-caps-imex-channels/channel0");
	add_node("/dev/nvidia-caps-imex-channels/channel1");
	add_node("/dev/gdrdrv");
	add_node("/dev/nvidia-fs0");
	add_node("/dev/nvidia-fs1");
	add_node("/dev/nvidia-fs-folder/node");
	add_node("/dev/infiniband/uverbs0");
	add_node("/dev/infiniband/rdma_cm");
	fake_root_file(&root, "/driver-root/etc/cufile.json", 0644);
	fake_root_file(&root, "/driver-root/run/udev/control", 0644);
}

static void all_classes_at_once(void **state)
{
	(void)state;
	const struct settings settings = all_classes();
	add_driver();
	add_nodes_of_all_classes();
	struct cdi_report report = written(&settings, given_snapshot(1));
	assert_int_equal(report.present, CDI_BIT(CDI_CLASSES) - 1);
	assert_golden(CDI_GPU, "one-t4");
	assert_golden(CDI_IMEX_CHANNEL, "imex-channel");
	assert_golden(CDI_GDRCOPY, "gdrcopy");
	assert_golden(CDI_GDS, "gds");
	assert_golden(CDI_MOFED, "mofed");
}

/* As NVIDIA's GPU operator has it: the driver in a container, its nodes and its files below one
 * folder of the host, and Debian's way of libraries behind /etc/alternatives. */
static void a_driver_in_a_container(void **state)
{
	(void)state;
	struct settings settings = given_settings();
	settings.driver_root = "/run/nvidia/driver/";
	settings.dev_root = "/run/nvidia/driver";
	settings.cdi_hook_path = "/usr/local/nvidia/toolkit/nvidia-cdi-hook";
	settings.cdi_disabled_hooks = CDI_HOOK_UPDATE_APPLICATION_PROFILE;
	fake_root_file(&root, LIBRARIES "nvidia/current/libcuda.so." VERSION, 0644);
	fake_root_link(&root, LIBRARIES "nvidia/current/libcuda.so.1", "libcuda.so." VERSION);
	fake_root_link(&root, "/driver-root/etc/alternatives/libcuda",
		       "/usr/lib/x86_64-linux-gnu/nvidia/current/libcuda.so." VERSION);
	fake_root_link(&root, LIBRARIES "libcuda.so." VERSION, "/etc/alternatives/libcuda");
	fake_root_file(&root, "/driver-root/usr/lib/nvidia/current/nvidia-smi", 0755);
	fake_root_link(&root, "/driver-root/usr/bin/nvidia-smi", "/etc/alternatives/nvidia-smi");
	fake_root_link(&root, "/driver-root/etc/alternatives/nvidia-smi",
		       "/usr/lib/nvidia/current/nvidia-smi");
	add_node("/driver-root/dev/nvidiactl");
	add_node("/driver-root/dev/nvidia0");
	add_node("/dev/nvidia-uvm"); /* of the host's own /dev, where nobody looks now */
	(void)written(&settings, given_snapshot(1));
	assert_golden(CDI_GPU, "driver-in-a-container");
}

static void the_second_time_nothing_is_written(void **state)
{
	(void)state;
	const struct settings settings = all_classes();
	add_driver();
	add_nodes_of_all_classes();
	(void)written(&settings, given_snapshot(1));
	struct cdi_report report = written(&settings, given_snapshot(1));
	assert_int_equal(report.present, CDI_BIT(CDI_CLASSES) - 1);
	assert_int_equal(report.written | report.removed, 0);
	report = written(&settings, given_snapshot(2));
	assert_int_equal(report.written, CDI_BIT(CDI_GPU));
}

static void a_class_without_nodes_is_dropped_and_its_old_file_goes(void **state)
{
	(void)state;
	const struct settings settings = all_classes();
	char path[FAKE_ROOT_PATH_BYTES];
	add_driver();
	add_node("/dev/gdrdrv");
	struct cdi_report report = written(&settings, given_snapshot(1));
	assert_int_equal(report.present, CDI_BIT(CDI_GPU) | CDI_BIT(CDI_GDRCOPY));
	assert_int_equal(access(file_of(CDI_GDS), F_OK), -1);
	(void)snprintf(path, sizeof(path), "%s/dev/gdrdrv", root.path);
	assert_int_equal(unlink(path), 0);
	report = written(&settings, given_snapshot(1));
	assert_int_equal(report.present, CDI_BIT(CDI_GPU));
	assert_int_equal(report.removed, CDI_BIT(CDI_GDRCOPY));
	assert_int_equal(access(file_of(CDI_GDRCOPY), F_OK), -1);
}

/* A container that was given such a device may start once more. */
static void a_class_that_is_no_longer_wanted_stays(void **state)
{
	(void)state;
	struct settings settings = all_classes();
	add_driver();
	add_nodes_of_all_classes();
	(void)written(&settings, given_snapshot(1));
	settings.gds_enabled = false;
	struct cdi_report report = written(&settings, given_snapshot(1));
	assert_int_equal(report.present & CDI_BIT(CDI_GDS), 0);
	assert_int_equal(access(file_of(CDI_GDS), F_OK), 0);
	settings.device_list_strategies = DEVICE_LIST_ENVVAR;
	report = written(&settings, given_snapshot(1));
	assert_int_equal(report.present | report.written | report.removed, 0);
	assert_int_equal(access(file_of(CDI_GPU), F_OK), 0);
}

static void without_a_gpu_no_driver_is_needed(void **state)
{
	(void)state;
	struct settings settings = given_settings();
	settings.mig_strategy = MIG_STRATEGY_MIXED;
	struct cdi_report report = written(&settings, given_snapshot(0));
	assert_int_equal(report.present, 0);
	struct snapshot *snapshot = given_snapshot(1);
	snapshot->devices[0].is_mig = true; /* and nothing made of it */
	report = written(&settings, snapshot);
	assert_int_equal(report.present, 0);
}

static void a_driver_that_is_not_there_is_told_with_the_remedy(void **state)
{
	(void)state;
	struct settings settings = given_settings();
	char text[ERR_TEXT_BYTES];
	char expected[ERR_TEXT_BYTES];
	add_library("libcuda.so.535.104.05");
	assert_int_equal(refused(&settings, given_snapshot(1), text), -ENOENT);
	(void)snprintf(expected, sizeof(expected),
		       "CDI: no library of driver " VERSION " below %s/driver-root, mount the "
		       "host's / there, or say with --driver-root-ctr-path where it is mounted",
		       root.path);
	assert_string_equal(text, expected);
	assert_int_equal(access(file_of(CDI_GPU), F_OK), -1);
}

static void a_version_that_is_none_is_refused(void **state)
{
	(void)state;
	const struct settings settings = given_settings();
	static const char *const versions[] = { "", "N/A", "../..", "550*", ".1" };
	char text[ERR_TEXT_BYTES];
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		struct snapshot *snapshot = given_snapshot(1);
		snapshot->driver_version = versions[i];
		assert_int_equal(refused(&settings, snapshot, text), -EINVAL);
		assert_non_null(strstr(text, "is no number"));
	}
}

static void a_name_that_cdi_does_not_allow_is_refused(void **state)
{
	(void)state;
	const struct settings settings = given_settings();
	char text[ERR_TEXT_BYTES];
	struct snapshot *snapshot = given_snapshot(1);
	snapshot->devices[0].uuid = "GPU 0";
	add_driver();
	assert_int_equal(refused(&settings, snapshot, text), -EINVAL);
	assert_non_null(strstr(text, "device GPU 0: not a name"));
	assert_int_equal(access(file_of(CDI_GPU), F_OK), -1);
}

static void hooks_that_are_disabled_are_not_called(void **state)
{
	(void)state;
	struct settings settings = given_settings();
	settings.cdi_disabled_hooks = CDI_HOOKS_ALL;
	add_driver();
	(void)written(&settings, given_snapshot(1));
	assert_false(has(CDI_GPU, "hook"));
	settings.cdi_disabled_hooks = CDI_HOOK_CREATE_SYMLINKS;
	(void)written(&settings, given_snapshot(1));
	assert_false(has(CDI_GPU, "create-symlinks"));
	assert_true(has(CDI_GPU, "update-ldcache"));
}

/* A program finds libcuda.so.1 also where nothing makes links. */
static void library_is_mounted_under_its_other_names_where_no_hook_links_them(void **state)
{
#define OF_LIBCUDA(link)                                                      \
	"{\"hostPath\":\"/usr/lib/x86_64-linux-gnu/libcuda.so." VERSION "\"," \
	"\"containerPath\":\"/usr/lib/x86_64-linux-gnu/" link "\","
	(void)state;
	struct settings settings = given_settings();
	add_driver();
	(void)written(&settings, given_snapshot(1));
	assert_false(has(CDI_GPU, OF_LIBCUDA("libcuda.so.1")));
	settings.cdi_disabled_hooks = CDI_HOOK_CREATE_SYMLINKS;
	(void)written(&settings, given_snapshot(1));
	assert_true(has(CDI_GPU, OF_LIBCUDA("libcuda.so.1")));
	assert_true(has(CDI_GPU, OF_LIBCUDA("libcuda.so")));
#undef OF_LIBCUDA
}

static void features_switch_what_they_name(void **state)
{
	(void)state;
	struct settings settings = given_settings();
	add_driver();
	(void)written(&settings, given_snapshot(1));
	assert_false(has(CDI_GPU, "libEGL.so"));
	assert_true(has(CDI_GPU, "nvidia-persistenced/socket"));
	settings.cdi_features = CDI_EXPLICIT_DRIVER_LIBRARIES;
	(void)written(&settings, given_snapshot(1));
	assert_true(has(CDI_GPU, "/usr/lib/x86_64-linux-gnu/libEGL.so.1.1.0\""));
	settings.cdi_features = CDI_NO_IPC_DISCOVERER;
	(void)written(&settings, given_snapshot(1));
	assert_false(has(CDI_GPU, "nvidia-persistenced/socket"));
	assert_true(has(CDI_GPU, "/usr/sbin/nvidia-persistenced"));
}

/* Only root can give a file to another group; everybody has one that is not root's. */
static void the_group_of_a_node_that_is_not_for_all_is_joined(void **state)
{
	(void)state;
	struct settings settings = given_settings();
	char path[FAKE_ROOT_PATH_BYTES];
	char expected[64];
	add_driver();
	fake_root_place(&root, "/dev/nvidia0", path);
	assert_int_equal(chmod(path, 0660), 0);
	gid_t group = geteuid() == 0 ? GROUP_OF_RENDER : getegid();
	assert_int_equal(chown(path, (uid_t)-1, group), 0);
	(void)written(&settings, given_snapshot(1));
	(void)snprintf(expected, sizeof(expected), "\"additionalGids\":[%u]", (unsigned)group);
	assert_true(has(CDI_GPU, expected));
	assert_true(has(CDI_GPU, "\"cdiVersion\":\"0.7.0\""));
	settings.cdi_features = CDI_NO_ADDITIONAL_GIDS;
	(void)written(&settings, given_snapshot(1));
	assert_false(has(CDI_GPU, "additionalGids"));
}

static void a_program_in_two_folders_is_mounted_from_the_first(void **state)
{
	(void)state;
	const struct settings settings = given_settings();
	add_driver();
	fake_root_link(&root, "/driver-root/bin", "usr/bin");
	(void)written(&settings, given_snapshot(1));
	assert_true(has(CDI_GPU, "\"/usr/bin/nvidia-smi\""));
	assert_false(has(CDI_GPU, "\"/bin/nvidia-smi\""));
}

static void a_node_of_a_gpu_is_named_before_it_is_there(void **state)
{
	(void)state;
	const struct settings settings = given_settings();
	add_driver();
	(void)written(&settings, given_snapshot(2));
	assert_true(has(CDI_GPU, "{\"path\":\"/dev/nvidia1\"}"));
}

/* Where the driver's root has a /dev, a runtime may still have put the channel into ours. */
static void the_channel_is_found_in_our_own_dev_too(void **state)
{
	(void)state;
	struct settings settings = given_settings();
	settings.imex_channel = true;
	settings.dev_root = "/host";
	add_driver();
	add_node("/driver-root/dev/nvidiactl");
	add_node("/dev/nvidia-caps-imex-channels/channel0");
	struct cdi_report report = written(&settings, given_snapshot(1));
	assert_int_equal(report.present, CDI_BIT(CDI_GPU) | CDI_BIT(CDI_IMEX_CHANNEL));
	assert_true(has(CDI_IMEX_CHANNEL,
			"\"hostPath\":\"/host/dev/nvidia-caps-imex-channels/channel0\""));
}

static void more_files_than_the_bound_are_an_error(void **state)
{
	(void)state;
	struct settings settings = given_settings();
	char path[FAKE_ROOT_PATH_BYTES];
	char text[ERR_TEXT_BYTES];
	settings.mofed_enabled = true;
	add_driver();
	add_node("/dev/infiniband/rdma_cm");
	for (unsigned i = 0; i < 256; i++) {
		(void)snprintf(path, sizeof(path), "/dev/infiniband/uverbs%u", i);
		add_node(path);
	}
	assert_int_equal(refused(&settings, given_snapshot(1), text), -E2BIG);
	assert_non_null(strstr(text, "/dev/infiniband/rdma_cm: more files or nodes"));
}

static void a_folder_that_cannot_be_made_is_an_error(void **state)
{
	(void)state;
	const struct settings settings = given_settings();
	char text[ERR_TEXT_BYTES];
	add_driver();
	fake_root_file(&root, "/var/run", 0644);
	assert_true(refused(&settings, given_snapshot(1), text) < 0);
	assert_non_null(strstr(text, "/var/run"));
}

/* Each run fails one call more, of the arena and then of jansson. */
static void fails_cleanly_whenever_memory_is_out(void **state)
{
	(void)state;
	struct settings settings = all_classes();
	settings.driver_root = "/host";
	settings.cdi_features = CDI_NO_ADDITIONAL_GIDS;
	cleanup_snapshot struct snapshot *snapshot = given_snapshot(1);
	struct cdi_report report;
	add_driver();
	add_nodes_of_all_classes();
	fake_root_file(&root, "/sys/bus/pci/devices/0000:00:1e.0/drm/card1/dev", 0444);
	add_node("/dev/dri/card1");
	fake_root_link(&root, "/dev/dri/by-path/pci-0000:00:1e.0-card", "../card1");
	int r = -ENOMEM;
	unsigned calls = 1;
	for (; r == -ENOMEM && calls < CALLS_MAX; calls++) {
		failing_arena = calls;
		r = cdi_write(&settings, snapshot, &nothing_held, &report, NULL);
		failing_arena = 0;
		assert_true(r == 0 || access(file_of(CDI_GPU), F_OK) < 0);
	}
	assert_int_equal(r, 0);
	assert_true(calls > 100);
	json_set_alloc_funcs(our_malloc, free);
	failing_malloc = 1;
	assert_int_equal(cdi_write(&settings, snapshot, &nothing_held, &report, NULL), -ENOMEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define IN_ROOT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
		IN_ROOT(one_t4),
		IN_ROOT(four_gpus_by_index_three_of_them_with_a_screen),
		IN_ROOT(parts_of_an_a100),
		IN_ROOT(without_a_mig_strategy_the_gpu_is_described_whole),
		IN_ROOT(describes_what_pods_hold_though_the_strategy_offers_it_no_more),
		IN_ROOT(what_pods_hold_has_the_names_of_both_strategies),
		IN_ROOT(a_vanished_gpu_that_pods_hold_has_one_name),
		IN_ROOT(knows_whether_what_pods_hold_matters),
		IN_ROOT(all_classes_at_once),
		IN_ROOT(a_driver_in_a_container),
		IN_ROOT(the_second_time_nothing_is_written),
		IN_ROOT(a_class_without_nodes_is_dropped_and_its_old_file_goes),
		IN_ROOT(a_class_that_is_no_longer_wanted_stays),
		IN_ROOT(without_a_gpu_no_driver_is_needed),
		IN_ROOT(a_driver_that_is_not_there_is_told_with_the_remedy),
		IN_ROOT(a_version_that_is_none_is_refused),
		IN_ROOT(a_name_that_cdi_does_not_allow_is_refused),
		IN_ROOT(hooks_that_are_disabled_are_not_called),
		IN_ROOT(library_is_mounted_under_its_other_names_where_no_hook_links_them),
		IN_ROOT(features_switch_what_they_name),
		IN_ROOT(the_group_of_a_node_that_is_not_for_all_is_joined),
		IN_ROOT(a_program_in_two_folders_is_mounted_from_the_first),
		IN_ROOT(a_node_of_a_gpu_is_named_before_it_is_there),
		IN_ROOT(the_channel_is_found_in_our_own_dev_too),
		IN_ROOT(more_files_than_the_bound_are_an_error),
		IN_ROOT(a_folder_that_cannot_be_made_is_an_error),
		IN_ROOT(fails_cleanly_whenever_memory_is_out),
	};
	return cmocka_run_group_tests_name("cdi", tests, NULL, NULL);
}
