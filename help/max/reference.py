"""docs/refpages/: a page per object, from the tables of messages and attributes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as Xml

Message = tuple[str, str, str]  # name, arguments, what it does


@dataclass
class Attribute:
    """A row of externals/max/attribute_table.cpp."""

    name: str
    type: str
    style: str
    choices: str
    category: str
    label: str
    does: str
    first: str
    multichannel: str


# In Max more than the engine knows: files are looked for, models come from the network.
OF_MAX: list[Message] = [
    (
        "offline",
        "0/1/auto",
        "1: wait for the model instead of fading over late blocks; auto: with "
        "the NonRealTime driver",
    ),
    ("print_available_models", "", "the models that can be downloaded"),
    ("download", "NAME [AS]", "bring a model into the package's folder of models"),
    ("delete", "NAME", "remove a model from that folder"),
]

OF_INFO: list[Message] = [
    ("bang", "", "everything, from right to left"),
    ("dump", "", "the same as bang"),
    ("set", "MODEL", "read another model"),
    ("path", "", "the path of the model's file, or none"),
    ("methods", "", "a message per method: method NAME"),
    ("attributes", "", "a message per attribute of the model: attribute NAME"),
    (
        "parameters",
        "METHOD or ATTRIBUTE",
        "channels, ratios and latency of a method, or the types of an attribute's elements",
    ),
    ("dump_dict", "", "the name of the dictionary that describes the model"),
    (
        "get_available_models",
        "",
        "a dictionary: the models in the package's folder by name, with "
        "their paths, and those that the index lists",
    ),
    *OF_MAX[2:],
]

INFO_ATTRIBUTES = [
    Attribute(
        "dict",
        "symbol",
        "text",
        "",
        "",
        "Dictionary",
        "The name under which the description of the model is registered.",
        "",
        "0",
    )
]

_NUMBERED = {
    "nn~": "an inlet and an outlet per channel of the method, one sound",
    "mc.nn~": "an inlet and an outlet per channel of the method; the channels of a cord are "
    "examples, which play at once",
    "mcs.nn~": "an inlet and an outlet per example; the channels of a cord are those of the method",
}
_ARGUMENTS = {
    "channels": [
        ("model", "symbol", "The name of a model's file, with or without .ts; void: none yet."),
        ("method", "symbol", "The method to play; forward if there is none."),
        (
            "buffer",
            "int",
            "Samples that are computed at once, rounded up to what the model can do; "
            "the smallest possible from 2048 on if there is none; 0: inside the audio callback.",
        ),
        (
            "inlets",
            "int",
            "Inlets, where they shall be others than the method's channels. After "
            "void: inlets, outlets, buffer.",
        ),
        ("outlets", "int", "Outlets, likewise."),
    ],
    "examples": [
        ("model", "symbol", "The name of a model's file, with or without .ts; void: none yet."),
        ("method", "symbol", "The method to play; forward if there is none."),
        ("examples", "int", "Inlets and outlets."),
        ("buffer", "int", "Samples that are computed at once, as of nn~."),
    ],
    "info": [("model", "symbol", "The name of a model's file, with or without .ts.")],
}
OBJECTS = ["nn~", "mc.nn~", "mcs.nn~", "nn.info"]
_DIGESTS = {
    "nn~": "Play a neural audio model live",
    "mc.nn~": "Play a neural audio model live, many examples at once",
    "mcs.nn~": "Play a neural audio model live, its channels in one cord",
    "nn.info": "Tell what a neural audio model offers",
}
_TAGS = ["neural", "AI", "machine learning", "RAVE", "latent", "timbre", "model", "Timbrel"]


def messages_of(name: str, table: list[Message]) -> list[Message]:
    """What an object understands, in the order in which it is best explained."""
    if name == "nn.info":
        return OF_INFO
    own = {message for message, _, _ in OF_MAX}
    return [row for row in table if row[0] not in own] + OF_MAX


def attributes_of(name: str, table: list[Attribute]) -> list[Attribute]:
    """What the inspector shows of an object."""
    if name == "nn.info":
        return INFO_ATTRIBUTES
    return [row for row in table if row.multichannel == "0" or name != "nn~"]


def page(name: str, messages: list[Message], attributes: list[Attribute]) -> Xml.Element:
    """The reference page of an object."""
    category = "Timbrel" if name == "nn.info" else "Timbrel, MSP Synthesis"
    root = Xml.Element("c74object", name=name, module="timbrel", category=category)
    _digest(root, _DIGESTS[name], _description(name))
    metadata = Xml.SubElement(root, "metadatalist")
    for kind, text in [("author", "The Timbrel authors"), *(("tag", tag) for tag in _TAGS)]:
        Xml.SubElement(metadata, "metadata", name=kind).text = text
    cords = {"nn~": "signal", "nn.info": "anything"}.get(name, "multichannelsignal")
    inlets = Xml.SubElement(root, "inletlist")
    _digest(
        Xml.SubElement(inlets, "inlet", id="0", type=cords),
        "Messages" if name == "nn.info" else "The first input, and messages",
        "",
    )
    outlets = Xml.SubElement(root, "outletlist")
    said = ["path", "methods", "attributes", "parameters", "dictionary", "models"]
    for i, text in enumerate(said if name == "nn.info" else ["The first output", "Reports"]):
        kind = cords if name != "nn.info" and i == 0 else "anything"
        _digest(Xml.SubElement(outlets, "outlet", id=str(i), type=kind), text, "")
    arguments = Xml.SubElement(root, "objarglist")
    form = {"mcs.nn~": "examples", "nn.info": "info"}.get(name, "channels")
    for argument, kind, text in _ARGUMENTS[form]:
        item = Xml.SubElement(arguments, "objarg", name=argument, optional="1", type=kind)
        _digest(item, text, "")
    methods = Xml.SubElement(root, "methodlist")
    for message, takes, does in messages:
        item = Xml.SubElement(methods, "method", name=message)
        listed = Xml.SubElement(item, "arglist")
        if takes:
            Xml.SubElement(listed, "arg", name=takes, optional="0", type="list")
        _digest(item, does[0].upper() + does[1:], f"{message} {takes}".strip())
    if name != "nn.info":
        sound = Xml.SubElement(methods, "method", name="signal")
        Xml.SubElement(sound, "arglist")
        _digest(sound, "What goes into the model", "")
    listed = Xml.SubElement(root, "attributelist")
    for row in attributes:
        size = {"name": row.name, "get": "1", "set": "1", "type": row.type, "size": "1"}
        item = Xml.SubElement(listed, "attribute", size)
        _digest(item, row.label, row.does)
        if row.choices:
            choices = Xml.SubElement(item, "enumlist")
            for choice in row.choices.split():
                _digest(Xml.SubElement(choices, "enum", name=choice), "", "")
    also = Xml.SubElement(root, "seealsolist")
    for other in OBJECTS:
        if other != name:
            Xml.SubElement(also, "seealso", name=other)
    return root


def _digest(to: Xml.Element, short: str, long: str) -> None:
    Xml.SubElement(to, "digest").text = short
    Xml.SubElement(to, "description").text = long


def _description(name: str) -> str:
    if name == "nn.info":
        return (
            "Reads a model's file and tells its methods, attributes and latency, as messages and "
            "as a dictionary. Models are downloaded and deleted here, too."
        )
    return (
        f"A model is a .ts file, of Timbrel or of any program that exports for nn~. {name} has "
        f"{_NUMBERED[name]}. The right outlet reports. The model is computed by threads of its "
        "own; how late that makes the sound is told by the message latency."
    )


def write(folder: Path, table: list[Message], attributes: list[Attribute]) -> None:
    """A file per object."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in OBJECTS:
        root = page(name, messages_of(name, table), attributes_of(name, attributes))
        Xml.indent(root)
        text = Xml.tostring(root, "unicode")
        head = (
            '<?xml version="1.0" encoding="utf-8" standalone="yes"?>\n'
            '<?xml-stylesheet href="./_c74_ref.xsl" type="text/xsl"?>\n'
        )
        (folder / f"{name}.maxref.xml").write_text(f"{head}{text}\n", encoding="utf-8")
