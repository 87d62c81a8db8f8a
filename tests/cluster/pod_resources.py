# SPDX-License-Identifier: Apache-2.0
"""A client of kubelet's pod-resources API, v1 and v1alpha1, on python3-grpcio."""

import grpc

import deviceplugin

SOCKET = "unix:/var/lib/kubelet/pod-resources/kubelet.sock"
ANSWER_SECONDS = 10

# As in deviceplugin.py. The fields of v1alpha1 have the same numbers.
_CLASSES = deviceplugin.build("podresources", {
    "Empty": [],
    "NUMANode": [(1, "ID", "int64")],
    "TopologyInfo": [(1, "nodes", "*NUMANode")],
    "ContainerDevices": [(1, "resource_name", "string"), (2, "device_ids", "*string"),
                         (3, "topology", "TopologyInfo")],
    "ContainerResources": [(1, "name", "string"), (2, "devices", "*ContainerDevices")],
    "PodResources": [(1, "name", "string"), (2, "namespace", "string"),
                     (3, "containers", "*ContainerResources")],
    "List": [(1, "pod_resources", "*PodResources")],
    "GetAllocatableResources": [(1, "devices", "*ContainerDevices")],
})


def _ask(method, read, version="v1"):
    """What read makes of the answer; None: kubelet is not there."""
    with grpc.insecure_channel(SOCKET) as channel:
        call = channel.unary_unary(f"/{version}.PodResourcesLister/{method}",
                                   request_serializer=_CLASSES["Empty"].SerializeToString,
                                   response_deserializer=_CLASSES[method].FromString)
        try:
            return read(call(_CLASSES["Empty"](), timeout=ANSWER_SECONDS))
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.UNAVAILABLE:
                return None
            raise


def _ids(devices, resource):
    return sorted(ident for row in devices if row.resource_name == resource for ident in row.device_ids)


def pods(resource, version="v1"):
    """{pod: {container: [id, ...]}} of every pod, also of those that hold nothing."""
    return _ask("List", lambda answer: {
        pod.name: {container.name: _ids(container.devices, resource) for container in pod.containers}
        for pod in answer.pod_resources}, version)


def offered(resource):
    """Ids of the devices that kubelet knows as healthy."""
    return _ask("GetAllocatableResources", lambda answer: _ids(answer.devices, resource))


def nodes_of(resource):
    """{id: [NUMA node, ...]} of the same."""
    return _ask("GetAllocatableResources", lambda answer: {
        ident: [node.ID for node in row.topology.nodes]
        for row in answer.devices if row.resource_name == resource for ident in row.device_ids})
