/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `rota config karpenter`: what Karpenter has to be told of nodes with this configuration. It plans
 * with the number of GPUs that an instance type has, and knows nothing of replicas; a NodeOverlay
 * puts the amounts right that it plans with.
 */
#include "cli/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/output.h"
#include "config/config.h"
#include "core/plan.h"

enum {
	TEXT_BYTES_MAX = 64 << 10,
	VARIABLE_BYTES = 4096,
};

/* As many as instance types of EC2 have. */
static const unsigned gpu_counts[] = { 1, 2, 4, 8, 16 };

/* GPUs of a node that is not there yet: only their number is known. */
static struct snapshot *imagined_node(unsigned gpus)
{
	struct snapshot *snapshot = snapshot_new(gpus);
	if (!snapshot)
		return NULL;
	for (unsigned i = 0; i < gpus; i++) {
		const char *index = arena_printf(&snapshot->arena, "%u", i);
		const char *uuid = arena_printf(&snapshot->arena, "GPU-%u", i);
		if (!index || !uuid)
			return snapshot_free(snapshot);
		snapshot->devices[i] = (struct device){
			DEVICE_WHOLE, .uuid = uuid, .index = index,
			.model = "",  .bus_id = "", .is_healthy = true,
		};
	}
	return snapshot;
}

/* What a node of any GPUs has cannot be told when it depends on which GPUs they are. */
static int check_is_general(const struct settings *settings, struct err *err)
{
	for (size_t i = 0; i < settings->gpu_patterns.count; i++)
		if (strcmp(settings->gpu_patterns.items[i].pattern, "*") != 0)
			return err_set(
				err, -EINVAL,
				"resources.gpus[%zu].pattern: which name a GPU has depends "
				"on its model, and an overlay knows only the number of GPUs; "
				"write one by karpenter.k8s.aws/instance-gpu-name",
				i);
	for (size_t i = 0; i < settings->time_slicing.resources_count; i++) {
		const struct device_choice *choice = &settings->time_slicing.resources[i].devices;
		for (size_t j = 0; j < choice->list_count; j++)
			if (strchr(choice->list[j], '-'))
				return err_set(err, -EINVAL,
					       "sharing.timeSlicing.resources[%zu].devices: %s is "
					       "one certain device, and an overlay is for any "
					       "node; name GPUs by index",
					       i, choice->list[j]);
	}
	return 0;
}

static void print_head(unsigned gpus, struct buf *out)
{
	(void)buf_printf(out,
			 "---\n"
			 "apiVersion: karpenter.sh/v1alpha1\n"
			 "kind: NodeOverlay\n"
			 "metadata:\n"
			 "  name: rota-gpus-%u\n"
			 "spec:\n"
			 "  requirements:\n"
			 "  - key: karpenter.k8s.aws/instance-gpu-manufacturer\n"
			 "    operator: In\n"
			 "    values: [nvidia]\n"
			 "  - key: karpenter.k8s.aws/instance-gpu-count\n"
			 "    operator: In\n"
			 "    values: [\"%u\"]\n"
			 "  capacity:\n",
			 gpus, gpus);
}

static void print_amount(const char *name, uint64_t amount, struct buf *out)
{
	(void)buf_printf(out, "    %s: \"%" PRIu64 "\"\n", name, amount);
}

static int print_overlay(const struct settings *settings, unsigned gpus, struct buf *out,
			 struct err *err)
{
	cleanup_plan struct plan plan = { 0 };
	cleanup_snapshot struct snapshot *snapshot = imagined_node(gpus);
	if (!snapshot)
		return err_set(err, -ENOMEM, "out of memory");
	int r = plan_make(settings, snapshot, &plan, err);
	if (r < 0)
		return r;
	print_head(gpus, out);
	/* Else Karpenter would go on to count on what the node does not offer. */
	if (plan_find(&plan, RESOURCE_GPU) == PLAN_NOT_ADVERTISED)
		print_amount(RESOURCE_GPU, 0, out);
	for (size_t i = 0; i < plan.names_count; i++) {
		uint64_t amount = 0;
		for (size_t j = 0; j < plan.devices_count; j++)
			if (plan.devices[j].name == (int32_t)i)
				amount += plan.devices[j].replicas;
		print_amount(plan.names[i], amount, out);
	}
	return 0;
}

/* A file that is not what its writer means, a whole ConfigMap say, makes overlays that nobody
 * meant.
 */
static int refuse_findings(const struct findings *findings, const char *file, struct err *err)
{
	if (findings->count == 0)
		return 0;
	cleanup_buf struct buf text = BUF_INIT(TEXT_BYTES_MAX);
	for (size_t i = 0; i < findings->count; i++) {
		finding_print(&findings->items[i], file, &text);
		(void)buf_text(&text, "\n");
	}
	if (text.error < 0)
		return err_set(err, text.error, "out of memory");
	(void)fputs(text.data ? text.data : "", stderr);
	return err_set(err, -EBADMSG,
		       "%s: nothing is made of a file with findings; mend them first", file);
}

/* The file alone, as on a node without flags and environment. */
static int load(const char *file, struct settings **ret, struct err *err)
{
	char variable[VARIABLE_BYTES];
	char *environment[] = { variable, NULL };
	const struct config_inputs inputs = { .environment = environment };
	cleanup_findings struct findings findings = { 0 };
	int length = snprintf(variable, sizeof(variable), "CONFIG_FILE=%s", file);
	if (length < 0 || (size_t)length >= sizeof(variable))
		return err_set(err, -ENAMETOOLONG, "%s: too long for a path", file);
	int r = config_load(&inputs, &findings, ret, err);
	return r < 0 ? r : refuse_findings(&findings, file, err);
}

static int run(const void *input, const struct option_words *arguments)
{
	(void)input;
	cleanup_settings struct settings *settings = NULL;
	cleanup_buf struct buf out = BUF_INIT(TEXT_BYTES_MAX);
	struct err err = ERR_INIT;
	int r = load(arguments->items[0], &settings, &err);
	if (r == 0)
		r = check_is_general(settings, &err);
	for (size_t i = 0; i < ARRAY_LEN(gpu_counts) && r == 0; i++)
		r = print_overlay(settings, gpu_counts[i], &out, &err);
	if (r < 0) {
		(void)fprintf(stderr, "rota config karpenter: %s\n", err.msg);
		return COMMAND_FAILED;
	}
	if (settings->mig_strategy != MIG_STRATEGY_NONE)
		(void)fprintf(stderr,
			      "rota config karpenter: parts of GPUs in MIG mode are not in these "
			      "overlays, since they depend on how each node is partitioned\n");
	return output_text(&out);
}

const struct command command_config_karpenter = {
	.name = "config karpenter",
	.synopsis = "FILE",
	.summary = "overlays that tell Karpenter of replicas",
	.details =
		"Prints a NodeOverlay (karpenter.sh/v1alpha1, feature gate NodeOverlay) for each "
		"number of GPUs that an instance type of EC2 has: what a node with this "
		"configuration file offers. For kubectl apply -f -, each time that the replicas "
		"change. A file of which `rota config check` says anything is refused.",
	.arguments_min = 1,
	.arguments_max = 1,
	.run = run,
};
