/* SPDX-License-Identifier: Apache-2.0 */
#include "given.h"

#include "base/buf.h"
#include "metrics/metrics.h"

enum {
	TEXT_BYTES = 1 << 16
};

static bool has_line(const struct buf *text, const char *line)
{
	const char *at = text->data;
	while ((at = strstr(at, line))) {
		if ((at == text->data || at[-1] == '\n') && at[strlen(line)] == '\n')
			return true;
		at++;
	}
	return false;
}

static void has_a_sample_for_every_device_and_resource(void **state)
{
	(void)state;
	cleanup_snapshot struct snapshot *snapshot = given_snapshot(2);
	snapshot->devices[1].is_healthy = false;
	struct metrics_resource resource = { "nvidia.com/gpu", 10, 5, true, 3, 7, 2 };
	struct metrics_view view = {
		.is_driver_up = true,
		.is_config_refused = true,
		.xids = 9,
		.complaints = 2,
		.snapshot = snapshot,
		.resources = &resource,
		.resources_count = 1,
		.uptime_seconds = 42,
	};
	cleanup_buf struct buf text = BUF_INIT(TEXT_BYTES);
	static const char *const lines[] = {
		"rota_uptime_seconds 42",
		"rota_driver_up 1",
		"rota_config_refused 1",
		"rota_complaints 2",
		"rota_xids_total 9",
		"rota_driver_info{driver=\"550.54.15\",cuda=\"12.4\"} 1",
		"rota_gpu_healthy{gpu=\"0\",uuid=\"GPU-0\",model=\"Tesla T4\",mig_profile=\"\"} 1",
		"rota_gpu_healthy{gpu=\"1\",uuid=\"GPU-1\",model=\"Tesla T4\",mig_profile=\"\"} 0",
		"rota_gpu_memory_bytes{gpu=\"1\",uuid=\"GPU-1\",model=\"Tesla T4\",mig_profile=\"\"} 16106127360",
		"rota_replicas{resource=\"nvidia.com/gpu\"} 10",
		"rota_replicas_healthy{resource=\"nvidia.com/gpu\"} 5",
		"rota_registered{resource=\"nvidia.com/gpu\"} 1",
		"rota_registrations_total{resource=\"nvidia.com/gpu\"} 3",
		"rota_allocations_total{resource=\"nvidia.com/gpu\"} 7",
		"rota_refusals_total{resource=\"nvidia.com/gpu\"} 2",
	};

	metrics_expose(&view, &text);
	assert_int_equal(text.error, 0);
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		print_message("%s\n", lines[i]);
		assert_true(has_line(&text, lines[i]));
	}
}

static void before_the_first_snapshot_there_are_no_devices(void **state)
{
	(void)state;
	struct metrics_view view = { 0 };
	cleanup_buf struct buf text = BUF_INIT(TEXT_BYTES);

	metrics_expose(&view, &text);
	assert_true(has_line(&text, "rota_driver_up 0"));
	assert_null(strstr(text.data, "\nrota_gpu_healthy"));
	assert_null(strstr(text.data, "\nrota_replicas"));
}

static void labels_are_escaped(void **state)
{
	(void)state;
	cleanup_snapshot struct snapshot *snapshot = given_snapshot(1);
	snapshot->devices[0].model = "a\"b\\c\nx";
	struct metrics_view view = { .is_driver_up = true, .snapshot = snapshot };
	cleanup_buf struct buf text = BUF_INIT(TEXT_BYTES);

	metrics_expose(&view, &text);
	assert_non_null(strstr(text.data, "model=\"a\\\"b\\\\c\\nx\",mig_profile=\"\"} 1\n"));
}

static void says_when_the_text_does_not_fit(void **state)
{
	(void)state;
	struct metrics_view view = { 0 };
	cleanup_buf struct buf text = BUF_INIT(100);

	metrics_expose(&view, &text);
	assert_true(text.error < 0);
}

static void the_document_has_a_row_for_every_metric_with_its_labels(void **state)
{
	(void)state;
	struct metrics_view view = { 0 };
	cleanup_buf struct buf text = BUF_INIT(TEXT_BYTES);
	cleanup_buf struct buf document = BUF_INIT(TEXT_BYTES);
	size_t helps = 0;
	size_t rows = 0;

	metrics_expose(&view, &text);
	metrics_document(&document);
	assert_int_equal(document.error, 0);
	for (const char *at = text.data; (at = strstr(at, "# HELP ")); at++)
		helps++;
	for (const char *at = document.data; (at = strstr(at, "\n| `rota_")); at++)
		rows++;
	assert_int_equal(rows, helps);
	assert_true(has_line(&document, "| metric | type | labels | meaning |"));
	assert_true(has_line(&document, "| `rota_uptime_seconds` | gauge |  | Seconds since the "
					"agent started. |"));
	assert_true(has_line(&document, "| `rota_driver_info` | gauge | driver, cuda | Always 1; "
					"versions of the driver and of its CUDA. |"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_a_sample_for_every_device_and_resource),
		cmocka_unit_test(before_the_first_snapshot_there_are_no_devices),
		cmocka_unit_test(labels_are_escaped),
		cmocka_unit_test(says_when_the_text_does_not_fit),
		cmocka_unit_test(the_document_has_a_row_for_every_metric_with_its_labels),
	};
	return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
