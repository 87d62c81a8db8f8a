# SPDX-License-Identifier: Apache-2.0
"""Device plugin v1beta1 for python3-grpcio, built from the table below: no generated code, and a
transcription of the field numbers that is independent of the ones in C."""

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_FIELD = descriptor_pb2.FieldDescriptorProto
_TYPES = {"string": _FIELD.TYPE_STRING, "bool": _FIELD.TYPE_BOOL, "int32": _FIELD.TYPE_INT32,
          "int64": _FIELD.TYPE_INT64}

# message: (number, name, type); "*" repeated, "map" a map of strings, else a message's name.
_MESSAGES = {
    "Empty": [],
    "DevicePluginOptions": [(1, "pre_start_required", "bool"),
                            (2, "get_preferred_allocation_available", "bool")],
    "RegisterRequest": [(1, "version", "string"), (2, "endpoint", "string"),
                        (3, "resource_name", "string"), (4, "options", "DevicePluginOptions")],
    "NUMANode": [(1, "ID", "int64")],
    "TopologyInfo": [(1, "nodes", "*NUMANode")],
    "Device": [(1, "ID", "string"), (2, "health", "string"), (3, "topology", "TopologyInfo")],
    "ListAndWatchResponse": [(1, "devices", "*Device")],
    "ContainerPreferredAllocationRequest": [(1, "available_deviceIDs", "*string"),
                                            (2, "must_include_deviceIDs", "*string"),
                                            (3, "allocation_size", "int32")],
    "PreferredAllocationRequest": [
        (1, "container_requests", "*ContainerPreferredAllocationRequest")],
    "ContainerPreferredAllocationResponse": [(1, "deviceIDs", "*string")],
    "PreferredAllocationResponse": [
        (1, "container_responses", "*ContainerPreferredAllocationResponse")],
    "ContainerAllocateRequest": [(1, "devices_ids", "*string")],
    "AllocateRequest": [(1, "container_requests", "*ContainerAllocateRequest")],
    "Mount": [(1, "container_path", "string"), (2, "host_path", "string"),
              (3, "read_only", "bool")],
    "DeviceSpec": [(1, "container_path", "string"), (2, "host_path", "string"),
                   (3, "permissions", "string")],
    "CDIDevice": [(1, "name", "string")],
    "ContainerAllocateResponse": [(1, "envs", "map"), (2, "mounts", "*Mount"),
                                  (3, "devices", "*DeviceSpec"), (4, "annotations", "map"),
                                  (5, "cdi_devices", "*CDIDevice")],
    "AllocateResponse": [(1, "container_responses", "*ContainerAllocateResponse")],
    "PreStartContainerRequest": [(1, "devices_ids", "*string")],
    "PreStartContainerResponse": [],
}


def _add_map(message, field, path):
    """A map on the wire is a repeated message of key = 1 and value = 2."""
    entry = message.nested_type.add(name=f"{field.name.capitalize()}Entry")
    entry.options.map_entry = True
    for number, name in ((1, "key"), (2, "value")):
        entry.field.add(name=name, number=number, type=_FIELD.TYPE_STRING,
                        label=_FIELD.LABEL_OPTIONAL)
    field.label = _FIELD.LABEL_REPEATED
    field.type = _FIELD.TYPE_MESSAGE
    field.type_name = f"{path}.{entry.name}"


def _add_field(message, number, name, kind, package):
    field = message.field.add(name=name, number=number)
    if kind == "map":
        _add_map(message, field, f".{package}.{message.name}")
        return
    field.label = _FIELD.LABEL_REPEATED if kind.startswith("*") else _FIELD.LABEL_OPTIONAL
    kind = kind.lstrip("*")
    if kind in _TYPES:
        field.type = _TYPES[kind]
    else:
        field.type = _FIELD.TYPE_MESSAGE
        field.type_name = f".{package}.{kind}"


def build(package, messages):
    """{name: class} of a table as the one above."""
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}_test.proto", package=package,
                                              syntax="proto3")
    for name, fields in messages.items():
        message = file.message_type.add(name=name)
        for number, field, kind in fields:
            _add_field(message, number, field, kind, package)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    return {name: factory.GetPrototype(pool.FindMessageTypeByName(f"{package}.{name}"))
            for name in messages}


_CLASSES = build("v1beta1", _MESSAGES)

# method: (request, response, is the response a stream)
PLUGIN_METHODS = {
    "GetDevicePluginOptions": ("Empty", "DevicePluginOptions", False),
    "ListAndWatch": ("Empty", "ListAndWatchResponse", True),
    "GetPreferredAllocation": ("PreferredAllocationRequest", "PreferredAllocationResponse", False),
    "Allocate": ("AllocateRequest", "AllocateResponse", False),
    "PreStartContainer": ("PreStartContainerRequest", "PreStartContainerResponse", False),
}
REGISTRATION_METHODS = {"Register": ("RegisterRequest", "Empty", False)}


def message(name, **fields):
    """A message of the API by its name."""
    return _CLASSES[name](**fields)


def parse(name, content):
    """The same from its bytes."""
    return _CLASSES[name].FromString(content)


def device(ident, healthy=True, numa=None):
    """A Device as plugins list it."""
    topology = None
    if numa is not None:
        topology = message("TopologyInfo", nodes=[message("NUMANode", ID=numa)])
    return message("Device", ID=ident, health="Healthy" if healthy else "Unhealthy",
                   topology=topology)


def handlers(service, methods, owner):
    """A generic handler that calls owner's functions of the methods' names."""

    table = {}
    for name, (request, response, is_stream) in methods.items():
        make = (grpc.unary_stream_rpc_method_handler if is_stream
                else grpc.unary_unary_rpc_method_handler)
        table[name] = make(getattr(owner, name),
                           request_deserializer=_CLASSES[request].FromString,
                           response_serializer=_CLASSES[response].SerializeToString)
    return grpc.method_handlers_generic_handler(service, table)


def stub(channel, service, methods, name):
    """A callable for one method."""
    request, response, is_stream = methods[name]
    make = channel.unary_stream if is_stream else channel.unary_unary
    return make(f"/{service}/{name}", request_serializer=_CLASSES[request].SerializeToString,
                response_deserializer=_CLASSES[response].FromString)
