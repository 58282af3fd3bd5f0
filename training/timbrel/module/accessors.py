"""The functions a host sets and reads attributes with, written from their declarations.

Their text is compiled by Python and by TorchScript alike, so that what a patch sets is checked by
the same lines in both. A setter that refuses raises: hosts show the sentence.
"""

from collections.abc import Callable, Mapping
from typing import Any

from timbrel.module.attributes import NUMBERS, Attribute, Element, Kind
from timbrel.module.source import compile_functions

_TYPES = {
    Kind.BOOL: "bool",
    Kind.INT: "int",
    Kind.FLOAT: "float",
    Kind.STRING: "str",
    Kind.TENSOR: "Tensor",
    Kind.BUFFER: "str",  # a host hands over its samples first, then says which
}


def accessors(
    title: str, attributes: Mapping[str, Attribute], hooks: set[str]
) -> dict[str, Callable[..., Any]]:
    """Setter and getter of every attribute, and what a host's buffers are handed over with.

    Args:
        title: of the module, for tracebacks.
        attributes: by name.
        hooks: names of the attributes whose ``on_<name>`` the module defines.
    """
    lines = [line for name, a in attributes.items() for line in _setter(name, a, name in hooks)]
    lines += [line for name, a in attributes.items() for line in _getter(name, a)]
    lines += _buffer_functions(attributes, hooks)
    return compile_functions("\n".join(lines) + "\n", f"attributes of {title}")


def _setter(name: str, attribute: Attribute, hook: bool) -> list[str]:
    elements = attribute.elements
    arguments = ", ".join(f"value{i}: {_TYPES[e.kind]}" for i, e in enumerate(elements))
    body: list[str] = []
    for i, element in enumerate(elements):
        place = f"self.{name}" if attribute.single else f"self.{name}[{i}]"
        body += _checks(name, attribute, i, place)
        if element.kind is Kind.TENSOR:
            shape = "-1" if element.default.numel() == 0 else f"{place}.shape"
            body.append(f"value{i} = value{i}.to({place}).reshape({shape})")
    values = [
        (f"self.{name}[{i}]" if e.kind is Kind.BUFFER else f"value{i}")
        for i, e in enumerate(elements)
    ]
    if not attribute.single:
        body.append(f"self.{name} = ({', '.join(values)},)")
    elif elements[0].kind is not Kind.BUFFER:
        body.append(f"self.{name} = {values[0]}")
    if hook:
        body.append(f"self.on_{name}()")
    return [
        f"def set_{name}(self, {arguments}) -> int:",
        *(f"    {line}" for line in body),
        "    return 0",
    ]


def _checks(name: str, attribute: Attribute, index: int, place: str) -> list[str]:
    element, value = attribute.elements[index], f"value{index}"
    label = attribute.label(name, index)
    if element.kind is Kind.BUFFER:
        key = f"{name}#{index}"
        return [
            f"if {value} != {key!r}:",
            f"    raise RuntimeError({label + ' is set by handing over a buffer as ' + key!r})",
            f"if {place}.refusal != '':",
            f"    raise RuntimeError({label + ' '!r} + {place}.refusal)",
        ]
    checks = []
    if element.kind is Kind.TENSOR and element.default.numel() > 0:
        checks += [
            f"if {value}.numel() != {place}.numel():",
            f"    raise RuntimeError({label + ' takes '!r} + str({place}.numel())"
            f" + ' numbers, not ' + str({value}.numel()))",
        ]
    condition = _condition(element, value)
    if condition:
        found = "" if element.kind is Kind.TENSOR else f" + ', not ' + str({value})"
        checks += [
            f"if not ({condition}):",
            f"    raise RuntimeError({label + ' takes ' + element.wants()!r}{found})",
        ]
    return checks


def _condition(element: Element, value: str) -> str:
    """What has to hold for a value to be taken, as an expression; empty where all are."""
    if element.choices is not None:
        return f"{value} in {list(element.choices)!r}"
    if element.kind not in NUMBERS:
        return ""
    tensor = element.kind is Kind.TENSOR
    terms = {
        Kind.TENSOR: [f"torch.isfinite({value}).all()"],
        Kind.FLOAT: [f"math.isfinite({value})"],
    }.get(element.kind, [])
    for sign, end in zip((">=", "<="), element.range or (None, None), strict=True):
        if end is not None:
            terms.append(f"({value} {sign} {end!r}).all()" if tensor else f"{value} {sign} {end!r}")
    return " and ".join(f"bool({term})" if tensor else term for term in terms)


def _getter(name: str, attribute: Attribute) -> list[str]:
    # A list or a tuple: the older hosts cannot read a single value.
    elements = attribute.elements
    values = []
    for i, element in enumerate(elements):
        place = f"self.{name}" if attribute.single else f"self.{name}[{i}]"
        values.append(f"{place}.describe()" if element.kind is Kind.BUFFER else place)
    returned = ", ".join(_TYPES[e.kind] for e in elements)
    return [f"def get_{name}(self) -> tuple[{returned}]:", f"    return ({', '.join(values)},)"]


def _buffer_functions(attributes: Mapping[str, Attribute], hooks: set[str]) -> list[str]:
    buffers = {
        f"{name}#{i}": (f"self.{name}" if attribute.single else f"self.{name}[{i}]", name)
        for name, attribute in attributes.items()
        for i, element in enumerate(attribute.elements)
        if element.kind is Kind.BUFFER
    }
    listing = ["def get_buffer_attributes(self) -> list[str]:", "    names: list[str] = []"]
    setting = [
        "def set_buffer_attribute(self, name: str, samples: Tensor, sample_rate: int) -> int:"
    ]
    clearing = ["def clear_buffer_attribute(self, name: str) -> int:"]
    for key, (place, name) in buffers.items():
        hook = [f"        self.on_{name}()"] if name in hooks else []
        listing.append(f"    names.append({key!r})")
        # A refusal is kept for the setter to raise, which hosts call next: some of them do not
        # survive an exception here.
        setting += [
            f"    if name == {key!r}:",
            f"        if not {place}.offer(samples, sample_rate):",
            "            return -1",
            *hook,
            "        return 0",
        ]
        clearing += [
            f"    if name == {key!r}:",
            f"        {place}.clear()",
            *hook,
            "        return 0",
        ]
    return [*listing, "    return names", *setting, "    return -1", *clearing, "    return -1"]
