/* SPDX-License-Identifier: Apache-2.0 */
/* See pods_wire.h. */
#include "kubelet/pods_wire.h"

#include <errno.h>

#include "base/arena.h"
#include "base/text.h"
#include "base/unpack.h"
#include "core/resource.h"
#include "podresources.pb-c.h"

/* An id that no list of ours can have is of another plugin under NVIDIA's name, and not ours to
 * keep. */
static int take_devices(const ContainerDevices *devices, struct held *ret)
{
	struct id_text name = { (const char *)devices->resource_name.data,
				devices->resource_name.len };
	bool is_ours = text_is_utf8(devices->resource_name.data, devices->resource_name.len) &&
		       resource_name_is_ours(name);
	for (size_t i = 0; is_ours && i < devices->n_device_ids; i++) {
		const ProtobufCBinaryData *id = &devices->device_ids[i];
		if (!text_is_utf8(id->data, id->len))
			continue;
		int r = held_add(ret, name, (struct id_text){ (const char *)id->data, id->len },
				 HELD_LISTED);
		if (r < 0 && r != -EINVAL)
			return r;
	}
	return 0;
}

static int take_pod(const PodResources *pod, struct held *ret)
{
	for (size_t i = 0; i < pod->n_containers; i++) {
		const ContainerResources *container = pod->containers[i];
		for (size_t n = 0; n < container->n_devices; n++) {
			int r = take_devices(container->devices[n], ret);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

int pods_wire_decode(const uint8_t *bytes, size_t length, struct held *ret, struct err *err)
{
	cleanup_arena struct arena arena = { 0 };
	ListPodResourcesResponse *list = NULL;
	int r = unpack_message(&list_pod_resources_response__descriptor, bytes, length, &arena,
			       &list, err);
	for (size_t i = 0; r == 0 && i < list->n_pod_resources; i++) {
		r = take_pod(list->pod_resources[i], ret);
		if (r < 0)
			(void)err_set(err, r,
				      r == -E2BIG ? "more ids or names than a node can have"
						  : "out of memory");
	}
	return r;
}
