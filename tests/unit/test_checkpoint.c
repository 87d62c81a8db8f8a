/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/kubelet/checkpoint.h"

#define RESOURCE "example.org/gpu"

static const uint8_t bytes[] = { 1, 0, 255 };
static const int64_t nodes[] = { 1 };
static const struct listing_device devices[] = {
	{ "a", true, nodes, 1 },
	{ "b", true, NULL, 0 },
	{ "c", false, NULL, 0 },
};

static int set_up(void **state)
{
	static struct tables tables;
	struct resource_entry *entry;
	struct ids ids = { 0 };
	uint8_t *response = malloc(sizeof(bytes));
	memcpy(response, bytes, sizeof(bytes));
	tables = (struct tables){ 0 };
	*state = &tables;
	return tables_get(&tables, RESOURCE, &entry, NULL) ||
	       listing_replace(&entry->listing, devices, 3) || ids_add(&ids, "a", 1) ||
	       ids_add(&ids, "b", 1) ||
	       holdings_put(&tables.holdings, "pod", RESOURCE, &ids, response, sizeof(bytes));
}

static int tear_down(void **state)
{
	tables_done(*state);
	return 0;
}

static void has_the_form_of_kubelets(void **state)
{
	char *text = checkpoint_encode(*state);
	assert_non_null(strstr(text, "\"PodUID\":\"pod\""));
	assert_non_null(strstr(text, "\"DeviceIDs\":{\"1\":[\"a\"],\"-1\":[\"b\"]}"));
	assert_non_null(strstr(text, "\"AllocResp\":\"AQD/\""));
	assert_non_null(strstr(text, "\"RegisteredDevices\":{\"example.org/gpu\":[\"a\",\"b\"]}"));
	free(text);
}

static void brings_back_what_pods_hold_and_resources_without_devices(void **state)
{
	char *text = checkpoint_encode(*state);
	struct tables back = { 0 };
	assert_int_equal(checkpoint_decode(text, &back, NULL), 0);
	free(text);

	const struct holding *holding = holdings_find(&back.holdings, "pod", RESOURCE);
	assert_non_null(holding);
	assert_true(ids_has(&holding->ids, "a") && ids_has(&holding->ids, "b"));
	assert_int_equal(holding->response_length, sizeof(bytes));
	assert_memory_equal(holding->response, bytes, sizeof(bytes));
	const struct resource_entry *entry = tables_find(&back, RESOURCE);
	assert_non_null(entry);
	assert_int_equal(entry->listing.state, LISTING_STOPPED);
	assert_int_equal(entry->listing.count, 0);
	tables_done(&back);
}

static void writes_the_same_for_empty_tables(void **state)
{
	(void)state;
	struct tables empty = { 0 };
	struct tables back = { 0 };
	char *text = checkpoint_encode(&empty);
	assert_int_equal(checkpoint_decode(text, &back, NULL), 0);
	assert_int_equal(back.count, 0);
	assert_int_equal(back.holdings.count, 0);
	free(text);
}

static void refuses_every_torn_text(void **state)
{
	char *text = checkpoint_encode(*state);
	for (size_t length = strlen(text); length-- > 0;) {
		struct tables back = { 0 };
		text[length] = '\0';
		assert_int_equal(checkpoint_decode(text, &back, NULL), -EINVAL);
		assert_int_equal(back.count, 0);
		assert_int_equal(back.holdings.count, 0);
	}
	free(text);
}

static void refuses_a_changed_text(void **state)
{
	char *text = checkpoint_encode(*state);
	struct tables back = { 0 };
	struct err err = ERR_INIT;
	*strstr(text, "\"pod\"") = '"';
	strstr(text, "\"pod\"")[1] = 'q';
	assert_int_equal(checkpoint_decode(text, &back, &err), -EINVAL);
	assert_string_equal(err.msg, "its checksum is wrong");
	free(text);
}

static void refuses_other_json(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"",
		"null",
		"[]",
		"{}",
		"{\"Data\":{},\"Checksum\":\"x\"}",
		"{\"Data\":[],\"Checksum\":1}",
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct tables back = { 0 };
		assert_int_equal(checkpoint_decode(texts[i], &back, NULL), -EINVAL);
	}
}

#define WITH_TABLES(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_TABLES(has_the_form_of_kubelets),
		WITH_TABLES(brings_back_what_pods_hold_and_resources_without_devices),
		WITH_TABLES(refuses_every_torn_text),
		WITH_TABLES(refuses_a_changed_text),
		cmocka_unit_test(writes_the_same_for_empty_tables),
		cmocka_unit_test(refuses_other_json),
	};
	return cmocka_run_group_tests_name("checkpoint", tests, NULL, NULL);
}
