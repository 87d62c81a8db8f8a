# SPDX-License-Identifier: Apache-2.0
"""Walk NVML with NVIDIA's own Python package and print what it says as one JSON document.

Runs in the environment of requirements.txt; test_nvml_clients.py starts it.
Usage: walk.py            everything about every GPU
       walk.py event      register for events, print "ready", then the first event
"""

import json
import sys

import pynvml

EVENT_GUARD_MS = 60 * 1000


def attempt(call, *arguments):
    """What a call answers, or NVML's words of refusal."""
    try:
        return call(*arguments)
    except pynvml.NVMLError as error:
        return str(error)


def part(handle):
    attributes = pynvml.nvmlDeviceGetAttributes_v2(handle)
    parent = pynvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(handle)
    uuid = pynvml.nvmlDeviceGetUUID(handle)
    found = pynvml.nvmlDeviceGetHandleByUUID(uuid)
    return {
        "name": pynvml.nvmlDeviceGetName(handle),
        "uuid": uuid,
        "found": pynvml.nvmlDeviceGetUUID(found),
        "parent": pynvml.nvmlDeviceGetUUID(parent),
        "instances": [pynvml.nvmlDeviceGetGpuInstanceId(handle),
                      pynvml.nvmlDeviceGetComputeInstanceId(handle)],
        "memory": pynvml.nvmlDeviceGetMemoryInfo(handle).total >> 20,
        "attributes": {name: getattr(attributes, name) for name, _ in attributes._fields_},
    }


def parts(handle):
    found = []
    for index in range(pynvml.nvmlDeviceGetMaxMigDeviceCount(handle)):
        try:
            found.append(part(pynvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, index)))
        except pynvml.NVMLError_NotFound:
            pass
    return found


def links(handle):
    """The addresses at the other ends of the active NVLinks."""
    remote = []
    for link in range(pynvml.NVML_NVLINK_MAX_LINKS):
        state = attempt(pynvml.nvmlDeviceGetNvLinkState, handle, link)
        if state == pynvml.NVML_FEATURE_ENABLED:
            remote.append(pynvml.nvmlDeviceGetNvLinkRemotePciInfo(handle, link).busId)
    return remote


def recovery(handle):
    (value,) = pynvml.nvmlDeviceGetFieldValues(
        handle, [pynvml.NVML_FI_DEV_GET_GPU_RECOVERY_ACTION])
    if value.nvmlReturn != pynvml.NVML_SUCCESS:
        return str(pynvml.NVMLError(value.nvmlReturn))
    return value.value.uiVal


def gpu(handle, handles):
    return {
        "name": pynvml.nvmlDeviceGetName(handle),
        "uuid": pynvml.nvmlDeviceGetUUID(handle),
        "bus": pynvml.nvmlDeviceGetPciInfo(handle).busId,
        "mig": attempt(pynvml.nvmlDeviceGetMigMode, handle),
        "parts": parts(handle),
        "links": links(handle),
        "levels": [pynvml.nvmlDeviceGetTopologyCommonAncestor(handle, other)
                   for other in handles],
        "recovery": recovery(handle),
        "events": pynvml.nvmlDeviceGetSupportedEventTypes(handle),
        "ecc": pynvml.nvmlDeviceGetTotalEccErrors(
            handle, pynvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, pynvml.NVML_VOLATILE_ECC),
    }


def wait_for_event(handles):
    events = pynvml.nvmlEventSetCreate()
    for handle in handles:
        pynvml.nvmlDeviceRegisterEvents(handle, pynvml.nvmlEventTypeXidCriticalError, events)
    print("ready", flush=True)
    data = pynvml.nvmlEventSetWait_v2(events, EVENT_GUARD_MS)
    pynvml.nvmlEventSetFree(events)
    return {"uuid": pynvml.nvmlDeviceGetUUID(data.device), "type": data.eventType,
            "xid": data.eventData, "instances": [data.gpuInstanceId, data.computeInstanceId]}


def main():
    pynvml.nvmlInit()
    handles = [pynvml.nvmlDeviceGetHandleByIndex(index)
               for index in range(pynvml.nvmlDeviceGetCount())]
    if sys.argv[1:] == ["event"]:
        found = wait_for_event(handles)
    else:
        found = {"driver": pynvml.nvmlSystemGetDriverVersion(),
                 "gpus": [gpu(handle, handles) for handle in handles]}
    json.dump(found, sys.stdout)
    pynvml.nvmlShutdown()


if __name__ == "__main__":
    main()
