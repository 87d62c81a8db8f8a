/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's side of the driver process with the real process: this program, started again, on the
 * simulated NVML. */
#include "unit.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "driver/answer.h"
#include "driver/driver.h"
#include "driver/packet.h"

enum {
	GUARD_MS = 60 * 1000, /* only a hang takes this long */
	DEADLINE_MS = 1000,
	LONG_MS = 120 * 1000, /* a deadline or a grace that must not pass in this test */
	SHORT_MS = 20,
	NS_PER_MS = 1000 * 1000,
	CHILD_FD = 3,
};

/* Where the process looks for NVML; the first does not exist, so the loader finds the simulated
 * one. The others tell main() below to misbehave. */
static const char no_root[] = "/nonexistent";
static const char nonsense_root[] = "/speaks-nonsense";
static const char closing_root[] = "/closes-its-socket";
static const char chatty_root[] = "/speaks-unasked";

static const char old_root[] = "/an-old-kernel";

/* For the process every millisecond is a second. */
static const char fast_root[] = "/a-fast-clock";

static const char two_gpus[] = "gpus: [{uuid: GPU-a}, {uuid: GPU-b, model: NVIDIA H200}]\n";

static const char *const proc_folders[] = { "/proc", "/proc/driver", "/proc/driver/nvidia-caps" };

/* As if the process were in a call of the kernel that even SIGKILL does not end. */
static bool is_unkillable;
static bool has_close_range = true;
static bool has_fast_clock;

int __real_uv_process_kill(uv_process_t *process, int signal_number);
int __wrap_uv_process_kill(uv_process_t *process, int signal_number);
int __real_close_range(unsigned first, unsigned last, int flags);
int __wrap_close_range(unsigned first, unsigned last, int flags);

int __wrap_uv_process_kill(uv_process_t *process, int signal_number)
{
	return is_unkillable ? 0 : __real_uv_process_kill(process, signal_number);
}

int __wrap_close_range(unsigned first, unsigned last, int flags)
{
	if (has_close_range)
		return __real_close_range(first, last, flags);
	errno = ENOSYS;
	return -1;
}

int __real_clock_gettime(clockid_t clock, struct timespec *ret);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret);

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret)
{
	int r = __real_clock_gettime(clock, ret);
	if (r == 0 && has_fast_clock)
		*ret = (struct timespec){ ret->tv_sec * 1000 + ret->tv_nsec / NS_PER_MS, 0 };
	return r;
}

struct fixture {
	uv_loop_t loop;
	uv_timer_t guard;
	struct driver *driver;
	struct driver_listener listener;
	struct driver_options options;
	char folder[32];
	char scenario[64];
	char executable[256];
	struct snapshot *snapshot;
	unsigned snapshots;
	unsigned faults;
	unsigned warnings;
	unsigned events;
	unsigned snapshots_at_event;
	struct device_event event; /* its uuid is event_uuid */
	char event_uuid[64];
	enum driver_fault fault;
	char text[ERR_TEXT_BYTES];
	bool stops_in_callback;
};

static void stop(struct fixture *fixture)
{
	driver_stop(fixture->driver);
	fixture->driver = NULL;
}

static void on_snapshot(struct driver_listener *listener, struct snapshot *snapshot,
			uint64_t asked_ns)
{
	assert_true(asked_ns <= uv_hrtime());
	struct fixture *fixture = container_of(listener, struct fixture, listener);
	snapshot_free(fixture->snapshot);
	fixture->snapshot = snapshot;
	fixture->snapshots++;
	if (fixture->stops_in_callback)
		stop(fixture);
}

static void on_fault(struct driver_listener *listener, enum driver_fault fault, const char *text)
{
	struct fixture *fixture = container_of(listener, struct fixture, listener);
	fixture->fault = fault;
	fixture->faults++;
	(void)snprintf(fixture->text, sizeof(fixture->text), "%s", text);
}

static void on_warning(struct driver_listener *listener, const char *text)
{
	struct fixture *fixture = container_of(listener, struct fixture, listener);
	fixture->warnings++;
	(void)snprintf(fixture->text, sizeof(fixture->text), "%s", text);
}

static void on_event(struct driver_listener *listener, const struct device_event *event)
{
	struct fixture *fixture = container_of(listener, struct fixture, listener);
	fixture->events++;
	fixture->snapshots_at_event = fixture->snapshots;
	fixture->event = *event;
	(void)snprintf(fixture->event_uuid, sizeof(fixture->event_uuid), "%s", event->uuid);
	if (fixture->stops_in_callback)
		stop(fixture);
}

static void on_guard(uv_timer_t *timer)
{
	(void)timer;
	fail_msg("nothing happened for too long");
}

static void make_capabilities(const struct fixture *fixture)
{
	static const char text[] = "gpu0/gi2/access 12\ngpu0/gi2/ci0/access 13\n";
	char path[128];
	for (size_t i = 0; i < ARRAY_LEN(proc_folders); i++) {
		(void)snprintf(path, sizeof(path), "%s%s", fixture->folder, proc_folders[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	(void)snprintf(path, sizeof(path), "%s/proc/driver/nvidia-caps/mig-minors",
		       fixture->folder);
	assert_int_equal(file_write(path, text, sizeof(text) - 1, 0600, NULL), 0);
}

static void remove_capabilities(const struct fixture *fixture)
{
	char path[128];
	(void)snprintf(path, sizeof(path), "%s/proc/driver/nvidia-caps/mig-minors",
		       fixture->folder);
	(void)unlink(path);
	for (size_t i = ARRAY_LEN(proc_folders); i > 0; i--) {
		(void)snprintf(path, sizeof(path), "%s%s", fixture->folder, proc_folders[i - 1]);
		(void)rmdir(path);
	}
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	if (!fixture)
		return -1;
	*state = fixture;
	(void)snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/test_driver.XXXXXX");
	assert_non_null(mkdtemp(fixture->folder));
	(void)snprintf(fixture->scenario, sizeof(fixture->scenario), "%s/sim.yaml",
		       fixture->folder);
	ssize_t length = readlink("/proc/self/exe", fixture->executable,
				  sizeof(fixture->executable) - 1);
	assert_true(length > 0);
	assert_int_equal(setenv("ROTA_SIM", fixture->scenario, 1), 0);
	assert_int_equal(setenv("LD_LIBRARY_PATH", SIM_FOLDER, 1), 0);
	assert_int_equal(uv_loop_init(&fixture->loop), 0);
	assert_int_equal(uv_timer_init(&fixture->loop, &fixture->guard), 0);
	uv_unref((uv_handle_t *)&fixture->guard);
	fixture->listener = (struct driver_listener){ on_snapshot, on_fault, on_warning, on_event };
	fixture->options = (struct driver_options){
		.executable = fixture->executable,
		.container_driver_root = no_root,
		.deadline_ns = (uint64_t)LONG_MS * NS_PER_MS,
		.poll_ns = (uint64_t)SHORT_MS * NS_PER_MS,
		.grace_ns = (uint64_t)SHORT_MS * NS_PER_MS,
	};
	return 0;
}

/* Ends with the loop empty and no child left, whatever the test did. */
static int teardown(void **state)
{
	struct fixture *fixture = *state;
	is_unkillable = false;
	stop(fixture);
	uv_close((uv_handle_t *)&fixture->guard, NULL);
	while (uv_run(&fixture->loop, UV_RUN_DEFAULT) != 0)
		;
	assert_int_equal(uv_loop_close(&fixture->loop), 0);
	snapshot_free(fixture->snapshot);
	(void)unlink(fixture->scenario);
	remove_capabilities(fixture);
	(void)rmdir(fixture->folder);
	free(fixture);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	return 0;
}

static void write_scenario(struct fixture *fixture, const char *text)
{
	assert_int_equal(file_write(fixture->scenario, text, strlen(text), 0600, NULL), 0);
}

static void start(struct fixture *fixture, const char *scenario)
{
	write_scenario(fixture, scenario);
	assert_int_equal(driver_start(&fixture->loop, &fixture->options, &fixture->listener,
				      &fixture->driver, NULL),
			 0);
}

/* Until one of the counters has its value; 0 to ignore one. */
static void run_until(struct fixture *fixture, unsigned snapshots, unsigned faults,
		      unsigned warnings)
{
	assert_int_equal(uv_timer_start(&fixture->guard, on_guard, GUARD_MS, 0), 0);
	while (fixture->snapshots < snapshots || fixture->faults < faults ||
	       fixture->warnings < warnings)
		(void)uv_run(&fixture->loop, UV_RUN_ONCE);
	(void)uv_timer_stop(&fixture->guard);
}

static void run_until_events(struct fixture *fixture, unsigned events, unsigned snapshots)
{
	assert_int_equal(uv_timer_start(&fixture->guard, on_guard, GUARD_MS, 0), 0);
	while (fixture->events < events || fixture->snapshots < snapshots)
		(void)uv_run(&fixture->loop, UV_RUN_ONCE);
	(void)uv_timer_stop(&fixture->guard);
}

static void run_for(struct fixture *fixture, uint64_t ms)
{
	uint64_t until = uv_now(&fixture->loop) + ms;
	while (uv_now(&fixture->loop) < until)
		(void)uv_run(&fixture->loop, UV_RUN_NOWAIT);
}

/* The only child of @parent; 0 while there is none. */
static pid_t child_of(pid_t parent)
{
	char path[64];
	int pid = 0;
	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)parent, (int)parent);
	cleanup_free char *text = NULL;
	if (file_read(path, 4096, &text, NULL, NULL) == 0 && text)
		(void)sscanf(text, "%d", &pid);
	return pid;
}

static bool has_loaded_nvml(pid_t pid)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	cleanup_free char *text = NULL;
	return file_read(path, 1 << 20, &text, NULL, NULL) == 0 && text &&
	       strstr(text, "libnvidia-ml.so.1");
}

static void delivers_what_the_driver_has(void **state)
{
	struct fixture *fixture = *state;
	start(fixture, two_gpus);
	run_until(fixture, 1, 0, 0);

	const struct snapshot *snapshot = fixture->snapshot;
	assert_string_equal(snapshot->driver_version, "550.54.15");
	assert_int_equal(snapshot->cuda_version, 12040);
	assert_int_equal(snapshot->devices_count, 2);
	const struct device *device = &snapshot->devices[1];
	assert_string_equal(device->uuid, "GPU-b");
	assert_string_equal(device->index, "1");
	assert_string_equal(device->model, "NVIDIA H200");
	assert_string_equal(device->bus_id, "00000000:00:1E.0");
	assert_int_equal(device->minor, 1);
	assert_int_equal(device->numa_node, 0);
	assert_int_equal(device->memory_bytes >> 20, 143771);
	assert_int_equal(device->compute_major, 9);
	assert_true(device->is_healthy);
	assert_int_equal(fixture->faults, 0);
}

static void delivers_only_what_differs(void **state)
{
	struct fixture *fixture = *state;
	start(fixture, two_gpus);
	run_until(fixture, 1, 0, 0);
	run_for(fixture, 10 * (uint64_t)SHORT_MS);
	assert_int_equal(fixture->snapshots, 1);
}

static void a_node_without_gpus_is_an_empty_snapshot(void **state)
{
	struct fixture *fixture = *state;
	start(fixture, "gpus: []\n");
	run_until(fixture, 1, 0, 0);
	assert_int_equal(fixture->snapshot->devices_count, 0);
	assert_int_equal(fixture->faults, 0);
}

static void says_that_the_library_is_missing(void **state)
{
	struct fixture *fixture = *state;
	void *real = dlopen("libnvidia-ml.so.1", RTLD_LAZY);
	if (real) {
		(void)dlclose(real);
		skip(); /* a machine with a driver */
	}
	assert_int_equal(unsetenv("LD_LIBRARY_PATH"), 0);
	start(fixture, two_gpus);
	run_until(fixture, 0, 1, 0);
	assert_int_equal(fixture->fault, DRIVER_FAULT_INIT);
	assert_non_null(strstr(fixture->text, "libnvidia-ml.so.1"));
	assert_non_null(strstr(fixture->text, "install the driver"));
}

static void says_what_nvml_says_and_recovers(void **state)
{
	struct fixture *fixture = *state;
	start(fixture,
	      "faults: [{call: nvmlInit_v2, do: fail, error: NVML_ERROR_DRIVER_NOT_LOADED}]");
	run_until(fixture, 0, 1, 0);
	assert_int_equal(fixture->fault, DRIVER_FAULT_INIT);
	assert_non_null(strstr(fixture->text, "nvmlInit_v2: Driver Not Loaded"));
	assert_non_null(strstr(fixture->text, "modprobe nvidia"));

	write_scenario(fixture, two_gpus);
	run_until(fixture, 1, 0, 0);
	assert_int_equal(fixture->snapshot->devices_count, 2);
	assert_int_equal(fixture->faults, 1);
}

static void an_upgraded_driver_is_opened_anew(void **state)
{
	struct fixture *fixture = *state;
	start(fixture, two_gpus);
	run_until(fixture, 1, 0, 0);
	write_scenario(fixture, "faults: [{call: nvmlDeviceGetCount_v2, do: fail, "
				"error: NVML_ERROR_LIB_RM_VERSION_MISMATCH}]");
	run_until(fixture, 1, 1, 0);
	assert_int_equal(fixture->fault, DRIVER_FAULT_INIT);
	assert_non_null(strstr(fixture->text, "Driver/library version mismatch"));

	write_scenario(fixture, "driver: {version: 580.65.06}");
	run_until(fixture, 2, 0, 0);
	assert_string_equal(fixture->snapshot->driver_version, "580.65.06");
}

static void a_crash_that_is_mended_at_once_is_no_fault(void **state)
{
	struct fixture *fixture = *state;
	fixture->options.grace_ns = (uint64_t)LONG_MS * NS_PER_MS;
	start(fixture, two_gpus);
	run_until(fixture, 1, 0, 0);
	pid_t killed = child_of(getpid());
	write_scenario(fixture, "gpus: [{}]");
	assert_int_equal(kill(killed, SIGKILL), 0);
	run_until(fixture, 2, 0, 0);
	assert_int_equal(fixture->faults, 0);
	assert_int_not_equal(child_of(getpid()), killed);
}

static void a_crash_that_goes_on_is_a_fault(void **state)
{
	struct fixture *fixture = *state;
	start(fixture, "faults: [{call: nvmlDeviceGetUUID, do: crash}]");
	run_until(fixture, 0, 1, 0);
	assert_int_equal(fixture->fault, DRIVER_FAULT_DIED);
	assert_non_null(strstr(fixture->text, "signal 6"));

	write_scenario(fixture, two_gpus);
	run_until(fixture, 1, 0, 0);
}

static void a_hang_ends_at_the_deadline_and_is_recovered_from(void **state)
{
	struct fixture *fixture = *state;
	fixture->options.deadline_ns = (uint64_t)DEADLINE_MS * NS_PER_MS;
	start(fixture, "faults: [{call: nvmlInit_v2, do: hang}]");
	run_until(fixture, 0, 1, 0);
	assert_int_equal(fixture->fault, DRIVER_FAULT_HUNG);
	assert_non_null(strstr(fixture->text, "did not answer within 1000 ms"));

	write_scenario(fixture, two_gpus);
	run_until(fixture, 1, 0, 0);
	assert_int_equal(fixture->snapshot->devices_count, 2);
}

static void a_hang_may_begin_while_running(void **state)
{
	struct fixture *fixture = *state;
	fixture->options.deadline_ns = (uint64_t)DEADLINE_MS * NS_PER_MS;
	start(fixture, two_gpus);
	run_until(fixture, 1, 0, 0);
	write_scenario(fixture, "faults: [{call: nvmlDeviceGetMemoryInfo, do: hang}]");
	run_until(fixture, 1, 1, 0);
	assert_int_equal(fixture->fault, DRIVER_FAULT_HUNG);

	/* The same GPUs as before: news, since there was a fault in between. */
	write_scenario(fixture, two_gpus);
	run_until(fixture, 2, 0, 0);
	assert_int_equal(fixture->faults, 1);
}

static void a_lost_gpu_stays_as_unhealthy_and_is_named(void **state)
{
	struct fixture *fixture = *state;
	start(fixture, two_gpus);
	run_until(fixture, 1, 0, 0);
	write_scenario(fixture, "faults: [{call: nvmlDeviceGetHandleByIndex_v2, gpu: 0, do: fail, "
				"error: NVML_ERROR_GPU_IS_LOST}]");
	run_until(fixture, 2, 0, 0);
	assert_int_equal(fixture->snapshot->devices_count, 2);
	assert_string_equal(fixture->snapshot->devices[0].uuid, "GPU-a");
	assert_false(fixture->snapshot->devices[0].is_healthy);
	assert_true(fixture->snapshot->devices[1].is_healthy);
	assert_non_null(strstr(fixture->snapshot->devices[0].reason,
			       "nvmlDeviceGetHandleByIndex_v2: GPU is lost"));

	write_scenario(fixture, two_gpus);
	run_until(fixture, 3, 0, 0);
	assert_true(fixture->snapshot->devices[0].is_healthy);
	assert_int_equal(fixture->faults, 0);
	assert_int_equal(fixture->warnings, 0);
}

static void a_gpu_that_is_lost_from_the_start_is_told_of_until_it_is_back(void **state)
{
	struct fixture *fixture = *state;
	start(fixture, "gpus: [{uuid: GPU-a}, {uuid: GPU-b, model: NVIDIA H200}]\n"
		       "faults: [{call: nvmlDeviceGetHandleByIndex_v2, gpu: 0, do: fail, "
		       "error: NVML_ERROR_GPU_IS_LOST}]");
	run_until(fixture, 1, 0, 0);
	assert_int_equal(fixture->snapshot->lost_count, 1);
	assert_non_null(strstr(fixture->snapshot->lost[0], "GPU 0 cannot be described"));
	assert_non_null(
		strstr(fixture->snapshot->lost[0], "nvmlDeviceGetHandleByIndex_v2: GPU is lost"));

	write_scenario(fixture, two_gpus);
	run_until(fixture, 2, 0, 0);
	assert_int_equal(fixture->snapshot->lost_count, 0);
	assert_int_equal(fixture->snapshot->devices_count, 2);
	assert_int_equal(fixture->warnings, 0);
}

/* Waiting for events says so before the next question is due. */
static void a_gpu_that_falls_off_the_bus_is_seen_at_once(void **state)
{
	struct fixture *fixture = *state;
	fixture->options.poll_ns = (uint64_t)LONG_MS * NS_PER_MS;
	start(fixture, two_gpus);
	run_until(fixture, 1, 0, 0);
	write_scenario(fixture, "gpus: [{uuid: GPU-a}, {uuid: GPU-b, model: NVIDIA H200}]\n"
				"faults: [{do: loseGpu, gpu: 0}]");
	run_until(fixture, 2, 0, 0);
	assert_false(fixture->snapshot->devices[0].is_healthy);
	assert_non_null(strstr(fixture->snapshot->devices[0].reason, "dmesg | grep Xid"));
	assert_true(fixture->snapshot->devices[1].is_healthy);
	assert_int_equal(fixture->events, 0);
}

/* A library that saw a GPU go does not see it come back. */
static void a_gpu_that_is_back_is_found_by_opening_nvml_anew(void **state)
{
	struct fixture *fixture = *state;
	fixture->options.container_driver_root = fast_root;
	start(fixture, two_gpus);
	run_until(fixture, 1, 0, 0);
	write_scenario(fixture, "gpus: [{uuid: GPU-a}, {uuid: GPU-b, model: NVIDIA H200}]\n"
				"faults: [{do: loseGpu, gpu: 0}]");
	run_until(fixture, 2, 0, 1);
	pid_t process = child_of(getpid());
	write_scenario(fixture, two_gpus);
	run_until(fixture, 3, 0, 0);
	assert_true(fixture->snapshot->devices[0].is_healthy);
	assert_int_equal(child_of(getpid()), process);
}

static void a_gpu_that_vanished_stays_until_it_is_to_be_forgotten(void **state)
{
	struct fixture *fixture = *state;
	start(fixture, two_gpus);
	run_until(fixture, 1, 0, 0);
	write_scenario(fixture, "gpus: [{uuid: GPU-b}]");
	assert_int_equal(kill(child_of(getpid()), SIGKILL), 0);
	run_until(fixture, 2, 0, 0);
	assert_int_equal(fixture->snapshot->devices_count, 2);
	const struct device *vanished = &fixture->snapshot->devices[1];
	assert_string_equal(vanished->uuid, "GPU-a");
	assert_false(vanished->is_healthy);
	assert_non_null(strstr(vanished->reason, "counts it no longer"));

	driver_refresh(fixture->driver);
	run_until(fixture, 3, 0, 0);
	assert_int_equal(fixture->snapshot->devices_count, 1);
	assert_string_equal(fixture->snapshot->devices[0].uuid, "GPU-b");
}

static void a_refresh_opens_nvml_anew_at_once(void **state)
{
	struct fixture *fixture = *state;
	fixture->options.poll_ns = (uint64_t)LONG_MS * NS_PER_MS;
	start(fixture, two_gpus);
	run_until(fixture, 1, 0, 0);
	pid_t process = child_of(getpid());
	write_scenario(fixture, "gpus: [{uuid: GPU-a}, {uuid: GPU-b}, {uuid: GPU-c}]");
	driver_refresh(fixture->driver);
	run_until(fixture, 2, 0, 0);
	assert_int_equal(fixture->snapshot->devices_count, 3);
	assert_int_equal(child_of(getpid()), process);
}

/* The answer under way, slow as it is, has opened NVML before the GPU was replaced. */
static void a_refresh_while_an_answer_is_waited_for_asks_again(void **state)
{
	struct fixture *fixture = *state;
	fixture->options.poll_ns = (uint64_t)LONG_MS * NS_PER_MS;
	start(fixture, "gpus: [{uuid: GPU-a}]");
	run_until(fixture, 1, 0, 0);
	write_scenario(fixture, "gpus: [{uuid: GPU-a}]\nfaults: [{call: nvmlDeviceGetMemoryInfo, "
				"do: slow, for: 400ms}]");
	driver_refresh(fixture->driver);
	run_for(fixture, 10 * (uint64_t)SHORT_MS);
	write_scenario(fixture, "gpus: [{uuid: GPU-b}]");
	driver_refresh(fixture->driver);
	while (fixture->snapshot->devices_count > 1 ||
	       strcmp(fixture->snapshot->devices[0].uuid, "GPU-b") != 0)
		run_until(fixture, fixture->snapshots + 1, 0, 0);
}

static void links_are_asked_anew_with_nvml(void **state)
{
	struct fixture *fixture = *state;
	start(fixture, "gpus: [{uuid: GPU-a}, {uuid: GPU-b}]\nlinks: {nvlink: [[0, 1, 2]]}");
	run_until(fixture, 1, 0, 0);
	assert_int_equal(fixture->snapshot->links[0].nvlinks, 2);
	write_scenario(fixture,
		       "gpus: [{uuid: GPU-a}, {uuid: GPU-b}]\nlinks: {nvlink: [[0, 1, 4]]}");
	driver_refresh(fixture->driver);
	run_until(fixture, 2, 0, 0);
	assert_int_equal(fixture->snapshot->links[0].nvlinks, 4);
}

static void who_is_in_a_hurry_asks_each_second(void **state)
{
	struct fixture *fixture = *state;
	fixture->options.poll_ns = (uint64_t)LONG_MS * NS_PER_MS;
	start(fixture, two_gpus);
	run_until(fixture, 1, 0, 0);
	write_scenario(fixture,
		       "gpus: [{uuid: GPU-a, eccErrors: 3}, {uuid: GPU-b, model: NVIDIA H200}]");
	driver_hurry(fixture->driver, true);
	run_until(fixture, 2, 0, 0);
	assert_int_equal(fixture->snapshot->devices[0].ecc_errors, 3);
	write_scenario(fixture,
		       "gpus: [{uuid: GPU-a, eccErrors: 4}, {uuid: GPU-b, model: NVIDIA H200}]");
	run_until(fixture, 3, 0, 0);
	driver_hurry(fixture->driver, false);
}

static void nobody_may_refresh_or_hurry(void **state)
{
	(void)state;
	driver_refresh(NULL);
	driver_hurry(NULL, true);
}

static void an_xid_is_told_at_once_and_a_snapshot_follows(void **state)
{
	struct fixture *fixture = *state;
	fixture->options.poll_ns = (uint64_t)LONG_MS * NS_PER_MS;
	start(fixture, two_gpus);
	run_until(fixture, 1, 0, 0);
	write_scenario(fixture, "gpus: [{uuid: GPU-a}, {uuid: GPU-b, model: NVIDIA H200}]\n"
				"events: [{id: one, gpu: 1, xid: 79}]");
	run_until_events(fixture, 1, 2);
	assert_string_equal(fixture->event_uuid, "GPU-b");
	assert_int_equal(fixture->event.xid, 79);
	assert_int_equal(fixture->event.gpu_instance, DEVICE_NO_INSTANCE);
	/* An equal one, but read after the event. */
	assert_int_equal(fixture->snapshots_at_event, 1);
	assert_int_equal(fixture->snapshots, 2);
}

static void an_xid_of_a_part_says_which(void **state)
{
	struct fixture *fixture = *state;
	start(fixture, "gpus: [{uuid: GPU-a, model: NVIDIA A100-SXM4-40GB, mig: [1g.5gb]}]");
	run_until(fixture, 1, 0, 0);
	uint32_t instance = fixture->snapshot->devices[1].gpu_instance;
	char text[256];
	(void)snprintf(text, sizeof(text),
		       "gpus: [{uuid: GPU-a, model: NVIDIA A100-SXM4-40GB, mig: [1g.5gb]}]\n"
		       "events: [{id: one, gpu: 0, gpuInstance: %u, computeInstance: 0, xid: 94}]",
		       instance);
	write_scenario(fixture, text);
	run_until_events(fixture, 1, 1);
	assert_string_equal(fixture->event_uuid, "GPU-a");
	assert_int_equal(fixture->event.gpu_instance, instance);
	assert_int_equal(fixture->event.compute_instance, 0);
}

static void xids_go_on_after_nvml_was_opened_anew(void **state)
{
	struct fixture *fixture = *state;
	start(fixture, "gpus: [{uuid: GPU-a}]");
	run_until(fixture, 1, 0, 0);
	write_scenario(fixture, "gpus: [{uuid: GPU-a, minor: 7}]");
	driver_refresh(fixture->driver);
	run_until(fixture, 2, 0, 0);
	write_scenario(fixture,
		       "gpus: [{uuid: GPU-a, minor: 7}]\nevents: [{id: two, gpu: 0, xid: 48}]");
	run_until_events(fixture, 1, 3);
	assert_string_equal(fixture->event_uuid, "GPU-a");
	assert_int_equal(fixture->warnings, 0);
}

static void nobody_need_listen_to_events(void **state)
{
	struct fixture *fixture = *state;
	fixture->listener.on_event = NULL;
	fixture->options.poll_ns = (uint64_t)LONG_MS * NS_PER_MS;
	start(fixture, "gpus: [{}]");
	run_until(fixture, 1, 0, 0);
	write_scenario(fixture, "gpus: [{}]\nevents: [{id: one, gpu: 0, xid: 79}]");
	run_until(fixture, 2, 0, 0);
	assert_int_equal(fixture->events, 0);
}

static void events_that_cannot_be_had_are_a_warning(void **state)
{
	struct fixture *fixture = *state;
	start(fixture, "faults: [{call: nvmlDeviceRegisterEvents, do: fail}]");
	run_until(fixture, 1, 0, 1);
	assert_non_null(strstr(fixture->text, "errors of GPU 0 are seen only when it is asked"));
	assert_true(fixture->snapshot->devices[0].is_healthy);
}

static void a_wait_that_always_fails_is_one_warning(void **state)
{
	struct fixture *fixture = *state;
	start(fixture, "faults: [{call: nvmlEventSetWait_v2, do: fail}]");
	run_until(fixture, 1, 0, 1);
	assert_non_null(strstr(fixture->text, "nvmlEventSetWait_v2"));
	run_for(fixture, 10 * (uint64_t)SHORT_MS);
	assert_int_equal(fixture->warnings, 1);
	assert_int_equal(fixture->snapshots, 1);
}

static void silence_is_a_warning_before_it_is_a_fault(void **state)
{
	struct fixture *fixture = *state;
	fixture->options.silent_ns = (uint64_t)SHORT_MS * NS_PER_MS;
	start(fixture, "faults: [{call: nvmlInit_v2, do: hang}]");
	run_until(fixture, 0, 0, 1);
	assert_string_equal(fixture->text,
			    "the NVIDIA driver has not answered for 20 ms; its process is killed "
			    "when there is no answer within 120000 ms. If this goes on, see `dmesg "
			    "| grep Xid`");
	assert_int_equal(fixture->faults, 0);
}

static void slow_answers_are_one_warning(void **state)
{
	struct fixture *fixture = *state;
	fixture->options.silent_ns = (uint64_t)SHORT_MS * NS_PER_MS;
	start(fixture, "faults: [{call: nvmlDeviceGetUUID, do: slow, for: 60ms}]");
	run_until(fixture, 1, 0, 1);
	run_for(fixture, 25 * (uint64_t)SHORT_MS);
	assert_int_equal(fixture->warnings, 1);
}

static void parts_and_links_come_through(void **state)
{
	struct fixture *fixture = *state;
	make_capabilities(fixture);
	fixture->options.root = fixture->folder;
	start(fixture, "gpus:\n"
		       "- {uuid: GPU-a, model: NVIDIA A100-SXM4-40GB, mig: [3g.20gb]}\n"
		       "- {uuid: GPU-b, model: NVIDIA A100-SXM4-40GB}\n"
		       "links: {nvlink: [[0, 1, 12]]}\n");
	run_until(fixture, 1, 0, 0);
	const struct snapshot *snapshot = fixture->snapshot;
	assert_int_equal(snapshot->devices_count, 3);
	assert_true(snapshot->devices[0].is_mig);
	const struct device *part = &snapshot->devices[1];
	assert_int_equal(part->parent, 0);
	assert_string_equal(part->index, "0:0");
	assert_string_equal(part->profile, "3g.20gb");
	assert_int_equal(part->gpu_instance, 2);
	assert_int_equal(part->compute_instance, 0);
	assert_int_equal(part->gpu_capability, 12);
	assert_int_equal(part->compute_capability, 13);
	assert_int_equal(snapshot->links_count, 1);
	assert_int_equal(snapshot->links[0].second, 2);
	assert_int_equal(snapshot->links[0].nvlinks, 12);
}

static void a_program_that_is_missing_is_a_fault(void **state)
{
	struct fixture *fixture = *state;
	fixture->options.executable = "/nonexistent/rota";
	start(fixture, two_gpus);
	run_until(fixture, 0, 1, 0);
	assert_int_equal(fixture->fault, DRIVER_FAULT_DIED);
	assert_string_equal(fixture->text, "the driver process cannot be started: "
					   "/nonexistent/rota: no such file or directory");
}

static void nonsense_is_a_fault(void **state)
{
	struct fixture *fixture = *state;
	fixture->options.container_driver_root = nonsense_root;
	start(fixture, two_gpus);
	run_until(fixture, 0, 1, 0);
	assert_int_equal(fixture->fault, DRIVER_FAULT_DIED);
	assert_non_null(strstr(fixture->text, "spoke nonsense"));
}

static void an_answer_that_nobody_asked_for_is_a_fault(void **state)
{
	struct fixture *fixture = *state;
	fixture->options.container_driver_root = chatty_root;
	start(fixture, two_gpus);
	run_until(fixture, 0, 1, 0);
	assert_int_equal(fixture->fault, DRIVER_FAULT_DIED);
	assert_non_null(strstr(fixture->text, "was not asked"));
}

static void a_closed_socket_is_a_fault_even_if_the_process_lives(void **state)
{
	struct fixture *fixture = *state;
	fixture->options.container_driver_root = closing_root;
	start(fixture, two_gpus);
	run_until(fixture, 0, 1, 0);
	assert_int_equal(fixture->fault, DRIVER_FAULT_DIED);
	assert_non_null(strstr(fixture->text, "closed its socket"));
}

static void may_be_stopped_in_a_callback(void **state)
{
	struct fixture *fixture = *state;
	fixture->stops_in_callback = true;
	start(fixture, two_gpus);
	run_until(fixture, 1, 0, 0);
	assert_int_equal(uv_run(&fixture->loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(child_of(getpid()), 0);
}

static void stops_while_the_process_hangs(void **state)
{
	struct fixture *fixture = *state;
	start(fixture, "faults: [{call: nvmlInit_v2, do: hang}]");
	(void)uv_run(&fixture->loop, UV_RUN_NOWAIT);
	assert_int_not_equal(child_of(getpid()), 0);
	stop(fixture);
	assert_int_equal(uv_run(&fixture->loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(child_of(getpid()), 0);
	assert_int_equal(fixture->snapshots, 0);
	assert_int_equal(fixture->faults, 0);
}

static void expect_no_descriptor_of_ours(struct fixture *fixture)
{
	cleanup_close int leaky = open("/dev/null", O_RDONLY); /* not CLOEXEC, on purpose */
	assert_true(leaky >= 0);
	start(fixture, two_gpus);
	run_until(fixture, 1, 0, 0);

	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)child_of(getpid()));
	DIR *folder = opendir(path);
	assert_non_null(folder);
	for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder))
		if (entry->d_name[0] != '.')
			assert_true(atoi(entry->d_name) <= CHILD_FD);
	(void)closedir(folder);
}

static void the_process_has_no_descriptor_of_ours(void **state)
{
	expect_no_descriptor_of_ours(*state);
}

static void nor_has_it_on_an_old_kernel(void **state)
{
	struct fixture *fixture = *state;
	fixture->options.container_driver_root = old_root;
	expect_no_descriptor_of_ours(fixture);
}

/* Kills the children of this process that the driver could not. */
static void kill_children(void)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	cleanup_free char *text = NULL;
	assert_int_equal(file_read(path, 4096, &text, NULL, NULL), 0);
	char *rest = text;
	for (char *word = strsep(&rest, " "); word; word = strsep(&rest, " "))
		if (*word)
			(void)kill((pid_t)strtol(word, NULL, 10), SIGKILL);
}

static void no_more_are_started_while_several_cannot_be_killed(void **state)
{
	struct fixture *fixture = *state;
	fixture->options.deadline_ns = (uint64_t)DEADLINE_MS * NS_PER_MS;
	is_unkillable = true;
	start(fixture, "faults: [{call: nvmlInit_v2, do: hang}]");
	while (!strstr(fixture->text, "cannot be killed"))
		run_until(fixture, 0, fixture->faults + 1, 0);
	is_unkillable = false;
	write_scenario(fixture, two_gpus);
	kill_children();
	run_until(fixture, 1, 0, 0);
}

static void stops_even_if_the_process_cannot_be_killed(void **state)
{
	struct fixture *fixture = *state;
	is_unkillable = true;
	start(fixture, "faults: [{call: nvmlInit_v2, do: hang}]");
	stop(fixture);
	assert_int_equal(uv_run(&fixture->loop, UV_RUN_DEFAULT), 0);
	is_unkillable = false;
	pid_t left = child_of(getpid());
	assert_int_not_equal(left, 0);
	kill_children();
	assert_int_equal(waitpid(left, NULL, 0), left);
}

/* A parent that is killed, with a driver process that hangs and so cannot see its socket close. */
static void the_process_dies_with_its_parent(void **state)
{
	struct fixture *fixture = *state;
	write_scenario(fixture, "faults: [{call: nvmlInit_v2, do: hang}]");
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	pid_t parent = fork();
	assert_true(parent >= 0);
	if (parent == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		uv_loop_t loop;
		(void)uv_loop_init(&loop);
		(void)driver_start(&loop, &fixture->options, &fixture->listener, &fixture->driver,
				   NULL);
		(void)uv_run(&loop, UV_RUN_DEFAULT);
		_exit(1);
	}
	pid_t child = 0;
	while (!has_loaded_nvml(child) && waitpid(parent, NULL, WNOHANG) == 0)
		child = child_of(parent);
	assert_true(has_loaded_nvml(child));
	assert_int_equal(kill(parent, SIGKILL), 0);
	assert_int_equal(waitpid(parent, NULL, 0), parent);
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void speak_unasked(void)
{
	struct answer answer = { .id = 99, .fault = { -EIO, "unasked" } };
	struct buf packet = BUF_INIT(PACKET_BYTES_MAX);
	if (packet_encode_answer(&answer, &packet) == 0)
		(void)!write(CHILD_FD, packet.data, packet.len);
	buf_done(&packet);
}

static int misbehave(const char *root)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* also when the test itself is killed */
	if (strcmp(root, nonsense_root) == 0)
		(void)!write(CHILD_FD, "GET / HTTP/1.1\r\n\r\n", 18);
	else if (strcmp(root, chatty_root) == 0)
		speak_unasked();
	else
		(void)close(CHILD_FD);
	(void)pause();
	return EXIT_FAILURE;
}

static bool is_misbehaving(const char *driver_root)
{
	return strcmp(driver_root, nonsense_root) == 0 || strcmp(driver_root, chatty_root) == 0 ||
	       strcmp(driver_root, closing_root) == 0;
}

static int run_child(const char *driver_root, const char *root)
{
	has_close_range = strcmp(driver_root, old_root) != 0;
	has_fast_clock = strcmp(driver_root, fast_root) == 0;
	return is_misbehaving(driver_root) ? misbehave(driver_root)
					   : driver_serve(CHILD_FD, driver_root, root);
}

int main(int argc, char **argv)
{
	if (argc == 6 && strcmp(argv[1], "driver") == 0)
		return run_child(argv[3], argv[5]);
	(void)signal(SIGPIPE, SIG_IGN); /* as every program on libuv has to */
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(delivers_what_the_driver_has),
		TEST(delivers_only_what_differs),
		TEST(a_node_without_gpus_is_an_empty_snapshot),
		TEST(says_that_the_library_is_missing),
		TEST(says_what_nvml_says_and_recovers),
		TEST(an_upgraded_driver_is_opened_anew),
		TEST(a_crash_that_is_mended_at_once_is_no_fault),
		TEST(a_crash_that_goes_on_is_a_fault),
		TEST(a_hang_ends_at_the_deadline_and_is_recovered_from),
		TEST(a_hang_may_begin_while_running),
		TEST(a_lost_gpu_stays_as_unhealthy_and_is_named),
		TEST(a_gpu_that_is_lost_from_the_start_is_told_of_until_it_is_back),
		TEST(a_gpu_that_falls_off_the_bus_is_seen_at_once),
		TEST(a_gpu_that_is_back_is_found_by_opening_nvml_anew),
		TEST(a_gpu_that_vanished_stays_until_it_is_to_be_forgotten),
		TEST(a_refresh_opens_nvml_anew_at_once),
		TEST(a_refresh_while_an_answer_is_waited_for_asks_again),
		TEST(links_are_asked_anew_with_nvml),
		TEST(who_is_in_a_hurry_asks_each_second),
		TEST(nobody_may_refresh_or_hurry),
		TEST(an_xid_is_told_at_once_and_a_snapshot_follows),
		TEST(an_xid_of_a_part_says_which),
		TEST(xids_go_on_after_nvml_was_opened_anew),
		TEST(nobody_need_listen_to_events),
		TEST(events_that_cannot_be_had_are_a_warning),
		TEST(a_wait_that_always_fails_is_one_warning),
		TEST(silence_is_a_warning_before_it_is_a_fault),
		TEST(slow_answers_are_one_warning),
		TEST(parts_and_links_come_through),
		TEST(a_program_that_is_missing_is_a_fault),
		TEST(nonsense_is_a_fault),
		TEST(an_answer_that_nobody_asked_for_is_a_fault),
		TEST(a_closed_socket_is_a_fault_even_if_the_process_lives),
		TEST(may_be_stopped_in_a_callback),
		TEST(stops_while_the_process_hangs),
		TEST(the_process_has_no_descriptor_of_ours),
		TEST(nor_has_it_on_an_old_kernel),
		TEST(no_more_are_started_while_several_cannot_be_killed),
		TEST(stops_even_if_the_process_cannot_be_killed),
		TEST(the_process_dies_with_its_parent),
	};
	return cmocka_run_group_tests_name("driver", tests, NULL, NULL);
}
