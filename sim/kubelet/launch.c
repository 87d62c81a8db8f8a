/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands in for kubelet's container config and for the NVIDIA container runtime. Order and
 * precedence follow kubelet: plugin's environment before the pod's, de-duplication by container
 * path.
 */
#include "sim/kubelet/launch.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "wire.pb-c.h"

#define VISIBLE_DEVICES "NVIDIA_VISIBLE_DEVICES"
#define SIM_VISIBLE     "ROTA_SIM_VISIBLE"
/* With this value the devices are named by mounts below it. */
#define VISIBLE_MOUNTS "/var/run/nvidia-container-devices"

static void drop_allocation(Wire__Allocation **allocation)
{
	if (*allocation)
		wire__allocation__free_unpacked(*allocation, NULL);
}

struct environment {
	struct arena *arena;
	char **items;
	size_t count;
	size_t size;
};

static size_t name_length(const char *pair)
{
	return strcspn(pair, "=");
}

static char **find_pair(const struct environment *environment, const char *name, size_t length)
{
	for (size_t i = 0; i < environment->count; i++) {
		const char *pair = environment->items[i];
		if (name_length(pair) == length && strncmp(pair, name, length) == 0)
			return &environment->items[i];
	}
	return NULL;
}

static int put_pair(struct environment *environment, char *pair)
{
	if (!pair)
		return -ENOMEM;
	char **place = find_pair(environment, pair, name_length(pair));
	if (!place) {
		if (environment->count + 1 >= environment->size)
			return -E2BIG;
		place = &environment->items[environment->count++];
	}
	*place = pair;
	return 0;
}

static int put(struct environment *environment, const char *name, const char *value)
{
	return put_pair(environment, arena_printf(environment->arena, "%s=%s", name, value));
}

static const char *get(const struct environment *environment, const char *name)
{
	char **pair = find_pair(environment, name, strlen(name));
	return pair ? *pair + strlen(name) + 1 : NULL;
}

/* As the real runtime puts tools and libraries into the image, whatever its environment says. */
static int prepend(struct environment *environment, const char *name, const char *directory)
{
	const char *old = get(environment, name);
	if (!directory)
		return 0;
	if (!old || old[0] == '\0')
		return put(environment, name, directory);
	return put_pair(environment,
			arena_printf(environment->arena, "%s=%s:%s", name, directory, old));
}

static int put_all(struct environment *environment, const struct launch_node *node,
		   const struct launch_pod *pod, const Wire__Allocation *allocation)
{
	int r = put(environment, "PATH", node->path);
	if (r == 0)
		r = put(environment, "HOSTNAME", pod->name);
	for (size_t i = 0; allocation && i < allocation->n_envs && r == 0; i++)
		r = put(environment, allocation->envs[i]->key, allocation->envs[i]->value);
	for (char *const *pair = pod->env; *pair && r == 0; pair++)
		r = put_pair(environment, *pair);
	if (r == 0 && node->scenario)
		r = put(environment, "ROTA_SIM", node->scenario);
	if (r == 0)
		r = prepend(environment, "PATH", node->tools);
	return r < 0 ? r : prepend(environment, "LD_LIBRARY_PATH", node->tools);
}

/* "a,b" from the mounts /var/run/nvidia-container-devices/a and .../b. */
static const char *visible_by_mounts(struct arena *arena, const Wire__Allocation *allocation)
{
	const char *list = "none";
	size_t prefix = strlen(VISIBLE_MOUNTS "/");
	for (size_t i = 0; allocation && list && i < allocation->n_mounts; i++) {
		const char *path = allocation->mounts[i]->container_path;
		/* Below a folder is what is no GPU: imex/0. */
		if (strncmp(path, VISIBLE_MOUNTS "/", prefix) != 0 || strchr(path + prefix, '/'))
			continue;
		bool is_first = strcmp(list, "none") == 0;
		list = arena_printf(arena, "%s%s%s", is_first ? "" : list, is_first ? "" : ",",
				    path + prefix);
	}
	return list;
}

static int put_visible(struct environment *environment, const Wire__Allocation *allocation)
{
	const char *value = get(environment, VISIBLE_DEVICES);
	if (!value || value[0] == '\0' || strcmp(value, "void") == 0)
		value = "none";
	else if (strcmp(value, VISIBLE_MOUNTS) == 0)
		value = visible_by_mounts(environment->arena, allocation);
	return value ? put(environment, SIM_VISIBLE, value) : -ENOMEM;
}

static size_t count_pairs(char *const *env)
{
	size_t count = 0;
	while (env[count])
		count++;
	return count;
}

static int make_environment(const struct launch_node *node, const struct launch_pod *pod,
			    const Wire__Allocation *allocation, struct arena *arena, char ***ret)
{
	/* PATH, HOSTNAME, LD_LIBRARY_PATH, ROTA_SIM, ROTA_SIM_VISIBLE and the end */
	size_t own = 6;
	size_t size = own + count_pairs(pod->env) + (allocation ? allocation->n_envs : 0);
	struct environment environment = { .arena = arena, .size = size };
	environment.items = arena_array(arena, size, sizeof(*environment.items));
	if (!environment.items)
		return -ENOMEM;
	int r = put_all(&environment, node, pod, allocation);
	if (r == 0)
		r = put_visible(&environment, allocation);
	*ret = environment.items;
	return r;
}

static int add_mount(struct launch *launch, struct arena *arena, const struct sandbox_mount *from)
{
	for (size_t i = 0; i < launch->mounts_count; i++)
		if (strcmp(launch->mounts[i].container, from->container) == 0)
			return 0;
	struct sandbox_mount *to = &launch->mounts[launch->mounts_count];
	to->host = arena_copy(arena, from->host, strlen(from->host));
	to->container = arena_copy(arena, from->container, strlen(from->container));
	to->is_read_only = from->is_read_only;
	if (!to->host || !to->container)
		return -ENOMEM;
	launch->mounts_count++;
	return 0;
}

static int make_mounts(const Wire__Allocation *allocation, struct arena *arena,
		       struct launch *launch)
{
	size_t most = allocation->n_mounts + allocation->n_devices;
	launch->mounts = arena_array(arena, most + 1, sizeof(*launch->mounts));
	int r = launch->mounts ? 0 : -ENOMEM;
	for (size_t i = 0; i < allocation->n_mounts && r == 0; i++) {
		const Wire__Mount *mount = allocation->mounts[i];
		r = add_mount(launch, arena,
			      &(struct sandbox_mount){ mount->host_path, mount->container_path,
						       mount->read_only });
	}
	/* The permissions of a device are a cgroup rule, which this node does not have. */
	for (size_t i = 0; i < allocation->n_devices && r == 0; i++) {
		const Wire__DeviceNode *device = allocation->devices[i];
		r = add_mount(launch, arena,
			      &(struct sandbox_mount){ device->host_path, device->container_path,
						       false });
	}
	return r;
}

static int make_annotations(const Wire__Allocation *allocation, struct arena *arena,
			    struct launch *launch)
{
	size_t count = allocation->n_annotations;
	struct launch_pair *pairs = arena_array(arena, count + 1, sizeof(*pairs));
	if (!pairs)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const Wire__Pair *from = allocation->annotations[i];
		pairs[i].name = arena_copy(arena, from->key, strlen(from->key));
		pairs[i].value = arena_copy(arena, from->value, strlen(from->value));
		if (!pairs[i].name || !pairs[i].value)
			return -ENOMEM;
	}
	launch->annotations = pairs;
	launch->annotations_count = count;
	return 0;
}

int launch_prepare(const struct launch_node *node, const struct launch_pod *pod,
		   struct arena *arena, struct launch *ret, struct err *err)
{
	CLEANUP(drop_allocation) Wire__Allocation *allocation = NULL;
	struct launch launch = { 0 };
	if (pod->allocation) {
		allocation = wire__allocation__unpack(NULL, pod->allocation_length,
						      pod->allocation);
		if (!allocation)
			return err_set(err, -EBADMSG, "the allocation of %s cannot be read",
				       pod->name);
	}
	int r = make_environment(node, pod, allocation, arena, &launch.env);
	if (r == 0 && allocation)
		r = make_mounts(allocation, arena, &launch);
	if (r == 0 && allocation)
		r = make_annotations(allocation, arena, &launch);
	if (r < 0)
		return err_errno(err, r, "%s", pod->name);
	*ret = launch;
	return 0;
}
