"""The base class of what a patch can load."""

import inspect
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from timbrel.errors import UserError
from timbrel.module import methods
from timbrel.module.accessors import accessors
from timbrel.module.attributes import Attribute, Kind, initial
from timbrel.module.methods import Declaration

ANY_RATE = 44_100
"""Sample rate in Hz that a module without one of its own counts with until a host tells it."""

_GENERATED = "_timbrel_generated"
_TAKEN = ("none", "buffer_attribute", "buffer_attributes")


class Module(nn.Module):
    """A `torch.nn.Module` that exports itself as a file for nn~.

    Methods are declared with `timbrel.method`, attributes with `timbrel.attribute`:

        class Saturator(timbrel.Module):
            drive = timbrel.attribute(1.0, range=(0.1, 100.0), doc="gain before the curve")

            @timbrel.method(channels=1)
            def forward(self, x: Tensor) -> Tensor:
                return torch.tanh(self.drive * x)

        Saturator().export("saturator.ts")

    A method takes and returns ``(batch, channels, n / ratio)``; batch is 1, or more where one
    object plays several examples. What a module remembers from block to block it keeps in itself
    (`timbrel.nn.Past` and `timbrel.nn.CounterNoise` do so), sized for the batch that arrives.

    Attributes:
        sample_rate: in Hz: the module's own, or the one that the host last told.
    """

    sample_rate: int

    # Not part of what TorchScript compiles.
    __jit_ignored_attributes__ = ("_declared_attributes", "_declared_methods")
    __jit_unused_properties__ = ("declared_attributes", "declared_methods", "has_own_rate")
    _declared_attributes = MappingProxyType[str, Attribute]({})

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        # TorchScript does not read the strings that `from __future__ import annotations` makes.
        with suppress(NameError):
            cls.__annotations__ = inspect.get_annotations(cls, eval_str=True)
        own = {name: item for name, item in vars(cls).items() if isinstance(item, Attribute)}
        for name in own:
            if name in _TAKEN or any(hasattr(Module, p + name) for p in ("", "get_", "set_")):
                raise UserError(f"{cls.__name__}.{name}: the name is taken; choose another")
            delattr(cls, name)  # the value belongs to each instance
        inherited = {k: a for base in reversed(cls.__mro__[1:]) for k, a in _declared(base).items()}
        cls._declared_attributes = MappingProxyType(inherited | own)
        hooks = {name for name in cls._declared_attributes if hasattr(cls, f"on_{name}")}
        for name, function in accessors(cls.__name__, cls._declared_attributes, hooks).items():
            # A setter or getter that someone has written stays.
            written = getattr(cls, name, None)
            if written is None or hasattr(written, _GENERATED):
                setattr(function, _GENERATED, True)
                setattr(cls, name, torch.jit.export(function))
            else:
                torch.jit.export(written)

    def __init__(self, sample_rate: int | None = None) -> None:
        """`sample_rate` in Hz is the only one the module works at; without it, it takes any."""
        super().__init__()
        self.sample_rate = ANY_RATE if sample_rate is None else sample_rate
        self._rate_is_fixed = sample_rate is not None
        self._stated_rate = sample_rate or 0
        self._declared_methods: dict[str, Declaration] = {}
        self._method_names: list[str] = []
        # The word that hosts know for "there are none": an empty list has no type in TorchScript.
        self._attribute_names = list(self._declared_attributes) or ["none"]
        for name, attribute in self._declared_attributes.items():
            codes = torch.tensor([int(element.kind) for element in attribute.elements])
            self.register_buffer(f"{name}_params", codes)
            if attribute.single and attribute.elements[0].kind is Kind.TENSOR:
                self.register_buffer(name, initial(attribute))
            else:
                setattr(self, name, initial(attribute))
        for base in reversed(type(self).__mro__):  # a method that overrides one takes its place
            for name, item in vars(base).items():
                if hasattr(item, methods.MARK):
                    self._add_method(name, getattr(item, methods.MARK))

    def declare_method(
        self,
        name: str,
        *,
        in_channels: int,
        out_channels: int,
        in_ratio: int = 1,
        out_ratio: int = 1,
        input_labels: Sequence[str] | None = None,
        output_labels: Sequence[str] | None = None,
        latency: int | None = None,
    ) -> None:
        """As the decorator `timbrel.method`, for channels and ratios that `__init__` computes.

        Raises:
            UserError: for a declaration that cannot be, or a method that there is not.
        """
        stated = {k: v for k, v in locals().items() if k not in ("self", "name")}
        if not callable(getattr(type(self), name, None)):
            raise UserError(f"{type(self).__name__} has no method {name}")
        self._add_method(name, methods.declare(name, **stated))

    def _add_method(self, name: str, declaration: Declaration) -> None:
        torch.jit.export(getattr(type(self), name))
        d = declaration
        self.register_buffer(
            f"{name}_params",
            torch.tensor([d.in_channels, d.in_ratio, d.out_channels, d.out_ratio]),
        )
        setattr(self, f"{name}_input_labels", d.input_labels)
        setattr(self, f"{name}_output_labels", d.output_labels)
        if name not in self._declared_methods:
            self._method_names.append(name)
        self._declared_methods[name] = declaration

    @property
    def declared_methods(self) -> Mapping[str, Declaration]:
        """What a patch can call, by name."""
        return self._declared_methods

    @property
    def declared_attributes(self) -> Mapping[str, Attribute]:
        """What a patch can set, by name."""
        return self._declared_attributes

    @property
    def has_own_rate(self) -> bool:
        """Whether `sample_rate` is the only one that the module works at."""
        return self._rate_is_fixed

    def export(
        self,
        path: str | Path,
        *,
        author: str | None = None,
        license: str | None = None,
        force: bool = False,
    ) -> dict[str, Any]:
        """Writes the file, once the gate has let it pass (see docs/module.md).

        Args:
            path: ends in .ts; replaced only by a file that passed.
            author: recorded in the file.
            license: terms of use, recorded in the file.
            force: writes it whatever the gate has found; what it found is recorded in the file.

        Returns:
            What the file says about itself (`timbrel.json`).

        Raises:
            UserError: in one line: what TorchScript does not know, or what the gate found.
        """
        from timbrel.export.module import export_module

        return export_module(self, Path(path), author=author, license=license, force=force)

    def on_sample_rate(self) -> None:
        """Called when a host has told its sample rate; to be overridden."""

    @torch.jit.export
    def set_sample_rate(self, sample_rate: int) -> int:
        """For hosts: what they play at, in Hz. A module with a rate of its own keeps that."""
        if sample_rate > 0 and not self._rate_is_fixed:
            self.sample_rate = sample_rate
            self._stated_rate = sample_rate
            self.on_sample_rate()
        return 0

    @torch.jit.export
    def get_sample_rate(self) -> int:
        """For hosts: Hz, or 0 while there is neither a rate of its own nor a host's."""
        return self._stated_rate

    @torch.jit.export
    def get_methods(self) -> list[str]:
        """For hosts: names of the methods."""
        return self._method_names

    @torch.jit.export
    def get_attributes(self) -> list[str]:
        """For hosts: names of the attributes."""
        return self._attribute_names


def _declared(base: type) -> dict[str, Attribute]:
    return dict(vars(base).get("_declared_attributes", {}))
