"""Compiling a module for a model file, with TorchScript's complaints told in one line."""

import ast
import inspect
import linecache
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import torch
from torch import nn

from timbrel.errors import UserError

_PLACE = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+)')

# What TorchScript says (a pattern), what that means, and what to write instead. The first row that
# fits counts; what the pattern captures is put in.
_MEANINGS: tuple[tuple[str, str], ...] = (
    (
        r"formatting in JoinedStr",
        "an f-string cannot hold a format (after the colon); write '{{:d}}'.format(x), or leave "
        "the format out",
    ),
    (
        r"variable number of arguments",
        "*args, **kwargs and keyword-only defaults are not supported; name every argument",
    ),
    (
        r"has no attribute '(\w+)'.*Cannot infer concrete type of torch\.nn\.Module",
        "self.{0} is a Python list of modules; make it a torch.nn.ModuleList",
    ),
    (
        r"has no attribute '(\w+)'.*List trace inputs must have elements",
        "self.{0} is an empty list, whose type nobody knows; write {0}: list[torch.Tensor] (or "
        "what it holds) in the class's body",
    ),
    (
        r"has no attribute '(\w+)'.*Dictionary inputs must have entries",
        "self.{0} is an empty dictionary, whose type nobody knows; write {0}: dict[str, "
        "torch.Tensor] (or what it holds) in the class's body",
    ),
    (
        r"has no attribute '(\w+)'.*type: 'numpy\.\w+'",
        "self.{0} is numpy's; make it a tensor: self.register_buffer('{0}', torch.from_numpy(...))",
    ),
    (
        r"has no attribute '(\w+)'.*This function exists as an attribute",
        "self.{0} is a function kept in an attribute; make it a method of the class",
    ),
    (
        r"has no attribute '(\w+)'.*failed to convert Python type: '([\w.]+)'",
        "self.{0} is a {1}, which a model file cannot hold; keep numbers, strings, tensors, lists, "
        "tuples or modules",
    ),
    (
        r"(?:Module '\w+' has no attribute|nonexistent attribute:) '?(\w+)",
        "self.{0} does not exist yet; give it its first value in __init__",
    ),
    (
        r"attribute or method 'numpy'|'numpy\.|numpy\.ufunc|<built-in function array>",
        "numpy is not there when a patch plays; use the torch function of that name",
    ),
    (
        r"Python builtin <built-in method \w+ of Random|built-in.*random",
        "Python's random is not there when a patch plays; use timbrel.nn.CounterNoise, or "
        "torch.rand",
    ),
    (
        r"Python builtin <(?:built-in )?(?:function|method) ([\w.]+)",
        "{0} is not there when a patch plays; use a torch function",
    ),
    (
        r"Expected integer literal for index",
        "a ModuleList cannot be indexed with a variable; loop over the list itself: "
        "for layer in self.layers",
    ),
    (
        r"python value of type '([\w.]+)' cannot be used as a value",
        "this {0} lives outside the class; keep it in self, from __init__ on",
    ),
    (
        r"global variables aren't supported",
        "global variables are not supported; keep what changes in self",
    ),
    (r"Lambda aren't supported", "lambda is not supported; write a method"),
    (
        r"(\w+) is not defined in the (\w+) branch",
        "{0} has no value where the if goes the other way; give it one before the if",
    ),
    (
        r"attribute assignment\. Expected NoneType but got (\w+)",
        "an attribute that begins as None stays None; begin with an empty tensor, "
        "torch.zeros(0), or write its type in the class's body: torch.Tensor | None",
    ),
    (
        r"attribute assignment\. Expected ([\w\[\], ]+) but got ([\w\[\], ]+)",
        "an attribute keeps the type it has in __init__: {0}, and this is {1}",
    ),
    (
        r"Variable '(\w+)' previously had type ([\w\[\], ]+) but is now .* type ([\w\[\], ]+)",
        "{0} keeps the type of its first value, {1}, and this is {2}; use another name, or begin "
        "with {2}",
    ),
    (
        r"Inferred '(\w+)' to be of type 'Tensor' because it was not annotated",
        "the argument {0} counts as a tensor while it has no type; write one: {0}: int",
    ),
    (
        r"Could not match type (\w+) to t|Empty lists default to List\[Tensor\]",
        "an empty list holds tensors unless it says otherwise; write its type, "
        "values: list[int] = [], and give sum() and the like a loop or a torch function",
    ),
    (
        r"annotated as having type ([\w\[\], ]+) but is actually of type ([\w\[\], ]+)",
        "it returns {1} where {0} is stated; return {0} on every path",
    ),
    (
        r"'Optional\[(\w+)\]'",
        "this may be None; write `assert x is not None` before it is used",
    ),
    (
        r"import statements aren't supported",
        "import is not supported inside of a method; import at the top of the file, and compute "
        "with torch alone",
    ),
    (
        r"(\w+) (?:blocks|node|expressions?|statements?)?\s?aren't supported",
        "{0} is not supported; write it with if, for, while and assignments",
    ),
    (
        r"has no attribute or method '(\w+)'",
        "there is no {0} here; super() and what is not torch's are not supported",
    ),
    (
        r"Can't redefine method",
        "this class has failed before in this process; mend it and start Python anew",
    ),
)


def script(module: nn.Module) -> torch.jit.ScriptModule:
    """Compiles a module, in eval mode.

    Raises:
        UserError: with the line of the user's file, what TorchScript does not know there, and what
        to write instead.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated, and what every host reads
        try:
            return torch.jit.script(module.eval())
        except (RuntimeError, TypeError, ValueError, torch.jit.frontend.FrontendError) as error:
            raise UserError(_translate(str(error), module)) from error


def _translate(message: str, module: nn.Module) -> str:
    place = _place(message) or _first_numpy(message, module)
    return f"{place or type(module).__name__}: {_meaning(message)}"


def _meaning(message: str) -> str:
    flat = " ".join(_PLACE.split(message)[0].split())
    for pattern, meaning in _MEANINGS:
        found = re.search(pattern, flat) or re.search(pattern, " ".join(message.split()))
        if found:
            return meaning.format(*(part.strip() for part in found.groups()))
    return f"TorchScript, which the file is written in, says: {flat.rstrip(': ')}"


def _place(message: str) -> str | None:
    """The first place in a file of the user's own; where there is none, the first at all."""
    places = [(m["file"], int(m["line"])) for m in _PLACE.finditer(message)]
    own = [place for place in places if _is_own(place[0])]
    return _named(*(own or places)[0]) if places else None


def _is_own(file: str) -> bool:
    library = Path(torch.__file__).parent
    return not file.startswith("<") and library not in Path(file).parents


def _named(file: str, line: int) -> str:
    function = next(
        (
            node.name
            for node in reversed(list(_functions(file)))
            if node.lineno <= line <= (node.end_lineno or 0)
        ),
        None,
    )
    return f"{Path(file).name}, line {line}" + (f", in {function}" if function else "")


def _functions(file: str) -> Iterator[ast.FunctionDef]:
    """In the order of their first lines, so that the last that spans a line is the innermost."""
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except SyntaxError:
        return
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    yield from sorted(functions, key=lambda node: node.lineno)


def _first_numpy(message: str, module: nn.Module) -> str | None:
    """Where a method uses numpy's functions, at which TorchScript stumbles without saying where."""
    if "numpy" not in message:
        return None
    for part in module.modules():
        for name, function in inspect.getmembers(type(part), inspect.isfunction):
            file = function.__code__.co_filename
            if (
                name.startswith("__")
                or not _is_own(file)
                or Path(file).is_relative_to(Path(__file__).parents[1])
            ):
                continue
            aliases = {
                name
                for name in function.__code__.co_names
                if isinstance(item := function.__globals__.get(name), ModuleType)
                and item.__name__.startswith("numpy")
            }
            lines, first = inspect.getsourcelines(function)
            for offset, line in enumerate(lines):
                if any(re.search(rf"\b{alias}\.", line) for alias in aliases):
                    return _named(file, first + offset)
    return None
