"""src/udm/schema.tsv as the rows it holds, and the same rows from Google's descriptors."""

from google.backstory.types import udm
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import FieldDescriptor

PACKAGES = ("google.backstory.", "google.protobuf.")


def event_class():
    """Google's message UDM, with the field names of its proto files.

    The Python package calls a field `type_` that would hide a word of Python; the JSON name shows that it is `type`.
    """
    pool = descriptor_pool.DescriptorPool()

    def add(file):
        for dependency in file.dependencies:
            add(dependency)
        proto = descriptor_pb2.FileDescriptorProto()
        file.CopyToProto(proto)
        for message in proto.message_type:
            restore_names(message)
        pool.AddSerializedFile(proto.SerializeToString())

    root = udm.UDM.pb().DESCRIPTOR
    add(root.file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(root.full_name))


def restore_names(message):
    for field in message.field:
        field.name = field.name.removesuffix("_")
    for nested in message.nested_type:
        restore_names(nested)


def of_table(text):
    """Messages {name: {field: (type, marks)}} and enums {name: (values, marks)}, in the table's order."""
    messages, enums = {}, {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        first, name, *cells = line.split("\t")
        if first == "message":
            fields = messages[name] = {}
        elif first == "enum":
            enums[name] = (values_of_cell(cells[0]), set(cells[1:]))
        elif first == "":
            fields[name] = (cells[0], set(cells[1:]))
        else:
            raise ValueError(f"expected a message, an enum or a field, but found {line!r}")
    return messages, enums


def of_descriptor(root):
    """The same for all that a message reaches, with fields in the order of their numbers."""
    messages, enums = {}, {}
    waiting = [root]
    while waiting:
        message = waiting.pop()
        if short(message) in messages or message.full_name.startswith("google.protobuf."):
            continue
        fields = messages[short(message)] = {}
        for field in sorted(message.fields, key=lambda it: it.number):
            fields[field.name] = (type_of(field), marks_of(field))
            value = value_of_map(field)
            if value is not None:
                waiting.append(value.message_type)
            elif field.message_type is not None:
                waiting.append(field.message_type)
            elif field.enum_type is not None:
                values = [(it.name, it.number) for it in field.enum_type.values]
                enums[short(field.enum_type)] = (values, set())
    return messages, enums


def odd_json_names(root):
    """Fields whose JSON name is not their name in lowerCamelCase, which the table takes for granted."""
    odd, seen, waiting = [], set(), [root]
    while waiting:
        message = waiting.pop()
        if message.full_name in seen:
            continue
        seen.add(message.full_name)
        for field in message.fields:
            if field.json_name != lower_camel(field.name):
                odd.append(field.full_name)
            if field.message_type is not None:
                waiting.append(field.message_type)
    return odd


def lower_camel(name):
    first, *rest = name.split("_")
    return first + "".join(it[:1].upper() + it[1:] for it in rest)


def values_of_cell(cell):
    values, number = [], -1
    for value in cell.split(" "):
        name, _, given = value.partition("=")
        number = int(given) if given else number + 1
        values.append((name, number))
    return values


def type_of(field):
    value = value_of_map(field)
    if value is not None:
        return f"map<string,{short(value.message_type)}>"
    named = field.message_type or field.enum_type
    if named is not None:
        return short(named)
    return SCALARS[field.type]


def marks_of(field):
    marks = set()
    if field.is_repeated and value_of_map(field) is None:
        marks.add("repeated")
    # A field with presence of its own stands in a oneof of one, whose name starts with an underscore.
    oneof = field.containing_oneof
    if oneof is not None and not oneof.name.startswith("_"):
        marks.add(f"oneof {oneof.name}")
    return marks


def value_of_map(field):
    message = field.message_type
    if message is None or not message.GetOptions().map_entry:
        return None
    return message.fields_by_name["value"]


def short(named):
    name = named.full_name
    for package in PACKAGES:
        name = name.removeprefix(package)
    return name


SCALARS = {
    FieldDescriptor.TYPE_STRING: "string",
    FieldDescriptor.TYPE_BYTES: "bytes",
    FieldDescriptor.TYPE_BOOL: "bool",
    FieldDescriptor.TYPE_INT32: "int32",
    FieldDescriptor.TYPE_INT64: "int64",
    FieldDescriptor.TYPE_UINT32: "uint32",
    FieldDescriptor.TYPE_UINT64: "uint64",
    FieldDescriptor.TYPE_FLOAT: "float",
    FieldDescriptor.TYPE_DOUBLE: "double",
}
