"""`timbrel script`: a module of one's own becomes a model file."""

import importlib.util
import inspect
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from timbrel.errors import UserError

if TYPE_CHECKING:
    from timbrel.module import Module


def script(
    source: Annotated[
        str,
        typer.Argument(
            help="Python file with a timbrel.Module; FILE:NAME where it defines several, or a "
            "function that makes one.",
            metavar="FILE[:NAME]",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Model file to write; by default beside the source."),
    ] = None,
    author: Annotated[str | None, typer.Option(help="Written into the file.")] = None,
    license_: Annotated[
        str | None, typer.Option("--license", help="Terms of use, written into the file.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Write the file whatever the checks have found.")
    ] = False,
) -> None:
    """Export a module written in Python as a model that plays in a patch.

    Every method is played at once and in blocks, alone and with four examples; what would not
    sound in a patch as it does in Python is not written.
    """
    file, name = _split(source)
    output = output or file.with_suffix(".ts")
    module = _make(file, name)
    described = module.export(output, author=author, license=license_, force=force)
    print(f"{output}:")
    for method, facts in described["methods"].items():
        print(f"  {method}: {_facts(facts)}")
    for attribute, facts in described["attributes"].items():
        doc = f": {facts['doc']}" if "doc" in facts else ""
        print(f"  set {attribute} {' '.join(facts['types'])}{doc}")
    for finding in described.get("findings", []):
        print(f"  found, and written by force: {finding}")
    first = next(iter(described["methods"]))
    print(f"next: [nn~ {output.stem} {first}] in Pure Data, with the file in the patch's folder")


def _split(source: str) -> tuple[Path, str | None]:
    file, name = Path(source), None
    if not file.is_file() and ":" in source:
        before, _, name = source.rpartition(":")
        file = Path(before)
    if not file.is_file():
        raise UserError(f"{file}: no such file; give a Python file with a timbrel.Module in it")
    return file, name


def _make(file: Path, name: str | None) -> "Module":
    """Runs the file, as `python FILE` would, and makes the module that it defines."""
    from timbrel.module import Module

    # By its own name, which then stands in the model file, unless a library has it.
    module_name = f"{file.stem}_" if file.stem in sys.modules else file.stem
    spec = importlib.util.spec_from_file_location(module_name, file)
    if spec is None or spec.loader is None:
        raise UserError(f"{file}: not a Python file")
    python = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = python
    sys.path.insert(0, str(file.parent))
    try:
        spec.loader.exec_module(python)
        defined = {
            key: item
            for key, item in vars(python).items()
            if inspect.isclass(item)
            and issubclass(item, Module)
            and (item.__module__, item.__name__) == (module_name, key)
        }
        made = _choose(file, name, defined, vars(python))()
    except UserError as error:
        raise UserError(f"{_place(error, file)}{error}") from error
    except Exception as error:
        message = f"{type(error).__name__}: {error}"
        raise UserError(f"{_place(error, file) or f'{file}: '}{message}") from error
    if not isinstance(made, Module):
        raise UserError(f"{file}: {name}() makes a {type(made).__name__}, not a timbrel.Module")
    return made


def _choose(file: Path, name: str | None, defined: dict[str, Any], names: dict[str, Any]) -> Any:
    if name is not None:
        if not callable(names.get(name)):
            raise UserError(f"{file}: there is no {name}; there is: {', '.join(defined) or 'none'}")
        return names[name]
    if not defined:
        raise UserError(f"{file}: defines no class that is a timbrel.Module")
    if len(defined) > 1:
        raise UserError(f"{file}: defines {', '.join(defined)}; say which: {file}:{[*defined][-1]}")
    return next(iter(defined.values()))


def _place(error: BaseException, file: Path) -> str:
    """The line of the user's file that led to an error."""
    if isinstance(error, SyntaxError) and error.lineno is not None:
        return f"{file.name}, line {error.lineno}: "
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).name == file.name]
    return f"{file.name}, line {own[-1].lineno}: " if own else ""


def _facts(facts: dict[str, Any]) -> str:
    def way(which: str) -> str:
        ratio = facts[f"{which}_ratio"]
        every = f" (one value per {ratio} samples)" if ratio > 1 else ""
        return f"{facts[f'{which}_channels']} {which}{every}"

    told = [way("in"), way("out")]
    if "latency" in facts:
        told.append(f"latency {facts['latency']} samples")
        told.append(f"{facts['real_time_factor']:g} × real time on this machine")
    if facts.get("stochastic"):
        silenced = facts.get("silenced_by")
        told.append("stochastic" + (f" ({silenced} 0 silences that)" if silenced else ""))
    return ", ".join(told)
