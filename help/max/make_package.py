"""Writes what of the package for Max is text: help, reference, patchers, extras, package-info.

    make_package.py FOLDER TABLES VERSION

TABLES is what the program list_max writes: the messages of the engine and the attributes of the
objects.
"""

import json
import sys
from pathlib import Path

import extras
import icon
import more_help
import patchers
import reference
import tabs
from patching import write_tabs
from said import EXAMPLES


def read(path: Path) -> tuple[list[reference.Message], list[reference.Attribute]]:
    """Both tables."""
    rows = [line.split("\t") for line in path.read_text("utf-8").splitlines()]
    messages = [(name, takes, does) for kind, name, takes, does, *_ in rows if kind == "message"]
    attributes = [reference.Attribute(*row[1:]) for row in rows if row[0] == "attribute"]
    return messages, attributes


def package_info(version: str) -> dict[str, object]:
    """What Max's package manager reads."""
    return {
        "name": "timbrel",
        "displayname": "Timbrel",
        "version": version,
        "author": "The Timbrel authors",
        "authors": ["The Timbrel authors"],
        "description": "Neural audio models, played live: nn~, mc.nn~, mcs.nn~ and nn.info",
        "tags": ["audio", "neural", "latent", "RAVE", "synthesis"],
        "website": "",
        "extends": "",
        "extensible": 0,
        "homepatcher": "Timbrel Overview.maxpat",
        "max_version_min": "8.2.0",
        "max_version_max": "none",
        "os": {
            "macintosh": {"platform": ["aarch64"], "min_version": "14.0"},
            "windows": {"platform": ["x64"], "min_version": "10"},
        },
        "package_extra": {},
    }


def init() -> str:
    """Read when Max starts: the objects' files, and their names in the list of objects."""
    lines = [f"max objectfile {name} {name};" for name in reference.OBJECTS]
    lines += [f'max oblist "Timbrel" {name};' for name in reference.OBJECTS]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Refuses to write help that lacks a message."""
    folder = Path(sys.argv[1])
    messages, attributes = read(Path(sys.argv[2]))
    shown = reference.messages_of("nn~", messages)
    if missing := {name for name, _, _ in shown} ^ (set(EXAMPLES) | set(tabs.OWN)):
        sys.exit(f"help/said.py: EXAMPLES and the table of messages differ in {missing}")
    pages = (
        tabs.basic,
        tabs.latents,
        tabs.multichannel,
        tabs.attributes,
        tabs.buffers,
        tabs.swapping,
        tabs.statistics,
    )
    of_nn = {page.__name__: page() for page in pages}
    of_nn |= {"messages": tabs.messages(shown), "trouble": tabs.trouble()}
    help_folder = folder / "help"
    write_tabs(of_nn, help_folder / "nn~.maxhelp")
    write_tabs(more_help.of_mc(), help_folder / "mc.nn~.maxhelp")
    write_tabs(more_help.of_mcs(), help_folder / "mcs.nn~.maxhelp")
    write_tabs(more_help.of_info(), help_folder / "nn.info.maxhelp")
    for name, make in patchers.ALL.items():
        make().write(folder / "patchers" / f"{name}.maxpat")
    for name, make in extras.ALL.items():
        make().write(folder / "extras" / f"{name}.maxpat")
    reference.write(folder / "docs" / "refpages", messages, attributes)
    info = json.dumps(package_info(sys.argv[3]), indent=1)
    (folder / "package-info.json").write_text(info + "\n", encoding="utf-8")
    icon.write(folder / "icon.png")
    (folder / "init").mkdir(exist_ok=True)
    (folder / "init" / "timbrel-objectmappings.txt").write_text(init(), encoding="utf-8")


if __name__ == "__main__":
    main()
